//! A job booked at one orchestrator reaches a node that is connected to another one.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{JobParams, JobSpec, NodeUpdate, RunLength, Secret};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_tests::mongodb;

use crate::say;
use crate::server::{Server, credentials};

const BOOKINGS: i64 = 100;

fn once(index: i64) -> JobSpec {
    let start = Timestamp::now() + SignedDuration::from_hours(1) + SignedDuration::from_mins(index);
    JobSpec {
        id: Some(JobId::parse(&format!("job-{index}")).expect("id")),
        node: NodeId::parse("node-1").expect("id"),
        server: None,
        schedule: Schedule::Once,
        window: Window::lasting(start, SignedDuration::from_secs(30)).expect("window"),
        length: RunLength::from_secs(30).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: lab/ping:1}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    }
}

async fn measure(what: &str, dir: &Path, database: &str) {
    let start = |name: &str| {
        let dir = dir.join(name);
        std::fs::create_dir_all(&dir).expect("directory");
        let server = Server::start(&["serve", dir.to_str().expect("path"), database]);
        let pem = std::fs::read(dir.join("certs/server.crt")).expect("certificate");
        (server, pem)
    };
    let ((one, one_pem), (other, other_pem)) = (start("one"), start("other"));
    let (_, token) = credentials(&dir.join("one"));
    let client = |server: &Server, pem: &[u8], user: &str, token: &Secret| {
        let user = UserId::parse(user).expect("id");
        let tls = Tls::Pem(pem.to_vec());
        GrpcClient::connect(ClientConfig::new("127.0.0.1", server.port, tls, user, token.clone()))
            .expect("client")
    };
    let admin = client(&one, &one_pem, "admin", &token);
    let node = NodeId::parse("node-1").expect("id");
    let node_token = admin.register_node(node.clone(), NodeUpdate::default()).await.expect("node");
    let watching = client(&other, &other_pem, "node-1", &node_token);
    let mut orders = watching.watch_orders(&node).await.expect("stream");
    orders.next().await.expect("stream").expect("orders");
    // It listens to the database from about its start on.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut times = Vec::new();
    for index in 0..BOOKINGS {
        let asked = Instant::now();
        let (booked, seen) = tokio::join!(admin.schedule_job(once(index)), orders.next());
        booked.expect("booked");
        let seen = seen.expect("stream").expect("orders");
        times.push(asked.elapsed());
        assert_eq!(i64::try_from(seen.jobs.len()).expect("few"), index + 1);
        // At another place of whatever interval there is.
        tokio::time::sleep(Duration::from_millis(37)).await;
    }
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    say(&format!(
        "{what:34} p50 {:5.0} ms   p99 {:5.0} ms   max {:5.0} ms   ({BOOKINGS} bookings)",
        at(50),
        at(99),
        at(100)
    ));
}

pub(crate) async fn run() {
    say("a job booked at one orchestrator reaches a node connected to another:");
    let dir = tempfile::tempdir().expect("directory");
    let sqlite = format!("sqlite:{}", dir.path().join("leoscope.db").display());
    measure("one SQLite file", dir.path(), &sqlite).await;
    if let Some(database) = mongodb::Server::start(&dir.path().join("mongodb")) {
        let uri = mongodb::uri(database.port, "leoscope");
        measure("MongoDB (the server of the tests)", &dir.path().join("second"), uri.expose()).await;
    }
}
