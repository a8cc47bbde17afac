//! What a file of the operator says.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use nix::fcntl::OFlag;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::MAX_BYTES;
use crate::error::{Error, Result};

/// The one turn to read a file. A file on a mount that is dead holds a thread for as long as that is, and
/// one is enough.
#[derive(Debug)]
pub(super) struct Turn(Arc<Semaphore>);

impl Default for Turn {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Turn {
    /// What is in a file.
    pub(super) async fn content(&self, path: &Path) -> Result<Vec<u8>> {
        let owned = path.to_owned();
        let read = self.take(move || content(&owned)).await;
        read.unwrap_or_else(|| {
            let path = path.display();
            Err(Error::unavailable(format!("{path} is still being read since before"))
                .hint("is it on a mount that does not answer any more?"))
        })
    }

    /// Does what may never end; `None` while something does that was begun before, also where nobody waits
    /// for that any more.
    async fn take<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Option<Result<T>> {
        let turn = Arc::clone(&self.0).try_acquire_owned().ok()?;
        let done = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        Some(done.await.unwrap_or_else(|e| Err(Error::while_doing("read a file", e))))
    }
}

fn content(path: &Path) -> Result<Vec<u8>> {
    let fault = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound => Error::unavailable(format!("{} is not there", path.display())),
        _ => Error::unavailable(format!("{}: {e}", path.display())),
    };
    // Not waiting for who writes into a pipe.
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = file.map_err(fault)?;
    if !file.metadata().map_err(fault)?.is_file() {
        return Err(Error::unavailable(format!("{} is no file", path.display())));
    }
    let mut content = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(fault)?;
    if content.len() as u64 > MAX_BYTES {
        return Err(Error::unavailable(format!("{} has more than {MAX_BYTES} bytes", path.display())));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_file_that_hangs_is_not_read_once_more_before_it_has_answered() {
        let turn = Turn::default();
        let (dead, answers) = mpsc::channel::<()>();
        let hangs = turn.take(move || {
            let _ = answers.recv();
            Ok(())
        });
        assert!(hangs.now_or_never().is_none(), "given up");
        let path = Path::new("/proc/self/stat");
        let error = turn.content(path).await.expect_err("it still hangs");
        assert_eq!(error.message(), "/proc/self/stat is still being read since before");
        drop(dead);
        while turn.content(path).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
