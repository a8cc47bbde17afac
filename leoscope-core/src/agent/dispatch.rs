//! Beginning, cancelling and forgetting runs as the plan says.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{Inner, executor, pairing, results};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::lifecycle::Event;
use crate::model::{Bundle, JournalEntry, Outcome, Step};
use crate::plan::{Plan, plan};

/// The runs that are being driven, and how to cancel each.
#[derive(Default)]
struct Driven {
    tasks: JoinSet<Result<RunId>>,
    cancel: HashMap<RunId, oneshot::Sender<Outcome>>,
}

pub(super) async fn run(node: &Arc<Inner>) -> Result<()> {
    let mut driven = Driven::default();
    remove_strays(node).await;
    node.route.recover(node.journal.under_way().await).await;
    node.kernel.restore(node).await;
    for entry in node.journal.entries().await {
        if entry.step != Step::Done {
            let found = node.found(&entry.run.id).await;
            tracing::info!(run = %entry.run.id, step = ?entry.step, ?found, "taking up a run from before");
            driven.spawn(node, entry.run.id, Event::Recovered(found));
        }
    }
    let mut orders = node.orders.subscribe();
    let mut own_standby = node.own_standby.subscribe();
    loop {
        let current = orders.borrow_and_update().clone();
        for entry in pairing::invited(node).await {
            driven.begin(node, entry).await?;
        }
        let own = own_standby.borrow_and_update().clone();
        if let Some(current) = current {
            let journal = node.journal.entries().await;
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
            Some(ended) = driven.tasks.join_next() => {
                let run = ended.map_err(|e| Error::while_doing("drive a run", e))??;
                driven.cancel.remove(&run);
            }
        }
    }
}

async fn carry_out(node: &Arc<Inner>, driven: &mut Driven, plan: Plan) -> Result<()> {
    let Plan { begin, cancel, skip, forget, wake } = plan;
    for entry in skip {
        tracing::info!(run = %entry.run.id, job = %entry.job.id, reason = entry.run.message, "run skipped");
        node.journal.insert(entry).await?;
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
async fn remove_strays(node: &Inner) {
    let strays = match node.runtime.list().await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::warn!(%error, "cannot look for stray experiments");
            return;
        }
    };
    for run in strays {
        if node.journal.entry(&run).await.is_some_and(|entry| entry.step != Step::Done) {
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
}

impl Driven {
    async fn begin(&mut self, node: &Arc<Inner>, entry: JournalEntry) -> Result<()> {
        let run = entry.run.id.clone();
        // A node may be asked twice for the same server side.
        if node.journal.entry(&run).await.is_some() {
            return Ok(());
        }
        tracing::info!(%run, job = %entry.job.id, planned = ?entry.run.planned, "run planned");
        node.journal.insert(entry).await?;
        self.spawn(node, run, Event::Begin);
        Ok(())
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
