use super::*;
use crate::model::{JobParams, RunLength};
use crate::schedule::{CronExpr, Policies, Schedule};
use crate::time::{SignedDuration, parse_time};

fn job(id: &str, cron: &str, start: &str, end: &str, secs: i64) -> Job {
    let at = |text| parse_time(text).expect("time");
    Job {
        id: JobId::parse(id).expect("id"),
        owner: UserId::parse("someone").expect("id"),
        node: NodeId::parse("node").expect("id"),
        server: None,
        schedule: if cron == "once" {
            Schedule::Once
        } else {
            Schedule::Cron(CronExpr::parse(cron).expect("cron"))
        },
        window: Window::new(at(start), at(end)).expect("window"),
        length: RunLength::from_secs(secs).expect("length"),
        overhead: true,
        trigger: None,
        config: String::new(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-01-01T00:00"),
        since: at("2026-01-01T00:00"),
        deleted: None,
    }
}

fn clash(a: &Job, b: &Job) -> bool {
    let from = parse_time("2026-01-01T00:00").expect("time");
    let found = |a, b| !conflicts(a, &Bookings::new([b], &[], from), from).is_empty();
    let (ab, ba) = (found(a, b), found(b, a));
    assert_eq!(ab, ba, "the answer depends on the order of {} and {}", a.id, b.id);
    ab
}

const DAY: (&str, &str) = ("2026-12-01T00:00", "2026-12-02T00:00");

fn cron(id: &str, expression: &str, secs: i64) -> Job {
    job(id, expression, DAY.0, DAY.1, secs)
}

#[test]
fn cron_hour_against_one_time_inside_it() {
    let once = job("b", "once", "2026-12-01T10:30", "2026-12-01T10:40", 600);
    assert!(clash(&cron("a", "0 10 * * *", 3600), &once));
    assert!(!clash(&cron("a", "0 11 * * *", 3600), &once));
}

#[test]
fn long_runs_reach_into_the_next_start() {
    assert!(clash(&cron("a", "0 * * * *", 300), &cron("b", "10 * * * *", 55 * 60)));
    assert!(clash(&cron("a", "0 3 * * *", 60), &cron("b", "0 0 * * *", 6 * 3600)));
    assert!(!clash(&cron("a", "0 3 * * *", 3600), &cron("b", "15 2 * * *", 60)));
}

#[test]
fn back_to_back_runs_only_touch() {
    let first = job("a", "once", "2026-12-01T10:00", "2026-12-01T10:10", 600);
    let second = job("b", "once", "2026-12-01T10:10", "2026-12-01T10:20", 600);
    assert!(!clash(&first, &second));
    let early = job("c", "once", "2026-12-01T10:09:59.999999", "2026-12-01T10:20", 60);
    assert!(clash(&first, &early));
}

#[test]
fn a_run_in_progress_when_the_other_window_opens() {
    let long = job("a", "0 23 * * *", "2026-12-01T00:00", "2026-12-05T00:00", 7200);
    let later = job("b", "once", "2026-12-03T00:30", "2026-12-03T01:00", 60);
    assert!(clash(&long, &later));
}

#[test]
fn node_and_server_are_both_taken() {
    let node = |text| NodeId::parse(text).expect("id");
    let alone = Job { node: node("x"), ..cron("a", "0 * * * *", 60) };
    let serving = Job { node: node("y"), server: Some(node("x")), ..cron("b", "0 * * * *", 60) };
    assert!(clash(&alone, &serving));
    assert!(!clash(&alone, &Job { node: node("z"), server: Some(node("y")), ..serving.clone() }));
}

#[test]
fn only_overhead_jobs_conflict() {
    let polite = Job { overhead: false, ..cron("a", "0 * * * *", 60) };
    assert!(!clash(&polite, &cron("b", "0 * * * *", 60)));
}

#[test]
fn a_job_longer_than_its_own_gap_conflicts_with_itself() {
    let from = parse_time("2026-01-01T00:00").expect("time");
    let found = conflicts(&cron("a", "*/5 * * * *", 301), &Bookings::default(), from);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].wanted.start(), parse_time("2026-12-01T00:05").expect("time"));
    assert!(conflicts(&cron("a", "*/5 * * * *", 300), &Bookings::default(), from).is_empty());
}

#[test]
fn what_ended_before_counts_no_more() {
    let (a, b) = (cron("a", "0 10 * * *", 60), cron("b", "0 10 * * *", 60));
    let before = parse_time("2026-12-01T10:00:59").expect("time");
    let after = parse_time("2026-12-01T10:01:00").expect("time");
    let count = |from| conflicts(&a, &Bookings::new([&b], &[], from), from).len();
    assert_eq!((count(before), count(after)), (1, 0));
}

#[test]
fn a_slip_with_alignment_moves_on_from_slot_to_slot() {
    // Over at :27.000001, just after a slot has begun: the next one is at :42, 30 s after :12.
    let other = job("a", "once", "2026-12-01T10:00:20.000001", "2026-12-01T10:01", 7);
    let policies = |slip| Policies {
        align: "slot".parse().ok(),
        slip: SignedDuration::from_secs(slip),
        ..Policies::default()
    };
    let wanted = job("b", "once", "2026-12-01T10:00", "2026-12-01T11:00", 10);
    let from = parse_time("2026-01-01T00:00").expect("time");
    let bookings = Bookings::new([&other], &[], from);
    let slipped = |slip| place(&Job { policies: policies(slip), ..wanted.clone() }, &bookings, from);
    let moved = slipped(30).expect("moved");
    assert_eq!(moved.movement(), SignedDuration::from_secs(30));
    let start = moved.occurrences().next().expect("run").window.start();
    assert_eq!(start, parse_time("2026-12-01T10:00:42").expect("time"));
    assert_eq!(slipped(29).expect_err("too far").conflicts.len(), 1);
}

#[test]
fn a_job_that_was_moved_stays_there_while_it_can() {
    let from = parse_time("2026-01-01T00:00").expect("time");
    let policies = Policies { slip: SignedDuration::from_secs(900), ..Policies::default() };
    let moved = Job { policies, shift: SignedDuration::from_secs(300), ..cron("a", "0 * * * *", 60) };
    let placed = place(&moved, &Bookings::default(), from).expect("free");
    assert_eq!(placed.shift, moved.shift);
    let other = job("b", "once", "2026-12-01T10:05", "2026-12-01T10:06", 60);
    let placed = place(&moved, &Bookings::new([&other], &[], from), from).expect("free");
    assert_eq!(placed.shift, SignedDuration::ZERO, "else it is placed anew");
}

mod brute_force;
