//! Bundles in Azure Blob storage.
//!
//! The client is our own, of the eight requests that are needed; decision 0014 says why.

mod account;
mod blob;
mod blocks;
mod fault;
mod http;
mod listing;
mod names;
mod reader;
mod sender;
mod sign;
mod store;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use self::account::Account;
use self::blob::Blob;
use self::blocks::Tag;
use self::http::Http;
use self::store::AzureStore;
use crate::error::{Error, Result};
use crate::model::{BlobSettings, BundleFacts, Secret};
use crate::ports::{ArtifactStore, BlobStorage, BlockUpload, ByteStream};

/// Azure Blob storage. All that is opened with it shares its connections.
#[derive(Debug, Clone)]
pub struct AzureStorage {
    http: Http,
}

impl AzureStorage {
    /// One with connections of its own, of which none is made yet.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when TLS cannot be set up.
    pub fn new() -> Result<Self> {
        Ok(Self { http: Http::new()? })
    }

    fn at(&self, link: &Secret) -> Result<Blob> {
        let (address, query) = names::split(link)?;
        Ok(Blob::of_link(self.http.clone(), address, query))
    }
}

#[async_trait]
impl BlobStorage for AzureStorage {
    fn open(&self, settings: &BlobSettings) -> Result<Arc<dyn ArtifactStore>> {
        Ok(Arc::new(AzureStore(Arc::new(Account::open(self.http.clone(), settings)?))))
    }

    fn upload(&self, link: &Secret, bundle: &BundleFacts) -> Result<Box<dyn BlockUpload>> {
        Ok(Box::new(Upload { blob: self.at(link)?, bundle: *bundle }))
    }

    async fn fetch(&self, link: &Secret, from: u64) -> Result<ByteStream> {
        reader::read(self.at(link)?, from).await
    }
}

/// A bundle on its way to where a link leads.
#[derive(Debug)]
struct Upload {
    blob: Blob,
    bundle: BundleFacts,
}

#[async_trait]
impl BlockUpload for Upload {
    async fn staged(&self) -> Result<u64> {
        match self.blob.staged(&self.bundle).await? {
            // Also when the answer to the last commit was lost.
            0 if self.blob.is(&self.bundle).await? => Ok(self.bundle.size),
            staged => Ok(staged),
        }
    }

    async fn stage(&self, from: u64, block: Bytes) -> Result<()> {
        let end = from.checked_add(block.len() as u64);
        if end.is_none_or(|end| end > self.bundle.size) {
            let message =
                format!("a block at byte {from} ends behind the bundle of {} bytes", self.bundle.size);
            return Err(Error::invalid(message));
        }
        let id = Tag::of(&self.bundle).block(from, block.len())?;
        self.blob.stage(id, block).await
    }

    async fn commit(&self) -> Result<()> {
        self.blob.complete(&self.bundle).await
    }
}

#[cfg(test)]
mod tests;
