//! Bundles as files under a directory: `<node>/<job>/<run>.tar.gz`.

mod parts;

use std::io::{ErrorKind as Io, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::fs::{self, DirBuilder, File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::error::{Error, Result};
use crate::ids::{JobId, NodeId};
use crate::model::{ArtifactKey, BundleFacts, Checksum, ExperimentFile, OWN_PLACE, Secret, StoredBundle};
use crate::ports::{ArtifactStore, BundleStream, ByteStream};
use crate::time::Timestamp;

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

    /// Where the parts of a bundle grow until they are the bundle.
    fn parts(&self, key: &ArtifactKey, bundle: &BundleFacts) -> PathBuf {
        self.directory(key).join(format!(".{}.{}{TEMPORARY}", key.run, bundle.sha256))
    }

    async fn remove_parts(&self, key: &ArtifactKey) -> Result<()> {
        let beginning = format!(".{}.", key.run);
        for path in entries(&self.directory(key)).await? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // The names of those that are put in one go are shorter.
            let is_of_key = name.strip_prefix(&beginning).and_then(|rest| rest.strip_suffix(TEMPORARY));
            if is_of_key.is_some_and(|rest| rest.parse::<Checksum>().is_ok()) {
                remove(&path).await?;
            }
        }
        Ok(())
    }

    /// Has the directories on the way to a new bundle outlast a power cut.
    async fn settle(&self, key: &ArtifactKey) -> Result<()> {
        for directory in self.directory(key).ancestors().take(3) {
            sync_directory(directory).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl ArtifactStore for DirectoryStore {
    fn place(&self, key: &ArtifactKey) -> String {
        format!("{OWN_PLACE}{key}")
    }

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
        self.settle(key).await?;
        Ok(size)
    }

    async fn get(&self, key: &ArtifactKey, from: u64) -> Result<ByteStream> {
        let name = key.to_string();
        let mut file = match File::open(self.path(key)).await {
            Ok(file) => file,
            Err(e) if e.kind() == Io::NotFound => {
                return Err(Error::not_found(format!("there is no bundle {name}")));
            }
            Err(e) => return Err(Error::while_doing(format!("open bundle {name}"), e)),
        };
        let sought = file.seek(SeekFrom::Start(from)).await;
        sought.map_err(|e| Error::while_doing(format!("read bundle {name}"), e))?;
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
        self.remove_parts(key).await?;
        remove(&self.path(key)).await
    }

    async fn list(&self) -> Result<BundleStream> {
        let mut jobs = Vec::new();
        for node in entries(&self.root).await? {
            jobs.extend(entries(&node).await?);
        }
        let root = self.root.clone();
        let pages = stream::iter(jobs).then(move |job| bundles(root.clone(), job));
        Ok(Box::pin(pages.flat_map(|page| match page {
            Ok(bundles) => stream::iter(bundles.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        })))
    }

    async fn staged(&self, key: &ArtifactKey, bundle: &BundleFacts) -> Result<u64> {
        parts::size(&self.parts(key, bundle)).await
    }

    async fn append(
        &self,
        key: &ArtifactKey,
        bundle: &BundleFacts,
        from: u64,
        content: ByteStream,
    ) -> Result<u64> {
        make_directory(&self.directory(key)).await?;
        parts::append(&self.parts(key, bundle), bundle, from, content).await
    }

    async fn commit(&self, key: &ArtifactKey, bundle: &BundleFacts) -> Result<()> {
        let place = self.path(key);
        if !parts::check(&self.parts(key, bundle), &place, bundle).await? {
            return Ok(());
        }
        let renamed = fs::rename(self.parts(key, bundle), &place).await;
        renamed.map_err(|e| {
            Error::while_doing(format!("write bundle {key} below {}", self.root.display()), e)
        })?;
        self.settle(key).await?;
        // Those of what somebody began to hand over instead.
        self.remove_parts(key).await
    }

    fn link(&self, _: &ArtifactKey, _: Timestamp, _: Timestamp) -> Option<Secret> {
        None
    }

    fn upload_link(&self, _: &ArtifactKey, _: Timestamp, _: Timestamp) -> Option<Secret> {
        None
    }

    async fn experiment_file(
        &self,
        node: &NodeId,
        job: &JobId,
        file: ExperimentFile,
    ) -> Result<Option<String>> {
        let path = self.root.join(node.as_str()).join(job.as_str()).join(file.name());
        match fs::read_to_string(&path).await {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == Io::NotFound => Ok(None),
            Err(e) => Err(Error::while_doing(format!("read {}", path.display()), e)),
        }
    }
}

/// The whole bundles in the directory of a job.
async fn bundles(root: PathBuf, job: PathBuf) -> Result<Vec<StoredBundle>> {
    let mut found = Vec::new();
    for path in entries(&job).await? {
        let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
        // Also one that was removed since the directory was read is none.
        let (Some(key), Ok(data)) = (ArtifactKey::from_name(&name), fs::metadata(&path).await) else {
            continue;
        };
        let modified = data.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
        if let Some(modified) = modified.filter(|_| data.is_file()) {
            found.push(StoredBundle { key, size: data.len(), modified });
        }
    }
    Ok(found)
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
