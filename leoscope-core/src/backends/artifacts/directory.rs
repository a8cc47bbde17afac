//! Bundles as files under a directory: `<node>/<job>/<run>.tar.gz`.

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::fs::{self, DirBuilder, File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use crate::error::{Error, Result};
use crate::model::ArtifactKey;
use crate::ports::{ArtifactStore, ByteStream};

/// The end of the names of files being written; together with the dot in front no bundle can have
/// such a name, because ids start with a letter or digit.
const TEMPORARY: &str = ".tmp";

/// From what age on a file that is being written is given up; each piece that is written makes it
/// young again.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes read from a bundle at a time.
const PIECE: usize = 64 * 1024;

/// An artifact store in a directory, which several processes may share.
///
/// A bundle is written to a temporary file beside its place and renamed when it is whole and on
/// the disk. Files are readable by their owner alone.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    root: PathBuf,
}

impl DirectoryStore {
    /// A store in `root`, which is made if it is not there; what earlier processes left half
    /// written a day ago or earlier is removed.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) that names the path when the directory cannot be made or read.
    pub async fn new(root: PathBuf) -> Result<Self> {
        make_directory(&root).await?;
        for node in entries(&root).await? {
            for job in entries(&node).await? {
                for file in entries(&job).await? {
                    if is_temporary(&file) && is_abandoned(&file).await {
                        remove(&file).await?;
                    }
                }
            }
        }
        Ok(Self { root })
    }

    fn directory(&self, key: &ArtifactKey) -> PathBuf {
        self.root.join(key.node.as_str()).join(key.job.as_str())
    }

    fn path(&self, key: &ArtifactKey) -> PathBuf {
        self.directory(key).join(format!("{}.tar.gz", key.run))
    }
}

#[async_trait]
impl ArtifactStore for DirectoryStore {
    async fn put(&self, key: &ArtifactKey, mut content: ByteStream) -> Result<u64> {
        let directory = self.directory(key);
        make_directory(&directory).await?;
        let random = getrandom::u64().map_err(|e| Error::while_doing("name a temporary file", e))?;
        let temporary = Temporary(directory.join(format!(".{}.{random:016x}{TEMPORARY}", key.run)));
        let doing = |e| Error::while_doing(format!("write bundle {key} below {}", self.root.display()), e);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary.0)
            .await
            .map_err(doing)?;
        let mut size = 0;
        while let Some(piece) = content.next().await {
            let piece = piece?;
            file.write_all(&piece).await.map_err(doing)?;
            size += piece.len() as u64;
        }
        file.flush().await.map_err(doing)?;
        file.sync_all().await.map_err(doing)?;
        fs::rename(&temporary.0, self.path(key)).await.map_err(doing)?;
        // The rename and the directories on the way must outlast a power cut as well.
        for directory in directory.ancestors().take(3) {
            sync_directory(directory).await?;
        }
        Ok(size)
    }

    async fn get(&self, key: &ArtifactKey) -> Result<ByteStream> {
        let name = key.to_string();
        let file = match File::open(self.path(key)).await {
            Ok(file) => file,
            Err(e) if e.kind() == Io::NotFound => {
                return Err(Error::not_found(format!("there is no bundle {name}")));
            }
            Err(e) => return Err(Error::while_doing(format!("open bundle {name}"), e)),
        };
        let pieces = ReaderStream::with_capacity(file, PIECE)
            .map(move |piece| piece.map_err(|e| Error::while_doing(format!("read bundle {name}"), e)));
        Ok(Box::pin(pieces))
    }

    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>> {
        match fs::metadata(self.path(key)).await {
            Ok(data) => Ok(Some(data.len())),
            Err(e) if e.kind() == Io::NotFound => Ok(None),
            Err(e) => Err(Error::while_doing(format!("look for bundle {key}"), e)),
        }
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<()> {
        remove(&self.path(key)).await
    }
}

/// A file that goes when its writer does not come to the end; after the rename there is nothing
/// left to remove.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(TEMPORARY)
}

/// Whether nobody writes to a temporary file any more: other processes may use the same directory.
async fn is_abandoned(path: &Path) -> bool {
    let changed = fs::metadata(path).await.and_then(|file| file.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > ABANDONED))
}

async fn make_directory(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).await.map_err(|e| {
        Error::while_doing(format!("make directory {}", path.display()), e)
            .hint("give a directory that this user may write to")
    })
}

/// What lies in a directory; nothing, if it is a file or gone.
async fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let doing = |e| Error::while_doing(format!("read directory {}", path.display()), e);
    let mut found = Vec::new();
    let mut reader = match fs::read_dir(path).await {
        Ok(reader) => reader,
        Err(e) if matches!(e.kind(), Io::NotFound | Io::NotADirectory) => return Ok(found),
        Err(e) => return Err(doing(e)),
    };
    while let Some(entry) = reader.next_entry().await.map_err(doing)? {
        found.push(entry.path());
    }
    Ok(found)
}

async fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path).await {
        Err(e) if e.kind() != Io::NotFound => {
            Err(Error::while_doing(format!("remove {}", path.display()), e))
        }
        _ => Ok(()),
    }
}

async fn sync_directory(path: &Path) -> Result<()> {
    let synced = async { File::open(path).await?.sync_all().await }.await;
    synced.map_err(|e| Error::while_doing(format!("write directory {} to the disk", path.display()), e))
}
