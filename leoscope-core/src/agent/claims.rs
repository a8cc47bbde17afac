//! Which runs this process drives, known to the other processes of the node.
//!
//! A run is claimed twice: by a lock on a file in the node's directory, which the system lets go of
//! when the process dies, and in the session store, which tells processes that do not see that
//! file. A session store that does not answer stops no run: the lock decides alone then.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;

use super::Inner;
use crate::error::{Error, Result};
use crate::ids::{NodeId, RunId};
use crate::ports::{Claim, Sessions};

/// How long a claim outlives a process of which no lock tells that it has died.
const TTL: Duration = Duration::from_secs(30);

/// How often claims are renewed.
const RENEWAL: SignedDuration = SignedDuration::from_secs(10);

/// How often a lock file is opened that others remove meanwhile.
const ATTEMPTS: usize = 16;

/// The runs of this process.
#[derive(Debug)]
pub(super) struct Claims {
    sessions: Arc<dyn Sessions>,
    node: NodeId,
    dir: PathBuf,
    /// The name of this process, unlike that of any other.
    holder: String,
    held: Mutex<BTreeMap<RunId, File>>,
}

impl Claims {
    /// No claims yet; lock files are kept in `work_dir`.
    pub(super) fn new(sessions: Arc<dyn Sessions>, node: NodeId, work_dir: &Path) -> Result<Self> {
        let bits = getrandom::u64().map_err(|e| Error::while_doing("name this process", e))?;
        Ok(Self {
            sessions,
            node,
            dir: work_dir.join("claims"),
            holder: format!("{}-{bits:016x}", std::process::id()),
            held: Mutex::default(),
        })
    }

    /// Claims `run`; whether it is this process's.
    ///
    /// # Errors
    /// A lock file that cannot be made: nobody knows then who drives the run.
    pub(super) async fn take(&self, run: &RunId) -> Result<bool> {
        if self.held().contains_key(run) {
            return Ok(true);
        }
        let path = self.dir.join(run.as_str());
        let fault = |e: io::Error| Error::while_doing(format!("lock {}", path.display()), e);
        let Some((mut file, dead)) = lock(&self.dir, &path).map_err(fault)? else { return Ok(false) };
        if !self.claim(run, &dead).await {
            return Ok(false);
        }
        name(&mut file, &self.holder).map_err(fault)?;
        self.held().insert(run.clone(), file);
        Ok(true)
    }

    /// Claims `run` in the session store. `dead` held its lock before, and has died.
    async fn claim(&self, run: &RunId, dead: &str) -> bool {
        let key = self.key(run);
        let answer = match self.sessions.claim(&key, &self.holder, TTL).await {
            Ok(Claim::Theirs(holder)) if holder == dead => {
                // What it cannot give back itself any more.
                let released = self.sessions.release(&key, dead).await;
                match released {
                    Ok(()) => self.sessions.claim(&key, &self.holder, TTL).await,
                    Err(error) => Err(error),
                }
            }
            answer => answer,
        };
        match answer {
            Ok(Claim::Ours) => true,
            Ok(Claim::Theirs(holder)) => {
                tracing::debug!(%run, holder, "another process has the run");
                false
            }
            Err(error) => {
                tracing::warn!(%run, %error, "cannot tell other processes of this run, its lock has to do");
                true
            }
        }
    }

    /// Gives `run` back.
    pub(super) async fn release(&self, run: &RunId) {
        let Some(file) = self.held().remove(run) else { return };
        if let Err(error) = self.sessions.release(&self.key(run), &self.holder).await {
            tracing::debug!(%run, %error, "the claim ends by itself");
        }
        if let Err(error) = fs::remove_file(self.dir.join(run.as_str())) {
            tracing::debug!(%run, %error, "cannot remove a lock file");
        }
        // Only then does the lock end, so that whoever has it finds the file in its place.
        drop(file);
    }

    /// Gives everything back.
    pub(super) async fn release_all(&self) {
        let runs: Vec<RunId> = self.held().keys().cloned().collect();
        for run in runs {
            self.release(&run).await;
        }
    }

    async fn renew(&self) {
        let runs: Vec<RunId> = self.held().keys().cloned().collect();
        for run in runs {
            match self.sessions.claim(&self.key(&run), &self.holder, TTL).await {
                Ok(Claim::Ours) => {}
                Ok(Claim::Theirs(holder)) => tracing::warn!(%run, holder, "another process claims this run"),
                Err(error) => tracing::debug!(%run, %error, "the claim is not renewed"),
            }
        }
    }

    fn key(&self, run: &RunId) -> String {
        format!("run/{}/{run}", self.node)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<RunId, File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renews the claims for ever.
pub(super) async fn keep(node: &Inner) -> Result<()> {
    loop {
        node.pause(RENEWAL).await;
        node.claims.renew().await;
    }
}

/// The locked file and the name of who held it before; `None` while somebody holds it.
fn lock(dir: &Path, path: &Path) -> io::Result<Option<(File, String)>> {
    fs::create_dir_all(dir)?;
    for _ in 0..ATTEMPTS {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
            Ok(()) => {}
        }
        // Whoever held it may have removed it since it was opened.
        if fs::metadata(path).is_ok_and(|data| file.metadata().is_ok_and(|own| own.ino() == data.ino())) {
            let mut name = String::new();
            file.read_to_string(&mut name)?;
            return Ok(Some((file, name)));
        }
    }
    Ok(None)
}

fn name(file: &mut File, holder: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(holder.as_bytes())
}
