use super::*;
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{ConfigSource, Job, JobParams, PhaseTime, Prepared, RunLength};
use crate::schedule::{ALLOWED_LATENESS, Hold, Policies, Schedule};
use crate::time::{SignedDuration, parse_time};
use crate::trigger::Verdict;

fn at(secs: i64) -> Timestamp {
    let start = parse_time("2026-12-01T00:00:00").expect("time");
    start.checked_add(SignedDuration::from_secs(secs)).expect("time")
}

/// A run planned for `[0 s, 60 s)`.
fn entry() -> JournalEntry {
    let window = Window::new(at(0), at(60)).expect("window");
    let job = Job {
        id: JobId::parse("job").expect("id"),
        owner: UserId::parse("user").expect("id"),
        node: NodeId::parse("node").expect("id"),
        server: None,
        schedule: Schedule::Once,
        window,
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: None,
        config: String::new(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at(-100),
        since: at(-100),
        deleted: None,
    };
    let id = RunId::derive(&job.id, job.created, window.start());
    JournalEntry::new(Run::planned(id, job.id.clone(), job.node.clone(), job.owner.clone(), window), job)
}

fn exit(code: i32, secs: i64) -> Exit {
    Exit { code: Some(code), out_of_memory: false, at: at(secs) }
}

/// Feeds `(event, second)` pairs and gives the actions asked for.
fn feed(entry: &mut JournalEntry, events: &[(Event, i64)]) -> Vec<Option<Action>> {
    events.iter().map(|(event, now)| advance(entry, event.clone(), at(*now))).collect()
}

fn to_executing() -> Vec<(Event, i64)> {
    vec![
        (Event::Begin, -30),
        (Event::Prepared(Prepared::PLAIN), -20),
        (Event::Due { clock_offset_us: Some(-7) }, 0),
        (Event::Started(at(0)), 0),
    ]
}

#[test]
fn a_run_that_ends_by_itself_is_completed() {
    let mut entry = entry();
    let mut events = to_executing();
    events.extend([(Event::Exited(exit(0, 40)), 40), (Event::Collected, 41)]);
    let actions = feed(&mut entry, &events);
    use Action::{AwaitStart, Collect, Prepare, Start, Watch};
    assert_eq!(actions, [Some(Prepare), Some(AwaitStart), Some(Start), Some(Watch), Some(Collect), None]);
    assert_eq!(entry.run.status, RunStatus::Completed);
    assert_eq!(entry.run.reason.as_deref(), Some("EXPERIMENT_ENDED"));
    assert_eq!((entry.run.started, entry.run.ended), (Some(at(0)), Some(at(40))));
    assert_eq!((entry.bundle, entry.step, entry.reported), (Bundle::Packed, Step::Done, false));
}

#[test]
fn each_step_is_noted_when_it_is_entered_and_the_phases_follow() {
    let mut entry = entry();
    let mut events = to_executing();
    events.extend([(Event::Exited(exit(0, 40)), 41)]);
    feed(&mut entry, &events);
    let noted: Vec<_> = entry.steps.iter().map(|noted| (noted.step, noted.at)).collect();
    use Step::{Collecting, Executing, Preparing, Ready, Starting};
    let expected = [(Preparing, -30), (Ready, -20), (Starting, 0), (Executing, 0), (Collecting, 41)];
    assert_eq!(noted, expected.map(|(step, secs)| (step, at(secs))));
    let phase =
        |phase, start, secs: i64| PhaseTime { phase, start: at(start), duration_us: secs * 1_000_000 };
    let so_far = [(Phase::Deploy, -30, 10), (Phase::Execute, 0, 40), (Phase::Finish, 41, 2)];
    assert_eq!(phases(&entry, at(43)), so_far.map(|(name, start, secs)| phase(name, start, secs)));
    feed(&mut entry, &[(Event::Collected, 44)]);
    assert_eq!(phases(&entry, at(99))[2], phase(Phase::Finish, 41, 3));
}

#[test]
fn steps_survive_restarts_and_a_run_that_falls_back_keeps_its_first_begin() {
    let mut entry = entry();
    feed(&mut entry, &to_executing()[..2]);
    let stored = serde_json::to_string(&entry).expect("json");
    let mut entry: JournalEntry = serde_json::from_str(&stored).expect("entry");
    feed(&mut entry, &[(Event::Recovered(RuntimeState::Absent), -10)]);
    assert_eq!(entry.step, Step::Preparing);
    assert_eq!((entry.entered(Step::Preparing), entry.entered(Step::Ready)), (Some(at(-30)), None));
    feed(&mut entry, &[(Event::Recovered(RuntimeState::Absent), -9), (Event::Prepared(Prepared::PLAIN), -5)]);
    assert_eq!(entry.steps.len(), 2, "{:?}", entry.steps);
    assert_eq!(phases(&entry, at(0))[0].duration_us, 25_000_000);
    // What ran while the node was away began when the runtime says.
    feed(&mut entry, &[(Event::Recovered(RuntimeState::Running(at(1))), 20)]);
    assert_eq!(
        phases(&entry, at(30))[1],
        PhaseTime { phase: Phase::Execute, start: at(1), duration_us: 29_000_000 }
    );
}

#[test]
fn entries_of_earlier_versions_have_no_steps_and_their_runs_go_on() {
    let mut stored = serde_json::to_value(entry()).expect("json");
    let fields = stored.as_object_mut().expect("object");
    assert!(fields.remove("steps").is_some() && fields.remove("inputs").is_some());
    let mut entry: JournalEntry = serde_json::from_value(stored).expect("entry");
    assert_eq!((entry.config_source(), phases(&entry, at(0))), (ConfigSource::Orchestrator, vec![]));
    feed(&mut entry, &to_executing());
    assert_eq!(entry.step, Step::Executing);
}

#[test]
fn being_stopped_at_the_deadline_is_a_normal_end_whatever_the_exit_code() {
    let mut entry = entry();
    let mut events = to_executing();
    events.extend([(Event::DeadlineReached, 60), (Event::Exited(exit(137, 62)), 62), (Event::Collected, 63)]);
    assert_eq!(feed(&mut entry, &events)[4], Some(Action::Stop));
    assert_eq!(entry.run.status, RunStatus::Completed);
    assert_eq!(entry.run.reason.as_deref(), Some("LENGTH_REACHED"));
    assert_eq!(entry.run.exit_code, Some(137));
}

/// The runtime was away at the deadline, and told only afterwards that the experiment had failed before.
#[test]
fn an_experiment_that_failed_unseen_before_its_deadline_is_not_taken_for_one_that_was_stopped() {
    for (code, status) in [(3, RunStatus::Failed), (0, RunStatus::Completed)] {
        let mut entry = entry();
        let mut events = to_executing();
        let found = Event::Exited(exit(code, 40));
        events.extend([(Event::DeadlineReached, 60), (found, 90), (Event::Collected, 91)]);
        feed(&mut entry, &events);
        assert_eq!((entry.run.status, entry.run.ended), (status, Some(at(40))));
        assert_ne!(entry.run.reason.as_deref(), Some("LENGTH_REACHED"));
    }
}

#[test]
fn failures_keep_their_first_reason() {
    let mut entry = entry();
    let mut events = to_executing();
    events.extend([(Event::Exited(exit(3, 5)), 5), (Event::CollectFailed("disk full".into()), 6)]);
    feed(&mut entry, &events);
    assert_eq!(entry.run.status, RunStatus::Failed);
    assert_eq!(entry.run.reason.as_deref(), Some("CONTAINER_EXIT_NONZERO"));
    assert_eq!(entry.bundle, Bundle::Unpacked, "it is tried again");
}

#[test]
fn results_that_cannot_be_packed_fail_a_run_that_was_well() {
    let mut entry = entry();
    let mut events = to_executing();
    events.extend([(Event::Exited(exit(0, 5)), 5), (Event::CollectFailed("disk full".into()), 6)]);
    feed(&mut entry, &events);
    assert_eq!(entry.run.reason.as_deref(), Some("COLLECT_FAILED"));
}

#[test]
fn a_start_beyond_the_allowed_lateness_is_missed_never_run() {
    let mut entry = entry();
    let late = ALLOWED_LATENESS.as_secs() + 1;
    let actions = feed(
        &mut entry,
        &[
            (Event::Begin, -30),
            (Event::Prepared(Prepared::PLAIN), late),
            (Event::Due { clock_offset_us: Some(-7) }, late),
            (Event::Collected, late),
        ],
    );
    assert_eq!(actions, [Some(Action::Prepare), Some(Action::AwaitStart), Some(Action::Collect), None]);
    assert_eq!(entry.run.status, RunStatus::Missed);
    assert_eq!(entry.run.started, None);
}

#[test]
fn cancelling_before_the_start_runs_nothing_and_after_it_stops() {
    let aborted = || Outcome::new(RunStatus::Aborted, Stage::Schedule, Reason::JobRemoved, "gone");
    let mut early = entry();
    let actions = feed(&mut early, &[(Event::Begin, -30), (Event::Cancelled(aborted()), -25)]);
    assert_eq!(actions[1], Some(Action::Collect));
    let mut running = entry();
    let mut events = to_executing();
    events.extend([
        (Event::Cancelled(aborted()), 10),
        (Event::Exited(exit(143, 11)), 11),
        (Event::Collected, 12),
    ]);
    assert_eq!(feed(&mut running, &events)[4], Some(Action::Stop));
    assert_eq!(running.run.status, RunStatus::Aborted);
}

#[test]
fn an_ended_run_never_changes_again() {
    let mut entry = entry();
    let mut events = to_executing();
    events.extend([(Event::Exited(exit(0, 40)), 40), (Event::Collected, 41)]);
    feed(&mut entry, &events);
    let done = entry.clone();
    let late = [
        Event::Begin,
        Event::Prepared(Prepared::PLAIN),
        Event::Due { clock_offset_us: Some(-7) },
        Event::Started(at(50)),
        Event::DeadlineReached,
        Event::Exited(exit(1, 50)),
        Event::Collected,
        Event::CollectFailed("x".into()),
        Event::Recovered(RuntimeState::Absent),
        Event::Recovered(RuntimeState::Running(at(0))),
    ];
    for event in late {
        assert_eq!(advance(&mut entry, event.clone(), at(99)), None, "{event:?}");
        assert_eq!(entry, done, "{event:?}");
    }
}

/// After a crash at any step, whatever the runtime is found to have, going on ends the run once.
#[test]
fn recovery_from_every_step_and_state_ends_the_run() {
    let states = [
        RuntimeState::Absent,
        RuntimeState::Prepared,
        RuntimeState::Running(at(0)),
        RuntimeState::Exited(exit(0, 40)),
    ];
    for cut in 0..=5 {
        for found in states {
            for now in [-10, 5, 30, 90] {
                let mut entry = entry();
                let mut events = to_executing();
                events.push((Event::Exited(exit(0, 40)), 40));
                events.truncate(cut);
                feed(&mut entry, &events);
                let mut action = advance(&mut entry, Event::Recovered(found), at(now));
                let mut rounds = 0;
                while let Some(asked) = action {
                    let event = match asked {
                        Action::Prepare => Event::Prepared(Prepared::PLAIN),
                        Action::AwaitStart => Event::Due { clock_offset_us: Some(-7) },
                        Action::Start => Event::Started(at(now)),
                        Action::Hold => panic!("it has no trigger"),
                        Action::Watch | Action::Stop => Event::Exited(exit(0, 95)),
                        Action::Collect => Event::Collected,
                    };
                    action = advance(&mut entry, event, at(now.max(0)));
                    rounds += 1;
                    assert!(rounds < 10, "no end after {cut} events with {found:?} at {now}");
                }
                assert!(entry.run.status.is_terminal(), "{cut} events, {found:?}, {now}: {entry:?}");
                assert_eq!(entry.step, Step::Done);
            }
        }
    }
}

#[test]
fn merging_never_changes_an_ended_run_but_takes_its_bundle() {
    let mut ended = entry().run;
    ended.end(Outcome::failed(Stage::Execute, Reason::Lost, "gone"), at(10));
    let mut other = ended.clone();
    other.end(Outcome::new(RunStatus::Completed, Stage::Execute, Reason::ExperimentEnded, "fine"), at(20));
    other.artifact = Some("bundle".into());
    let merged = merge(ended.clone(), other.clone());
    assert_eq!(merged, Run { artifact: Some("bundle".into()), ..ended });
    assert_eq!(merge(merged.clone(), other), merged);
}

#[test]
fn a_late_report_does_not_take_a_run_back() {
    let scheduled = entry().run;
    let mut running = scheduled.clone();
    running.status = RunStatus::Running;
    assert_eq!(merge(running.clone(), scheduled), running);
}

/// A run with a trigger, and with `hold` one that may be held.
fn gated(hold: Option<Hold>) -> JournalEntry {
    let mut entry = entry();
    entry.job.trigger = Some("dish.latency < 40".into());
    entry.job.policies.hold = hold;
    entry
}

fn decided(verdict: Verdict, secs: i64) -> TriggerDecision {
    TriggerDecision { verdict, at: at(secs), why: "latency was 50 ms".into(), readings: Vec::new() }
}

#[test]
fn a_run_whose_trigger_holds_starts_and_says_why() {
    let mut entry = gated(None);
    let mut events = to_executing();
    events.truncate(3);
    events.push((Event::Fired { at: at(0), decision: decided(Verdict::Met, 0) }, 0));
    assert_eq!(feed(&mut entry, &events).last(), Some(&Some(Action::Watch)));
    assert_eq!((entry.run.started, entry.run.trigger_verdict.as_deref()), (Some(at(0)), Some("MET")));
    assert_eq!(entry.run.facts.trigger, Some(decided(Verdict::Met, 0)));
}

#[test]
fn a_run_whose_trigger_does_not_hold_is_skipped_and_leaves_no_bundle() {
    let mut entry = gated(None);
    let mut events = to_executing();
    events.truncate(3);
    let outcome =
        Outcome::new(RunStatus::Skipped, Stage::Trigger, Reason::TriggerNotMet, "latency was 50 ms");
    events.push((Event::Unmet(decided(Verdict::NotMet, 0), outcome), 0));
    events.push((Event::Cleared, 1));
    let actions = feed(&mut entry, &events);
    assert_eq!(actions[3..], [Some(Action::Collect), None]);
    let run = &entry.run;
    assert_eq!((run.status, run.reason.as_deref()), (RunStatus::Skipped, Some("TRIGGER_NOT_MET")));
    assert_eq!((run.started, run.trigger_verdict.as_deref()), (None, Some("NOT_MET")));
    assert_eq!((entry.bundle, entry.step), (Bundle::None, Step::Done));
}

#[test]
fn a_held_run_starts_late_and_no_later_than_its_hold_allows() {
    let hold = Hold { at_least: SignedDuration::from_secs(20), ..Hold::default() };
    let mut entry = gated(Some(hold));
    let mut events = to_executing();
    events.truncate(3);
    events.push((Event::Held(decided(Verdict::NotMet, 0)), 0));
    assert_eq!(feed(&mut entry, &events).last(), Some(&Some(Action::Hold)));
    assert_eq!(
        (entry.step, entry.run.message.as_str()),
        (Step::Holding, "held for its trigger: latency was 50 ms")
    );
    let mut late = entry.clone();
    let due = Event::Due { clock_offset_us: None };
    assert_eq!(advance(&mut entry, due.clone(), at(40)), Some(Action::Start));
    let fired = Event::Fired { at: at(40), decision: decided(Verdict::Met, 40) };
    assert_eq!(advance(&mut entry, fired, at(40)), Some(Action::Watch));
    assert_eq!((entry.run.started, entry.run.message.as_str()), (Some(at(40)), ""));
    // What was held is not MISSED.
    assert_eq!(advance(&mut late, due, at(41)), Some(Action::Start));
    let outcome =
        Outcome::new(RunStatus::Skipped, Stage::Trigger, Reason::TriggerNotMet, "latency was 50 ms");
    let unmet = Event::Unmet(decided(Verdict::NotMet, 41), outcome);
    assert_eq!(advance(&mut late, unmet, at(41)), Some(Action::Collect));
    assert_eq!(late.outcome.as_ref().map(|outcome| outcome.reason), Some(Reason::TriggerNotMet));
}

#[test]
fn a_held_run_is_cancelled_at_once_and_taken_up_again_after_a_crash() {
    let mut entry = gated(Some(Hold::default()));
    let mut events = to_executing();
    events.truncate(3);
    events.push((Event::Held(decided(Verdict::Unknown, 0)), 0));
    feed(&mut entry, &events);
    let mut cancelled = entry.clone();
    let outcome = Outcome::new(RunStatus::Aborted, Stage::Schedule, Reason::JobRemoved, "deleted");
    assert_eq!(advance(&mut cancelled, Event::Cancelled(outcome), at(5)), Some(Action::Collect));
    for (found, action) in [
        (RuntimeState::Absent, Action::Prepare),
        (RuntimeState::Prepared, Action::Prepare),
        (RuntimeState::Running(at(7)), Action::Watch),
        (RuntimeState::Exited(exit(0, 9)), Action::Collect),
    ] {
        let mut taken_up = entry.clone();
        assert_eq!(advance(&mut taken_up, Event::Recovered(found), at(20)), Some(action), "{found:?}");
    }
}
