//! What Azure Blob storage promises beyond the artifacts port, over a real Azurite: links, restarts,
//! permissions, settings that cannot work, and that no secret is logged.

mod links;
mod refusals;
mod restart;
mod secrets;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::ids::{JobId, NodeId, RunId};
use leoscope_core::model::{ArtifactKey, Secret};
use leoscope_core::ports::{ArtifactStore, BlobStorage as _, ByteStream};
use leoscope_core::time::{SignedDuration, Timestamp};
use leoscope_tests::azurite::Azurite;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An Azurite with a store in it.
struct World {
    azurite: Azurite,
    storage: AzureStorage,
    store: Arc<dyn ArtifactStore>,
    _data: TempDir,
}

impl World {
    /// `None` where there is no Azurite, and none is required.
    fn new() -> Option<Self> {
        let data = tempfile::tempdir().expect("directory");
        let azurite = Azurite::start(&data.path().join("azurite"))?;
        let storage = AzureStorage::new().expect("storage");
        let store = storage.open(&azurite.settings("results")).expect("store");
        Some(Self { azurite, storage, store, _data: data })
    }
}

fn key(run: &str) -> ArtifactKey {
    ArtifactKey {
        node: NodeId::parse("node-1").expect("id"),
        job: JobId::parse("a+b@example.org").expect("id"),
        run: RunId::parse(run).expect("id"),
    }
}

fn once(content: impl Into<Bytes>) -> ByteStream {
    let content = content.into();
    Box::pin(stream::once(async move { Ok(content) }))
}

async fn whole(content: ByteStream) -> Vec<u8> {
    content.try_collect::<Vec<Bytes>>().await.expect("content").concat()
}

/// Instants `seconds` from now, for what expires.
fn in_seconds(seconds: i64) -> (Timestamp, Timestamp) {
    let now = Timestamp::now();
    (now, now.checked_add(SignedDuration::from_secs(seconds)).expect("time"))
}

/// A request as any program makes it, and the status and body of its answer.
async fn request(method: &str, link: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let rest = link.strip_prefix("http://").expect("an address");
    let (host, path) = rest.split_once('/').expect("an address with a path");
    let mut stream = TcpStream::connect(host).await.expect("connect");
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("send");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("read");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
    let status = String::from_utf8_lossy(&answer[9..12]).parse().expect("status");
    (status, answer.split_off(end + 4))
}

fn expose(link: Option<Secret>) -> String {
    link.expect("link").expose().to_owned()
}
