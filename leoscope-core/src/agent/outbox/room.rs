//! Room for results that wait: what goes when there is none, and when no more runs are begun.

use super::super::{Inner, disk, results};
use crate::error::Result;
use crate::handover::{held, overflow, to_drop};
use crate::model::{Bundle, JournalEntry, Outcome, Reason, Stage, size};

/// Whether there is room for the results of another run.
pub(in crate::agent) async fn room(node: &Inner) -> Result<(), Outcome> {
    let journal = node.journal.all().await.unwrap_or_default();
    let budget = node.config.executor.outbox.budget;
    match overflow(&held(&journal), budget) {
        None => Ok(()),
        Some(waiting) => {
            let message = format!(
                "{} MiB of results wait on the node to be handed over, more than outbox.budget of {}",
                waiting >> 20,
                size(budget)
            );
            Err(Outcome::failed(Stage::Deploy, Reason::OutboxFull, message))
        }
    }
}

/// Makes room where there is none, by the rule of [`to_drop`].
pub(super) async fn keep(node: &Inner) -> Result<()> {
    let journal = node.journal.entries().await;
    let held = held(&journal);
    if !held.iter().any(|held| held.refused) {
        return Ok(());
    }
    let missing = disk::missing(node).await;
    for run in to_drop(&held, node.config.executor.outbox.budget, missing) {
        let Some(entry) = journal.iter().find(|entry| entry.run.id == run) else { continue };
        let why = entry.trouble.as_deref().unwrap_or_default();
        let bytes = entry.packed.map(|bundle| bundle.size);
        tracing::error!(%run, job = %entry.job.id, bytes, why, "there is no room: results that the orchestrator refused are removed");
        let dropped = |now: &mut JournalEntry| now.bundle = Bundle::Dropped;
        node.journal.change(&run, dropped).await?;
        results::clean(node, entry);
    }
    Ok(())
}
