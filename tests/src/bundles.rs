//! Bundles handed over and fetched in one go.

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use leoscope_core::Result;
use leoscope_core::ids::RunId;
use leoscope_core::model::{BundleFacts, Checksum};
use leoscope_core::ports::{ByteStream, ControlPlane, Handover, Source};
use sha2::{Digest as _, Sha256};

/// What identifies a bundle of these bytes.
pub fn facts(content: &[u8]) -> BundleFacts {
    BundleFacts { size: content.len() as u64, sha256: Checksum::from_bytes(Sha256::digest(content).into()) }
}

/// A stream of these bytes, in pieces of at most 64 KiB.
pub fn pieces(content: &Bytes) -> ByteStream {
    let content = content.clone();
    let starts = (0..content.len()).step_by(64 << 10);
    let pieces: Vec<_> =
        starts.map(|start| Ok(content.slice(start..content.len().min(start + (64 << 10))))).collect();
    Box::pin(stream::iter(pieces))
}

/// Hands a bundle over through the orchestrator.
///
/// # Errors
/// Those of the calls.
///
/// # Panics
/// Where it is to go elsewhere.
pub async fn hand_over(plane: &(impl ControlPlane + ?Sized), run: &RunId, content: &Bytes) -> Result<()> {
    let bundle = facts(content);
    match plane.begin_upload(run, &bundle).await? {
        Handover::Stored => Ok(()),
        Handover::Through { from } => {
            let rest = usize::try_from(from).expect("within memory");
            plane.upload(run, &bundle, from, pieces(&content.slice(rest..))).await
        }
        Handover::Direct { .. } => panic!("it is to go elsewhere"),
    }
}

/// Fetches a bundle through the orchestrator.
///
/// # Errors
/// Those of the call and of its stream.
///
/// # Panics
/// Where it is elsewhere.
pub async fn fetch(plane: &(impl ControlPlane + ?Sized), run: &RunId) -> Result<Vec<u8>> {
    match plane.download(run, 0).await?.source {
        Source::Stream(content) => Ok(content.try_collect::<Vec<Bytes>>().await?.concat()),
        Source::Link(_) => panic!("it is elsewhere"),
    }
}
