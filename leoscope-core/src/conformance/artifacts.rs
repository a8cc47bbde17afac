//! Cases for the artifacts port.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId, RunId};
use crate::model::ArtifactKey;
use crate::ports::{ArtifactStore, ByteStream};

/// A case: it panics where the store, empty at first, breaks a guarantee.
pub type Case = for<'a> fn(&'a dyn ArtifactStore) -> BoxFuture<'a, ()>;

/// Every case with its name.
pub const CASES: &[(&str, Case)] = &[
    ("what_is_put_is_given_back", |store| what_is_put_is_given_back(store).boxed()),
    ("an_empty_bundle_is_a_bundle", |store| an_empty_bundle_is_a_bundle(store).boxed()),
    ("keys_do_not_share_bundles", |store| keys_do_not_share_bundles(store).boxed()),
    ("putting_again_replaces", |store| putting_again_replaces(store).boxed()),
    ("a_failed_put_leaves_what_was_there", |store| a_failed_put_leaves_what_was_there(store).boxed()),
    ("an_abandoned_put_leaves_nothing", |store| an_abandoned_put_leaves_nothing(store).boxed()),
    ("a_reader_keeps_the_bundle_it_opened", |store| a_reader_keeps_the_bundle_it_opened(store).boxed()),
    ("what_is_missing_is_not_found", |store| what_is_missing_is_not_found(store).boxed()),
    ("deleting_may_be_repeated", |store| deleting_may_be_repeated(store).boxed()),
];

fn key(run: &str) -> ArtifactKey {
    ArtifactKey {
        node: NodeId::parse("node-1").expect("node id"),
        job: JobId::parse("job@example.org").expect("job id"),
        run: RunId::parse(run).expect("run id"),
    }
}

/// `content` in pieces of uneven sizes.
fn pieces(content: &[u8]) -> ByteStream {
    let mut pieces = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + pieces.len() * 7919 % 100_000));
        pieces.push(Ok(Bytes::copy_from_slice(piece)));
        rest = after;
    }
    Box::pin(stream::iter(pieces))
}

fn broken(content: &'static [u8]) -> ByteStream {
    let fault = Error::unavailable("the sender is gone");
    Box::pin(stream::iter([Ok(Bytes::from_static(content)), Err(fault)]))
}

async fn content(stream: ByteStream) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = stream.try_collect().await?;
    Ok(pieces.concat())
}

async fn read(store: &dyn ArtifactStore, key: &ArtifactKey) -> Vec<u8> {
    content(store.get(key).await.expect("the bundle is there")).await.expect("the bundle can be read")
}

async fn what_is_put_is_given_back(store: &dyn ArtifactStore) {
    let large: Vec<u8> = (0..3_000_017_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let size = store.put(&key("r1"), pieces(&large)).await.expect("put");
    assert_eq!(size, large.len() as u64);
    assert_eq!(store.size(&key("r1")).await.expect("size"), Some(size));
    assert!(read(store, &key("r1")).await == large, "other bytes came back");
}

async fn an_empty_bundle_is_a_bundle(store: &dyn ArtifactStore) {
    assert_eq!(store.put(&key("r1"), pieces(b"")).await.expect("put"), 0);
    assert_eq!(store.size(&key("r1")).await.expect("size"), Some(0));
    assert_eq!(read(store, &key("r1")).await, b"");
}

async fn keys_do_not_share_bundles(store: &dyn ArtifactStore) {
    let other = ArtifactKey { node: NodeId::parse("node-2").expect("node id"), ..key("r1") };
    store.put(&key("r1"), pieces(b"one")).await.expect("put");
    store.put(&key("r2"), pieces(b"two")).await.expect("put");
    store.put(&other, pieces(b"three")).await.expect("put");
    store.delete(&key("r2")).await.expect("delete");
    assert_eq!(read(store, &key("r1")).await, b"one");
    assert_eq!(read(store, &other).await, b"three");
}

async fn putting_again_replaces(store: &dyn ArtifactStore) {
    store.put(&key("r1"), pieces(b"the first, which is longer")).await.expect("put");
    assert_eq!(store.put(&key("r1"), pieces(b"second")).await.expect("put again"), 6);
    assert_eq!(read(store, &key("r1")).await, b"second");
}

async fn a_failed_put_leaves_what_was_there(store: &dyn ArtifactStore) {
    let error = store.put(&key("r1"), broken(b"half")).await.expect_err("the stream fails");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "the error is the stream's: {error}");
    assert_eq!(store.size(&key("r1")).await.expect("size"), None);
    store.put(&key("r1"), pieces(b"whole")).await.expect("put");
    store.put(&key("r1"), broken(b"half")).await.expect_err("the stream fails");
    assert_eq!(read(store, &key("r1")).await, b"whole");
}

async fn an_abandoned_put_leaves_nothing(store: &dyn ArtifactStore) {
    let endless = Box::pin(stream::iter([Ok(Bytes::from_static(b"half"))]).chain(stream::pending()));
    let key = key("r1");
    let put = store.put(&key, endless);
    let abandoned = tokio::time::timeout(std::time::Duration::from_millis(100), put).await;
    abandoned.expect_err("the stream never ends");
    assert_eq!(store.size(&key).await.expect("size"), None);
}

async fn a_reader_keeps_the_bundle_it_opened(store: &dyn ArtifactStore) {
    store.put(&key("r1"), pieces(b"old")).await.expect("put");
    let reader = store.get(&key("r1")).await.expect("get");
    store.put(&key("r1"), pieces(b"new and longer")).await.expect("put again");
    let seen = content(reader).await.expect("the bundle can be read");
    assert!(seen == b"old" || seen == b"new and longer", "a mixture was read: {seen:?}");
}

async fn what_is_missing_is_not_found(store: &dyn ArtifactStore) {
    assert_eq!(store.size(&key("r1")).await.expect("size"), None);
    let Err(error) = store.get(&key("r1")).await else { panic!("a bundle nobody put was given") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn deleting_may_be_repeated(store: &dyn ArtifactStore) {
    store.delete(&key("r1")).await.expect("delete what never was");
    store.put(&key("r1"), pieces(b"x")).await.expect("put");
    store.delete(&key("r1")).await.expect("delete");
    store.delete(&key("r1")).await.expect("delete again");
    assert_eq!(store.size(&key("r1")).await.expect("size"), None);
}
