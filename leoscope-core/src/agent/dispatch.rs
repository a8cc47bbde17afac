//! Beginning, cancelling and forgetting runs as the plan says.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{Inner, executor, pairing, results};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::lifecycle::Event;
use crate::model::{Bundle, JournalEntry, Outcome, Step};
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
    node.route.recover(&node.journal.under_way().await?).await;
    node.kernel.restore(node).await;
    for entry in node.journal.entries().await {
        if entry.step != Step::Done {
            driven.take_up(node, entry).await;
        }
    }
    let mut orders = node.orders.subscribe();
    let mut own_standby = node.own_standby.subscribe();
    loop {
        adopt(node, &mut driven).await?;
        let current = orders.borrow_and_update().clone();
        for entry in pairing::invited(node).await {
            driven.begin(node, entry).await?;
        }
        let own = own_standby.borrow_and_update().clone();
        if let Some(current) = current {
            let journal = node.journal.all().await?;
            let plan = plan(&node.config.node, &current, own.as_ref(), &journal, node.clock.now());
            carry_out(node, &mut driven, plan).await?;
        }
        tokio::select! {
            () = node.launcher.wait() => {}
            changed = orders.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
            }
            changed = own_standby.changed() => {
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
    for entry in skip {
        let run = entry.run.id.clone();
        if is_ours(node, driven, &run).await? {
            tracing::info!(%run, job = %entry.job.id, reason = entry.run.message, "run skipped");
            node.journal.insert(entry).await?;
            node.claims.release(&run).await;
        }
    }
    for entry in begin {
        driven.begin(node, entry).await?;
    }
    for (run, outcome) in cancel {
        if let Some(cancel) = driven.cancel.remove(&run) {
            tracing::info!(%run, reason = outcome.message, "run cancelled");
            // An error says that the run has just ended by itself.
            let _ = cancel.send(outcome);
        }
    }
    for run in forget {
        // The last chance: the process may have ended, or not come so far, after the acknowledgement.
        if let Some(entry) = node.journal.entry(&run).await
            && entry.bundle == Bundle::Delivered
        {
            results::clean(node, &entry);
        }
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
        // What it has printed is to be packed still.
        let is_needed = |entry: &JournalEntry| entry.step != Step::Done || entry.bundle == Bundle::Unpacked;
        if known.iter().any(|entry| entry.run.id == run && is_needed(entry)) {
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
    if let Err(error) = node.runtime.clear(&node.config.executor.network).await {
        tracing::warn!(%error, "cannot remove what earlier runs have left");
    }
    Ok(())
}

/// Whether a run that was just planned is this process's to begin: another may have it, or may have
/// carried it out since the plan was made.
async fn is_ours(node: &Arc<Inner>, driven: &mut Driven, run: &RunId) -> Result<bool> {
    Ok(node.claims.take(run).await? && !take_over(node, driven, run).await?)
}

impl Driven {
    async fn begin(&mut self, node: &Arc<Inner>, entry: JournalEntry) -> Result<()> {
        let run = entry.run.id.clone();
        // A node may be asked twice for the same server side.
        if node.journal.entry(&run).await.is_some() || !is_ours(node, self, &run).await? {
            return Ok(());
        }
        tracing::info!(%run, job = %entry.job.id, planned = ?entry.run.planned, "run planned");
        node.journal.insert(entry).await?;
        self.spawn(node, run, Event::Begin);
        Ok(())
    }

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
