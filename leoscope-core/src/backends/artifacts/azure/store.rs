//! An artifact store in a container.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, StatusCode};

use super::account::Account;
use super::blob::Blob;
use super::blocks::{self, Tag};
use super::http::Call;
use super::listing::Page;
use super::names::encode;
use super::sender::{Sender, Sent};
use super::sign::Right;
use super::{fault, reader};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId};
use crate::model::{ArtifactKey, BundleFacts, ExperimentFile, Secret, StoredBundle};
use crate::ports::{ArtifactStore, BundleStream, ByteStream};
use crate::time::Timestamp;

/// The largest file of an experiment that is read, in bytes.
const MAX_FILE: usize = 256 << 10;

/// The longest page of a list that is read: 5,000 names, as long as may be.
const MAX_PAGE: usize = 32 << 20;

/// Bundles as blobs: `<artifactPath>/<nodeid>/<jobid>/<runid>.tar.gz`.
///
/// What is handed over in parts are uncommitted blocks, which the service keeps for a week. Their ids
/// tell which bytes of which bundle they are.
#[derive(Debug)]
pub(super) struct AzureStore(pub(super) Arc<Account>);

impl AzureStore {
    fn name(&self, key: &ArtifactKey) -> String {
        self.0.folder.name(key)
    }

    fn blob(&self, key: &ArtifactKey) -> Blob {
        Blob::of_account(&self.0, &self.name(key), format!("bundle {key}"))
    }
}

#[async_trait]
impl ArtifactStore for AzureStore {
    fn place(&self, key: &ArtifactKey) -> String {
        self.0.address(&self.name(key))
    }

    async fn put(&self, key: &ArtifactKey, content: ByteStream) -> Result<u64> {
        let blob = self.blob(key);
        let length = block_length(0)?;
        let sender = Sender { blob: &blob, tag: Tag::random()?, from: 0, end: None, length };
        let Sent { blocks, end, sha256 } = sender.send(content).await?;
        if !blob.commit(&blocks, Some(sha256)).await? {
            // Another upload has just been completed, and takes the blocks of all others with it.
            return Err(
                Error::unavailable(format!("another upload of bundle {key} was under way")).hint("try again")
            );
        }
        Ok(end)
    }

    async fn get(&self, key: &ArtifactKey, from: u64) -> Result<ByteStream> {
        reader::read(self.blob(key), from).await
    }

    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>> {
        Ok(self.blob(key).head().await?.map(|head| head.size))
    }

    async fn list(&self) -> Result<BundleStream> {
        let pages = stream::try_unfold(Some(String::new()), {
            let account = Arc::clone(&self.0);
            move |marker| page(Arc::clone(&account), marker)
        });
        let bundles = pages.map_ok(stream::iter).try_flatten();
        Ok(bundles.boxed())
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<()> {
        self.blob(key).delete().await
    }

    async fn staged(&self, key: &ArtifactKey, bundle: &BundleFacts) -> Result<u64> {
        self.blob(key).staged(bundle).await
    }

    async fn append(
        &self,
        key: &ArtifactKey,
        bundle: &BundleFacts,
        from: u64,
        content: ByteStream,
    ) -> Result<u64> {
        let blob = self.blob(key);
        let there = blob.staged(bundle).await?;
        if there != from {
            let message = format!("the upload goes on at byte {from}, but {there} bytes are there");
            return Err(
                Error::new(ErrorKind::Stale, message).hint("ask how much is there, and go on from there")
            );
        }
        let length = block_length(bundle.size)?;
        let sender = Sender { blob: &blob, tag: Tag::of(bundle), from, end: Some(bundle.size), length };
        Ok(sender.send(content).await?.end)
    }

    async fn commit(&self, key: &ArtifactKey, bundle: &BundleFacts) -> Result<()> {
        self.blob(key).complete(bundle).await
    }

    fn link(&self, key: &ArtifactKey, _now: Timestamp, expires: Timestamp) -> Option<Secret> {
        self.0.link(&self.name(key), Right::Read, expires)
    }

    fn upload_link(&self, key: &ArtifactKey, _now: Timestamp, expires: Timestamp) -> Option<Secret> {
        self.0.link(&self.name(key), Right::Upload, expires)
    }

    async fn experiment_file(
        &self,
        node: &NodeId,
        job: &JobId,
        file: ExperimentFile,
    ) -> Result<Option<String>> {
        let shown = format!("{} of job {job} on node {node}", file.name());
        let name = self.0.folder.file_name(node, job, file);
        let blob = Blob::of_account(&self.0, &name, shown.clone());
        let answer = match blob.read(0, None).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(Some(String::new())),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(content) = answer.body(MAX_FILE).await? else {
            let message = format!("{shown} in blob storage is larger than {} KiB", MAX_FILE >> 10);
            return Err(Error::invalid(message).hint("remove it, or make it smaller"));
        };
        let text = String::from_utf8(content);
        text.map(Some).map_err(|_| Error::invalid(format!("{shown} in blob storage is no text in UTF-8")))
    }
}

fn block_length(size: u64) -> Result<usize> {
    usize::try_from(blocks::length(size)).map_err(|_| Error::invalid("a bundle is larger than any blob"))
}

/// The bundles on the page that begins at `marker`, and where the next one does.
async fn page(
    account: Arc<Account>,
    marker: Option<String>,
) -> Result<Option<(Vec<Result<StoredBundle>>, Option<String>)>> {
    let Some(marker) = marker else { return Ok(None) };
    let mut query = String::from("restype=container&comp=list");
    for (name, value) in [("prefix", account.folder.prefix()), ("marker", &marker)] {
        if !value.is_empty() {
            query.push_str(&format!("&{name}={}", encode(value)));
        }
    }
    let address = account.container();
    let answer = account.send(&Call::new(Method::GET, &address, &query)).await?;
    if answer.status != StatusCode::OK {
        return Err(fault::refused(&format!("list container {}", account.folder.container()), &answer));
    }
    let text = answer.body(MAX_PAGE).await?.ok_or_else(|| Error::internal("a list of bundles is endless"))?;
    let page = Page::read(&text)?;
    Ok(Some((page.bundles(&account.folder), page.next().map(str::to_owned))))
}
