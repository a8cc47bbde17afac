//! The world in one process: control, several agents, virtual time, simulated runtimes.
//!
//! Each world follows from its seed alone; a failure prints it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::agent::{Agent, AgentConfig};
use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::clock::VirtualClock;
use leoscope_core::backends::launcher::TimerLauncher;
use leoscope_core::backends::ledger::MemoryLedger;
use leoscope_core::backends::runtime::{Behaviour, SimulatedRuntime};
use leoscope_core::backends::store::MemoryStore;
use leoscope_core::control::Service;
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{
    Caller, ExecutorConfig, JobParams, JobSpec, NodeUpdate, Role, Run, RunFilter, RunLength, RunStatus,
};
use leoscope_core::ports::{Clock, ControlPlane, Ledger, Runtime};
use leoscope_core::schedule::{CronExpr, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};
use leoscope_core::{ErrorKind, Result};
use tokio_util::sync::CancellationToken;

/// A small generator (SplitMix64), so that a seed is all a world needs.
struct Seed(u64);

impl Seed {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }
}

struct World {
    clock: Arc<dyn Clock>,
    service: Arc<Service>,
    dir: tempfile::TempDir,
}

/// What of a node survives its process.
struct NodeState {
    id: NodeId,
    runtime: SimulatedRuntime,
    ledger: Arc<dyn Ledger>,
    running: Option<(CancellationToken, tokio::task::JoinHandle<Result<()>>)>,
}

fn start_of_world() -> Timestamp {
    parse_time("2026-12-01T00:00:00").expect("time")
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(start_of_world()));
        let artifacts = Arc::new(DirectoryStore::new(dir.path().join("artifacts")).await.expect("artifacts"));
        let service = Service::new(Arc::new(MemoryStore::default()), artifacts, Arc::clone(&clock));
        Self { clock, service, dir }
    }

    fn as_user(&self, id: &str, role: Role) -> Arc<dyn ControlPlane> {
        Arc::new(self.service.session(Caller { id: UserId::parse(id).expect("id"), role }))
    }

    async fn node(&self, name: &str) -> NodeState {
        let id = NodeId::parse(name).expect("id");
        self.as_user("admin", Role::Admin)
            .register_node(id.clone(), NodeUpdate::default())
            .await
            .expect("register");
        NodeState {
            id,
            runtime: SimulatedRuntime::new(Arc::clone(&self.clock)),
            ledger: Arc::new(MemoryLedger::default()),
            running: None,
        }
    }

    async fn boot(&self, node: &mut NodeState) {
        let runtime: Arc<dyn Runtime> = Arc::new(node.runtime.clone());
        let agent = Agent::new(
            AgentConfig {
                node: node.id.clone(),
                work_dir: work_dir(self.dir.path(), &node.id),
                executor: ExecutorConfig::default(),
                interval: SignedDuration::from_secs(10),
                grace: Duration::from_secs(2),
            },
            self.as_user(node.id.as_str(), Role::Node),
            runtime,
            Arc::clone(&node.ledger),
            Arc::new(TimerLauncher::new(Arc::clone(&self.clock))),
            Arc::clone(&self.clock),
        )
        .await
        .expect("agent");
        let stop = CancellationToken::new();
        let token = stop.clone();
        node.running = Some((stop, tokio::spawn(async move { agent.run(token).await })));
    }

    /// Ends a node's process in whatever it is doing; its runtime and ledger stay.
    async fn crash(node: &mut NodeState) {
        if let Some((_, task)) = node.running.take() {
            task.abort();
            let _ = task.await;
        }
    }

    async fn until(&self, secs: i64) {
        let at = start_of_world().checked_add(SignedDuration::from_secs(secs)).expect("time");
        self.clock.sleep_until(at).await;
    }

    async fn runs(&self) -> Vec<Run> {
        self.as_user("admin", Role::Admin).runs(&RunFilter::default()).await.expect("runs")
    }
}

fn work_dir(root: &Path, node: &NodeId) -> std::path::PathBuf {
    root.join("nodes").join(node.as_str())
}

fn job(id: &str, node: &NodeId, cron: Option<&str>, window: (i64, i64), secs: i64) -> JobSpec {
    let at = |secs| start_of_world().checked_add(SignedDuration::from_secs(secs)).expect("time");
    JobSpec {
        id: Some(JobId::parse(id).expect("id")),
        node: node.clone(),
        server: None,
        schedule: cron.map_or(Schedule::Once, |text| Schedule::Cron(CronExpr::parse(text).expect("cron"))),
        window: Window::new(at(window.0), at(window.1)).expect("window"),
        length: RunLength::from_secs(secs).expect("length"),
        overhead: true,
        trigger: None,
        config: "process: {command: measure}".into(),
        params: JobParams::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_booked_run_starts_at_its_instant_and_its_results_arrive() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    researcher.schedule_job(job("exp", &node.id, Some("*/5 * * * *"), (0, 3600), 60)).await.expect("booked");
    world.until(3700).await;
    let runs = world.runs().await;
    // 00:00 itself is planned as well: the job was booked at that instant.
    assert_eq!(runs.len(), 12, "{runs:#?}");
    for run in &runs {
        assert_eq!(run.status, RunStatus::Completed, "{run:?}");
        assert_eq!(run.started, run.planned.map(|window| window.start()), "{run:?}");
        assert!(run.artifact.is_some(), "{run:?}");
        drop(researcher.download(&run.id).await.expect("the researcher may download"));
    }
    let stranger = world.as_user("stranger", Role::User);
    assert_eq!(stranger.runs(&RunFilter::default()).await.expect("runs"), []);
    let refused = stranger.download(&runs[0].id).await.err().map(|e| e.kind());
    assert_eq!(refused, Some(ErrorKind::PermissionDenied));
}

#[tokio::test(start_paused = true)]
async fn deleting_a_job_stops_its_run_and_frees_its_time_at_once() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    let long = job("long", &node.id, None, (100, 1000), 900);
    researcher.schedule_job(long.clone()).await.expect("booked");
    let other = JobSpec { id: Some(JobId::parse("other").expect("id")), ..long.clone() };
    let refused = researcher.schedule_job(other.clone()).await.expect_err("taken");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().starts_with("schedule conflict: "), "{refused}");
    assert_eq!(refused.conflicts().len(), 1);
    world.until(200).await;
    researcher.delete_job(&JobId::parse("long").expect("id")).await.expect("deleted");
    let later = job("later", &node.id, None, (260, 1000), 600);
    researcher.schedule_job(later).await.expect("the time is free again");
    world.until(1200).await;
    let by_job: BTreeMap<_, _> =
        world.runs().await.into_iter().map(|run| (run.job.to_string(), run)).collect();
    assert_eq!(by_job["long"].status, RunStatus::Aborted);
    assert!(by_job["long"].artifact.is_some(), "aborted runs bring back what they have");
    assert_eq!(by_job["later"].status, RunStatus::Completed);
}

/// Nodes crash at random instants and come back: no run is lost that had been begun, none runs
/// twice, and exclusive runs never overlap.
#[tokio::test(start_paused = true)]
async fn crashing_nodes_end_every_run_they_began_exactly_once() {
    for seed in 0..20 {
        crashing_world(seed).await;
    }
}

async fn crashing_world(seed: u64) {
    let mut random = Seed(seed);
    let world = World::new().await;
    let mut nodes = Vec::new();
    for index in 0..3 {
        nodes.push(world.node(&format!("node-{index}")).await);
    }
    let researcher = world.as_user("researcher", Role::User);
    for node in &mut nodes {
        world.boot(node).await;
        for index in 0..4_u64 {
            let id = format!("{}-{index}", node.id);
            let cron = format!("{}-59/{} * * * *", random.next(10), 5 + random.next(20));
            let length = i64::try_from(20 + random.next(200)).expect("small");
            let booked = researcher.schedule_job(job(&id, &node.id, Some(&cron), (0, 7200), length)).await;
            assert!(booked.is_ok() || booked.is_err_and(|e| e.kind() == ErrorKind::Conflict), "seed {seed}");
        }
    }
    let mut now = 0;
    while now < 7300 {
        now += i64::try_from(1 + random.next(120)).expect("small");
        world.until(now).await;
        let node = usize::try_from(random.next(3)).expect("small");
        World::crash(&mut nodes[node]).await;
        // Sometimes the node is back at once, sometimes after a while.
        world.until(now + i64::try_from(random.next(40)).expect("small")).await;
        world.boot(&mut nodes[node]).await;
    }
    world.until(now + 600).await;
    let runs = world.runs().await;
    assert!(runs.len() > 10, "seed {seed}: only {} runs", runs.len());
    for run in &runs {
        assert!(run.status.is_terminal(), "seed {seed}: {run:#?}");
        assert!(run.artifact.is_some(), "seed {seed}: {run:#?}");
        let (planned, started) = (run.planned.expect("planned"), run.started);
        assert!(started.is_none_or(|at| planned.contains(at)), "seed {seed}: {run:#?}");
    }
    for node in &nodes {
        let stays = node.runtime.stays();
        let mut ids: Vec<_> = stays.iter().map(|stay| stay.run.clone()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), stays.len(), "seed {seed}: a run ran twice on {}", node.id);
        for pair in stays.windows(2) {
            let ended = pair[0].ended.expect("ended");
            assert!(ended <= pair[1].started, "seed {seed}: {pair:?} overlap on {}", node.id);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_may_not_speak_for_another() {
    let world = World::new().await;
    let node = world.node("node").await;
    let other = world.node("other").await;
    let researcher = world.as_user("researcher", Role::User);
    researcher.schedule_job(job("exp", &node.id, None, (100, 200), 60)).await.expect("booked");
    let foreign = world.as_user(other.id.as_str(), Role::Node);
    for denied in [
        foreign.orders(&node.id).await.err(),
        foreign.heartbeat(&node.id).await.err(),
        foreign.job(&JobId::parse("exp").expect("id")).await.err(),
        foreign.delete_job(&JobId::parse("exp").expect("id")).await.err(),
    ] {
        assert_eq!(denied.map(|e| e.kind()), Some(ErrorKind::PermissionDenied));
    }
    let listed = foreign.jobs_on_node(&node.id).await.expect("anybody may see when a node is taken");
    assert_eq!(listed[0].config, "");
}
