//! What an operator sets: protection, limits, metrics, and what other programs may ask.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::time::Duration;

use leoscope_core::ErrorKind;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::model::{Heartbeat, JobSpec, NodeFilter, NodeUpdate, Role};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::{Message as _, metadata, methods};
use leoscope_orchestrator::{CertificateFiles, OrchestratorConfig, Transport, build};
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::{v1, v1alpha};

use crate::world::{World, empty_call, id, kind, user};

/// Sends an HTTP/1.1 request and gives the head and the body of the answer.
fn http(address: SocketAddr, head: &str, body: &[u8]) -> (String, Vec<u8>) {
    let mut connection = TcpStream::connect(address).expect("connected");
    connection.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    let head =
        format!("{head}Host: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    connection.write_all(&[head.as_bytes(), body].concat()).expect("sent");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).expect("answered");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("head");
    (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer[end + 4..].to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_plain_only_when_asked_for() {
    let protected = World::start().await;
    let plain = |world: &World| {
        let config = ClientConfig { tls: Tls::Plaintext, ..world.config("admin", &world.admin_token) };
        GrpcClient::connect(ClientConfig { timeout: Duration::from_secs(5), ..config }).expect("client")
    };
    let error = plain(&protected).nodes(&NodeFilter::default()).await.expect_err("no protection");
    assert!(error.kind().is_transient(), "{error:?}");
    let open = World::start_with(|config| config.transport = Transport::Plaintext).await;
    plain(&open).nodes(&NodeFilter::default()).await.expect("asked for");
    assert!(!open.dir().join("certs").exists(), "no certificate is made for nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_replaced_while_it_serves() {
    let other = World::start().await;
    let own = tempfile::tempdir().expect("directory");
    let files = CertificateFiles { certificate: own.path().join("c.pem"), key: own.path().join("k.pem") };
    let copy = |from: &World| {
        let certs = from.dir().join("certs");
        fs::copy(certs.join("server.crt"), &files.certificate).expect("certificate");
        fs::copy(certs.join("server.key"), &files.key).expect("key");
    };
    copy(&World::start().await);
    let mut world = World::start_with(|config| config.transport = Transport::OwnTls(files.clone())).await;
    let early = world.admin();
    early.nodes(&NodeFilter::default()).await.expect("the first certificate");
    copy(&other);
    assert!(world.reloader.reload().expect("reloaded"));
    early.nodes(&NodeFilter::default()).await.expect("connections that are there stay");
    let late = world.admin().nodes(&NodeFilter::default()).await;
    assert_eq!(kind(late), ErrorKind::Unavailable, "the first one is shown no more");
    world.certificate = fs::read(&files.certificate).expect("certificate");
    world.admin().nodes(&NodeFilter::default()).await.expect("the second certificate");

    fs::write(&files.key, "nonsense").expect("key");
    world.reloader.reload().expect_err("no key");
    world.admin().nodes(&NodeFilter::default()).await.expect("the last good one stays");
    let broken = OrchestratorConfig {
        port: 0,
        transport: Transport::OwnTls(files),
        ..OrchestratorConfig::new(own.path())
    };
    assert_eq!(kind(build(broken).await), ErrorKind::InvalidArgument, "and none starts with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_can_ask_what_there_is_to_call() {
    let world = World::start().await;
    let channel: Channel = world.channel().await;
    let ask = |message: MessageRequest| {
        let asked = v1::ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        let (world, channel) = (&world, channel.clone());
        async move {
            let mut request = Request::new(tokio_stream::once(asked));
            request.metadata_mut().insert(metadata::USER, "admin".parse().expect("header"));
            request
                .metadata_mut()
                .insert(metadata::TOKEN, world.admin_token.expose().parse().expect("header"));
            let mut client = ServerReflectionClient::new(channel);
            let answer = client.server_reflection_info(request).await.expect("answer");
            answer
                .into_inner()
                .message()
                .await
                .expect("read")
                .expect("one")
                .message_response
                .expect("response")
        }
    };
    let MessageResponse::ListServicesResponse(listed) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("not a list of services")
    };
    let listed: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    for path in methods() {
        let service = path.split('/').next().expect("service");
        assert!(listed.iter().any(|name| name == service), "{service} in {listed:?}");
    }
    // The descriptors are those of the wire, where a list of jobs is a list of jobs.
    let symbol = MessageRequest::FileContainingSymbol("unary.GetJobsOnNodeResponse".to_owned());
    let MessageResponse::FileDescriptorResponse(files) = ask(symbol).await else { panic!("no descriptors") };
    let file =
        prost_types::FileDescriptorProto::decode(&files.file_descriptor_proto[0][..]).expect("descriptor");
    let message = file.message_type.iter().find(|message| message.name() == "GetJobsOnNodeResponse");
    let field = message.expect("message").field.iter().find(|field| field.name() == "jobs").expect("field");
    assert_eq!(field.type_name(), ".unary.Job");

    let mut older = v1alpha::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let asked = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
    };
    let refused = older.server_reflection_info(tokio_stream::once(asked.clone())).await;
    assert_eq!(refused.expect_err("without credentials").code(), Code::Unauthenticated);
    let mut request = Request::new(tokio_stream::once(asked));
    request.metadata_mut().insert(metadata::USER, "admin".parse().expect("header"));
    request.metadata_mut().insert(metadata::TOKEN, world.admin_token.expose().parse().expect("header"));
    older.server_reflection_info(request).await.expect("the older form of the question");
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_of_the_origins_that_were_named_may_call() {
    let world = World::start_with(|config| {
        config.transport = Transport::Plaintext;
        config.web_origins = vec!["https://portal.example".to_owned()];
    })
    .await;
    let (address, token) = (world.address, world.admin_token.expose().to_owned());
    let answers = tokio::task::spawn_blocking(move || {
        let path = "/unary.LeotestOrchestrator/get_nodes";
        let preflight = |origin: &str| {
            let head = format!(
                "OPTIONS {path} HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
                 Access-Control-Request-Headers: content-type,x-grpc-web,x-leotest-userid\r\n"
            );
            http(address, &head, b"").0
        };
        let call = |token: &str| {
            let head = format!(
                "POST {path} HTTP/1.1\r\nOrigin: https://portal.example\r\nContent-Type: application/grpc-web+proto\r\n\
                 X-Grpc-Web: 1\r\nx-leotest-userid: admin\r\nx-leotest-access-token: {token}\r\n"
            );
            http(address, &head, &[0; 5])
        };
        [preflight("https://portal.example"), preflight("https://elsewhere.example")]
            .into_iter()
            .map(|head| (head, Vec::new()))
            .chain([call(&token), call("wrong")])
            .collect::<Vec<_>>()
    });
    let answers = answers.await.expect("answers");
    assert!(answers[0].0.contains("access-control-allow-origin: https://portal.example"), "{}", answers[0].0);
    assert!(!answers[1].0.contains("access-control-allow-origin"), "{}", answers[1].0);
    let (head, body) = &answers[2];
    assert!(head.starts_with("http/1.1 200") && head.contains("application/grpc-web"), "{head}");
    let body = String::from_utf8_lossy(body).into_owned();
    assert!(body.contains("grpc-status:0"), "{head}\n{body:?}");
    assert!(answers[3].0.contains("grpc-status: 16"), "{}", answers[3].0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_may_make_so_many_calls_and_no_more() {
    let world = World::start_with(|config| config.limits.calls_per_second = NonZeroU32::new(1)).await;
    let someone = world.researcher("someone").await;
    let other = world.researcher("other").await;
    // However slow this machine is, it makes more than one call a second.
    let mut answered = 0;
    let refused = loop {
        match someone.nodes(&NodeFilter::default()).await {
            Ok(_) => answered += 1,
            Err(error) => break error,
        }
        assert!(answered < 10_000, "nothing is refused");
    };
    assert_eq!(
        (refused.kind(), refused.message()),
        (ErrorKind::Exhausted, "user someone makes too many calls")
    );
    assert!(answered >= 10, "it may make ten at once, and made {answered}");
    other.nodes(&NodeFilter::default()).await.expect("somebody else's share");
    let channel = &mut world.channel().await;
    for _ in 0..20 {
        let status = empty_call(channel, "grpc.health.v1.Health/Check", &[]).await;
        assert_eq!(status.code(), Code::Ok, "who asks whether it serves is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_limits_of_the_server_are_refused_with_the_limit() {
    let busy = World::start_with(|config| config.limits.concurrent_calls = 0).await;
    let error = busy.admin().nodes(&NodeFilter::default()).await.expect_err("no turn");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Exhausted, "the orchestrator has too much to do at the moment")
    );

    let small = World::start_with(|config| config.limits.request_bytes = 1 << 16).await;
    small.node("node-seattle").await;
    let config = format!("docker: {{image: lab/ping:1}}\n# {}\n", "x".repeat(1 << 16));
    let error =
        small.admin().schedule_job(JobSpec { config, ..small.spec("large") }).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error:?}");
    assert!(error.message().contains("65536"), "{error}");
    small.admin().schedule_job(small.spec("small")).await.expect("it serves on");

    let full = World::start_with(|config| config.limits.connections = 1).await;
    let first = full.admin();
    first.nodes(&NodeFilter::default()).await.expect("the first connection");
    let second = full.admin().nodes(&NodeFilter::default()).await;
    assert_eq!(kind(second), ErrorKind::Unavailable, "there is room for one");
    first.nodes(&NodeFilter::default()).await.expect("which is not disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_told_over_http() {
    let world = World::start_with(|config| config.metrics = Some("127.0.0.1:0".to_owned())).await;
    let admin = world.admin();
    admin.register_node(id("node-seattle"), NodeUpdate::default()).await.expect("node");
    world.node("node-paris").await.heartbeat(Heartbeat::of(id("node-paris"))).await.expect("heartbeat");
    let token = admin.register_user(user("someone", Role::User)).await.expect("user");
    let someone = world.client("someone", &token);
    assert_eq!(kind(someone.delete_user(&id("someone")).await), ErrorKind::PermissionDenied);
    let node = world.node("node-oslo").await;
    let orders = node.watch_orders(&id("node-oslo")).await.expect("orders");
    empty_call(&mut world.channel().await, "made.up/path", &[]).await;
    let address = world.metrics.expect("address");
    let get = move |path: &'static str| {
        tokio::task::spawn_blocking(move || http(address, &format!("GET {path} HTTP/1.1\r\n"), b""))
    };
    // Nodes are counted every few seconds.
    let counted = async {
        loop {
            let (head, text) = get("/metrics").await.expect("metrics");
            if String::from_utf8_lossy(&text).contains("contact=\"active\"} 1") {
                return (head, text);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (head, text) = tokio::time::timeout(Duration::from_secs(60), counted).await.expect("counted in time");
    assert!(head.starts_with("http/1.1 200") && head.contains("application/openmetrics-text"), "{head}");
    let text = String::from_utf8(text).expect("text");
    for expected in [
        r#"leoscope_calls_total{method="unary.LeotestOrchestrator/register_node",outcome="ok"} 3"#,
        r#"leoscope_calls_total{method="unary.LeotestOrchestrator/delete_user",outcome="permission_denied"} 1"#,
        r#"leoscope_calls_total{method="other",outcome="unauthenticated"} 1"#,
        r#"leoscope_call_duration_seconds_count{method="unary.LeotestOrchestrator/register_node"} 3"#,
        r#"leoscope_nodes{contact="active"} 1"#,
        r#"leoscope_nodes{contact="silent"} 2"#,
        "leoscope_order_streams 1",
        "leoscope_serving 1",
        "# EOF",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    drop(orders);
    let (head, body) = get("/healthz").await.expect("health");
    assert!(head.starts_with("http/1.1 200") && body.ends_with(b"serving\n"), "{head}");
    assert!(get("/").await.expect("nothing").0.starts_with("http/1.1 404"));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_up_at_the_portal() {
    let world = World::start().await;
    let channel = &mut world.channel().await;
    for call in [
        "submit_access_request",
        "update_access_request_email_status",
        "get_registration_invite",
        "activate_signup_user",
    ] {
        let status = empty_call(channel, &format!("unary.LeotestOrchestrator/{call}"), &[]).await;
        assert_eq!(status.code(), Code::Unimplemented, "{call}: {status:?}");
    }
}
