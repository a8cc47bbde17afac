//! Cases for the ledger port.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{
    Bundle, ClockReading, ClockSource, Job, JobParams, JournalEntry, MonitorStatus, Orders, Outcome, Phase,
    Reason, Run, RunLength, RunStatus, Site, Stage, Standby, Step, TriggerStatus, Watching,
};
use crate::ports::Ledger;
use crate::schedule::{Policies, Schedule};
use crate::time::{SignedDuration, Timestamp, Window, parse_time};
use crate::trigger::Verdict;

/// One case: it gets a fresh, empty ledger and panics if the ledger breaks its promise.
pub type Case = fn(Arc<dyn Ledger>) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident)*) => {
        /// All cases, by name.
        pub const CASES: &[(&str, Case)] = &[$((stringify!($name), |ledger| Box::pin($name(ledger))),)*];
    };
}

cases! {
    orders_are_replaced_and_read_back
    entries_are_replaced_removed_and_read_back
    every_field_of_an_entry_comes_back
    orders_and_entries_do_not_touch_each_other
    readings_of_the_clock_are_replaced_and_read_back
    what_is_watched_is_replaced_and_read_back
    entries_stored_at_once_are_all_kept
}

fn job() -> Job {
    let at = |text| parse_time(text).unwrap();
    Job {
        id: JobId::parse("j").unwrap(),
        owner: UserId::parse("u").unwrap(),
        node: NodeId::parse("n").unwrap(),
        server: None,
        schedule: Schedule::Once,
        window: Window::new(at("2026-12-01T00:00:00.5"), at("2026-12-01T01:00")).unwrap(),
        length: RunLength::from_secs(60).unwrap(),
        overhead: true,
        trigger: None,
        config: "docker: {image: a}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-11-30T00:00"),
        since: at("2026-11-30T00:00"),
        deleted: None,
    }
}

fn entry(id: &str) -> JournalEntry {
    let job = job();
    let run = Run::planned(
        RunId::parse(id).unwrap(),
        job.id.clone(),
        job.node.clone(),
        job.owner.clone(),
        job.window,
    );
    JournalEntry::new(run, job)
}

async fn orders_are_replaced_and_read_back(ledger: Arc<dyn Ledger>) {
    assert_eq!(ledger.orders().await.unwrap(), None);
    for (revision, jobs) in [(1, vec![job()]), (2, vec![])] {
        let orders = Orders {
            node: NodeId::parse("n").unwrap(),
            revision,
            jobs,
            standby: Some(Standby::SCAVENGER),
            clock_offset_us: Some(-5),
            site: Some(Site { name: Some("n".into()), ..Site::default() }),
        };
        ledger.save_orders(&orders).await.unwrap();
        assert_eq!(ledger.orders().await.unwrap(), Some(orders));
    }
}

async fn entries_are_replaced_removed_and_read_back(ledger: Arc<dyn Ledger>) {
    let (a, mut b) = (entry("a"), entry("b"));
    ledger.put(&b).await.unwrap();
    ledger.put(&a).await.unwrap();
    (b.step, b.bundle, b.reported) = (Step::Done, Bundle::Packed, true);
    ledger.put(&b).await.unwrap();
    assert_eq!(ledger.entries().await.unwrap(), [a.clone(), b.clone()]);
    ledger.remove(&a.run.id).await.unwrap();
    ledger.remove(&a.run.id).await.unwrap();
    assert_eq!(ledger.entries().await.unwrap(), [b]);
}

async fn every_field_of_an_entry_comes_back(ledger: Arc<dyn Ledger>) {
    let at = |text| parse_time(text).unwrap();
    let mut full = entry("r");
    full.run.status = RunStatus::Running;
    full.run.phase = Some(Phase::Finish);
    full.run.started = Some(at("2026-12-01T00:00:00.500001"));
    full.run.ended = Some(at("2026-12-01T00:00:30"));
    full.run.updated = Some(at("2026-12-01T00:00:31"));
    full.run.exit_code = Some(-1);
    full.run.trigger_verdict = Some("ü 'quoted'\n\0".into());
    full.job.server = Some(NodeId::parse("s").unwrap());
    full.job.trigger = Some("a > 1".into());
    full.job.deleted = Some(at("2026-12-01T00:00:10"));
    full.step = Step::Collecting;
    full.outcome = Some(Outcome::failed(Stage::Execute, Reason::OutOfMemory, "too much"));
    ledger.put(&full).await.unwrap();
    assert_eq!(ledger.entries().await.unwrap(), [full]);
}

async fn orders_and_entries_do_not_touch_each_other(ledger: Arc<dyn Ledger>) {
    let orders = Orders {
        node: NodeId::parse("n").unwrap(),
        revision: u64::MAX,
        jobs: vec![job()],
        standby: None,
        clock_offset_us: None,
        site: None,
    };
    ledger.put(&entry("r")).await.unwrap();
    ledger.save_orders(&orders).await.unwrap();
    assert_eq!(ledger.entries().await.unwrap(), [entry("r")]);
    ledger.remove(&entry("r").run.id).await.unwrap();
    assert_eq!(ledger.orders().await.unwrap(), Some(orders));
}

async fn what_is_watched_is_replaced_and_read_back(ledger: Arc<dyn Ledger>) {
    assert_eq!(ledger.watching().await.unwrap(), None);
    for trouble in [None, Some("it does not answer".to_owned())] {
        let at = Timestamp::UNIX_EPOCH;
        let monitor = MonitorStatus { error: trouble, last: Some(at), ..MonitorStatus::new("dish") };
        let trigger = TriggerStatus {
            job: JobId::parse("job").unwrap(),
            trigger: "dish.latency < 40".into(),
            verdict: Verdict::Met,
            met_since: Some(at),
        };
        let watching = Watching { at, monitors: vec![monitor], triggers: vec![trigger] };
        ledger.save_watching(&watching).await.unwrap();
        assert_eq!(ledger.watching().await.unwrap(), Some(watching));
    }
}

async fn readings_of_the_clock_are_replaced_and_read_back(ledger: Arc<dyn Ledger>) {
    assert_eq!(ledger.clock().await.unwrap(), None);
    let at = parse_time("2026-12-01T00:00:00.000001").unwrap();
    for (offset_us, source) in [(i64::MIN, ClockSource::Chrony), (7, ClockSource::Orchestrator)] {
        let reading = ClockReading { offset_us, uncertainty_us: u64::MAX, source, at };
        ledger.save_clock(&reading).await.unwrap();
        assert_eq!(ledger.clock().await.unwrap(), Some(reading));
    }
    assert_eq!(ledger.orders().await.unwrap(), None);
}

async fn entries_stored_at_once_are_all_kept(ledger: Arc<dyn Ledger>) {
    let entries: Vec<_> = (10..26).map(|index| entry(&format!("r{index}"))).collect();
    let mut tasks = JoinSet::new();
    for entry in entries.clone() {
        let ledger = Arc::clone(&ledger);
        tasks.spawn(async move { ledger.put(&entry).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(ledger.entries().await.unwrap(), entries);
}
