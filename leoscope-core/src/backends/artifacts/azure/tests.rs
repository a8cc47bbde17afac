//! A server that says what a test wants, where a real one would have to break or hold thousands of blobs.

use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::ErrorKind;
use crate::model::ArtifactKey;

/// A server that gives these answers, each on a connection of its own, which it closes then; and the
/// heads of the requests that came.
async fn server(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = format!("http://{}", listener.local_addr().expect("address"));
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("request"));
            }
            seen.lock().expect("requests").push(String::from_utf8(head).expect("text"));
            stream.write_all(answer.as_bytes()).await.expect("answer");
        }
    });
    (address, requests)
}

fn store(address: &str) -> Arc<dyn ArtifactStore> {
    let settings = BlobSettings {
        connection_string: Secret::new(format!("BlobEndpoint={address}/a;AccountName=a;AccountKey=a2V5")),
        container: "results".to_owned(),
        artifact_path: "kept".to_owned(),
    };
    AzureStorage::new().expect("storage").open(&settings).expect("store")
}

fn key() -> ArtifactKey {
    ArtifactKey::from_name("node-1/job-1/run-1.tar.gz").expect("key")
}

fn partial(from: usize, tag: &str, content: &str) -> String {
    let length = 10 - from;
    format!(
        "HTTP/1.1 206 Partial Content\r\netag: \"{tag}\"\r\ncontent-range: bytes {from}-9/10\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{content}"
    )
}

#[tokio::test]
async fn reading_goes_on_where_the_connection_broke() {
    let (address, requests) =
        server(vec![partial(2, "one", "234"), partial(5, "one", "5"), partial(6, "one", "6789")]).await;
    let content = store(&address).get(&key(), 2).await.expect("get");
    let pieces: Vec<Bytes> = content.try_collect().await.expect("content");
    assert_eq!(pieces.concat(), b"23456789");
    let requests = requests.lock().expect("requests");
    for (request, (range, is_tagged)) in
        requests.iter().zip([("bytes=2-", false), ("bytes=5-", true), ("bytes=6-", true)])
    {
        assert!(request.contains(&format!("range: {range}\r\n")), "{request}");
        assert_eq!(request.contains("if-match: \"one\"\r\n"), is_tagged, "{request}");
    }
}

#[tokio::test]
async fn a_bundle_that_was_replaced_meanwhile_is_not_mixed_in() {
    let changed = "HTTP/1.1 412 Changed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned();
    let (address, _) =
        server(vec![partial(0, "one", "01").replace("206 Partial Content", "200 OK"), changed]).await;
    let content = store(&address).get(&key(), 0).await.expect("get");
    let error = content.try_collect::<Vec<Bytes>>().await.expect_err("it has changed");
    assert_eq!(error.kind(), ErrorKind::Stale);
}

#[tokio::test]
async fn reading_ends_when_the_server_stays_away() {
    let (address, _) = server(vec![partial(0, "one", "01").replace("206 Partial Content", "200 OK")]).await;
    let content = store(&address).get(&key(), 0).await.expect("get");
    let error = content.try_collect::<Vec<Bytes>>().await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let page = |run: &str, next: &str| {
        let text = format!(
            "<EnumerationResults><Blobs><Blob><Name>kept/node-1/job-1/{run}.tar.gz</Name><Properties><Last-Modified>Tue, 01 Dec 2026 12:00:00 GMT</Last-Modified><Content-Length>5</Content-Length></Properties></Blob></Blobs><NextMarker>{next}</NextMarker></EnumerationResults>"
        );
        let length = text.len();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}")
    };
    let (address, requests) = server(vec![page("run-1", "2!8!a+b="), page("run-2", "")]).await;
    let bundles = store(&address).list().await.expect("list");
    let bundles: Vec<_> = bundles.try_collect().await.expect("bundles");
    let runs: Vec<_> = bundles.iter().map(|bundle| bundle.key.run.as_str()).collect();
    assert_eq!(runs, ["run-1", "run-2"]);
    let requests = requests.lock().expect("requests");
    assert!(
        requests[0].starts_with("GET /a/results?restype=container&comp=list&prefix=kept%2F&sv="),
        "{}",
        requests[0]
    );
    assert!(requests[1].contains("&prefix=kept%2F&marker=2%218%21a%2Bb%3D&sv="), "{}", requests[1]);
}

#[tokio::test]
async fn what_a_server_answers_has_a_kind_and_repeats_nothing_of_it() {
    for (status, code, kind) in [
        (401, "", ErrorKind::PermissionDenied),
        (403, "AuthenticationFailed", ErrorKind::PermissionDenied),
        (404, "BlobNotFound", ErrorKind::NotFound),
        (408, "", ErrorKind::Unavailable),
        (409, "LeaseIdMissing", ErrorKind::Unavailable),
        (412, "ConditionNotMet", ErrorKind::Stale),
        (413, "RequestBodyTooLarge", ErrorKind::InvalidArgument),
        (429, "", ErrorKind::Unavailable),
        (500, "InternalError", ErrorKind::Unavailable),
        (503, "ServerBusy", ErrorKind::Unavailable),
        (302, "", ErrorKind::Internal),
        (400, "planted <code> with all sorts of things", ErrorKind::Internal),
    ] {
        let (address, _) = server(vec![format!(
            "HTTP/1.1 {status} X\r\nx-ms-error-code: {code}\r\nlocation: http://planted\r\ncontent-length: 7\r\nconnection: close\r\n\r\nplanted"
        )])
        .await;
        let Err(error) = store(&address).get(&key(), 0).await else { panic!("{status}") };
        assert_eq!(error.kind(), kind, "{status}: {error}");
        let said = format!("{error:?}");
        assert!(said.contains("bundle node-1/job-1/run-1.tar.gz") && !said.contains("planted"), "{said}");
    }
}
