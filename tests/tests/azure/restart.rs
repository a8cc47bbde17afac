use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::ErrorKind;
use leoscope_core::model::{BundleFacts, Checksum};
use leoscope_core::ports::BlobStorage as _;
use sha2::{Digest as _, Sha256};

use super::{World, in_seconds, key, once};

const BLOCK: usize = 4 << 20;
const BLOCKS: u64 = 50;

/// Block `number` of the bundle; no two are the same.
fn block(number: u64) -> Bytes {
    let mut block = vec![0; BLOCK];
    for (index, chunk) in block.chunks_exact_mut(512).enumerate() {
        chunk[..8].copy_from_slice(
            &(number << 32 | index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes(),
        );
    }
    Bytes::from(block)
}

fn bundle() -> BundleFacts {
    let mut hash = Sha256::new();
    (0..BLOCKS).for_each(|number| hash.update(block(number)));
    BundleFacts { size: BLOCKS * BLOCK as u64, sha256: Checksum::from_bytes(hash.finalize().into()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_200_mb_goes_on_after_the_server_was_away() {
    let Some(World { storage, store, mut azurite, _data }) = World::new() else { return };
    store.put(&key("r0"), once("the container is there")).await.expect("put");
    let (bundle, key) = (bundle(), key("r1"));
    let (now, later) = in_seconds(3_600);
    let link = store.upload_link(&key, now, later).expect("link");
    let upload = storage.upload(&link, &bundle).expect("upload");
    let upload = &*upload;
    let send = |numbers: std::ops::Range<u64>| {
        let stages = stream::iter(numbers).map(|number| upload.stage(number * BLOCK as u64, block(number)));
        stages.buffer_unordered(3)
    };

    // The server ends while the blocks after the twentieth are on their way.
    let mut sending = Box::pin(send(0..BLOCKS));
    for _ in 0..20 {
        sending.next().await.expect("a block").expect("stage");
    }
    let stop = tokio::task::spawn_blocking(move || {
        azurite.stop("TERM");
        azurite
    });
    let mut azurite = stop.await.expect("stopped");
    let mut outcomes: Vec<_> = sending.collect().await;
    outcomes.retain(Result::is_err);
    assert!(!outcomes.is_empty(), "it was stopped in the middle");
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert_eq!(upload.staged().await.expect_err("nobody is there").kind(), ErrorKind::Unavailable);

    let resume = tokio::task::spawn_blocking(move || {
        azurite.resume();
        azurite
    });
    let _azurite = resume.await.expect("started");
    let staged = upload.staged().await.expect("staged");
    assert!(staged > 0 && staged < bundle.size, "{staged} bytes are there");
    assert_eq!(staged % BLOCK as u64, 0, "only whole blocks are");
    assert_eq!(store.size(&key).await.expect("size"), None);
    send(staged / BLOCK as u64..BLOCKS).try_collect::<()>().await.expect("the rest");
    upload.commit().await.expect("commit");
    let mut content = store.get(&key, 0).await.expect("get");
    let mut hash = Sha256::new();
    while let Some(piece) = content.try_next().await.expect("content") {
        hash.update(&piece);
    }
    assert_eq!(Checksum::from_bytes(hash.finalize().into()), bundle.sha256);
}
