//! Cases for the ledger port.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{Bundle, Job, JobParams, JournalEntry, Orders, Run, RunLength, Step};
use crate::ports::Ledger;
use crate::schedule::Schedule;
use crate::time::{Window, parse_time};

/// One case: it gets a fresh, empty ledger and panics if the ledger breaks its promise.
pub type Case = fn(Arc<dyn Ledger>) -> BoxFuture<'static, ()>;

/// All cases, by name.
pub const CASES: &[(&str, Case)] = &[
    ("orders_are_replaced_and_read_back", |ledger| Box::pin(orders_are_replaced_and_read_back(ledger))),
    ("entries_are_replaced_removed_and_read_back", |ledger| {
        Box::pin(entries_are_replaced_removed_and_read_back(ledger))
    }),
];

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
        created: at("2026-11-30T00:00"),
        deleted: None,
    }
}

async fn orders_are_replaced_and_read_back(ledger: Arc<dyn Ledger>) {
    assert_eq!(ledger.orders().await.unwrap(), None);
    for (revision, jobs) in [(1, vec![job()]), (2, vec![])] {
        let orders = Orders { node: NodeId::parse("n").unwrap(), revision, jobs };
        ledger.save_orders(&orders).await.unwrap();
        assert_eq!(ledger.orders().await.unwrap(), Some(orders));
    }
}

async fn entries_are_replaced_removed_and_read_back(ledger: Arc<dyn Ledger>) {
    let entry = |id: &str| {
        let job = job();
        let run = Run::planned(
            RunId::parse(id).unwrap(),
            job.id.clone(),
            job.node.clone(),
            job.owner.clone(),
            job.window,
        );
        JournalEntry::new(run, job)
    };
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
