//! Uploading a stream block by block.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use sha2::{Digest as _, Sha256};

use super::blob::Blob;
use super::blocks::{BlockId, Tag};
use crate::error::{Error, Result};
use crate::model::Checksum;
use crate::ports::ByteStream;

/// How many blocks are on their way at once; one more is being filled meanwhile.
const AT_ONCE: usize = 2;

/// A stream on its way into the blocks of a blob.
pub(super) struct Sender<'a> {
    pub(super) blob: &'a Blob,
    pub(super) tag: Tag,
    /// Where the stream begins in the blob.
    pub(super) from: u64,
    /// Where the blob must end, if that is known.
    pub(super) end: Option<u64>,
    /// How many bytes the blocks have.
    pub(super) length: usize,
}

/// What has become of a stream.
pub(super) struct Sent {
    /// The blocks, in their order.
    pub(super) blocks: Vec<BlockId>,
    /// Where the last ends.
    pub(super) end: u64,
    /// The checksum of the stream.
    pub(super) sha256: Checksum,
}

impl Sender<'_> {
    /// Uploads the blocks of `content`. What came before its error is there then.
    pub(super) async fn send(&self, mut content: ByteStream) -> Result<Sent> {
        let (mut blocks, mut hash) = (Vec::new(), Sha256::new());
        let (mut filled, mut waiting, mut at) = (Vec::new(), Bytes::new(), self.from);
        let mut flying = FuturesUnordered::new();
        let mut outcome = None;
        loop {
            if flying.len() < AT_ONCE {
                let room = self.length - filled.len();
                filled.extend_from_slice(&waiting.split_to(room.min(waiting.len())));
                let is_last = outcome.is_some() && waiting.is_empty();
                if filled.len() == self.length || is_last && !filled.is_empty() {
                    let block = Bytes::from(std::mem::take(&mut filled));
                    let id = self.tag.block(at, block.len())?;
                    at += block.len() as u64;
                    blocks.push(id);
                    flying.push(self.blob.stage(id, block));
                    continue;
                }
            }
            if outcome.is_some() && filled.is_empty() && waiting.is_empty() && flying.is_empty() {
                break;
            }
            tokio::select! {
                Some(staged) = flying.next() => staged?,
                piece = content.next(), if outcome.is_none() && waiting.is_empty() => match piece {
                    None => outcome = Some(Ok(())),
                    Some(Err(error)) => outcome = Some(Err(error)),
                    Some(Ok(piece)) => {
                        let end = at + (filled.len() + piece.len()) as u64;
                        if let Some(size) = self.end.filter(|size| end > *size) {
                            return Err(Error::invalid(format!("more than the {size} bytes of the bundle came")));
                        }
                        hash.update(&piece);
                        waiting = piece;
                    }
                },
            }
        }
        outcome.unwrap_or(Ok(()))?;
        Ok(Sent { blocks, end: at, sha256: Checksum::from_bytes(hash.finalize().into()) })
    }
}
