use super::*;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::{BundleFacts, Checksum, Job, JobParams, Run, RunLength};
use crate::schedule::{Policies, Schedule};
use crate::time::{Window, parse_time};

fn at(secs: i64) -> Timestamp {
    let start = parse_time("2026-12-01T00:00:00").expect("time");
    start.checked_add(SignedDuration::from_secs(secs)).expect("time")
}

/// A run planned for the minute from `start` on, in this step.
fn entry(run: &str, start: i64, overhead: bool, step: Step) -> JournalEntry {
    let window = Window::new(at(start), at(start + 60)).expect("window");
    let job = Job {
        id: JobId::parse("job").expect("id"),
        owner: UserId::parse("user").expect("id"),
        node: NodeId::parse("node").expect("id"),
        server: None,
        schedule: Schedule::Once,
        window,
        length: RunLength::from_secs(60).expect("length"),
        overhead,
        trigger: None,
        config: String::new(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at(-100),
        since: at(-100),
        deleted: None,
    };
    let id = RunId::parse(run).expect("id");
    let run = Run::planned(id, job.id.clone(), job.node.clone(), job.owner.clone(), window);
    JournalEntry { step, ..JournalEntry::new(run, job) }
}

fn packed(run: &str, ended: i64, size: u64, bundle: Bundle) -> JournalEntry {
    let mut entry = entry(run, ended - 60, true, Step::Done);
    entry.run.ended = Some(at(ended));
    (entry.bundle, entry.reported) = (bundle, true);
    entry.packed = Some(BundleFacts { size, sha256: Checksum::from_bytes([0; 32]) });
    entry
}

fn names(runs: &[RunId]) -> Vec<&str> {
    runs.iter().map(RunId::as_str).collect()
}

#[test]
fn the_oldest_results_go_first_and_only_what_is_reported() {
    let unreported = JournalEntry { reported: false, ..packed("d", 1, 1, Bundle::Packed) };
    let journal = [
        packed("b", 20, 1, Bundle::Packed),
        packed("a", 20, 1, Bundle::Packed),
        packed("c", 10, 1, Bundle::Packed),
        unreported,
        packed("e", 1, 1, Bundle::Delivered),
        packed("f", 1, 1, Bundle::Refused),
        entry("g", 0, false, Step::Executing),
    ];
    let order: Vec<_> = waiting(&journal).into_iter().map(|entry| entry.run.id.clone()).collect();
    assert_eq!(names(&order), ["c", "a", "b"]);
}

#[test]
fn pauses_grow_to_a_minute_and_differ_between_runs() {
    let run = RunId::parse("20261201T000000Z-0123456789abcdef").expect("id");
    let mut longest = SignedDuration::ZERO;
    for failures in 1..100 {
        let pause = pause_after(failures, &run);
        let whole = SignedDuration::from_secs(60.min(1 << (failures - 1).min(6)));
        assert!(pause <= whole && pause.saturating_mul(2) >= whole, "{failures}: {pause:?}");
        longest = longest.max(pause);
    }
    assert!(longest > SignedDuration::from_secs(45));
    assert_eq!(pause_after(u32::MAX, &run).as_secs() / 30, 1);
    let other = RunId::parse("20261201T000000Z-0123456789abcdee").expect("id");
    assert_ne!(pause_after(7, &run), pause_after(7, &other));
}

#[test]
fn the_link_is_taken_from_shortly_before_the_start_of_an_exclusive_run_to_its_end() {
    let free = LinkUse { taken: false, taken_at: None };
    let taken = LinkUse { taken: true, taken_at: None };
    let shared = [Step::Ready, Step::Executing].map(|step| entry("shared", 0, false, step));
    assert_eq!(link_use(&shared, at(0)), free);
    let ready = [entry("first", 100, true, Step::Ready), entry("second", 90, true, Step::Planned)];
    assert_eq!(link_use(&ready, at(84)), LinkUse { taken: false, taken_at: Some(at(85)) });
    assert_eq!(link_use(&ready, at(85)), taken);
    for (step, expected) in [
        (Step::Starting, taken),
        (Step::Executing, taken),
        (Step::Stopping, taken),
        (Step::Collecting, free),
        (Step::Done, free),
    ] {
        assert_eq!(link_use(&[entry("run", 0, true, step)], at(30)), expected, "{step:?}");
    }
}

#[test]
fn only_what_was_refused_is_ever_dropped_and_the_oldest_first() {
    let journal = [
        packed("waits", 1, 100, Bundle::Packed),
        packed("young", 30, 10, Bundle::Refused),
        packed("old", 10, 10, Bundle::Refused),
        packed("middle", 20, 10, Bundle::Refused),
        packed("gone", 5, 1000, Bundle::Delivered),
    ];
    let held = held(&journal);
    let dropped = |budget, needed| {
        let runs = to_drop(&held, budget, needed);
        names(&runs).join(" ")
    };
    assert_eq!(dropped(130, 0), "");
    assert_eq!(dropped(129, 0), "old");
    assert_eq!(dropped(115, 0), "old middle");
    assert_eq!(dropped(0, 0), "old middle young");
    assert_eq!(dropped(1000, 11), "old middle");
    assert_eq!((overflow(&held, 100), overflow(&held, 99)), (None, Some(100)));
}
