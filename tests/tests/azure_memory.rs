//! That memory does not grow with what goes to Azure Blob storage. The peak is that of the process, so
//! this is the only test in it.

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::ids::{JobId, NodeId, RunId};
use leoscope_core::model::ArtifactKey;
use leoscope_core::ports::BlobStorage as _;
use leoscope_tests::azurite::Azurite;

const SIZE: u64 = 300 << 20;

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().strip_suffix(" kB").expect("kB").parse::<u64>().expect("a number") << 10
}

#[tokio::test]
async fn memory_does_not_grow_with_a_bundle() {
    let data = tempfile::tempdir().expect("directory");
    let Some(azurite) = Azurite::start(&data.path().join("azurite")) else { return };
    let store = AzureStorage::new().expect("storage").open(&azurite.settings("results")).expect("store");
    let key = ArtifactKey {
        node: NodeId::parse("node-1").expect("id"),
        job: JobId::parse("job-1").expect("id"),
        run: RunId::parse("run-1").expect("id"),
    };
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    let before = peak();
    let pieces = stream::iter((0..SIZE >> 20).map(move |_| Ok(piece.clone())));
    assert_eq!(store.put(&key, Box::pin(pieces)).await.expect("put"), SIZE);
    let mut content = store.get(&key, 0).await.expect("get");
    let mut read = 0;
    while let Some(piece) = content.try_next().await.expect("content") {
        read += piece.len() as u64;
    }
    assert_eq!(read, SIZE);
    let grown = peak() - before;
    assert!(grown < 32 << 20, "{} MB more were used", grown >> 20);
}
