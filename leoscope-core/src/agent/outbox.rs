//! Handing records and bundles over to the orchestrator.

mod bundles;
mod pace;
mod room;
mod transfer;

use std::sync::Arc;

use jiff::SignedDuration;

pub(super) use self::pace::Pace;
pub(super) use self::room::room;
pub(super) use self::transfer::{BLOCKS_OF_ALL, Transfers, open};
use super::{Inner, pairing, results};
use crate::error::{Error, Result};
use crate::model::{Bundle, JournalEntry, Step};

/// The first and the longest pause after a failure.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(15);

/// Reports and deliveries go on side by side: a bundle may take long, and what has happened is to
/// be known at once.
pub(super) async fn run(node: &Arc<Inner>) -> Result<()> {
    for entry in node.journal.entries().await {
        let run = &entry.run.id;
        match entry.bundle {
            // A node that ended between the acknowledgement and the removal left what it had.
            Bundle::Delivered => results::clean(node, &entry),
            Bundle::Packed if entry.step == Step::Done => results::clear(node, &entry),
            Bundle::Refused => drop(node.journal.change(run, |now| now.bundle = Bundle::Packed).await?),
            Bundle::Packed | Bundle::None | Bundle::Unpacked | Bundle::Dropped => {}
        }
    }
    tokio::try_join!(hand_over(node, What::Records), bundles::run(node), hand_over(node, What::Words))
        .map(|((), (), ())| ())
}

#[derive(Debug, Clone, Copy)]
enum What {
    Records,
    /// That a side of a run is over, to the other side.
    Words,
}

/// Hands over what there is at every change of the journal, and again after a pause while some of
/// it fails.
async fn hand_over(node: &Inner, what: What) -> Result<()> {
    let mut changed = node.journal.changes();
    let mut pause = FIRST_PAUSE;
    loop {
        changed.borrow_and_update();
        let mut failed = false;
        for entry in node.journal.entries().await {
            let outcome = match what {
                What::Records => report(node, &entry).await?,
                What::Words => pairing::tell(node, &entry).await?,
            };
            failed |= note(&entry, &outcome);
        }
        if failed {
            node.pause(pause).await;
            pause = LONGEST_PAUSE.min(pause.saturating_mul(2));
        } else {
            pause = FIRST_PAUSE;
            if changed.changed().await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Whether something is not handed over yet.
fn note(entry: &JournalEntry, outcome: &Result<()>) -> bool {
    if let Err(error) = outcome {
        tracing::debug!(run = %entry.run.id, %error, "not handed over yet");
    }
    outcome.is_err()
}

/// Reports a run. The outer error is the node's own, the inner one says that the orchestrator does
/// not have it yet.
async fn report(node: &Inner, entry: &JournalEntry) -> Result<Result<()>> {
    let run = &entry.run.id;
    if !entry.reported {
        if let Err(error) = node.control.report_run(entry.run.clone()).await {
            if !is_final(&error) {
                return Ok(Err(error));
            }
            tracing::error!(%run, %error, "the orchestrator refuses this run; its results stay here");
        }
        // Only what was sent is acknowledged; the run may have moved on meanwhile.
        node.journal.change(run, |now| now.reported |= now.run == entry.run).await?;
    }
    Ok(Ok(()))
}

/// Whether trying the same again cannot help: the orchestrator has understood and refused.
fn is_final(error: &Error) -> bool {
    use crate::ErrorKind::{InvalidArgument, NotFound, PermissionDenied};
    matches!(error.kind(), InvalidArgument | NotFound | PermissionDenied)
}
