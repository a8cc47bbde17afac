use std::net::TcpListener;
use std::time::Duration;

use leoscope_core::ErrorKind;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::model::{NodeFilter, Secret};
use leoscope_core::ports::ControlPlane;
use leoscope_orchestrator::{OrchestratorConfig, build};

use crate::world::{World, id};

#[tokio::test]
async fn a_wrong_token_is_refused_on_every_kind_of_call() {
    let world = World::start().await;
    let node = id("node-seattle");
    for (user, token) in [("admin", "wrong"), ("nobody", world.admin_token.expose())] {
        let client = world.client(user, &Secret::new(token));
        let errors = [
            client.settings().await.err(),
            client.nodes(&NodeFilter::default()).await.err(),
            client.orders(&node).await.err(),
            client.watch_orders(&node).await.err(),
            client.download(&id("r"), 0).await.err(),
        ];
        for error in errors {
            let error = error.expect("refused");
            assert_eq!((error.kind(), error.message()), (ErrorKind::Unauthenticated, "Invalid token"));
            assert!(error.what_to_do().is_some());
        }
    }
}

#[tokio::test]
async fn an_orchestrator_that_is_not_there_is_named_with_what_to_check() {
    let free = TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address");
    let tls = Tls::Plaintext;
    let config = ClientConfig::new("127.0.0.1", free.port(), tls, id("u"), Secret::new("t"));
    let error = GrpcClient::connect(config).expect("client").settings().await.expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let start = format!("cannot reach orchestrator at {free}: ");
    assert!(error.message().starts_with(&start), "{error}");
    assert!(error.message().contains("refused"), "{error}");
    assert!(error.what_to_do().is_some_and(|hint| hint.contains("--grpc-port")));
}

#[tokio::test]
async fn an_orchestrator_that_does_not_answer_is_given_up_after_the_deadline() {
    // It takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("port");
    let port = silent.local_addr().expect("address").port();
    for tls in [Tls::Plaintext, Tls::SystemRoots] {
        let timeout = Duration::from_millis(300);
        let config = ClientConfig::new("127.0.0.1", port, tls, id("u"), Secret::new("t"));
        let client = GrpcClient::connect(ClientConfig { timeout, ..config }).expect("client");
        let error = client.settings().await.expect_err("silence");
        assert!(error.kind().is_transient(), "{error}");
        assert!(error.message().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.what_to_do().is_some());
    }
}

#[tokio::test]
async fn an_orchestrator_with_another_certificate_is_not_trusted() {
    let (world, other) = (World::start().await, World::start().await);
    for tls in [Tls::Pem(other.certificate.clone()), Tls::SystemRoots] {
        let config = ClientConfig { tls, ..world.config("admin", &world.admin_token) };
        let error = GrpcClient::connect(config).expect("client").settings().await.expect_err("untrusted");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("invalid peer certificate"), "{error}");
    }
}

#[tokio::test]
async fn a_taken_port_and_a_state_directory_that_is_none_are_named() {
    let world = World::start().await;
    let dir = tempfile::tempdir().expect("directory");
    let config =
        OrchestratorConfig { port: world.address.port(), ..OrchestratorConfig::new(dir.path().join("s")) };
    let error = build(config).await.expect_err("taken");
    assert!(error.message().starts_with(&format!("cannot listen on {}: ", world.address)), "{error}");

    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("file");
    let error =
        build(OrchestratorConfig { port: 0, ..OrchestratorConfig::new(&file) }).await.expect_err("file");
    assert!(error.message().starts_with("cannot write to state directory "), "{error}");
}
