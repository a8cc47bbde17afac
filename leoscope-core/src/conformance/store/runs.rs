//! Cases for runs.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{at, kind, node_id, run};
use crate::ErrorKind;
use crate::ids::{JobId, RunId, UserId};
use crate::model::{BundleFacts, BundleRecord, Outcome, Phase, Reason, Run, RunFilter, RunStatus, Stage};
use crate::ports::Store;
use crate::time::Window;

pub(super) async fn runs_are_compared_and_set(store: Arc<dyn Store>) {
    let mut record = run("r", "j", "n", "u", Some("2026-12-01T00:00"));
    assert_eq!(store.run(&record.id).await.unwrap(), None);
    assert_eq!(kind(store.put_run(&record, Some(1)).await), ErrorKind::Stale);
    store.put_run(&record, None).await.unwrap();
    assert_eq!(kind(store.put_run(&record, None).await), ErrorKind::Stale);
    assert_eq!(store.run(&record.id).await.unwrap(), Some((record.clone(), 1)));
    let outcome = Outcome::new(RunStatus::Aborted, Stage::Execute, Reason::JobRemoved, "ended");
    record.end(outcome, at("2026-12-01T00:00:30.5"));
    (record.started, record.exit_code) = (Some(at("2026-12-01T00:00:00.001")), Some(-1));
    (record.artifact, record.foreign_status) = (Some("leoscope:x".into()), Some("TERMINATED".into()));
    let facts = BundleFacts { size: 1 << 40, sha256: "0f".repeat(32).parse().unwrap() };
    let (stored, removed) = (at("2026-12-01T00:00:32"), Some(at("2026-12-01T00:00:33.000001")));
    record.bundle = Some(BundleRecord { facts, stored, removed });
    (record.phase, record.trigger_verdict) = (Some(Phase::Finish), Some("unknown: 'ü'".into()));
    record.updated = Some(at("2026-12-01T00:00:31.000001"));
    store.put_run(&record, Some(1)).await.unwrap();
    assert_eq!(kind(store.put_run(&record, Some(1)).await), ErrorKind::Stale);
    assert_eq!(store.run(&record.id).await.unwrap(), Some((record, 2)));
}

pub(super) async fn runs_are_listed_newest_first_and_filtered(store: Arc<dyn Store>) {
    let records = [
        run("r1", "j1", "n1", "u1", Some("2026-12-01T00:00")),
        run("r2", "j1", "n2", "u1", Some("2026-12-01T01:00")),
        run("r3", "j2", "n1", "u2", Some("2026-12-01T01:00")),
        run("r4", "j2", "n2", "u2", None),
        Run { started: Some(at("2026-12-01T02:00")), ..run("r5", "j3", "n3", "u3", None) },
    ];
    for record in &records {
        store.put_run(record, None).await.unwrap();
    }
    let window = Window::new(at("2026-12-01T00:00"), at("2026-12-01T01:00")).unwrap();
    let last = Window::new(at("2026-12-01T02:00"), at("2026-12-01T03:00")).unwrap();
    let all = RunFilter::default;
    let cases = [
        (all(), "r5 r2 r3 r1 r4"),
        (RunFilter { limit: Some(2), ..all() }, "r5 r2"),
        (RunFilter { id: Some(RunId::parse("r3").unwrap()), ..all() }, "r3"),
        (RunFilter { job: Some(JobId::parse("j2").unwrap()), ..all() }, "r3 r4"),
        (RunFilter { node: Some(node_id("n1")), ..all() }, "r3 r1"),
        (RunFilter { owner: Some(UserId::parse("u1").unwrap()), ..all() }, "r2 r1"),
        (RunFilter { within: Some(window), ..all() }, "r1"),
        (RunFilter { within: Some(last), ..all() }, "r5"),
        (RunFilter { limit: Some(0), ..all() }, ""),
        (RunFilter { limit: Some(1), job: Some(JobId::parse("j1").unwrap()), ..all() }, "r2"),
        (RunFilter { limit: Some(u32::MAX), owner: Some(UserId::parse("nobody").unwrap()), ..all() }, ""),
        (RunFilter { node: Some(node_id("n1")), owner: Some(UserId::parse("u1").unwrap()), ..all() }, "r1"),
    ];
    for (filter, expected) in cases {
        let found: Vec<_> =
            store.runs(&filter, None).await.unwrap().iter().map(|run| run.id.to_string()).collect();
        assert_eq!(found.join(" "), expected, "{filter:?}");
    }
}

pub(super) async fn a_run_is_listed_as_it_stands(store: Arc<dyn Store>) {
    let mut record = run("r1", "j", "n", "u", None);
    store.put_run(&record, None).await.unwrap();
    store.put_run(&run("r2", "j", "n", "u", Some("2026-12-01T00:00")), None).await.unwrap();
    record.started = Some(at("2026-12-01T01:00"));
    store.put_run(&record, Some(1)).await.unwrap();
    let listed = store.runs(&RunFilter::default(), None).await.unwrap();
    assert_eq!(listed.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["r1", "r2"]);
    assert_eq!(listed[0], record);
}

pub(super) async fn of_concurrent_reports_exactly_one_is_stored(store: Arc<dyn Store>) {
    for seen in [None, Some(1), Some(2)] {
        let mut tasks = JoinSet::new();
        for code in 0..16 {
            let store = Arc::clone(&store);
            let record = Run { exit_code: Some(code), ..run("r", "j", "n", "u", None) };
            tasks.spawn(async move { (code, store.put_run(&record, seen).await.map_err(|e| e.kind())) });
        }
        let results = tasks.join_all().await;
        let stored: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).collect();
        assert_eq!(stored.len(), 1, "{results:?}");
        assert!(results.iter().all(|(_, result)| matches!(result, Ok(()) | Err(ErrorKind::Stale))));
        let (kept, revision) = store.run(&RunId::parse("r").unwrap()).await.unwrap().unwrap();
        assert_eq!((kept.exit_code, revision), (Some(stored[0].0), seen.unwrap_or_default() + 1));
    }
}
