use super::super::*;
use super::world::{at, facts, run};
use crate::model::{BundleRecord, Run, RunStatus};

fn with(change: impl FnOnce(&mut Run)) -> Run {
    let mut run = run(1);
    change(&mut run);
    run
}

fn says(run: &Run) -> String {
    match decide(run, false, 0) {
        Decision::Missing(missing) => format!("{}: {missing}", missing.name()),
        other => format!("{other:?}"),
    }
}

#[test]
fn each_run_is_fetched_or_missing_for_a_reason() {
    let ended = |status, reason: Option<&str>| {
        with(|run| (run.status, run.reason) = (status, reason.map(str::to_owned)))
    };
    let place = |place: &str| with(|run| run.artifact = Some(place.to_owned()));
    let record = |removed: Option<&str>| BundleRecord {
        facts: facts(b"seven b"),
        stored: at("2026-12-01T01:00:00"),
        removed: removed.map(at),
    };
    let removed = with(|run| {
        run.artifact = Some("leoscope:n/exp/r1.tar.gz".into());
        run.bundle = Some(record(Some("2026-12-31T05:06:07")));
    });
    let noted = with(|run| {
        run.artifact = Some("leoscope:n/exp/r1.tar.gz".into());
        run.bundle = Some(record(None));
    });
    // Not begun for lack of a condition, and yet its node handed something over.
    let skipped = Run { status: RunStatus::Skipped, ..place("leoscope:n/exp/r1.tar.gz") };
    let running = Run { status: RunStatus::Running, ..place("leoscope:n/exp/r1.tar.gz") };
    for (run, expected) in [
        (ended(RunStatus::Scheduled, None), "not_ended: not ended yet, SCHEDULED"),
        (running, "not_ended: not ended yet, RUNNING"),
        (
            ended(RunStatus::Skipped, Some("TRIGGER_UNKNOWN")),
            "never_started: never started, SKIPPED (TRIGGER_UNKNOWN)",
        ),
        (ended(RunStatus::Missed, None), "never_started: never started, MISSED"),
        (ended(RunStatus::Failed, Some("LOST")), "not_arrived: not arrived yet from node n"),
        (removed, "removed: removed by the operator on 2026-12-31"),
        (
            place("https://elsewhere.example.org/c/r1.tar.gz"),
            "elsewhere: in a store at elsewhere.example.org to which this testbed has no key",
        ),
        (place("https://ours.example.org/c/r1.tar.gz?sig=x"), "Fetch { size: None, kept: 0 }"),
        (skipped, "Fetch { size: None, kept: 0 }"),
        (noted.clone(), "Fetch { size: Some(7), kept: 0 }"),
    ] {
        assert_eq!(says(&run), expected);
        assert_eq!(decide(&run, true, 0), Decision::There, "{expected}");
    }
    assert_eq!(decide(&noted, false, 9), Decision::Fetch { size: Some(7), kept: 7 }, "too long a part");
}

#[test]
fn what_is_missing_is_summed_up_by_what_is_said_of_it() {
    let outcome = |number, state| {
        let Run { id: run, job, .. } = run(number);
        Outcome { run, job, path: "x".into(), state }
    };
    let removed = |time| State::Missing(Missing::Removed(at(time)));
    let failed = |text: &str| State::Failed(crate::Error::unavailable(text));
    let outcomes = [
        outcome(1, removed("2026-12-31T05:06:07")),
        outcome(2, State::There),
        outcome(3, removed("2026-12-31T05:06:08")),
        outcome(4, State::Fetched { files: 2, size: 10, unpacked: 20, verified: false }),
        outcome(5, failed("a")),
        outcome(6, failed("b")),
        outcome(7, failed("a")),
        outcome(8, State::Missing(Missing::Gone)),
    ];
    let summary = Summary::of(&outcomes);
    assert_eq!((summary.fetched, summary.bytes, summary.there), (1, 10, 1));
    let ids = |runs: &[RunId]| runs.iter().map(|run| run.as_str()[1..].to_owned()).collect::<String>();
    let missing: Vec<_> = summary.missing.iter().map(|group| ids(&group.runs)).collect();
    let errors: Vec<_> = summary.failed.iter().map(|group| ids(&group.runs)).collect();
    assert_eq!((missing, errors), (vec!["13".into(), "8".into()], vec!["57".into(), "6".into()]));
    assert_eq!(ids(&summary.unverified), "4");
    assert_eq!(summary.failure(), Some(crate::ErrorKind::Unavailable));
    assert_eq!(Summary::of(&outcomes[..4]).failure(), None, "what cannot be had is no failure");
    let denied = Summary::of(&[outcome(1, State::Missing(Missing::NotPermitted))]);
    assert_eq!(denied.failure(), Some(crate::ErrorKind::PermissionDenied));
}
