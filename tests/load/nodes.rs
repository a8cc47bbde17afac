//! Ten thousand nodes that hold their streams and call every ten seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use leoscope_core::backends::store::SqliteStore;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{
    Heartbeat, JobParams, JobSpec, Node, Record, Role, RunLength, Secret, TokenHash, User,
};
use leoscope_core::ports::{Archive as _, ControlPlane as _, Versions};
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::say;
use crate::server::{Server, credentials};

const NODES: usize = 10_000;
const BOOKINGS: usize = 300;
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How many connect at the same time.
const AT_ONCE: usize = 64;

fn node_id(index: usize) -> NodeId {
    NodeId::parse(&format!("node-{index}")).expect("id")
}

/// A database in which the nodes are registered, all with the same token.
async fn register(path: &std::path::Path, token: &Secret) {
    let store = SqliteStore::open(path).expect("store");
    for index in 0..NODES {
        let id = node_id(index);
        let user = User {
            id: UserId::from(&id),
            name: String::new(),
            role: Role::Node,
            team: String::new(),
            token: Some(TokenHash::of(token)),
        };
        let node = Node {
            id,
            name: String::new(),
            description: String::new(),
            coords: None,
            location: String::new(),
            provider: "starlink".into(),
            public_ip: String::new(),
            owner: None,
            scheduling_enabled: true,
            standby: Default::default(),
            time_zone: None,
            clock_offset_us: None,
            portal: Default::default(),
            registered: Timestamp::UNIX_EPOCH,
            last_active: None,
            contact_since: None,
        };
        for record in [Record::User(user), Record::Node(node)] {
            store.restore(&record, &Versions::new()).await.expect("registered");
        }
    }
}

/// What the nodes have seen.
#[derive(Default)]
struct Heartbeats {
    done: AtomicU64,
    failed: AtomicU64,
    /// The longest one since it was asked last, in microseconds.
    longest: AtomicU64,
}

/// A node: holds its stream, calls, and tells when orders with a job arrive.
async fn node(
    index: usize,
    client: GrpcClient,
    arrived: mpsc::UnboundedSender<(usize, Instant)>,
    beats: Arc<Heartbeats>,
    connected: impl FnOnce(),
) {
    let id = node_id(index);
    let mut orders = client.watch_orders(&id).await.expect("stream");
    let first = orders.next().await.expect("stream").expect("orders");
    assert_eq!(first.jobs, []);
    connected();
    // Spread over the interval, as those of real nodes are.
    let offset = HEARTBEAT.mul_f64(f64::from(u32::try_from(index).expect("small")) / 10_000.0);
    let mut beat = tokio::time::interval_at((Instant::now() + offset).into(), HEARTBEAT);
    loop {
        tokio::select! {
            next = orders.next() => {
                next.expect("stream").expect("orders");
                // Nobody may be left to hear it.
                let _ = arrived.send((index, Instant::now()));
            }
            _ = beat.tick() => {
                let begun = Instant::now();
                let counter = match client.heartbeat(Heartbeat::of(id.clone())).await {
                    Ok(()) => &beats.done,
                    Err(_) => &beats.failed,
                };
                counter.fetch_add(1, Ordering::Relaxed);
                let took = u64::try_from(begun.elapsed().as_micros()).expect("short");
                beats.longest.fetch_max(took, Ordering::Relaxed);
            }
        }
    }
}

fn once(index: usize) -> JobSpec {
    let length = SignedDuration::from_secs(60);
    let window = Window::lasting(Timestamp::now() + SignedDuration::from_hours(1), length).expect("window");
    JobSpec {
        id: Some(JobId::parse(&format!("job-{index}")).expect("id")),
        node: node_id(index),
        server: None,
        schedule: Schedule::Once,
        window,
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: lab/ping:1}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "megabytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

pub(crate) async fn run() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("leoscope.db");
    let token = Secret::random_token().expect("token");
    register(&path, &token).await;
    let server =
        Server::start(&["serve", dir.path().to_str().expect("path"), &format!("sqlite:{}", path.display())]);
    let (pem, admin_token) = credentials(dir.path());
    let client = |user: UserId, token: &Secret| {
        let config = ClientConfig::new("127.0.0.1", server.port, Tls::Pem(pem.clone()), user, token.clone());
        GrpcClient::connect(ClientConfig { timeout: Duration::from_secs(60), ..config }).expect("client")
    };
    say(&format!(
        "{NODES} nodes, each with a connection with TLS, a stream, and a call every {HEARTBEAT:?}:"
    ));
    say(&format!("memory before                {:6.0} MB", megabytes(server.memory())));
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (beats, gate) = (Arc::new(Heartbeats::default()), Arc::new(Semaphore::new(AT_ONCE)));
    let (begun, mut nodes) = (Instant::now(), JoinSet::new());
    for index in 0..NODES {
        let turn = Arc::clone(&gate).acquire_owned().await.expect("gate");
        let client = client(UserId::from(&node_id(index)), &token);
        nodes.spawn(node(index, client, arrived.clone(), Arc::clone(&beats), move || drop(turn)));
    }
    // All have connected when all turns are free.
    drop(gate.acquire_many(u32::try_from(AT_ONCE).expect("small")).await.expect("gate"));
    say(&format!("all connected after          {:6.1} s", begun.elapsed().as_secs_f64()));
    // A whole interval, so that every node has called.
    tokio::time::sleep(HEARTBEAT + Duration::from_secs(1)).await;
    say(&format!("memory with all streams      {:6.0} MB", megabytes(server.memory())));

    let admin = client(UserId::parse("admin").expect("id"), &admin_token);
    let (calls, used, from) = (beats.done.load(Ordering::Relaxed), server.processor_secs(), Instant::now());
    beats.longest.store(0, Ordering::Relaxed);
    let mut times = Vec::new();
    for booking in 0..BOOKINGS {
        let index = booking * 7_919 % NODES;
        let asked = Instant::now();
        let ask = admin.schedule_job(once(index));
        let (booked, seen) = tokio::join!(ask, arrivals.recv());
        booked.expect("booked");
        let (who, at) = seen.expect("arrival");
        assert_eq!(who, index);
        times.push(at.duration_since(asked));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let passed = from.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    say(&format!(
        "a booking reaches its node   p50 {:.1} ms   p90 {:.1} ms   p99 {:.1} ms   max {:.1} ms   ({BOOKINGS} bookings)",
        at(50),
        at(90),
        at(99),
        at(100)
    ));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand calls")]
    let rate = (beats.done.load(Ordering::Relaxed) - calls) as f64 / passed;
    say(&format!(
        "heartbeats meanwhile         {rate:6.0}/s, {} failed, the longest took {:.0} ms",
        beats.failed.load(Ordering::Relaxed),
        Duration::from_micros(beats.longest.load(Ordering::Relaxed)).as_secs_f64() * 1e3
    ));
    say(&format!("processors used              {:6.2}", (server.processor_secs() - used) / passed));
    say(&format!("memory at the end            {:6.0} MB", megabytes(server.memory())));
}
