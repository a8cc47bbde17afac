//! What a node has to do and what it holds, as its ledger tells.

use std::path::Path;

use serde::Serialize;

use super::results::bundle_in;
use crate::error::Result;
use crate::ids::{JobId, NodeId, RunId};
use crate::model::{Bundle, ClockReading, JournalEntry, Phase, Standby, Step, Watching};
use crate::ports::Ledger;
use crate::time::{Timestamp, Window};

/// How many planned runs are told.
const NEXT: usize = 10;

/// What a node has to do and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The orders received last; `None` before the first.
    pub orders: Option<OrdersStatus>,
    /// The next planned runs, in order of their starts.
    pub next: Vec<NextRun>,
    /// The runs that have begun and not ended.
    pub running: Vec<Running>,
    /// What the orchestrator has not acknowledged, of runs that have ended.
    pub outbox: Vec<Kept>,
    /// The clock as it was measured last.
    pub clock: Option<ClockReading>,
    /// What the node watched when it wrote that down last.
    pub watching: Option<Watching>,
}

/// The orders of a node in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrdersStatus {
    /// The node they are for.
    pub node: NodeId,
    /// See [`Orders::revision`](crate::model::Orders::revision).
    pub revision: u64,
    /// How many jobs measure or serve on the node.
    pub jobs: usize,
    /// What people said that keeps the node from experiments.
    pub standby: Option<Standby>,
    /// How far the orchestrator takes the node's clock to be off in microseconds, where that is too
    /// much.
    pub clock_offset_us: Option<i64>,
}

/// A planned run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextRun {
    /// Its job.
    pub job: JobId,
    /// Its id.
    pub run: RunId,
    /// Its time.
    pub planned: Window,
    /// How long until it starts.
    pub starts_in_secs: i64,
}

/// A run that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Running {
    /// Its job.
    pub job: JobId,
    /// Its id.
    pub run: RunId,
    /// Its time.
    pub planned: Option<Window>,
    /// When it was started.
    pub started: Option<Timestamp>,
    /// What is being done.
    pub step: Step,
    /// The same in short.
    pub phase: Option<Phase>,
}

/// What is kept of a run that has ended until the orchestrator acknowledges it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its job.
    pub job: JobId,
    /// Its id.
    pub run: RunId,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Whether its record waits.
    pub record: bool,
    /// What became of its results.
    pub results: Bundle,
    /// The size of its results in bytes, where their file is there.
    pub results_bytes: Option<u64>,
    /// Why the results could not be handed over when that was tried last.
    pub trouble: Option<String>,
}

/// What the node whose ledger and directory these are has to do and holds at `now`.
///
/// # Errors
/// Those of the ledger.
pub async fn status(ledger: &dyn Ledger, work_dir: &Path, now: Timestamp) -> Result<Status> {
    let (orders, journal) = (ledger.orders().await?, ledger.entries().await?);
    let mut next: Vec<NextRun> = Vec::new();
    if let Some(orders) = &orders {
        for job in orders.jobs.iter().filter(|job| job.node == orders.node) {
            let occurrences = job.occurrences_after(now).map(|occurrence| occurrence.window);
            let planned = occurrences.filter(|window| window.start() > now).take(NEXT);
            next.extend(planned.map(|planned| NextRun {
                job: job.id.clone(),
                run: RunId::derive(&job.id, job.created, planned.start()),
                starts_in_secs: planned.start().duration_since(now).as_secs(),
                planned,
            }));
        }
    }
    next.sort_by_key(|run| (run.planned.start(), run.job.clone()));
    next.truncate(NEXT);
    let (ended, open): (Vec<_>, Vec<_>) = journal.iter().partition(|entry| entry.step == Step::Done);
    Ok(Status {
        orders: orders.map(|orders| OrdersStatus {
            node: orders.node,
            revision: orders.revision,
            jobs: orders.jobs.len(),
            standby: orders.standby.filter(|standby| standby.is_active(now)),
            clock_offset_us: orders.clock_offset_us,
        }),
        next,
        running: open.into_iter().map(running).collect(),
        outbox: ended
            .into_iter()
            .filter(|entry| !entry.is_over() || entry.bundle == Bundle::Dropped)
            .map(|entry| kept(work_dir, entry))
            .collect(),
        clock: ledger.clock().await?,
        watching: ledger.watching().await?,
    })
}

fn running(entry: &JournalEntry) -> Running {
    let JournalEntry { run, step, .. } = entry;
    Running {
        job: run.job.clone(),
        run: run.id.clone(),
        planned: run.planned,
        started: run.started,
        step: *step,
        phase: run.phase,
    }
}

fn kept(work_dir: &Path, entry: &JournalEntry) -> Kept {
    let JournalEntry { run, bundle, reported, trouble, .. } = entry;
    let is_kept = matches!(bundle, Bundle::Packed | Bundle::Refused);
    let file = is_kept.then(|| bundle_in(work_dir, run));
    Kept {
        job: run.job.clone(),
        run: run.id.clone(),
        ended: run.ended,
        record: !reported,
        results: *bundle,
        trouble: trouble.clone(),
        results_bytes: file.and_then(|file| std::fs::metadata(file).ok()).map(|file| file.len()),
    }
}
