//! Polls of existing nodes: `get_jobs_by_nodeid` of a node with a hundred jobs.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{JobParams, JobSpec, NodeUpdate, RunLength, Secret};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::metadata;
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_tests::mongodb;
use tokio::task::JoinSet;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::say;
use crate::server::{Server, credentials};
use leoscope_tests::raw::Raw;

const CONNECTIONS: usize = 64;
const JOBS: usize = 100;
const WARM_UP: Duration = Duration::from_secs(2);
const TIME: Duration = Duration::from_secs(10);

/// `message_get_jobs_by_nodeid` for node `node-1`.
const REQUEST: &[u8] = b"\x0a\x06node-1";

fn spec(index: usize) -> JobSpec {
    let (minute, hour) = (index % 60, index / 60);
    let from = Timestamp::now() + SignedDuration::from_hours(1);
    JobSpec {
        id: Some(JobId::parse(&format!("experiment-{index:03}")).expect("id")),
        node: NodeId::parse("node-1").expect("id"),
        server: None,
        schedule: Schedule::Cron(CronExpr::parse(&format!("{minute} {hour} * * *")).expect("cron")),
        window: Window::new(from, from + SignedDuration::from_hours(24 * 365)).expect("window"),
        length: RunLength::from_secs(50).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker:\n  image: lab/ping:1\n  execute: {name: ping}\nenvironment: {TARGET: example.net}\n"
            .into(),
        params: JobParams { mode: "docker".into(), ..JobParams::default() },
        policies: Policies::default(),
    }
}

async fn connect(port: u16, pem: &[u8]) -> Channel {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)).domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).expect("endpoint");
    endpoint.tcp_nodelay(true).tls_config(tls).expect("tls").connect().await.expect("connected")
}

async fn call(grpc: &mut Grpc<Channel>, path: &'static str, user: &str, token: &Secret) -> Bytes {
    let mut request = Request::new(Bytes::from_static(REQUEST));
    request.metadata_mut().insert(metadata::USER, user.parse().expect("header"));
    request.metadata_mut().insert(metadata::TOKEN, token.expose().parse().expect("header"));
    grpc.ready().await.expect("ready");
    grpc.unary(request, http::uri::PathAndQuery::from_static(path), Raw).await.expect("answer").into_inner()
}

/// What a server bears.
struct Rate {
    per_sec: f64,
    median: Duration,
    p99: Duration,
    /// Time of the processors that one call costs the server.
    cost: Duration,
    size: usize,
}

async fn measure(server: &Server, pem: &[u8], path: &'static str, user: &str, token: &Secret) -> Rate {
    let begun = Instant::now();
    let (from, until) = (begun + WARM_UP, begun + WARM_UP + TIME);
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut grpc = Grpc::new(connect(server.port, pem).await).max_decoding_message_size(64 << 20);
        let (user, token) = (user.to_owned(), token.clone());
        clients.spawn(async move {
            let (mut times, mut size) = (Vec::new(), 0);
            while Instant::now() < until {
                let asked = Instant::now();
                size = call(&mut grpc, path, &user, &token).await.len();
                if asked >= from {
                    times.push(asked.elapsed());
                }
            }
            (times, size)
        });
    }
    tokio::time::sleep_until(from.into()).await;
    let before = server.processor_secs();
    tokio::time::sleep_until(until.into()).await;
    let used = server.processor_secs() - before;
    let (mut times, mut size) = (Vec::new(), 0);
    for (mine, its_size) in clients.join_all().await {
        times.extend(mine);
        size = its_size;
    }
    times.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand calls")]
    let count = times.len() as f64;
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    Rate {
        per_sec: count / TIME.as_secs_f64(),
        median: at(50),
        p99: at(99),
        cost: Duration::from_secs_f64(used / count),
        size,
    }
}

fn report(what: &str, rate: &Rate, echo: Option<&Rate>) {
    let Rate { per_sec, median, p99, cost, size } = rate;
    let ratio = echo.map_or_else(String::new, |echo| format!("   {:.2} of the echo", per_sec / echo.per_sec));
    say(&format!(
        "{what:34} {per_sec:7.0}/s   p50 {:6.2} ms   p99 {:6.2} ms   server {:4.0} µs each   {size} bytes{ratio}",
        median.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
        cost.as_secs_f64() * 1e6,
    ));
}

/// An orchestrator with a node that has its jobs, and the node's token.
async fn filled(dir: &Path, database: &str) -> (Server, Vec<u8>, Secret) {
    let server = Server::start(&["serve", dir.to_str().expect("path"), database]);
    let (pem, token) = credentials(dir);
    let admin = UserId::parse("admin").expect("id");
    let config = ClientConfig::new("127.0.0.1", server.port, Tls::Pem(pem.clone()), admin, token);
    let admin = GrpcClient::connect(config).expect("client");
    let node = NodeId::parse("node-1").expect("id");
    let token = admin.register_node(node, NodeUpdate::default()).await.expect("node");
    for index in 0..JOBS {
        admin.schedule_job(spec(index)).await.expect("booked");
    }
    (server, pem, token)
}

pub(crate) async fn run() {
    const PATH: &str = "/unary.LeotestOrchestrator/get_jobs_by_nodeid";
    say(&format!("get_jobs_by_nodeid, {JOBS} jobs, {CONNECTIONS} connections with TLS, {TIME:?} each:"));
    let dir = tempfile::tempdir().expect("directory");
    let sqlite = format!("sqlite:{}", dir.path().join("leoscope.db").display());
    let (server, pem, token) = filled(dir.path(), &sqlite).await;
    let rate = measure(&server, &pem, PATH, "node-1", &token).await;
    drop(server);
    let echo = Server::start(&["echo", dir.path().to_str().expect("path"), &rate.size.to_string()]);
    let echoed = measure(&echo, &pem, "/bench.Echo/echo", "node-1", &token).await;
    drop(echo);
    report("bare echo of the same size", &echoed, None);
    report("SQLite", &rate, Some(&echoed));
    if let Some(database) = mongodb::Server::start(&dir.path().join("mongodb")) {
        let second = dir.path().join("second");
        std::fs::create_dir(&second).expect("directory");
        let uri = mongodb::uri(database.port, "leoscope");
        let (server, pem, token) = filled(&second, uri.expose()).await;
        let rate = measure(&server, &pem, PATH, "node-1", &token).await;
        report("MongoDB (the server of the tests)", &rate, Some(&echoed));
    }
}
