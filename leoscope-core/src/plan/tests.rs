use super::*;
use crate::ids::{JobId, UserId};
use crate::lifecycle::{Event, advance};
use crate::model::{Bundle, JobParams, RunLength};
use crate::schedule::{CronExpr, Hold, Policies, Schedule};
use crate::time::{SignedDuration, parse_time};

fn at(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

fn node() -> NodeId {
    NodeId::parse("node").expect("id")
}

fn every_minute(secs: i64) -> Job {
    Job {
        id: JobId::parse("job").expect("id"),
        owner: UserId::parse("user").expect("id"),
        node: node(),
        server: None,
        schedule: Schedule::Cron(CronExpr::parse("* * * * *").expect("cron")),
        window: Window::new(at("2026-12-01T00:00"), at("2026-12-01T01:00")).expect("window"),
        length: RunLength::from_secs(secs).expect("length"),
        overhead: false,
        trigger: None,
        config: String::new(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-11-30T00:00"),
        since: at("2026-11-30T00:00"),
        deleted: None,
    }
}

fn orders(jobs: Vec<Job>) -> Orders {
    Orders { node: node(), revision: 1, jobs, standby: None, clock_offset_us: None, site: None }
}

#[test]
fn a_run_is_begun_ahead_of_its_start_and_only_once() {
    let orders = orders(vec![every_minute(10)]);
    let before = plan(&node(), &orders, None, &[], at("2026-11-30T23:59:00"));
    assert_eq!(before, Plan { wake: Some(at("2026-11-30T23:59:30")), ..Plan::default() });
    let now = at("2026-11-30T23:59:30");
    let first = plan(&node(), &orders, None, &[], now);
    assert_eq!(first.begin.len(), 1);
    assert_eq!(first.begin[0].run.planned.expect("planned").start(), at("2026-12-01T00:00"));
    assert_eq!(first.wake, Some(at("2026-12-01T00:00:30")));
    let again = plan(&node(), &orders, None, &first.begin, now);
    assert_eq!(again, Plan { wake: first.wake, ..Plan::default() }, "planning twice changes nothing");
}

#[test]
fn starts_within_the_allowed_lateness_are_caught_up_earlier_ones_are_not() {
    let orders = orders(vec![every_minute(30)]);
    let starts = |now| {
        let plan = plan(&node(), &orders, None, &[], at(now));
        plan.begin.iter().map(|e| e.run.planned.expect("planned").start()).collect::<Vec<_>>()
    };
    assert_eq!(starts("2026-12-01T00:10:10"), [at("2026-12-01T00:10")]);
    assert_eq!(starts("2026-12-01T00:10:11"), []);
    assert_eq!(starts("2026-12-01T00:10:05"), [at("2026-12-01T00:10")]);
}

#[test]
fn a_run_whose_end_has_come_is_not_begun_however_late_it_may_start() {
    let policies = Policies { allowed_lateness: jiff::SignedDuration::from_mins(60), ..Policies::default() };
    let orders = orders(vec![Job { policies, ..every_minute(30) }]);
    let begun = |now| plan(&node(), &orders, None, &[], at(now)).begin.len();
    assert_eq!(
        (begun("2026-12-01T00:10:29"), begun("2026-12-01T00:10:30")),
        (1, 1),
        "of 00:10, then of 00:11"
    );
    let first = plan(&node(), &orders, None, &[], at("2026-12-01T00:10:30")).begin.remove(0);
    assert_eq!(first.run.planned.expect("planned").start(), at("2026-12-01T00:11"));
}

#[test]
fn a_run_that_would_overlap_the_previous_one_of_its_job_is_skipped_with_the_reason() {
    let orders = orders(vec![every_minute(90)]);
    let first = plan(&node(), &orders, None, &[], at("2026-11-30T23:59:30"));
    let mut entry = first.begin[0].clone();
    advance(&mut entry, Event::Begin, at("2026-11-30T23:59:30"));
    let second = plan(&node(), &orders, None, &[entry], at("2026-12-01T00:00:30"));
    assert_eq!(second.begin, []);
    assert_eq!(second.skip[0].run.status, RunStatus::Skipped);
    assert_eq!(second.skip[0].run.reason.as_deref(), Some("PREVIOUS_RUNNING"));
}

#[test]
fn a_run_with_a_trigger_is_made_ready_like_any_other_and_one_that_may_be_held_also_late() {
    let job = Job { trigger: Some("satellite_elevation > 40".into()), ..every_minute(50) };
    let ready =
        |job: &Job, now: &str| plan(&node(), &orders(vec![job.clone()]), None, &[], at(now)).begin.len();
    assert_eq!(ready(&job, "2026-11-30T23:59:30"), 1);
    // Half a minute late, and the next is to be made ready as well.
    assert_eq!(ready(&job, "2026-12-01T00:00:35"), 1);
    let hold = Some(Hold { at_least: SignedDuration::from_secs(10), ..Hold::default() });
    let held = Job { policies: Policies { hold, ..job.policies.clone() }, ..job };
    assert_eq!(ready(&held, "2026-12-01T00:00:35"), 2);
    assert_eq!(ready(&held, "2026-12-01T00:00:41"), 1, "too little of its length is left");
}

#[test]
fn a_run_is_remembered_as_long_as_its_job_s_cooldown() {
    let cooldown = SignedDuration::from_hours(3);
    let job = every_minute(10);
    let job = Job { policies: Policies { cooldown, ..job.policies.clone() }, ..job };
    let orders = orders(vec![job]);
    let mut entry = plan(&node(), &orders, None, &[], at("2026-11-30T23:59:30")).begin.remove(0);
    entry.step = Step::Done;
    (entry.reported, entry.bundle) = (true, Bundle::Delivered);
    let forgets =
        |now: &str| plan(&node(), &orders, None, std::slice::from_ref(&entry), at(now)).forget.len();
    assert_eq!((forgets("2026-12-01T02:59"), forgets("2026-12-01T03:01")), (0, 1));
}

#[test]
fn the_owner_s_own_use_of_the_link_stops_runs_that_need_it_and_no_others() {
    let alone = Job { overhead: true, ..every_minute(20) };
    let shared = Job { id: JobId::parse("shared").expect("id"), ..every_minute(20) };
    let calm = orders(vec![alone.clone(), shared.clone()]);
    let wanted = Orders { standby: Some(Standby::SCAVENGER), ..calm.clone() };
    let now = at("2026-11-30T23:59:30");
    let begun = plan(&node(), &calm, None, &[], now).begin;
    assert_eq!(begun.len(), 2);
    let stopped = plan(&node(), &wanted, None, &begun, now);
    let (run, outcome) = &stopped.cancel[0];
    assert_eq!((run, stopped.cancel.len()), (&begun[0].run.id, 1), "the other one goes on");
    assert_eq!((outcome.status, outcome.reason), (RunStatus::Aborted, Reason::ScavengerMode));
    let fresh = plan(&node(), &wanted, None, &[], now);
    assert_eq!(fresh.begin.iter().map(|entry| &entry.job.id).collect::<Vec<_>>(), [&shared.id]);
    assert_eq!(fresh.skip.len(), 1);
    let skipped = &fresh.skip[0].run;
    assert_eq!((skipped.status, skipped.reason.as_deref()), (RunStatus::Skipped, Some("SCAVENGER_MODE")));
    let later = plan(&node(), &calm, None, &fresh.skip, at("2026-12-01T00:00:30"));
    assert_eq!(later.begin.iter().filter(|entry| entry.job.overhead).count(), 1, "the next one runs again");
}

#[test]
fn a_pause_ends_by_itself_and_a_run_that_starts_then_is_made_ready_then() {
    let job = Job { overhead: true, ..every_minute(20) };
    let until = Some(at("2026-12-01T00:01:50"));
    let pause = Standby { until, reason: Some("a call".into()), ..Standby::SCAVENGER };
    let paused = Orders { standby: Some(pause.clone()), ..orders(vec![job]) };
    let now = at("2026-12-01T00:00:35");
    let first = plan(&node(), &paused, None, &[], now);
    assert_eq!((first.begin.len(), first.skip.len()), (0, 1), "{first:?}");
    let message = first.skip[0].run.message.as_str();
    assert_eq!(message, "the owner of the node wants its link for other things: a call");
    let now = at("2026-12-01T00:01:31");
    let waiting = plan(&node(), &paused, None, &first.skip, now);
    assert_eq!(waiting, Plan { wake: until, ..Plan::default() }, "that of 00:02 is after the pause");
    // One that was begun before the pause was set is left to wait for its start.
    let calm = Orders { standby: None, ..paused.clone() };
    let begun = plan(&node(), &calm, None, &first.skip, now).begin;
    assert_eq!(begun.len(), 1);
    let both: Vec<_> = first.skip.iter().chain(&begun).cloned().collect();
    assert_eq!(plan(&node(), &paused, None, &both, now).cancel, []);
    let after = plan(&node(), &paused, None, &first.skip, at("2026-12-01T00:01:50"));
    assert_eq!(after.begin, {
        let run = &begun[0].run;
        assert_eq!(run.planned.expect("planned").start(), at("2026-12-01T00:02"));
        begun
    });
    // What the node found by itself counts alike.
    let own = plan(&node(), &calm, Some(&pause), &first.skip, now);
    assert_eq!(own, waiting);
}

#[test]
fn a_node_that_is_drained_finishes_what_runs_and_begins_nothing() {
    let (alone, shared) = (Job { overhead: true, ..every_minute(20) }, every_minute(20));
    let shared = Job { id: JobId::parse("shared").expect("id"), ..shared };
    let drain = Standby { kind: StandbyKind::Drain, reason: None, until: None };
    let calm = orders(vec![alone, shared]);
    let drained = Orders { standby: Some(drain), ..calm.clone() };
    let now = at("2026-11-30T23:59:30");
    let begun = plan(&node(), &calm, None, &[], now).begin;
    for (step, cancelled) in [
        (Step::Planned, 2),
        (Step::Preparing, 2),
        (Step::Ready, 2),
        (Step::Starting, 0),
        (Step::Executing, 0),
        (Step::Stopping, 0),
    ] {
        let entries: Vec<_> = begun.iter().map(|entry| JournalEntry { step, ..entry.clone() }).collect();
        let cancel = plan(&node(), &drained, None, &entries, now).cancel;
        assert_eq!(cancel.len(), cancelled, "{step:?}");
        for (_, outcome) in cancel {
            assert_eq!((outcome.status, outcome.reason), (RunStatus::Skipped, Reason::NodeDraining));
        }
    }
    let fresh = plan(&node(), &drained, None, &[], now);
    assert_eq!((fresh.begin.len(), fresh.skip.len()), (0, 2));
    for entry in fresh.skip {
        assert_eq!(entry.run.reason.as_deref(), Some("NODE_DRAINING"));
    }
}

#[test]
fn runs_of_deleted_jobs_are_cancelled_until_their_end_is_decided() {
    let now = at("2026-11-30T23:59:30");
    let first = plan(&node(), &orders(vec![every_minute(10)]), None, &[], now);
    let gone = plan(&node(), &orders(vec![]), None, &first.begin, now);
    assert_eq!(gone.cancel.len(), 1);
    assert_eq!(gone.cancel[0].1.reason, Reason::JobRemoved);
    let mut rebooked = every_minute(10);
    rebooked.created = at("2026-11-30T12:00");
    assert_eq!(
        plan(&node(), &orders(vec![rebooked]), None, &first.begin, now).cancel.len(),
        1,
        "another booking"
    );
    let mut decided = first.begin[0].clone();
    decided.outcome = Some(gone.cancel[0].1.clone());
    assert_eq!(plan(&node(), &orders(vec![]), None, &[decided], now).cancel, []);
}

#[test]
fn settled_entries_are_forgotten_only_long_after_their_window() {
    let first = plan(&node(), &orders(vec![every_minute(10)]), None, &[], at("2026-11-30T23:59:30"));
    let mut entry = first.begin[0].clone();
    (entry.step, entry.reported, entry.bundle) = (Step::Done, true, Bundle::Delivered);
    let forget = |entry: &JournalEntry, now| {
        plan(&node(), &orders(vec![]), None, std::slice::from_ref(entry), at(now)).forget
    };
    assert_eq!(forget(&entry, "2026-12-01T00:30").len(), 0);
    assert_eq!(forget(&entry, "2026-12-01T01:30").len(), 1);
    entry.reported = false;
    assert_eq!(forget(&entry, "2026-12-01T01:30").len(), 0, "what was not reported is kept");
}

#[test]
fn jobs_that_only_serve_here_are_not_begun() {
    let mut job = every_minute(10);
    (job.node, job.server) = (NodeId::parse("other").expect("id"), Some(node()));
    let plan = plan(&node(), &orders(vec![job]), None, &[], at("2026-11-30T23:59:30"));
    assert_eq!(plan, Plan::default());
}
