use super::*;
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{JobParams, Run, RunLength};
use crate::schedule::{Hold, Policies, Schedule};
use crate::time::parse_time;

fn at(secs: i64) -> Timestamp {
    let start = parse_time("2026-12-01T00:00:00").expect("time");
    start.checked_add(SignedDuration::from_secs(secs)).expect("time")
}

fn planned() -> Window {
    Window::new(at(0), at(60)).expect("window")
}

fn job(policies: Policies) -> Job {
    Job {
        id: JobId::parse("job").expect("id"),
        owner: UserId::parse("user").expect("id"),
        node: NodeId::parse("node").expect("id"),
        server: None,
        schedule: Schedule::Once,
        window: planned(),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: Some("dish.latency < 40".into()),
        config: String::new(),
        params: JobParams::default(),
        policies,
        shift: SignedDuration::ZERO,
        created: at(-100),
        since: at(-100),
        deleted: None,
    }
}

fn holding(met_for: i64, at_least: i64) -> Job {
    let secs = SignedDuration::from_secs;
    job(Policies {
        hold: Some(Hold { met_for: secs(met_for), at_least: secs(at_least) }),
        ..Policies::default()
    })
}

fn decided(verdict: Verdict) -> TriggerDecision {
    TriggerDecision { verdict, at: at(0), why: "latency was 50 ms".into(), readings: Vec::new() }
}

fn asked(job: &Job, verdict: Verdict, met_since: Option<i64>, last: Option<i64>, now: i64) -> Gate {
    let decision = decided(verdict);
    let known = Known { decision: &decision, met_since: met_since.map(at), last_ended: last.map(at) };
    gate(job, planned(), known, at(now))
}

/// Status, reason and message of a run that is skipped.
fn skipped(gate: Gate) -> (Reason, String) {
    match gate {
        Gate::Skip(outcome) => {
            assert_eq!((outcome.status, outcome.stage), (RunStatus::Skipped, Stage::Trigger));
            (outcome.reason, outcome.message)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_that_is_not_held_starts_at_its_instant_or_never() {
    let job = job(Policies::default());
    assert_eq!(asked(&job, Verdict::Met, Some(0), None, 0), Gate::Start);
    let why = "latency was 50 ms".to_owned();
    assert_eq!(skipped(asked(&job, Verdict::NotMet, None, None, 0)), (Reason::TriggerNotMet, why.clone()));
    assert_eq!(skipped(asked(&job, Verdict::Unknown, None, None, 0)), (Reason::TriggerUnknown, why));
}

#[test]
fn a_held_run_waits_for_its_trigger_and_then_until_that_has_held_long_enough() {
    let job = holding(10, 20);
    assert_eq!(asked(&job, Verdict::NotMet, None, None, 0), Gate::Hold(at(1)));
    assert_eq!(asked(&job, Verdict::Unknown, None, None, 5), Gate::Hold(at(6)));
    assert_eq!(asked(&job, Verdict::Met, Some(5), None, 5), Gate::Hold(at(6)));
    assert_eq!(asked(&job, Verdict::Met, Some(5), None, 14), Gate::Hold(at(15)));
    assert_eq!(asked(&job, Verdict::Met, Some(5), None, 15), Gate::Start);
    // What held before the instant counts.
    assert_eq!(asked(&job, Verdict::Met, Some(-10), None, 0), Gate::Start);
    assert_eq!(asked(&job, Verdict::Met, Some(-4), None, 0), Gate::Hold(at(1)));
}

#[test]
fn a_held_run_starts_up_to_the_instant_at_which_enough_of_its_length_is_left() {
    let job = holding(10, 20);
    assert_eq!(job.latest_start(planned()), at(40));
    assert_eq!(asked(&job, Verdict::Met, Some(30), None, 40), Gate::Start);
    let over = Gate::Hold(at(40).checked_add(SignedDuration::from_micros(1)).expect("time"));
    assert_eq!(asked(&job, Verdict::NotMet, None, None, 40), over);
    let suffix = "; held until less than 20 s of its length were left";
    let late = |verdict, met_since| skipped(asked(&job, verdict, met_since, None, 41));
    assert_eq!(late(Verdict::NotMet, None), (Reason::TriggerNotMet, format!("latency was 50 ms{suffix}")));
    assert_eq!(late(Verdict::Unknown, None), (Reason::TriggerUnknown, format!("latency was 50 ms{suffix}")));
    let short = format!("latency was 50 ms, but not for 10 s in time{suffix}");
    assert_eq!(late(Verdict::Met, Some(39)), (Reason::TriggerNotMet, short));
}

#[test]
fn a_run_that_wants_all_of_its_length_is_not_skipped_because_no_clock_stands_still() {
    let whole = holding(0, 60);
    let asked_after = |verdict, micros| {
        let decision = decided(verdict);
        let met_since = (verdict == Verdict::Met).then(|| at(-10));
        let now = at(0).checked_add(SignedDuration::from_micros(micros)).expect("time");
        gate(&whole, planned(), Known { decision: &decision, met_since, last_ended: None }, now)
    };
    for micros in [0, 1, 5_000, 1_000_000] {
        assert_eq!(asked_after(Verdict::Met, micros), Gate::Start, "{micros} µs late");
    }
    assert_eq!(skipped(asked_after(Verdict::Met, 1_000_001)).0, Reason::TriggerNotMet);
    assert_eq!(skipped(asked_after(Verdict::NotMet, 1_000_001)).0, Reason::TriggerNotMet);
    assert_eq!(holding(0, 900).latest_start(planned()), at(1));
    // Nothing is started at its end.
    assert_eq!(skipped(asked(&holding(0, 0), Verdict::Met, Some(0), None, 60)).0, Reason::TriggerNotMet);
}

#[test]
fn one_that_was_asked_for_late_says_what_stood_in_its_way_in_time() {
    let cooldown = SignedDuration::from_secs(300);
    let held = holding(10, 20);
    let held = Job { policies: Policies { cooldown, ..held.policies.clone() }, ..held };
    let late = |met_since, last| skipped(asked(&held, Verdict::Met, Some(met_since), last, 50));
    // The cooldown ended between the last instant, the 40th second, and now.
    assert_eq!(late(0, Some(-255)).0, Reason::TriggerCooldown);
    for (met_since, last, but) in [
        (31, None, ", but not for 10 s in time"),
        (30, None, ", but the node looked too late"),
        (0, Some(-260), ", but the node looked too late"),
    ] {
        let suffix = "; held until less than 20 s of its length were left";
        assert_eq!(late(met_since, last), (Reason::TriggerNotMet, format!("latency was 50 ms{but}{suffix}")));
    }
    let (_, message) = skipped(asked(&holding(0, 20), Verdict::Met, Some(41), None, 42));
    assert!(message.starts_with("latency was 50 ms, but not in time; "), "{message}");
}

#[test]
fn after_a_run_its_trigger_starts_no_other_until_the_cooldown_is_over() {
    let cooldown = SignedDuration::from_secs(300);
    let plain = job(Policies { cooldown, ..Policies::default() });
    assert_eq!(asked(&plain, Verdict::Met, Some(0), Some(-300), 0), Gate::Start);
    let (reason, message) = skipped(asked(&plain, Verdict::Met, Some(0), Some(-299), 0));
    assert_eq!(reason, Reason::TriggerCooldown);
    assert!(message.ends_with("the next starts after 2026-12-01T00:00:01"), "{message}");
    // That the trigger does not hold is the better reason.
    assert_eq!(skipped(asked(&plain, Verdict::NotMet, None, Some(-1), 0)).0, Reason::TriggerNotMet);
    let held = holding(0, 20);
    let held = Job { policies: Policies { cooldown, ..held.policies.clone() }, ..held };
    assert_eq!(asked(&held, Verdict::Met, Some(0), Some(-280), 0), Gate::Hold(at(1)));
    assert_eq!(asked(&held, Verdict::Met, Some(0), Some(-280), 19), Gate::Hold(at(20)));
    assert_eq!(asked(&held, Verdict::Met, Some(0), Some(-280), 20), Gate::Start);
    assert_eq!(skipped(asked(&held, Verdict::Met, Some(0), Some(-100), 41)).0, Reason::TriggerCooldown);
}

#[test]
fn only_runs_of_the_same_job_that_were_started_count_for_the_cooldown() {
    let entry = |id: &str, job: &Job, started: Option<i64>, ended: Option<i64>| {
        let id = RunId::parse(id).expect("id");
        let mut run = Run::planned(id, job.id.clone(), job.node.clone(), job.owner.clone(), planned());
        (run.started, run.ended) = (started.map(at), ended.map(at));
        JournalEntry::new(run, job.clone())
    };
    let own = job(Policies::default());
    let other = Job { id: JobId::parse("other").expect("id"), ..own.clone() };
    let again = Job { created: at(-50), ..own.clone() };
    let mut journal = vec![
        entry("now", &own, Some(90), Some(95)),
        entry("other", &other, Some(80), Some(85)),
        entry("again", &again, Some(80), Some(85)),
        entry("skipped", &own, None, Some(70)),
        entry("running", &own, Some(60), None),
    ];
    assert_eq!(last_ended(&journal[0], &journal), None);
    journal.push(entry("first", &own, Some(10), Some(20)));
    journal.push(entry("second", &own, Some(30), Some(40)));
    assert_eq!(last_ended(&journal[0], &journal), Some(at(40)));
}
