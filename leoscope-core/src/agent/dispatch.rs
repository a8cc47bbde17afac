//! Beginning, cancelling and forgetting runs as the plan says.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{Inner, executor};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::lifecycle::Event;
use crate::model::{JournalEntry, Outcome, Step};
use crate::plan::{Plan, plan};

/// How often to look for runs that another process has let go of.
const LOOK: SignedDuration = SignedDuration::from_secs(5);

/// The runs that are being driven, and how to cancel each.
#[derive(Default)]
struct Driven {
    tasks: JoinSet<Result<RunId>>,
    cancel: HashMap<RunId, oneshot::Sender<Outcome>>,
}

pub(super) async fn run(node: &Arc<Inner>) -> Result<()> {
    let mut driven = Driven::default();
    remove_strays(node).await?;
    for entry in node.journal.entries().await {
        if entry.step != Step::Done {
            driven.take_up(node, entry).await;
        }
    }
    let mut orders = node.orders.subscribe();
    loop {
        adopt(node, &mut driven).await?;
        let current = orders.borrow_and_update().clone();
        if let Some(current) = current {
            let journal = known(node).await?;
            let plan = plan(&node.config.node, &current, &journal, node.clock.now());
            carry_out(node, &mut driven, plan).await?;
        }
        tokio::select! {
            () = node.launcher.wait() => {}
            changed = orders.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
            }
            () = node.runs_changed.notified() => {}
            () = node.pause(LOOK), if node.host.is_some() => {}
            Some(ended) = driven.tasks.join_next() => {
                let run = ended.map_err(|e| Error::while_doing("drive a run", e))??;
                driven.cancel.remove(&run);
                node.claims.release(&run).await;
            }
        }
    }
}

/// Claims every run that is not settled yet, and leaves to other processes what is theirs.
pub(super) async fn claim_unsettled(node: &Inner) -> Result<()> {
    for entry in node.journal.entries().await {
        let run = &entry.run.id;
        if !entry.is_settled() && !node.claims.take(run).await? {
            tracing::info!(%run, "another process carries out this run");
            node.journal.let_go(run).await;
        } else if entry.step == Step::Done {
            node.claims.release(run).await;
        }
    }
    Ok(())
}

/// All runs of the node, those of other processes included.
async fn known(node: &Inner) -> Result<Vec<JournalEntry>> {
    if node.host.is_some() { node.ledger.entries().await } else { Ok(node.journal.entries().await) }
}

/// Takes over the runs that another process began and let go of, or died with.
async fn adopt(node: &Arc<Inner>, driven: &mut Driven) -> Result<()> {
    if node.host.is_none() {
        return Ok(());
    }
    for entry in node.ledger.entries().await? {
        let run = &entry.run.id;
        if node.journal.entry(run).await.is_none() && node.claims.take(run).await? {
            take_over(node, driven, run).await?;
        }
    }
    Ok(())
}

/// Takes over a run that this process has just claimed; whether anybody has begun it.
async fn take_over(node: &Arc<Inner>, driven: &mut Driven, run: &RunId) -> Result<bool> {
    let Some(entry) = node.journal.adopt(run).await? else { return Ok(false) };
    if entry.step == Step::Done {
        node.claims.release(run).await;
    } else {
        driven.take_up(node, entry).await;
    }
    Ok(true)
}

async fn carry_out(node: &Arc<Inner>, driven: &mut Driven, plan: Plan) -> Result<()> {
    let Plan { begin, cancel, skip, forget, wake } = plan;
    for entry in skip.into_iter().chain(begin) {
        let JournalEntry { run, job, step, .. } = &entry;
        let (id, is_skipped) = (run.id.clone(), *step == Step::Done);
        // Another process may have it, or may have carried it out since the plan was made.
        if !node.claims.take(&id).await? || take_over(node, driven, &id).await? {
            continue;
        }
        if is_skipped {
            tracing::info!(run = %id, job = %job.id, reason = run.message, "run skipped");
            node.journal.insert(entry).await?;
            node.claims.release(&id).await;
        } else {
            tracing::info!(run = %id, job = %job.id, planned = ?run.planned, "run planned");
            node.journal.insert(entry).await?;
            driven.spawn(node, id, Event::Begin);
        }
    }
    for (run, outcome) in cancel {
        if let Some(cancel) = driven.cancel.remove(&run) {
            tracing::info!(%run, reason = outcome.message, "run cancelled");
            // An error says that the run has just ended by itself.
            let _ = cancel.send(outcome);
        }
    }
    for run in forget {
        node.journal.remove(&run).await?;
    }
    node.launcher.set(wake).await
}

/// Removes experiments that the journal does not know: nobody will ever fetch their results.
async fn remove_strays(node: &Inner) -> Result<()> {
    let strays = match node.runtime.list().await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::warn!(%error, "cannot look for stray experiments");
            return Ok(());
        }
    };
    // Read after the list: whoever begins a run writes its entry first.
    let known = node.ledger.entries().await?;
    for run in strays {
        if known.iter().any(|entry| entry.run.id == run && entry.step != Step::Done) {
            continue;
        }
        tracing::warn!(%run, "removing an experiment that is in no journal");
        let removed = async {
            node.runtime.stop(&run, node.config.grace).await?;
            node.runtime.remove(&run).await
        };
        if let Err(error) = removed.await {
            tracing::warn!(%run, %error, "cannot remove it");
        }
    }
    Ok(())
}

impl Driven {
    /// Goes on with a run that was begun before.
    async fn take_up(&mut self, node: &Arc<Inner>, entry: JournalEntry) {
        let found = node.found(&entry.run.id).await;
        tracing::info!(run = %entry.run.id, step = ?entry.step, ?found, "taking up a run from before");
        self.spawn(node, entry.run.id, Event::Recovered(found));
    }

    fn spawn(&mut self, node: &Arc<Inner>, run: RunId, first: Event) {
        let (cancel, cancelled) = oneshot::channel();
        self.cancel.insert(run.clone(), cancel);
        let node = Arc::clone(node);
        self.tasks.spawn(async move {
            executor::drive(&node, &run, first, cancelled).await?;
            Ok(run)
        });
    }
}
