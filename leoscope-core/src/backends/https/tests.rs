use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A web service over TLS that answers one request; its certificate, its address, and the first line of
/// what it was asked, if anything.
async fn service() -> (CertificateDer<'static>, String, JoinHandle<Option<String>>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("config");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let port = listener.local_addr().expect("address").port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("accept");
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.ok()?;
        let mut question = Vec::new();
        while !question.ends_with(b"\r\n\r\n") {
            question.push(stream.read_u8().await.ok()?);
        }
        stream.write_all(b"HTTP/1.1 204 Nothing\r\n\r\n").await.expect("answer");
        let text = String::from_utf8(question).expect("UTF-8");
        Some(text.lines().next().unwrap_or_default().to_owned())
    });
    (certificate, format!("https://localhost:{port}/weather?appid=planted"), served)
}

async fn get(connector: HttpsConnector<HttpConnector>, address: &str) -> Result<StatusCode> {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answer = client.request(Request::get(address).body(Empty::new()).expect("request")).await;
    answer.map(|answer| answer.status()).map_err(|e| Error::unavailable(chain(&e)))
}

#[tokio::test]
async fn a_service_whose_certificate_is_trusted_is_asked() {
    let (certificate, address, served) = service().await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("root");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = over_tcp(HttpsConnectorBuilder::new().with_tls_config(config));
    assert_eq!(get(connector, &address).await.expect("answer"), StatusCode::NO_CONTENT);
    assert_eq!(served.await.expect("served").as_deref(), Some("GET /weather?appid=planted HTTP/1.1"));
}

/// The query holds a key: it goes to nobody who only says who he is.
#[tokio::test]
async fn a_service_that_nobody_vouches_for_is_asked_nothing() {
    let (_, address, served) = service().await;
    let error = get(connector("tests").expect("connector"), &address).await.expect_err("not trusted");
    assert!(error.message().contains("certificate"), "{error}");
    assert!(!error.message().contains("planted"), "{error}");
    assert_eq!(served.await.expect("served"), None);
}
