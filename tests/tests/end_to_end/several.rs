//! Several orchestrators on one MongoDB: bookings stay atomic, nodes hear of them wherever they are
//! connected, and one that is killed takes nothing with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{
    Job, JobParams, JobSpec, NewUser, NodeUpdate, Role, RunFilter, RunLength, Secret,
};
use leoscope_core::ports::ControlPlane;
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_core::{ErrorKind, Result};
use leoscope_tests::{free_port, mongodb};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::lab::{Process, binary, eventually};

const CLIENTS: usize = 64;
const BOOKINGS: usize = 6;
const NODES: usize = 3;

struct Fleet {
    orchestrators: [Process; 2],
    ports: [u16; 2],
    pem: Vec<u8>,
    admin: Secret,
    dir: tempfile::TempDir,
    _server: mongodb::Server,
}

impl Fleet {
    fn start() -> Option<Self> {
        let dir = tempfile::tempdir().expect("directory");
        let server = mongodb::Server::start(&dir.path().join("mongodb"))?;
        let uri = dir.path().join("database-uri");
        fs::write(&uri, mongodb::uri(server.port, "leoscope").expose()).expect("uri");
        let ports = [free_port(), free_port()];
        let start = |index: usize| {
            let state = dir.path().join(index.to_string());
            let process = Process::spawn(
                Command::new(binary("leoscope-orchestrator"))
                    .env("LEOSCOPE_ELEMENTS", "none")
                    .args(["--grpc-port", &ports[index].to_string(), "--state-dir"])
                    .arg(&state)
                    .arg("--artifacts-dir")
                    .arg(dir.path().join("artifacts"))
                    .arg("--database-file")
                    .arg(&uri),
                dir.path().join(format!("{index}.log")),
            );
            process.wait_for_log("orchestrator is listening");
            let pem = fs::read(state.join("certs/server.crt")).expect("certificate");
            (process, pem)
        };
        let (first, second) = (start(0), start(1));
        let admin = fs::read_to_string(dir.path().join("0/admin-token")).expect("token");
        assert!(!dir.path().join("1/admin-token").exists(), "the second one made no token");
        Some(Self {
            orchestrators: [first.0, second.0],
            ports,
            pem: [first.1, second.1].concat(),
            admin: Secret::new(admin.trim()),
            dir,
            _server: server,
        })
    }

    /// A client that knows these orchestrators, in this order.
    fn client(&self, orchestrators: &[usize], user: &str, token: &Secret) -> GrpcClient {
        let host: Vec<_> =
            orchestrators.iter().map(|index| format!("127.0.0.1:{}", self.ports[*index])).collect();
        let user = UserId::parse(user).expect("id");
        let tls = Tls::Pem(self.pem.clone());
        GrpcClient::connect(ClientConfig::new(host.join(","), 1, tls, user, token.clone())).expect("client")
    }

    fn admin(&self, orchestrator: usize) -> GrpcClient {
        self.client(&[orchestrator], "admin", &self.admin)
    }

    /// A real node that is connected to the first orchestrator and knows the second.
    fn node(&self, id: &str, token: &Secret) -> Process {
        let trusted: PathBuf = self.dir.path().join("trusted.crt");
        fs::write(&trusted, &self.pem).expect("certificates");
        Process::spawn(
            Command::new(binary("leoscope-node"))
                .args(["--nodeid", id, "--runtime", "process", "--grpc-host"])
                .arg(format!("127.0.0.1:{},127.0.0.1:{}", self.ports[0], self.ports[1]))
                .arg("--tls-cert")
                .arg(&trusted)
                .arg("--state-dir")
                .arg(self.dir.path().join("node"))
                .env("LEOSCOPE_ACCESS_TOKEN", token.expose()),
            self.dir.path().join("node.log"),
        )
    }
}

fn node(index: usize) -> NodeId {
    NodeId::parse(&format!("node-{index}")).expect("id")
}

fn once(id: Option<&str>, node: NodeId, start: Timestamp, secs: i64) -> JobSpec {
    let length = SignedDuration::from_secs(secs);
    JobSpec {
        id: id.map(|id| JobId::parse(id).expect("id")),
        node,
        server: None,
        schedule: Schedule::Once,
        window: Window::lasting(start, length).expect("window"),
        length: RunLength::from_secs(secs).expect("length"),
        overhead: true,
        trigger: None,
        config: "process: {command: 'true'}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    }
}

/// What became of the wishes of a client.
#[derive(Default)]
struct Told {
    accepted: BTreeSet<JobId>,
    /// No answer came, or one that says that it is not known.
    open: BTreeSet<JobId>,
    refused: BTreeSet<JobId>,
}

/// Clients that book many times that are in each other's way; all wait at `half` in the middle.
fn booking(fleet: &Fleet, half: &Arc<Barrier>, tokens: &[Secret]) -> JoinSet<Told> {
    let from = Timestamp::now() + SignedDuration::from_hours(1);
    let mut clients = JoinSet::new();
    for (number, token) in tokens.iter().enumerate() {
        let client = fleet.client(&[number % 2, 1 - number % 2], &format!("user-{number}"), token);
        let half = Arc::clone(half);
        clients.spawn(async move {
            let mut told = Told::default();
            for index in 0..BOOKINGS {
                if index == BOOKINGS / 2 {
                    half.wait().await;
                }
                let minutes = (number * 13 + index * 29) % 60 * 15 + number % 3 * 5;
                let start = from + SignedDuration::from_mins(i64::try_from(minutes).expect("small"));
                let id = format!("job-{number}-{index}");
                let spec = once(Some(&id), node((number + index) % NODES), start, 900);
                let id = spec.id.clone().expect("id");
                // The server of the tests is slow enough that some wait too long for their turn.
                let asked = async || loop {
                    match client.schedule_job(spec.clone()).await {
                        Err(error) if error.message().starts_with("too many bookings") => {}
                        other => return other.map_err(|error| error.kind()),
                    }
                };
                match asked().await {
                    Ok(_) => told.accepted.insert(id),
                    Err(ErrorKind::Conflict) => told.refused.insert(id),
                    Err(ErrorKind::Unavailable | ErrorKind::Timeout) => told.open.insert(id),
                    Err(other) => panic!("{id}: {other:?}"),
                };
            }
            told
        });
    }
    clients
}

async fn all(clients: JoinSet<Told>) -> Told {
    let mut all = Told::default();
    for told in clients.join_all().await {
        all.accepted.extend(told.accepted);
        all.open.extend(told.open);
        all.refused.extend(told.refused);
    }
    all
}

async fn stored(admin: &GrpcClient) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for index in 0..NODES {
        jobs.extend(admin.jobs_on_node(&node(index)).await?);
    }
    Ok(jobs)
}

fn assert_free_of_conflicts(jobs: &[Job]) {
    for (index, a) in jobs.iter().enumerate() {
        for b in jobs.iter().skip(index + 1).filter(|b| b.node == a.node) {
            assert!(a.window.overlap(&b.window).is_none(), "{a:#?} and {b:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orchestrators_share_a_database_and_one_is_killed_in_the_middle() {
    let Some(mut fleet) = Fleet::start() else { return };
    let admin = fleet.admin(0);
    for index in 0..NODES {
        admin.register_node(node(index), NodeUpdate::default()).await.expect("node");
    }
    let mut tokens = Vec::new();
    for number in 0..CLIENTS {
        let id = UserId::parse(&format!("user-{number}")).expect("id");
        let user = NewUser { id, name: String::new(), role: Role::User, team: String::new() };
        tokens.push(fleet.admin(number % 2).register_user(user).await.expect("user"));
    }
    let half = Arc::new(Barrier::new(CLIENTS + 1));
    let clients = booking(&fleet, &half, &tokens);
    half.wait().await;
    fleet.orchestrators[0].kill();
    let told = all(clients).await;
    let jobs = stored(&fleet.admin(1)).await.expect("jobs");
    assert_free_of_conflicts(&jobs);
    let ids: BTreeSet<JobId> = jobs.iter().map(|job| job.id.clone()).collect();
    assert!(told.accepted.is_subset(&ids), "lost: {:?}", told.accepted.difference(&ids));
    assert!(told.refused.is_disjoint(&ids), "refused, but stored: {:?}", told.refused.intersection(&ids));
    let known: BTreeSet<JobId> = told.accepted.union(&told.open).cloned().collect();
    assert!(ids.is_subset(&known), "nobody asked for: {:?}", ids.difference(&known));
    let (accepted, refused, open) = (told.accepted.len(), told.refused.len(), told.open.len());
    assert_eq!(accepted + refused + open, CLIENTS * BOOKINGS);
    assert!(accepted > 20 && refused > 20, "{accepted} accepted, {refused} refused, {open} open");
    // Those of the one that was killed have gone on with the other.
    assert!(open <= CLIENTS, "{open} of {} were left open", CLIENTS * BOOKINGS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_booked_at_one_reaches_a_node_at_the_other_which_goes_on_without_it() {
    let Some(mut fleet) = Fleet::start() else { return };
    let token = fleet.admin(0).register_node(node(0), NodeUpdate::default()).await.expect("node");
    let running = fleet.node("node-0", &token);
    running.wait_for_log("jobs=0");
    let other = fleet.admin(1);
    let soon = |secs| Timestamp::now() + SignedDuration::from_secs(secs);
    other.schedule_job(once(Some("first"), node(0), soon(5), 1)).await.expect("booked");
    running.wait_for_log("jobs=1");
    let ended = async |job: &str| {
        let filter = RunFilter { job: Some(JobId::parse(job).expect("id")), ..RunFilter::default() };
        loop {
            let runs = other.runs(&filter).await.expect("runs");
            if runs.len() == 1 && runs[0].artifact.is_some() {
                return runs[0].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    let first = tokio::time::timeout(patience, ended("first")).await.expect("in time");
    assert_eq!(first.status, leoscope_core::model::RunStatus::Completed, "{first:#?}");
    fleet.orchestrators[0].kill();
    other.schedule_job(once(Some("second"), node(0), soon(20), 1)).await.expect("booked");
    let second = tokio::time::timeout(patience, ended("second")).await.expect("in time");
    assert_eq!(second.status, leoscope_core::model::RunStatus::Completed, "{second:#?}");
    assert_eq!(other.runs(&RunFilter::default()).await.expect("runs").len(), 2, "none lost, none twice");
    eventually("the results", || fleet.dir.path().join("artifacts/node-0/second").exists().then_some(()));
}
