use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::ports::{ElementSource, Fetched};
use crate::time::SignedDuration;

/// How often it is looked whether the file has changed.
const INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// The longest file.
const MAX_BYTES: u64 = 64 << 20;

/// A file with orbital elements, which somebody else writes. It is read again when it has changed.
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    /// When what was read last was written, and how long it is.
    read: Mutex<Option<(SystemTime, u64)>>,
}

impl FileSource {
    /// The file at that path.
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: Mutex::default() }
    }
}

#[async_trait]
impl ElementSource for FileSource {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn interval(&self) -> SignedDuration {
        INTERVAL
    }

    async fn fetch(&self) -> Result<Fetched> {
        let cannot = |e: std::io::Error| Error::unavailable(format!("{} cannot be read: {e}", self.name()));
        let metadata = tokio::fs::metadata(&self.path).await.map_err(cannot)?;
        let state = (metadata.modified().map_err(cannot)?, metadata.len());
        if *self.read.lock().unwrap_or_else(PoisonError::into_inner) == Some(state) {
            return Ok(Fetched::Unchanged);
        }
        if metadata.len() > MAX_BYTES {
            let message =
                format!("{} is {} bytes long, at most {MAX_BYTES} are read", self.name(), metadata.len());
            return Err(Error::invalid(message));
        }
        let text = tokio::fs::read(&self.path).await.map_err(cannot)?;
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        Ok(Fetched::Text(text.into()))
    }
}
