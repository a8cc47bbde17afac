use super::*;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::{JobParams, RunLength};
use crate::schedule::{CronExpr, Policies, Schedule};
use crate::time::{Window, parse_time};

fn at(text: &str) -> Timestamp {
    parse_time(text).expect(text)
}

/// Every ten minutes for a minute, from 10:00 to 11:00.
fn job() -> Job {
    Job {
        id: JobId::parse("job").expect("id"),
        owner: UserId::parse("user").expect("id"),
        node: NodeId::parse("node").expect("id"),
        server: None,
        schedule: Schedule::Cron(CronExpr::parse("*/10 * * * *").expect("cron")),
        window: Window::new(at("2026-12-01T10:00"), at("2026-12-01T11:00")).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: None,
        config: String::new(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-12-01T09:00"),
        since: at("2026-12-01T09:00"),
        deleted: None,
    }
}

fn run(start: &str, status: RunStatus) -> Run {
    let job = job();
    let window = Window::lasting(at(start), job.length.duration()).expect("window");
    let id = RunId::derive(&job.id, job.created, window.start());
    Run { status, ..Run::planned(id, job.id, job.node, job.owner, window) }
}

/// `last` is when a node called that has been calling since long before.
fn judged(job: &Job, runs: &[Run], last: Option<&str>, now: &str) -> Judgement {
    let contact = last.map(|last| Contact { since: at("2026-11-01T00:00"), last: at(last) });
    let evidence = Evidence { runs, contact };
    judge(job, job.since, evidence, at(now))
}

fn records(judgement: &Judgement) -> Vec<(&str, RunStatus, &str)> {
    let text = |run: &Run| run.planned.expect("planned").start();
    let minute = |run: &Run| match text(run).as_second() / 60 % 60 {
        0 => "00",
        10 => "10",
        20 => "20",
        30 => "30",
        40 => "40",
        _ => "50",
    };
    let reason = |run: &Run| if run.reason.as_deref() == Some("NODE_OFFLINE") { "offline" } else { "silent" };
    judgement.records.iter().map(|run| (minute(run), run.status, reason(run))).collect()
}

#[test]
fn a_node_that_never_called_has_missed_what_was_to_start() {
    let found = judged(&job(), &[], None, "2026-12-01T10:12:10");
    assert_eq!(records(&found), [("00", RunStatus::Missed, "offline"), ("10", RunStatus::Missed, "offline")]);
    assert_eq!(found.records[0].message, "the node has never called, or is no more");
    assert_eq!(found.next, Some(at("2026-12-01T10:22:10")));
    let early = judged(&job(), &[], None, "2026-12-01T10:02:09");
    assert_eq!((early.records.len(), early.next), (0, Some(at("2026-12-01T10:02:10"))));
}

#[test]
fn a_node_that_called_after_the_end_and_said_nothing_has_missed_it() {
    let found = judged(&job(), &[], Some("2026-12-01T10:03:00"), "2026-12-01T10:03:01");
    assert_eq!(records(&found), [("00", RunStatus::Missed, "silent")]);
    let early = judged(&job(), &[], Some("2026-12-01T10:02:59"), "2026-12-01T10:02:59");
    assert_eq!((early.records.len(), early.next), (0, Some(at("2026-12-01T10:03:00"))));
}

#[test]
fn a_node_that_is_back_has_time_to_report() {
    let records = |last: &str| {
        let contact = Some(Contact { since: at("2026-12-01T10:30:00"), last: at(last) });
        judge(&job(), job().since, Evidence { runs: &[], contact }, at("2026-12-01T10:35:00")).records
    };
    assert_eq!(records("2026-12-01T10:31:59").len(), 0);
    assert_eq!(records("2026-12-01T10:32:00").len(), 3, "10:00 to 10:20; 10:30 ended a minute ago");
}

#[test]
fn a_node_that_fell_silent_is_given_a_day_to_come_back() {
    let silent = Some("2026-12-01T09:59:00");
    assert_eq!(judged(&job(), &[], silent, "2026-12-02T10:00:59").records.len(), 0);
    let found = judged(&job(), &[], silent, "2026-12-02T10:11:00");
    assert_eq!(records(&found), [("00", RunStatus::Missed, "offline"), ("10", RunStatus::Missed, "offline")]);
    assert_eq!(found.records[0].message, "the node has not called since 2026-12-01T09:59:00");
}

#[test]
fn what_has_ended_is_left_alone_and_what_never_ended_fails() {
    let runs = [run("2026-12-01T10:00", RunStatus::Completed), run("2026-12-01T10:10", RunStatus::Running)];
    let active = Some("2026-12-01T10:20:00");
    let early = judged(&job(), &runs, active, "2026-12-01T10:20:00");
    assert_eq!(early.records, []);
    assert_eq!(early.settled, at("2026-12-01T10:00:00.000001"), "the next look begins behind the first run");
    let late = judged(&job(), &runs, active, "2026-12-02T10:11:00");
    assert_eq!(records(&late), [("10", RunStatus::Failed, "silent")]);
    assert_eq!(late.records[0].stage, Some(Stage::Reconcile));
}

#[test]
fn runs_of_other_makes_are_known_by_their_start() {
    let id = RunId::parse("foreign-1").expect("id");
    let started = Some(at("2026-12-01T10:00:03"));
    let foreign = Run { id, planned: None, started, ..run("2026-12-01T10:00", RunStatus::Completed) };
    let found = judged(&job(), &[foreign], Some("2026-12-01T10:05:00"), "2026-12-01T10:05:00");
    assert_eq!(found.records, []);
}

#[test]
fn deleted_and_ended_jobs_are_settled_to_their_end_and_no_further() {
    let deleted = Job { deleted: Some(at("2026-12-01T10:20")), ..job() };
    for (job, count) in [(deleted, 2), (job(), 6)] {
        let found = judged(&job, &[], None, "2026-12-05T00:00");
        assert_eq!((found.records.len(), found.next), (count, None));
        let again = judge(&job, found.settled, Evidence { runs: &[], contact: None }, at("2026-12-05T00:00"));
        assert_eq!((again.records.len(), again.next), (0, None), "judging again adds nothing");
        let runs = found.records;
        assert_eq!(judged(&job, &runs, None, "2026-12-05T00:00").records, [], "nor does doing it all again");
    }
}

#[test]
fn a_limited_number_of_runs_is_counted_from_the_job_s_beginning() {
    let policies = Policies { max_runs: std::num::NonZeroU32::new(2), ..Policies::default() };
    let job = Job { policies, ..job() };
    let first = judged(&job, &[], None, "2026-12-01T10:05:00");
    assert_eq!(first.records.len(), 1);
    let rest = judge(&job, first.settled, Evidence { runs: &[], contact: None }, at("2026-12-05T00:00"));
    assert_eq!((rest.records.len(), rest.next), (1, None));
}

#[test]
fn a_future_run_that_has_ended_already_does_not_end_the_search() {
    let job = Job { overhead: false, ..job() };
    let runs = [
        run("2026-12-01T10:00", RunStatus::Completed),
        run("2026-12-01T10:10", RunStatus::Completed),
        run("2026-12-01T10:20", RunStatus::Failed),
    ];
    let found = judged(&job, &runs, Some("2026-12-01T10:19:30"), "2026-12-01T10:19:40");
    assert_eq!(found.records, []);
    assert!(found.next.is_some_and(|next| next > at("2026-12-01T10:30")), "{found:?}");
}

#[test]
fn a_run_that_was_withdrawn_before_its_random_start_is_nobody_s_to_report() {
    let policies = Policies { random_slip: SignedDuration::from_mins(5), ..Policies::default() };
    let job = Job { policies, ..job() };
    let run = job.occurrences().next().expect("run");
    let deleted = run.window.start() - SignedDuration::from_secs(1);
    assert!(run.reserved.contains(deleted));
    let found = judged(&Job { deleted: Some(deleted), ..job }, &[], None, "2026-12-05T00:00");
    assert_eq!((found.records, found.next), (Vec::new(), None));
}
