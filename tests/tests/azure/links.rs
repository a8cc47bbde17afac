use bytes::Bytes;
use leoscope_core::ErrorKind;
use leoscope_core::model::Secret;
use leoscope_core::ports::BlobStorage as _;
use leoscope_tests::bundles::facts;

use super::{World, expose, in_seconds, key, once, request, whole};

#[tokio::test]
async fn a_link_gives_its_bundle_to_any_program_until_it_expires() {
    let Some(World { storage, store, azurite: _azurite, _data }) = World::new() else { return };
    store.put(&key("r1"), once("0123456789")).await.expect("put");
    store.put(&key("r2"), once("other")).await.expect("put");
    let (now, later) = in_seconds(600);
    let link = expose(store.link(&key("r1"), now, later));
    assert!(link.starts_with(&format!("{}?", store.place(&key("r1")))), "it leads to the place");
    assert_eq!(request("GET", &link, "", b"").await, (200, b"0123456789".to_vec()));
    assert_eq!(request("GET", &link, "range: bytes=7-\r\n", b"").await, (206, b"789".to_vec()));
    let fetched = storage.fetch(&Secret::new(link.clone()), 4).await.expect("fetch");
    assert_eq!(whole(fetched).await, b"456789");

    let other = link.replace("r1.tar.gz", "r2.tar.gz");
    assert_eq!(request("GET", &other, "", b"").await.0, 403);
    for method in ["PUT", "DELETE"] {
        let headers = "x-ms-blob-type: BlockBlob\r\n";
        assert_eq!(request(method, &link, headers, b"").await.0, 403, "{method}");
    }

    let (now, past) = in_seconds(-1);
    let expired = expose(store.link(&key("r1"), now, past));
    assert_eq!(request("GET", &expired, "", b"").await.0, 403);
    let Err(error) = storage.fetch(&Secret::new(expired), 0).await else { panic!("it has expired") };
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.message().contains("has expired or is not valid"), "{error}");

    let nothing = expose(store.link(&key("r3"), now, later));
    let Err(error) = storage.fetch(&Secret::new(nothing), 0).await else { panic!("nothing is there") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let Err(error) = storage.fetch(&Secret::new("planted"), 0).await else { panic!("no link") };
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn an_upload_link_uploads_one_bundle_and_does_nothing_else() {
    let Some(World { storage, store, azurite, _data }) = World::new() else { return };
    store.put(&key("r2"), once("other")).await.expect("put");
    let (now, later) = in_seconds(600);
    let link = expose(store.upload_link(&key("r1"), now, later));
    let bundle = facts(b"0123456789");
    let upload = storage.upload(&Secret::new(link.clone()), &bundle).expect("upload");
    assert_eq!(upload.staged().await.expect("staged"), 0);
    upload.stage(5, Bytes::from_static(b"56789")).await.expect("stage");
    assert_eq!(upload.staged().await.expect("staged"), 0, "its beginning is missing");
    assert_eq!(upload.commit().await.expect_err("it is not whole").kind(), ErrorKind::Stale);
    upload.stage(0, Bytes::from_static(b"01234")).await.expect("stage");
    assert_eq!(store.size(&key("r1")).await.expect("size"), None, "it is not committed");
    for (from, block) in [(6, "67890"), (u64::MAX, "1"), (0, "")] {
        let error = upload.stage(from, Bytes::from(block)).await.expect_err("no block of it");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    for _ in 0..2 {
        upload.commit().await.expect("commit");
        assert_eq!(upload.staged().await.expect("staged"), 10);
    }
    assert_eq!(whole(store.get(&key("r1"), 0).await.expect("get")).await, b"0123456789");

    let other = link.replace("r1.tar.gz", "r2.tar.gz");
    let container = format!("{}/results?restype=container&comp=list&", azurite.endpoint());
    let list = link.replace(&format!("{}?", store.place(&key("r1"))), &container);
    for (method, url) in
        [("GET", &other), ("PUT", &other), ("DELETE", &other), ("GET", &list), ("DELETE", &link)]
    {
        let headers = "x-ms-blob-type: BlockBlob\r\n";
        assert_eq!(request(method, url, headers, b"").await.0, 403, "{method}");
    }
    assert_eq!(whole(store.get(&key("r2"), 0).await.expect("get")).await, b"other");

    let expired = expose(store.upload_link(&key("r1"), now, in_seconds(-1).1));
    let upload = storage.upload(&Secret::new(expired), &bundle).expect("upload");
    for error in [
        upload.staged().await.err(),
        upload.stage(0, Bytes::from_static(b"x")).await.err(),
        upload.commit().await.err(),
    ] {
        assert_eq!(error.expect("it has expired").kind(), ErrorKind::PermissionDenied);
    }
    // Also when the answer comes long before all of a block is sent.
    let expired = expose(store.upload_link(&key("r1"), now, in_seconds(-1).1));
    let large = Bytes::from(vec![0; 32 << 20]);
    let upload = storage.upload(&Secret::new(expired), &facts(&large)).expect("upload");
    let error = upload.stage(0, large).await.expect_err("it has expired");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    storage.upload(&Secret::new(store.place(&key("r1"))), &bundle).expect_err("no right in it");
}

#[tokio::test]
async fn node_and_orchestrator_go_on_with_the_parts_of_each_other() {
    let Some(World { storage, store, azurite: _azurite, _data }) = World::new() else { return };
    let content = Bytes::from(
        (0..9_000_011_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
    );
    store.put(&key("r0"), once("the container is there")).await.expect("put");
    let (bundle, key) = (facts(&content), key("r1"));
    let (now, later) = in_seconds(600);
    let link = store.upload_link(&key, now, later).expect("link");
    let upload = storage.upload(&link, &bundle).expect("upload");
    upload.stage(0, content.slice(..1_000_000)).await.expect("stage");
    assert_eq!(store.staged(&key, &bundle).await.expect("staged"), 1_000_000);
    let rest = once(content.slice(1_000_000..7_000_000));
    assert_eq!(store.append(&key, &bundle, 1_000_000, rest).await.expect("append"), 7_000_000);
    // What another bundle of the same run has left there stays out of it.
    let other = facts(b"another");
    let foreign = storage.upload(&link, &other).expect("upload");
    foreign.stage(0, Bytes::from_static(b"another")).await.expect("stage");
    assert_eq!(upload.staged().await.expect("staged"), 7_000_000);
    upload.stage(7_000_000, content.slice(7_000_000..)).await.expect("stage");
    store.commit(&key, &bundle).await.expect("commit");
    upload.commit().await.expect("it is there already");
    assert!(whole(store.get(&key, 0).await.expect("get")).await == content, "other bytes came back");
    assert_eq!(foreign.staged().await.expect("staged"), 0, "the parts of the other are gone");
}
