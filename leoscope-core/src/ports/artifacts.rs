use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use crate::error::Result;
use crate::ids::{JobId, NodeId};
use crate::model::{ArtifactKey, BlobSettings, BundleFacts, ExperimentFile, Secret, StoredBundle};
use crate::time::Timestamp;

/// A stream of bytes in pieces of the sender's choice; the first error ends it.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// The bundles of a store; an error ends it.
pub type BundleStream = Pin<Box<dyn Stream<Item = Result<StoredBundle>> + Send>>;

/// Where the bundles of runs are kept.
///
/// Guarantees:
/// - A bundle is seen whole or not at all: a [`put`](ArtifactStore::put) whose stream fails, or
///   whose process dies, leaves what was there before.
/// - `put` on an existing key replaces the bundle, and so does [`commit`](ArtifactStore::commit).
/// - [`get`](ArtifactStore::get) gives back the bytes that were put, from the asked one on;
///   [`NotFound`](crate::ErrorKind::NotFound) when there are none. Beyond the end it gives nothing.
/// - What was [appended](ArtifactStore::append) before its stream failed, or the process died, need not
///   be sent again, but for what came last: [`staged`](ArtifactStore::staged) tells where to go on.
///   Parts of another bundle of the same run are never mixed in.
/// - `commit` stores exactly the bytes that [`BundleFacts`] tell of, or nothing: size and, in stores
///   that see all bytes, the checksum are compared. Committing again what was committed succeeds.
/// - [`list`](ArtifactStore::list) gives every whole bundle once, in no order, and nothing else that lies in
///   the same place.
/// - [`delete`](ArtifactStore::delete) of what is not there succeeds; parts of what was never whole go too.
/// - A [link](ArtifactStore::link) gives the one bundle to whoever has it, until it expires.
/// - Memory use does not grow with the size of a bundle.
#[async_trait]
pub trait ArtifactStore: Debug + Send + Sync {
    /// Where the bundle is or would be, for a person to read; never with a permission in it.
    fn place(&self, key: &ArtifactKey) -> String;

    /// Stores a bundle and gives its size in bytes.
    async fn put(&self, key: &ArtifactKey, content: ByteStream) -> Result<u64>;

    /// Reads a bundle, without its first `from` bytes.
    async fn get(&self, key: &ArtifactKey, from: u64) -> Result<ByteStream>;

    /// The size in bytes of a bundle, if it is there.
    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>>;

    /// All bundles.
    async fn list(&self) -> Result<BundleStream>;

    /// Removes a bundle.
    async fn delete(&self, key: &ArtifactKey) -> Result<()>;

    /// How many bytes of this bundle have been appended already.
    async fn staged(&self, key: &ArtifactKey, bundle: &BundleFacts) -> Result<u64>;

    /// Appends to the parts of a bundle, of which `from` bytes are there, and gives how many are then.
    ///
    /// # Errors
    /// [`Stale`](crate::ErrorKind::Stale) when there are not `from` bytes, and those of `content`.
    async fn append(
        &self,
        key: &ArtifactKey,
        bundle: &BundleFacts,
        from: u64,
        content: ByteStream,
    ) -> Result<u64>;

    /// Makes the parts of a bundle the bundle.
    ///
    /// # Errors
    /// [`Stale`](crate::ErrorKind::Stale) when they are not what `bundle` says; what can never become it is
    /// removed then.
    async fn commit(&self, key: &ArtifactKey, bundle: &BundleFacts) -> Result<()>;

    /// A link with which anybody can read a bundle until `expires`; `None` from stores that have none.
    fn link(&self, key: &ArtifactKey, now: Timestamp, expires: Timestamp) -> Option<Secret>;

    /// A link with which anybody can [upload](BlobStorage::upload) this bundle, and nothing else, until
    /// `expires`; `None` from stores that have none.
    fn upload_link(&self, key: &ArtifactKey, now: Timestamp, expires: Timestamp) -> Option<Secret>;

    /// The text of a file that lies beside the bundles of a job on a node, where there is one.
    async fn experiment_file(
        &self,
        node: &NodeId,
        job: &JobId,
        file: ExperimentFile,
    ) -> Result<Option<String>>;
}

/// One bundle on its way, block by block, to where a link leads.
///
/// Guarantees:
/// - What was [staged](BlockUpload::stage) stays for days, whoever goes on with it.
/// - The bundle is seen once it is [committed](BlockUpload::commit), never before.
#[async_trait]
pub trait BlockUpload: Debug + Send + Sync {
    /// How many bytes from the beginning of the bundle are there.
    async fn staged(&self) -> Result<u64>;

    /// Puts a block there that begins at byte `from` of the bundle. Blocks may come in any order, and
    /// several at once.
    async fn stage(&self, from: u64, block: Bytes) -> Result<()>;

    /// Makes the blocks the bundle.
    async fn commit(&self) -> Result<()>;
}

/// Blob storage of a cloud.
#[async_trait]
pub trait BlobStorage: Debug + Send + Sync {
    /// The artifact store in a container of an account. Nothing is asked of the network yet.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for settings that cannot be used; the text
    /// says nothing of a key.
    fn open(&self, settings: &BlobSettings) -> Result<Arc<dyn ArtifactStore>>;

    /// The upload that a [link](ArtifactStore::upload_link) allows.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what is no link.
    fn upload(&self, link: &Secret, bundle: &BundleFacts) -> Result<Box<dyn BlockUpload>>;

    /// Reads from a [link](ArtifactStore::link), without the first `from` bytes.
    ///
    /// # Errors
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) for one that has expired,
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is nothing.
    async fn fetch(&self, link: &Secret, from: u64) -> Result<ByteStream>;
}
