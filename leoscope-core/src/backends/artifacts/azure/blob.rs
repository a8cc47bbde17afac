//! What is done with one blob.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode, header};

use super::account::Account;
use super::blocks::{BlockId, BlockList, Staged, Tag, commit_list};
use super::fault;
use super::http::{Answer, Call, Http};
use super::names::encode;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{BundleFacts, Checksum, Secret};

/// The metadata that holds the checksum of a bundle.
const CHECKSUM: &str = "x-ms-meta-sha256";

/// The longest list of blocks that is read: 50,000 blocks with names as long as may be.
const MAX_LIST: usize = 32 << 20;

/// A blob.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    way: Way,
    /// Without a right in it.
    address: String,
    /// What it is called in texts for people.
    name: String,
}

/// How requests come there.
#[derive(Debug, Clone)]
enum Way {
    Account(Arc<Account>),
    Link(Http, Secret),
}

/// What is known of a blob that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) size: u64,
    sha256: Option<Checksum>,
}

impl Blob {
    /// The blob `name` of an account, which people know as `shown`.
    pub(super) fn of_account(account: &Arc<Account>, name: &str, shown: String) -> Self {
        Self { way: Way::Account(Arc::clone(account)), address: account.address(name), name: shown }
    }

    /// The blob to which a link with this query leads.
    pub(super) fn of_link(http: Http, address: String, query: Secret) -> Self {
        Self { way: Way::Link(http, query), address, name: "the bundle".to_owned() }
    }

    fn call<'a>(&'a self, method: Method, query: &'a str) -> Call<'a> {
        Call::new(method, &self.address, query)
    }

    async fn send(&self, call: &Call<'_>) -> Result<Answer> {
        match &self.way {
            Way::Account(account) => account.send(call).await,
            Way::Link(http, right) => http.send(call, right).await,
        }
    }

    fn refused(&self, doing: &str, answer: &Answer) -> Error {
        fault::refused(&format!("{doing} {}", self.name), answer)
    }

    /// What is known of the blob; `None` if it is not there.
    pub(super) async fn head(&self) -> Result<Option<Head>> {
        let answer = self.send(&self.call(Method::HEAD, "")).await?;
        match answer.status {
            StatusCode::OK => {
                let size = answer.length().ok_or_else(|| Error::internal("blob storage tells no size"))?;
                let sha256 = answer.header(CHECKSUM).and_then(|text| text.parse().ok());
                Ok(Some(Head { size, sha256 }))
            }
            StatusCode::NOT_FOUND if !fault::is_no_container(&answer) => Ok(None),
            _ => Err(self.refused("look for", &answer)),
        }
    }

    /// The blocks that are there and belong to no blob yet.
    pub(super) async fn blocks(&self) -> Result<BlockList> {
        let answer = self.send(&self.call(Method::GET, "comp=blocklist&blocklisttype=uncommitted")).await?;
        match answer.status {
            StatusCode::OK => {
                let text = answer.body(MAX_LIST).await?;
                BlockList::read(&text.ok_or_else(|| Error::internal("a list of blocks is endless"))?)
            }
            StatusCode::NOT_FOUND if !fault::is_no_container(&answer) => Ok(BlockList::default()),
            _ => Err(self.refused("see what is there of", &answer)),
        }
    }

    /// Puts a block there.
    pub(super) async fn stage(&self, id: BlockId, block: Bytes) -> Result<()> {
        let query = format!("comp=block&blockid={}", encode(&id.text()));
        let answer = self.send(&self.call(Method::PUT, &query).body(block)).await?;
        if answer.status == StatusCode::CREATED { Ok(()) } else { Err(self.refused("upload", &answer)) }
    }

    /// Makes the blocks the blob. Whether they were all there.
    pub(super) async fn commit(&self, blocks: &[BlockId], sha256: Option<Checksum>) -> Result<bool> {
        let mut call = self.call(Method::PUT, "comp=blocklist").body(commit_list(blocks));
        call = call.header("x-ms-blob-content-type", "application/gzip");
        if let Some(sha256) = sha256 {
            call = call.header(CHECKSUM, sha256.to_string());
        }
        let answer = self.send(&call).await?;
        match answer.status {
            StatusCode::CREATED => Ok(true),
            _ if fault::is_no_blocks(&answer) => Ok(false),
            _ => Err(self.refused("complete", &answer)),
        }
    }

    /// Removes the blob, and what was uploaded of one that never was whole.
    pub(super) async fn delete(&self) -> Result<()> {
        self.delete_whole().await?;
        if self.blocks().await?.is_empty() {
            return Ok(());
        }
        // Blocks alone cannot be deleted. A blob of none takes their place, and goes at once; one that
        // somebody has just made of them stays.
        let call =
            self.call(Method::PUT, "comp=blocklist").body(commit_list(&[])).header("if-none-match", "*");
        let answer = self.send(&call).await?;
        match answer.status {
            StatusCode::CREATED => self.delete_whole().await,
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Ok(()),
            _ => Err(self.refused("delete the parts of", &answer)),
        }
    }

    async fn delete_whole(&self) -> Result<()> {
        let call = self.call(Method::DELETE, "").header("x-ms-delete-snapshots", "include");
        let answer = self.send(&call).await?;
        match answer.status {
            StatusCode::ACCEPTED => Ok(()),
            StatusCode::NOT_FOUND if !fault::is_no_container(&answer) => Ok(()),
            _ => Err(self.refused("delete", &answer)),
        }
    }

    /// Begins to read at byte `from`, of the blob with this tag if one is given; `None` when it has no
    /// more bytes than that.
    pub(super) async fn read(&self, from: u64, tag: Option<&str>) -> Result<Option<Answer>> {
        let mut call = self.call(Method::GET, "");
        if from > 0 {
            call = call.header("range", format!("bytes={from}-"));
        }
        if let Some(tag) = tag {
            call = call.header("if-match", tag);
        }
        let answer = self.send(&call).await?;
        match answer.status {
            StatusCode::OK if from == 0 => Ok(Some(answer)),
            StatusCode::PARTIAL_CONTENT if begins_at(&answer) == Some(from) => Ok(Some(answer)),
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(None),
            _ => Err(self.refused("read", &answer)),
        }
    }

    /// How many bytes of a bundle are there from its beginning, of those that belong to no blob yet.
    pub(super) async fn staged(&self, bundle: &BundleFacts) -> Result<u64> {
        Ok(Staged::of(Tag::of(bundle), &self.blocks().await?).size().min(bundle.size))
    }

    /// Makes the blocks of a bundle the blob, if it is not there already.
    pub(super) async fn complete(&self, bundle: &BundleFacts) -> Result<()> {
        let staged = Staged::of(Tag::of(bundle), &self.blocks().await?);
        if let Some(blocks) = staged.whole(bundle.size)
            && self.commit(&blocks, Some(bundle.sha256)).await?
        {
            return Ok(());
        }
        if self.is(bundle).await? {
            return Ok(());
        }
        let message = format!("{} of the {} bytes of {} are there", staged.size(), bundle.size, self.name);
        Err(Error::new(ErrorKind::Stale, message).hint("ask how much is there, and go on from there"))
    }

    /// Whether the blob is this bundle.
    pub(super) async fn is(&self, bundle: &BundleFacts) -> Result<bool> {
        Ok(self.head().await? == Some(Head { size: bundle.size, sha256: Some(bundle.sha256) }))
    }
}

/// The first byte of what the server sends.
fn begins_at(answer: &Answer) -> Option<u64> {
    let range = answer.header(header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.parse().ok()
}
