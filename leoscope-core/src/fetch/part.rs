//! The archive of a run while it comes.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

use super::{Decision, Plan, plan};
use crate::error::{Error, Result};
use crate::model::{BundleFacts, Checksum};

/// How much of a bundle's checksum stands in the name of its part: enough to tell two of a run apart.
const SUM_DIGITS: usize = 16;

/// Where the part of an archive is: its name tells of which bundle it is part, so that those of two are
/// never mixed.
fn path_of(archive: &Path, bundle: Option<&BundleFacts>) -> PathBuf {
    let sum =
        bundle.map(|bundle| format!(".{}", &bundle.sha256.to_string()[..SUM_DIGITS])).unwrap_or_default();
    let mut path: OsString = archive.into();
    path.push(format!("{sum}.part"));
    path.into()
}

/// How many bytes of an archive are here.
pub(super) fn kept(archive: &Path, bundle: Option<&BundleFacts>) -> u64 {
    let length = |path: &Path| fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|m| m.len());
    length(archive).or_else(|| length(&path_of(archive, bundle))).unwrap_or(0)
}

/// Removes parts of runs that are there whole, and of bundles that have been replaced.
pub(super) fn sweep(plan: &Plan) {
    let wanted = |decision: &Decision| matches!(decision, Decision::Fetch { .. });
    let runs = plan.runs.iter().filter(|planned| !matches!(planned.decision, Decision::Missing(_)));
    let parts: HashMap<PathBuf, Option<PathBuf>> = runs
        .map(|planned| {
            let archive = plan::archive(&plan.dir, &planned.run);
            let facts = planned.run.bundle.map(|bundle| bundle.facts);
            let part = wanted(&planned.decision).then(|| path_of(&archive, facts.as_ref()));
            (archive, part)
        })
        .collect();
    for entry in fs::read_dir(&plan.dir).into_iter().flatten().flatten() {
        let path = entry.path();
        // `<archive>.part` or `<archive>.<checksum>.part`
        let Some(bare) = path.to_str().and_then(|path| path.strip_suffix(".part")) else { continue };
        let archive = match bare.rsplit_once('.') {
            Some((archive, sum)) if sum.len() == SUM_DIGITS => archive,
            _ => bare,
        };
        if parts.get(Path::new(archive)).is_some_and(|part| part.as_ref() != Some(&path)) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(path);
        }
    }
}

/// A file that grows to be the archive of a run. Nobody else writes to it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    file: tokio::fs::File,
    /// How many bytes are there.
    pub(super) length: u64,
}

impl Part {
    /// Opens the part of `bundle`. An archive that is there already becomes the part.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when another process is at it.
    pub(super) async fn open(archive: &Path, bundle: Option<&BundleFacts>) -> Result<Self> {
        let path = path_of(archive, bundle);
        if let Some(parent) = archive.parent() {
            fs::create_dir_all(parent)
                .map_err(|e| Error::while_doing(format!("create {}", parent.display()), e))?;
        }
        let failed = |e: io::Error| Error::while_doing(format!("write {}", path.display()), e);
        if archive.is_file() {
            fs::rename(archive, &path).map_err(failed)?;
        }
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(failed)?;
        let busy = || {
            Error::unavailable(format!("{} is being written by another download", path.display()))
                .hint("wait until that has ended")
        };
        // Where files cannot be locked, as on some network file systems, the checksum has to do.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(busy());
        }
        let opened = file.metadata().map_err(failed)?;
        // The other one may have finished in between.
        if fs::symlink_metadata(&path).ok().map(|now| now.ino()) != Some(opened.ino()) {
            return Err(busy());
        }
        let mut file = tokio::fs::File::from_std(file);
        file.seek(io::SeekFrom::End(0)).await.map_err(failed)?;
        Ok(Self { path: path.clone(), file, length: opened.len() })
    }

    fn failed(&self, e: impl std::fmt::Display) -> Error {
        Error::while_doing(format!("write {}", self.path.display()), e)
    }

    /// Appends a piece.
    pub(super) async fn append(&mut self, piece: &Bytes) -> Result<()> {
        let written = self.file.write_all(piece).await;
        written.map_err(|e| self.failed(e))?;
        self.length += piece.len() as u64;
        Ok(())
    }

    /// Waits until what was appended is in the file.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let flushed = self.file.flush().await;
        flushed.map_err(|e| self.failed(e))
    }

    /// Throws away what is there.
    pub(super) async fn clear(&mut self) -> Result<()> {
        self.flush().await?;
        let cleared = self.file.set_len(0).await;
        cleared.map_err(|e| self.failed(e))?;
        let back = self.file.rewind().await;
        back.map_err(|e| self.failed(e))?;
        self.length = 0;
        Ok(())
    }

    /// The checksum of what is there.
    pub(super) async fn checksum(&mut self) -> Result<Checksum> {
        self.flush().await?;
        let path = self.path.clone();
        let work = tokio::task::spawn_blocking(move || {
            let (mut file, mut hash) = (File::open(path)?, Sha256::new());
            let mut buffer = vec![0; 128 << 10];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok::<_, io::Error>(Checksum::from_bytes(hash.finalize().into())),
                    count => hash.update(&buffer[..count]),
                }
            }
        });
        let sum = work.await.map_err(io::Error::other).and_then(|sum| sum);
        sum.map_err(|e| Error::while_doing(format!("read {}", self.path.display()), e))
    }

    /// Removes it, with all it has.
    pub(super) fn remove(self) -> Result<()> {
        let removed = fs::remove_file(&self.path);
        removed.map_err(|e| Error::while_doing(format!("remove {}", self.path.display()), e))
    }

    /// Makes it the archive; it is still nobody else's.
    pub(super) fn become_archive(&self, archive: &Path) -> Result<()> {
        let renamed = fs::rename(&self.path, archive);
        renamed.map_err(|e| Error::while_doing(format!("write {}", archive.display()), e))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.length == 0 {
            // An empty one is of no use; it may have been removed or renamed before.
            let _ = fs::remove_file(&self.path);
        }
    }
}
