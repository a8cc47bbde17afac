//! The parts of a bundle that is handed over in several goes: a file that grows until it is whole.

use std::fs;
use std::io::{self, ErrorKind as Io, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{BundleFacts, Checksum};
use crate::ports::ByteStream;

/// How much of the bundle is there.
pub(super) async fn size(parts: &Path) -> Result<u64> {
    match tokio::fs::metadata(parts).await {
        Ok(data) => Ok(data.len()),
        Err(e) if e.kind() == Io::NotFound => Ok(0),
        Err(e) => Err(doing(e)),
    }
}

/// Appends `content` to the `from` bytes that are there. What came before an error stays.
pub(super) async fn append(
    parts: &Path,
    bundle: &BundleFacts,
    from: u64,
    mut content: ByteStream,
) -> Result<u64> {
    let path = parts.to_owned();
    let file = off_the_loop(move || open(&path)).await?;
    let there = file.metadata().map_err(doing)?.len();
    if there != from {
        return Err(stale(format!("the upload goes on at byte {from}, but {there} bytes are there")));
    }
    let mut file = tokio::fs::File::from_std(file);
    let mut size = there;
    let written = loop {
        match content.next().await {
            Some(Ok(piece)) => {
                size += piece.len() as u64;
                if size > bundle.size {
                    break Err(Error::invalid(format!(
                        "more than the {} bytes of the bundle came",
                        bundle.size
                    )));
                }
                if let Err(error) = file.write_all(&piece).await {
                    break Err(doing(error));
                }
            }
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    // Also of what came before the stream broke: it need not be sent again.
    file.flush().await.map_err(doing)?;
    file.sync_all().await.map_err(doing)?;
    if written.is_err() && file.metadata().await.map_err(doing)?.len() == 0 {
        tokio::fs::remove_file(parts).await.map_err(doing)?;
    }
    written.map(|()| size)
}

/// Whether the parts are the bundle, and are to be made it; not where that has been done before.
pub(super) async fn check(parts: &Path, place: &Path, bundle: &BundleFacts) -> Result<bool> {
    let (path, place, bundle) = (parts.to_owned(), place.to_owned(), *bundle);
    off_the_loop(move || {
        if !path.exists() {
            let is_there = place.exists() && facts(&place).map_err(doing)? == bundle;
            return if is_there {
                Ok(false)
            } else {
                Err(stale("nothing of the bundle is there".to_owned()))
            };
        }
        // Nobody appends meanwhile.
        let _held = open(&path)?;
        let found = facts(&path).map_err(doing)?;
        if found == bundle {
            return Ok(true);
        }
        // Parts that are not the beginning of it would never become it.
        if found.size >= bundle.size {
            fs::remove_file(&path).map_err(doing)?;
        }
        Err(stale(format!(
            "what was sent is not the bundle: {} bytes with checksum {}, instead of {} bytes with {}",
            found.size, found.sha256, bundle.size, bundle.sha256
        )))
    })
    .await
}

/// Opens the parts for this writer alone.
fn open(parts: &Path) -> Result<fs::File> {
    let file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(parts).map_err(doing)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Error::unavailable("another upload of this bundle is under way").hint("try again"))
        }
        Err(fs::TryLockError::Error(error)) => Err(doing(error)),
    }
}

fn facts(path: &Path) -> io::Result<BundleFacts> {
    let (mut file, mut hash, mut size) = (fs::File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(BundleFacts { size, sha256: Checksum::from_bytes(hash.finalize().into()) });
        }
        hash.update(&buffer[..count]);
        size += count as u64;
    }
}

fn stale(message: String) -> Error {
    Error::new(ErrorKind::Stale, message).hint("ask how much is there, and go on from there")
}

async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::while_doing("write a bundle", e))?
}

fn doing(error: io::Error) -> Error {
    let full = error.kind() == Io::StorageFull;
    let text = Error::while_doing("write a bundle", error);
    // The sender has it still, and comes back.
    if full {
        Error::unavailable(text.message().to_owned()).hint("make room where the results are kept")
    } else {
        text
    }
}
