//! Cases for the artifacts port.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId, RunId};
use crate::model::{ArtifactKey, BundleFacts, Checksum, ExperimentFile};
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
    ("a_reader_may_begin_anywhere", |store| a_reader_may_begin_anywhere(store).boxed()),
    ("what_was_appended_need_not_be_sent_again", |store| {
        what_was_appended_need_not_be_sent_again(store).boxed()
    }),
    ("what_goes_on_elsewhere_is_refused", |store| what_goes_on_elsewhere_is_refused(store).boxed()),
    ("parts_of_another_bundle_are_not_mixed_in", |store| {
        parts_of_another_bundle_are_not_mixed_in(store).boxed()
    }),
    ("parts_are_committed_only_when_they_are_the_bundle", |store| {
        parts_are_committed_only_when_they_are_the_bundle(store).boxed()
    }),
    ("every_whole_bundle_is_listed", |store| every_whole_bundle_is_listed(store).boxed()),
    ("places_tell_bundles_apart", |store| places_tell_bundles_apart(store).boxed()),
    ("no_experiment_file_is_there_unless_somebody_put_it", |store| {
        no_experiment_file_is_there(store).boxed()
    }),
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
    content(store.get(key, 0).await.expect("the bundle is there")).await.expect("the bundle can be read")
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
    let reader = store.get(&key("r1"), 0).await.expect("get");
    store.put(&key("r1"), pieces(b"new and longer")).await.expect("put again");
    let seen = content(reader).await.expect("the bundle can be read");
    assert!(seen == b"old" || seen == b"new and longer", "a mixture was read: {seen:?}");
}

async fn what_is_missing_is_not_found(store: &dyn ArtifactStore) {
    assert_eq!(store.size(&key("r1")).await.expect("size"), None);
    let Err(error) = store.get(&key("r1"), 0).await else { panic!("a bundle nobody put was given") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn deleting_may_be_repeated(store: &dyn ArtifactStore) {
    store.delete(&key("r1")).await.expect("delete what never was");
    store.put(&key("r1"), pieces(b"x")).await.expect("put");
    store.delete(&key("r1")).await.expect("delete");
    store.delete(&key("r1")).await.expect("delete again");
    assert_eq!(store.size(&key("r1")).await.expect("size"), None);
}

async fn a_reader_may_begin_anywhere(store: &dyn ArtifactStore) {
    store.put(&key("r1"), pieces(b"0123456789")).await.expect("put");
    for (from, expected) in
        [(0, &b"0123456789"[..]), (1, b"123456789"), (9, b"9"), (10, b""), (11, b""), (1 << 40, b"")]
    {
        let rest = content(store.get(&key("r1"), from).await.expect("get")).await.expect("the rest");
        assert_eq!(rest, expected, "from {from}");
    }
}

fn facts(content: &[u8]) -> BundleFacts {
    BundleFacts { size: content.len() as u64, sha256: Checksum::from_bytes(Sha256::digest(content).into()) }
}

/// A bundle larger than any block.
fn large() -> Vec<u8> {
    (0..20_000_003_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

async fn what_was_appended_need_not_be_sent_again(store: &dyn ArtifactStore) {
    let (key, large) = (key("r1"), large());
    let bundle = facts(&large);
    assert_eq!(store.staged(&key, &bundle).await.expect("staged"), 0);
    let cut: ByteStream = Box::pin(pieces(&large[..15_000_000]).chain(broken(b"")));
    let error = store.append(&key, &bundle, 0, cut).await.expect_err("the stream fails");
    assert_eq!(error.message(), "the sender is gone");
    assert_eq!(store.size(&key).await.expect("size"), None, "it is not whole");
    let staged = store.staged(&key, &bundle).await.expect("staged");
    assert!((6_000_000..=15_000_000).contains(&staged), "{staged} bytes are there");
    let rest = &large[usize::try_from(staged).expect("within memory")..];
    assert_eq!(store.append(&key, &bundle, staged, pieces(rest)).await.expect("append"), bundle.size);
    assert_eq!(store.size(&key).await.expect("size"), None, "it is not committed");
    for _ in 0..2 {
        store.commit(&key, &bundle).await.expect("commit");
        assert!(read(store, &key).await == large, "other bytes came back");
    }
}

async fn what_goes_on_elsewhere_is_refused(store: &dyn ArtifactStore) {
    let (key, bundle) = (key("r1"), facts(b"0123456789"));
    assert_eq!(store.append(&key, &bundle, 0, pieces(b"01234")).await.expect("append"), 5);
    for from in [0, 4, 6] {
        let error = store.append(&key, &bundle, from, pieces(b"56789")).await.expect_err("elsewhere");
        assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    }
    store.append(&key, &bundle, 5, pieces(b"56789")).await.expect("append");
    store.commit(&key, &bundle).await.expect("commit");
    assert_eq!(read(store, &key).await, b"0123456789");
}

async fn parts_of_another_bundle_are_not_mixed_in(store: &dyn ArtifactStore) {
    let (one, other) = (facts(b"0123456789"), facts(b"abcdefghij"));
    store.append(&key("r1"), &one, 0, pieces(b"01234")).await.expect("append");
    assert_eq!(store.staged(&key("r1"), &other).await.expect("staged"), 0);
    store.append(&key("r1"), &other, 0, pieces(b"abcdefghij")).await.expect("append");
    store.commit(&key("r1"), &other).await.expect("commit");
    assert_eq!(read(store, &key("r1")).await, b"abcdefghij");
}

async fn parts_are_committed_only_when_they_are_the_bundle(store: &dyn ArtifactStore) {
    let (key, bundle) = (key("r1"), facts(b"0123456789"));
    let error = store.commit(&key, &bundle).await.expect_err("nothing is there");
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    store.append(&key, &bundle, 0, pieces(b"01234")).await.expect("append");
    let error = store.commit(&key, &bundle).await.expect_err("half of it is there");
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    assert_eq!(store.size(&key).await.expect("size"), None);
    store.append(&key, &bundle, 5, pieces(b"56789")).await.expect("the half that was there still is");
    store.commit(&key, &bundle).await.expect("commit");
    let error =
        store.append(&key, &bundle, 0, pieces(b"0123456789!")).await.expect_err("more than it is long");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert_eq!(read(store, &key).await, b"0123456789");
    store.delete(&key).await.expect("delete");
}

async fn every_whole_bundle_is_listed(store: &dyn ArtifactStore) {
    let other = ArtifactKey { node: NodeId::parse("node-2").expect("node id"), ..key("r1") };
    let mut expected = vec![(key("r1"), 3), (key("r2"), 0), (other, 5)];
    for (key, size) in &expected {
        store.put(key, pieces(&b"12345"[..*size])).await.expect("put");
    }
    store.append(&key("r3"), &facts(b"0123456789"), 0, pieces(b"01234")).await.expect("append");
    let listed: Vec<_> = store.list().await.expect("list").try_collect().await.expect("bundles");
    let mut found: Vec<_> =
        listed.into_iter().map(|bundle| (bundle.key, usize::try_from(bundle.size).expect("size"))).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    store.delete(&key("r3")).await.expect("delete what is not whole");
    assert_eq!(store.staged(&key("r3"), &facts(b"0123456789")).await.expect("staged"), 0);
}

async fn places_tell_bundles_apart(store: &dyn ArtifactStore) {
    let place = store.place(&key("r1"));
    assert_eq!(place, store.place(&key("r1")));
    assert_ne!(place, store.place(&key("r2")));
    assert!(!place.contains('?'), "no permission is in it");
}

async fn no_experiment_file_is_there(store: &dyn ArtifactStore) {
    let ArtifactKey { node, job, .. } = key("r1");
    store.put(&key("r1"), pieces(b"x")).await.expect("put");
    for file in [ExperimentFile::Config, ExperimentFile::Arguments] {
        assert_eq!(store.experiment_file(&node, &job, file).await.expect("look"), None);
    }
}
