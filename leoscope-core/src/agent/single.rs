//! Carrying out one run and nothing else, beside the node's own process or without it.

use jiff::SignedDuration;
use tokio::sync::oneshot;

use super::{Inner, executor, scavenger};
use crate::error::{Error, Result};
use crate::ids::{JobId, RunId};
use crate::lifecycle::Event;
use crate::model::{JournalEntry, Outcome, Step};
use crate::plan::{next_run, plan};
use crate::schedule::LEAD_TIME;
use crate::time::{Timestamp, Window};

/// The run that a process is to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its job.
    pub job: JobId,
    /// Its id; `None` for the next run of the job.
    pub run: Option<RunId>,
    /// Where the next run has to begin.
    pub range: Window,
}

/// What came of a run that was to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// It has ended, and the orchestrator has its record and results.
    HandedOver(RunId),
    /// It has ended; the node's own process hands over what the orchestrator does not have yet.
    Kept(RunId),
    /// Another process has it.
    Elsewhere(RunId),
    /// The orders plan no such run in the next minutes.
    NotPlanned,
}

/// How far ahead of a run its process may be started.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// How often to look whether the host uses the link itself.
const LOOK: SignedDuration = SignedDuration::from_secs(1);

/// How long orders are waited for that know the run.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// How long handing over the record is tried before it is left to the node's own process.
const REPORTING: SignedDuration = SignedDuration::from_mins(1);

/// The same for the bundle, once the record has been handed over.
const DELIVERY: SignedDuration = SignedDuration::from_hours(1);

pub(super) async fn run(node: &Inner, wanted: &Wanted) -> Result<Carried> {
    let Some((run, start)) = find(node, wanted).await else { return Ok(Carried::NotPlanned) };
    if !node.claims.take(&run).await? {
        return Ok(Carried::Elsewhere(run));
    }
    tracing::info!(%run, job = %wanted.job, planned = %start, "this process carries out the run");
    let carried = carry_out(node, run.clone(), start).await;
    node.claims.release(&run).await;
    carried
}

/// The run, as soon as the orders know it.
async fn find(node: &Inner, wanted: &Wanted) -> Option<(RunId, Timestamp)> {
    let Wanted { job, run, range } = wanted;
    let mut orders = node.orders.subscribe();
    let deadline = node.clock.now().checked_add(PATIENCE).ok()?;
    loop {
        let now = node.clock.now();
        let found = orders
            .borrow_and_update()
            .as_ref()
            .and_then(|orders| next_run(&node.config.node, orders, job, run.as_ref(), *range, now))
            .filter(|(_, start)| start.duration_since(now) <= AHEAD);
        if found.is_some() {
            return found;
        }
        tokio::select! {
            changed = orders.changed() => changed.ok()?,
            () = node.clock.sleep_until(deadline) => return None,
        }
    }
}

async fn carry_out(node: &Inner, run: RunId, start: Timestamp) -> Result<Carried> {
    let first = match node.journal.adopt(&run).await? {
        Some(entry) if entry.is_settled() => return Ok(Carried::HandedOver(run)),
        Some(entry) if entry.step == Step::Done => return Ok(Carried::Kept(run)),
        Some(_) => Some(Event::Recovered(node.found(&run).await)),
        None => {
            let ready = start.checked_sub(LEAD_TIME).unwrap_or(start);
            node.clock.sleep_until(ready).await;
            let Some(entry) = planned(node, &run).await? else { return Ok(Carried::NotPlanned) };
            let is_skipped = entry.step == Step::Done;
            node.journal.insert(entry).await?;
            (!is_skipped).then_some(Event::Begin)
        }
    };
    if let Some(first) = first {
        let (cancel, cancelled) = oneshot::channel();
        tokio::select! {
            driven = executor::drive(node, &run, first, cancelled) => driven?,
            result = watch_orders(node, &run, cancel) => return result.map(|()| Carried::Kept(run)),
        }
    }
    let reported = wait_until(node, &run, REPORTING, |entry| entry.reported).await;
    let delivered = reported && wait_until(node, &run, DELIVERY, JournalEntry::is_settled).await;
    Ok(if delivered { Carried::HandedOver(run) } else { Carried::Kept(run) })
}

/// The run as the plan of its node has it at this instant.
async fn planned(node: &Inner, run: &RunId) -> Result<Option<JournalEntry>> {
    let Some(orders) = node.orders.borrow().clone() else { return Ok(None) };
    let journal = node.ledger.entries().await?;
    let plan = plan(&node.config.node, &orders, scavenger::found(node).as_ref(), &journal, node.clock.now());
    Ok(plan.begin.into_iter().chain(plan.skip).find(|entry| entry.run.id == *run))
}

/// Cancels the run when the orders want it no more. Never ends otherwise.
async fn watch_orders(node: &Inner, run: &RunId, cancel: oneshot::Sender<Outcome>) -> Result<()> {
    let mut orders = node.orders.subscribe();
    let outcome = loop {
        let current = orders.borrow_and_update().clone();
        let entry = node.journal.entry(run).await;
        if let (Some(current), Some(entry)) = (current, entry) {
            let own = scavenger::found(node);
            let plan = plan(&node.config.node, &current, own.as_ref(), &[entry], node.clock.now());
            if let Some((_, outcome)) = plan.cancel.into_iter().find(|(other, _)| other == run) {
                break outcome;
            }
        }
        tokio::select! {
            changed = orders.changed() => changed.map_err(|_| Error::internal("the orders are gone"))?,
            () = node.pause(LOOK) => {}
        }
    };
    tracing::info!(%run, reason = outcome.message, "run cancelled");
    // An error says that the run has just ended by itself.
    let _ = cancel.send(outcome);
    std::future::pending().await
}

/// Whether the entry of `run` gets as `wished` within `patience`.
async fn wait_until(
    node: &Inner,
    run: &RunId,
    patience: SignedDuration,
    wished: impl Fn(&JournalEntry) -> bool,
) -> bool {
    let mut changes = node.journal.changes();
    let reached = async {
        loop {
            changes.borrow_and_update();
            if node.journal.entry(run).await.is_none_or(|entry| wished(&entry)) {
                return true;
            }
            if changes.changed().await.is_err() {
                return false;
            }
        }
    };
    tokio::select! {
        reached = reached => reached,
        () = node.pause(patience) => false,
    }
}
