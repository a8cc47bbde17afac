//! One bundle on its way.

use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use jiff::SignedDuration;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::JoinSet;
use tokio_util::io::ReaderStream;

use crate::agent::{Inner, results};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ArtifactKey, BlobSettings, BundleFacts, ExperimentConfig, JournalEntry, Secret};
use crate::ports::{ArtifactStore, BlockUpload, ByteStream, Handover};

/// Where a bundle is that the orchestrator does not know of; `None` where it does.
pub(super) type Place = Option<String>;

/// Bytes sent at a time to the orchestrator.
const PIECE: usize = 64 << 10;

/// Bytes sent at a time to where a link leads; less where the rate is limited, so that no more than
/// about a second's worth is in one go.
const BLOCK: u64 = 4 << 20;
const SMALLEST_BLOCK: u64 = 64 << 10;

/// The most blocks that a blob can have.
const MOST_BLOCKS: u64 = 50_000;

/// The most blocks of one bundle, and of all, that are on their way at once: what they hold is in
/// memory.
const BLOCKS_OF_ONE: usize = 4;
pub(in crate::agent) const BLOCKS_OF_ALL: usize = 6;

/// How long a link works that this node makes for itself.
const LINK_LASTS: SignedDuration = SignedDuration::from_hours(1);

/// Which transfers there are and have been, for whoever has to tell their traffic from other.
#[derive(Debug, Default)]
pub(in crate::agent) struct Transfers {
    under_way: AtomicU64,
    begun: AtomicU64,
}

impl Transfers {
    /// How many have begun so far, and whether any is under way.
    pub(in crate::agent) fn seen(&self) -> (u64, bool) {
        (self.begun.load(Ordering::SeqCst), self.under_way.load(Ordering::SeqCst) > 0)
    }

    fn begin(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst);
        UnderWay(self)
    }
}

/// A transfer, until it is dropped.
struct UnderWay<'a>(&'a Transfers);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether there is nothing to hand over any more.
pub(super) fn is_gone(node: &Inner, entry: &JournalEntry) -> bool {
    matches!(results::bundle_path(node, entry).try_exists(), Ok(false))
}

/// Hands a bundle over, by the way that the orchestrator names.
pub(super) async fn hand_over(node: &Inner, entry: &JournalEntry) -> Result<Place> {
    let (run, path) = (&entry.run.id, results::bundle_path(node, entry));
    let bundle = facts(node, entry, &path).await?;
    let handover = node.control.begin_upload(run, &bundle).await;
    let _under_way = node.transfers.begin();
    match handover {
        Ok(Handover::Stored) => Ok(None),
        Ok(Handover::Through { from }) => {
            let content = content(node, &path, from).await?;
            node.control.upload(run, &bundle, from, content).await.map(|()| None)
        }
        Ok(Handover::Direct { link, .. }) => {
            direct(node, &path, &bundle, &link).await.map_err(not_final)?;
            node.control.finish_upload(run, &bundle).await.map(|()| None)
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            alone(node, entry, &path, &bundle, error).await.map_err(not_final).map(Some)
        }
        Err(error) => Err(error),
    }
}

/// What identifies the bundle; entries of earlier versions do not say it.
async fn facts(node: &Inner, entry: &JournalEntry, path: &Path) -> Result<BundleFacts> {
    if let Some(bundle) = entry.packed {
        return Ok(bundle);
    }
    let file = path.to_owned();
    let facts = tokio::task::spawn_blocking(move || crate::bundle::facts(&file));
    let facts = facts.await.map_err(|e| Error::while_doing("read a bundle", e))??;
    node.journal.change(&entry.run.id, |now| now.packed = Some(facts)).await?;
    Ok(facts)
}

/// What a blob storage refuses today it may take with tomorrow's link or settings.
fn not_final(error: Error) -> Error {
    if !super::is_final(&error) {
        return error;
    }
    let hint = error.what_to_do().map(str::to_owned);
    let told = Error::unavailable(format!("the blob storage does not take the results: {}", error.message()));
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// The bytes of a bundle from `from` on, no faster than the operator wishes.
async fn content(node: &Inner, path: &Path, from: u64) -> Result<ByteStream> {
    let doing = |e| Error::while_doing(format!("read bundle {}", path.display()), e);
    let mut file = File::open(path).await.map_err(doing)?;
    file.seek(SeekFrom::Start(from)).await.map_err(doing)?;
    let pace = Arc::clone(&node.pace);
    let pieces = ReaderStream::with_capacity(file, PIECE).then(move |piece| {
        let pace = Arc::clone(&pace);
        async move {
            let piece = piece.map_err(|e| Error::while_doing("read a bundle", e))?;
            pace.take(piece.len() as u64).await;
            Ok(piece)
        }
    });
    Ok(Box::pin(pieces))
}

/// Puts a bundle where a link leads, and goes on where somebody began.
async fn direct(node: &Inner, path: &Path, bundle: &BundleFacts, link: &Secret) -> Result<()> {
    let blob = node.blob.as_ref().ok_or_else(|| {
        Error::unavailable("this node cannot reach the blob storage of its testbed").hint("build it with one")
    })?;
    let upload: Arc<dyn BlockUpload> = Arc::from(blob.upload(link, bundle)?);
    let doing = |e| Error::while_doing(format!("read bundle {}", path.display()), e);
    let mut at = upload.staged().await?;
    let mut file = File::open(path).await.map_err(doing)?;
    file.seek(SeekFrom::Start(at)).await.map_err(doing)?;
    let block = block_size(bundle.size, node.config.executor.outbox.rate);
    let mut under_way: JoinSet<Result<()>> = JoinSet::new();
    while at < bundle.size {
        while under_way.len() >= BLOCKS_OF_ONE {
            landed(under_way.join_next().await)?;
        }
        let length = block.min(bundle.size - at);
        node.pace.take(length).await;
        let permit = Arc::clone(&node.blocks).acquire_owned().await;
        let permit = permit.map_err(|e| Error::while_doing("send a block", e))?;
        let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact(&mut content).await.map_err(doing)?;
        let (upload, from) = (Arc::clone(&upload), at);
        under_way.spawn(async move {
            let _permit = permit;
            upload.stage(from, Bytes::from(content)).await
        });
        at += length;
    }
    while let Some(ended) = under_way.join_next().await {
        landed(Some(ended))?;
    }
    upload.commit().await
}

fn landed(ended: Option<Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    match ended {
        Some(ended) => ended.map_err(|e| Error::while_doing("send a block", e))?,
        None => Ok(()),
    }
}

fn block_size(size: u64, rate: Option<u64>) -> u64 {
    let of_a_second = rate.map_or(BLOCK, |rate| rate / 8);
    of_a_second.clamp(SMALLEST_BLOCK, BLOCK).max(size.div_ceil(MOST_BLOCKS))
}

/// Puts a bundle into blob storage for an orchestrator that takes no results itself, as those of the
/// public testbed, and gives the place.
async fn alone(
    node: &Inner,
    entry: &JournalEntry,
    path: &Path,
    bundle: &BundleFacts,
    unsupported: Error,
) -> Result<String> {
    let named = ExperimentConfig::parse(entry.config()).ok().and_then(|experiment| experiment.cloud);
    let settings = match named {
        Some(named) => named,
        None => node.control.settings().await?.blob,
    };
    let Some(store) = open(node, &settings)? else {
        return Err(unsupported.hint("have its settings name a blob storage: datastore.blob"));
    };
    let key =
        ArtifactKey { node: entry.run.node.clone(), job: entry.run.job.clone(), run: entry.run.id.clone() };
    let now = node.clock.now();
    match store.upload_link(&key, now, now.checked_add(LINK_LASTS).unwrap_or(now)) {
        Some(link) => direct(node, path, bundle, &link).await?,
        None => {
            let from = store.staged(&key, bundle).await?;
            store.append(&key, bundle, from, content(node, path, from).await?).await?;
            store.commit(&key, bundle).await?;
        }
    }
    Ok(store.place(&key))
}

/// The store that settings name, if they name one.
pub(in crate::agent) fn open(
    node: &Inner,
    settings: &BlobSettings,
) -> Result<Option<Arc<dyn ArtifactStore>>> {
    match &node.blob {
        Some(blob) if settings.is_complete() => blob.open(settings).map(Some),
        Some(_) | None => Ok(None),
    }
}
