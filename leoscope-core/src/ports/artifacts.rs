use std::fmt::Debug;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use crate::error::Result;
use crate::model::ArtifactKey;

/// A stream of bytes in pieces of the sender's choice; the first error ends it.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Where the bundles of runs are kept.
///
/// Guarantees:
/// - A bundle is seen whole or not at all: a [`put`](ArtifactStore::put) whose stream fails, or
///   whose process dies, leaves what was there before.
/// - `put` on an existing key replaces the bundle.
/// - [`get`](ArtifactStore::get) gives back the bytes that were put;
///   [`NotFound`](crate::ErrorKind::NotFound) when there are none.
/// - [`delete`](ArtifactStore::delete) of what is not there succeeds.
/// - Memory use does not grow with the size of a bundle.
#[async_trait]
pub trait ArtifactStore: Debug + Send + Sync {
    /// Stores a bundle and gives its size in bytes.
    async fn put(&self, key: &ArtifactKey, content: ByteStream) -> Result<u64>;

    /// Reads a bundle.
    async fn get(&self, key: &ArtifactKey) -> Result<ByteStream>;

    /// The size in bytes of a bundle, if it is there.
    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>>;

    /// Removes a bundle.
    async fn delete(&self, key: &ArtifactKey) -> Result<()>;
}
