//! Handing records and bundles over to the orchestrator.

use std::io::SeekFrom;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use jiff::SignedDuration;
use tokio::io::AsyncSeekExt;
use tokio_util::io::ReaderStream;

use super::{Inner, pairing, results};
use crate::error::{Error, Result};
use crate::model::{Bundle, JournalEntry, Step};
use crate::ports::{ByteStream, Handover};

/// The first and the longest pause after a failure.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(15);

/// Reports and deliveries go on side by side: a bundle may take long, and what has happened is to
/// be known at once.
pub(super) async fn run(node: &Inner) -> Result<()> {
    // A node that ended between the acknowledgement and the removal left what it had.
    for entry in node.journal.entries().await {
        if entry.bundle == Bundle::Delivered {
            results::clean(node, &entry);
        }
    }
    tokio::try_join!(
        hand_over(node, What::Records),
        hand_over(node, What::Bundles),
        hand_over(node, What::Words)
    )
    .map(|((), (), ())| ())
}

#[derive(Debug, Clone, Copy)]
enum What {
    Records,
    Bundles,
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
                What::Bundles => deliver(node, &entry).await?,
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

/// Delivers the bundle of a run whose end has been reported; the errors are those of [`report`].
async fn deliver(node: &Inner, entry: &JournalEntry) -> Result<Result<()>> {
    if entry.step != Step::Done || entry.bundle != Bundle::Packed || !entry.reported {
        return Ok(Ok(()));
    }
    if let Err(error) = upload(node, entry).await {
        return Ok(Err(error));
    }
    node.journal.change(&entry.run.id, |now| now.bundle = Bundle::Delivered).await?;
    results::clean(node, entry);
    node.runs_changed.notify_one();
    Ok(Ok(()))
}

/// Whether trying the same report again cannot help: the orchestrator has understood and refused.
fn is_final(error: &Error) -> bool {
    use crate::ErrorKind::{InvalidArgument, NotFound, PermissionDenied};
    matches!(error.kind(), InvalidArgument | NotFound | PermissionDenied)
}

async fn upload(node: &Inner, entry: &JournalEntry) -> Result<()> {
    let (run, path) = (&entry.run.id, results::bundle_path(node, entry));
    let bundle = entry.packed.ok_or_else(|| Error::internal("nothing is packed"))?;
    let from = match node.control.begin_upload(run, &bundle).await? {
        Handover::Stored => return Ok(()),
        Handover::Through { from } => from,
        Handover::Direct { .. } => return Err(Error::unavailable("not there yet")),
    };
    let doing = |e| Error::while_doing(format!("read bundle {}", path.display()), e);
    let mut file = tokio::fs::File::open(&path).await.map_err(doing)?;
    file.seek(SeekFrom::Start(from)).await.map_err(doing)?;
    let content: ByteStream = Box::pin(
        ReaderStream::with_capacity(file, 64 * 1024)
            .map(|chunk| chunk.map_err(|e| Error::while_doing("read a bundle", e))),
    );
    node.transfers.fetch_add(1, Ordering::SeqCst);
    let outcome = node.control.upload(run, &bundle, from, content).await;
    node.transfers.fetch_add(1, Ordering::SeqCst);
    outcome
}
