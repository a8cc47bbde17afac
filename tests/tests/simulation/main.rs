//! The world in one process: control, several agents, virtual time, simulated runtimes.
//!
//! Each world follows from its seed alone; a failure prints it.

mod beside;
mod cut;
mod day;
mod endurance;
mod faults;
mod gating;
mod manifests;
mod outbox;
mod pairing;
mod readings;
mod restarts;
mod satellites;
mod standby;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use leoscope_core::agent::{Agent, AgentConfig, Elements, Parts, status};
use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::clock::VirtualClock;
use leoscope_core::backends::launcher::TimerLauncher;
use leoscope_core::backends::ledger::MemoryLedger;
use leoscope_core::backends::monitors::ManualMeter;
use leoscope_core::backends::runtime::{Behaviour, SimulatedRuntime};
use leoscope_core::backends::sessions::MemorySessions;
use leoscope_core::backends::store::MemoryStore;
use leoscope_core::control::Service;
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{
    Caller, ClockReading, ClockSource, ExecutorConfig, Heartbeat, JobChange, JobParams, JobSpec, NodeUpdate,
    Role, Run, RunFilter, RunLength, RunStatus, Stage,
};
use leoscope_core::ports::{
    Clock, ClockMeter, ControlPlane, HostScheduler, Ledger, Monitor, Publisher, Runtime as _, Sessions,
};
use leoscope_core::schedule::{CronExpr, Hold, Overlap, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};
use leoscope_core::{Error, ErrorKind, Result};
use leoscope_tests::bundles;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A small generator (SplitMix64), so that a seed is all a world needs.
#[derive(Debug)]
struct Seed(u64);

impl Seed {
    /// One for a part of a world, so that what one part does does not change the others.
    fn of(seed: u64, part: &str) -> Self {
        let mix = |mixed: u64, byte: u8| (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        Self(part.bytes().fold(seed ^ 0xCBF2_9CE4_8422_2325, mix))
    }

    /// Whether something happens that happens once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.next(times) == 0
    }

    /// A number of seconds, from `least` to below `most`.
    fn secs(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.next((most - least).unsigned_abs())).expect("small")
    }

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
    reachable: watch::Sender<Option<Arc<Service>>>,
    dir: tempfile::TempDir,
}

/// What of a node survives its process.
struct NodeState {
    id: NodeId,
    runtime: SimulatedRuntime,
    ledger: Arc<dyn Ledger>,
    /// Whether its link to the orchestrator is gone.
    cut: watch::Sender<bool>,
    /// What its network interfaces have moved.
    traffic: ManualMeter,
    executor: ExecutorConfig,
    meter: Meter,
    /// What is noted of its uploads.
    uploads: Option<Arc<Mutex<cut::Uploads>>>,
    /// What starts processes for its runs.
    host: Option<Arc<dyn HostScheduler>>,
    /// What reads the world around it, and what is told of that.
    monitors: Vec<Arc<dyn Monitor>>,
    publisher: Option<Arc<dyn Publisher>>,
    elements: Option<Elements>,
    /// What its processes know of each other; where it has one process that ends with it.
    sessions: Option<Arc<dyn Sessions>>,
    running: Option<(CancellationToken, tokio::task::JoinHandle<Result<()>>)>,
}

/// The time service of a node, if it has one.
#[derive(Debug, Clone, Default)]
struct Meter(Arc<Mutex<Option<ClockReading>>>);

impl Meter {
    fn telling(offset_us: i64) -> Self {
        let meter = Self::default();
        meter.tells(offset_us);
        meter
    }

    fn tells(&self, offset_us: i64) {
        let at = start_of_world();
        let reading = ClockReading { offset_us, uncertainty_us: 1, source: ClockSource::Chrony, at };
        *self.0.lock().expect("meter") = Some(reading);
    }
}

#[async_trait]
impl ClockMeter for Meter {
    async fn measure(&self) -> Result<ClockReading> {
        self.0.lock().expect("meter").ok_or_else(|| Error::unavailable("no time service"))
    }
}

/// A directory for what nodes write and sync thousands of times: in memory where there is such a place.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.expect("directory")
}

fn start_of_world() -> Timestamp {
    parse_time("2026-12-01T00:00:00").expect("time")
}

impl World {
    async fn new() -> Self {
        let dir = directory();
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(start_of_world()));
        let artifacts = Arc::new(DirectoryStore::new(dir.path().join("artifacts")).await.expect("artifacts"));
        let service = Service::new(Arc::new(MemoryStore::default()), artifacts, Arc::clone(&clock));
        let reachable = watch::Sender::new(Some(Arc::clone(&service)));
        Self { clock, service, reachable, dir }
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
            cut: watch::Sender::new(false),
            traffic: ManualMeter::default(),
            executor: ExecutorConfig::default(),
            meter: Meter::default(),
            uploads: None,
            host: None,
            monitors: Vec::new(),
            publisher: None,
            elements: None,
            sessions: None,
            running: None,
        }
    }

    async fn boot(&self, node: &mut NodeState) {
        let (config, parts) = self.parts(node);
        let agent = Agent::new(config, parts).await.expect("agent");
        let stop = CancellationToken::new();
        let token = stop.clone();
        node.running = Some((stop, tokio::spawn(async move { agent.run(token).await })));
    }

    /// What every process of a node works with.
    fn parts(&self, node: &NodeState) -> (AgentConfig, Parts) {
        let config = AgentConfig {
            time_zone: None,
            node: node.id.clone(),
            work_dir: work_dir(self.dir.path(), &node.id),
            executor: node.executor.clone(),
            interval: SignedDuration::from_secs(10),
            grace: Duration::from_secs(2),
            disk_interval: SignedDuration::from_secs(3),
            address: None,
        };
        let own = || Arc::new(MemorySessions::new(Arc::clone(&self.clock)));
        let parts = Parts {
            control: Arc::new(cut::Link {
                service: self.reachable.subscribe(),
                caller: Caller { id: UserId::from(&node.id), role: Role::Node },
                cut: node.cut.subscribe(),
                process: None,
                uploads: node.uploads.clone(),
            }),
            runtime: Arc::new(node.runtime.clone()),
            ledger: Arc::clone(&node.ledger),
            launcher: Arc::new(TimerLauncher::new(Arc::clone(&self.clock))),
            host: node.host.clone(),
            sessions: node.sessions.clone().unwrap_or_else(|| own()),
            clock: Arc::clone(&self.clock),
            routes: None,
            kernel: None,
            host_facts: Arc::new(manifests::Machine),
            traffic: Some(Arc::new(node.traffic.clone())),
            meter: Arc::new(node.meter.clone()),
            blob: None,
            monitors: node.monitors.clone(),
            publisher: node.publisher.clone(),
            elements: node.elements.clone(),
        };
        (config, parts)
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
        policies: Policies::default(),
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
        drop(researcher.download(&run.id, 0).await.expect("the researcher may download"));
    }
    let stranger = world.as_user("stranger", Role::User);
    assert_eq!(stranger.runs(&RunFilter::default()).await.expect("runs"), []);
    let refused = stranger.download(&runs[0].id, 0).await.err().map(|e| e.kind());
    assert_eq!(refused, Some(ErrorKind::PermissionDenied));
}

/// A node tells how far its clock is off: its runs and their bundles have it, the orchestrator, and
/// who books there is warned.
#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_recorded_with_each_run_and_told_to_everybody_concerned() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.meter.tells(2_500_000);
    world.boot(&mut node).await;
    world.until(20).await;
    let researcher = world.as_user("researcher", Role::User);
    let first = researcher.schedule_job(job("off", &node.id, None, (100, 160), 60)).await.expect("booked");
    let warning = "the clock of node node is 2.500 s fast: its runs start early by that much";
    assert!(first.warnings.iter().any(|told| told == warning), "{:?}", first.warnings);
    let plane = world.as_user("node", Role::Node);
    assert_eq!(plane.orders(&node.id).await.expect("orders").clock_offset_us, Some(2_500_000));
    world.until(30).await;
    let kept = node.ledger.orders().await.expect("ledger").expect("orders");
    assert_eq!(kept.clock_offset_us, Some(2_500_000), "its own orders show it");

    world.until(250).await;
    node.meter.tells(-40);
    world.until(400).await;
    let second = researcher.schedule_job(job("right", &node.id, None, (500, 560), 60)).await.expect("booked");
    assert!(!second.warnings.iter().any(|told| told.contains("clock")), "{:?}", second.warnings);
    assert_eq!(plane.orders(&node.id).await.expect("orders").clock_offset_us, None);
    world.until(700).await;
    let runs = world.runs().await;
    let offset_of = |job: &str| {
        let run = runs.iter().find(|run| run.job.as_str() == job).expect("run");
        assert_eq!(run.status, RunStatus::Completed, "{run:?}");
        run.facts.clock_offset_us
    };
    assert_eq!((offset_of("off"), offset_of("right")), (Some(2_500_000), Some(-40)));

    let off = runs.iter().find(|run| run.job.as_str() == "off").expect("run");
    let bundle = bundles::fetch(&*researcher, &off.id).await.expect("results");
    let into = world.dir.path().join("unpacked");
    leoscope_core::bundle::unpack(bundle.as_slice(), &into).expect("unpack");
    let manifest = std::fs::read(into.join("manifest.json")).expect("manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("json");
    assert_eq!(manifest["run"]["facts"]["clock_offset_us"], 2_500_000);
    assert_eq!(manifest["clock"]["source"], "CHRONY");
}

/// Without a time service of its own a node compares its clock with the orchestrator's.
#[tokio::test(start_paused = true)]
async fn a_node_without_a_time_service_asks_the_orchestrator_when_it_can_be_reached() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.cut.send_replace(true);
    world.boot(&mut node).await;
    world.until(30).await;
    assert_eq!(node.ledger.clock().await.expect("ledger"), None);
    node.cut.send_replace(false);
    world.until(120).await;
    let reading = node.ledger.clock().await.expect("ledger").expect("reading");
    assert_eq!((reading.offset_us, reading.source), (0, ClockSource::Orchestrator));
}

/// What `leoscope-node status` shows, at each stage of a run.
#[tokio::test(start_paused = true)]
async fn a_node_s_status_tells_what_comes_what_runs_and_what_waits() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    let dir = work_dir(world.dir.path(), &node.id);
    let look = async |node: &NodeState, secs| {
        world.until(secs).await;
        status(&*node.ledger, &dir, world.clock.now()).await.expect("status")
    };
    let nothing = look(&node, 0).await;
    assert_eq!((nothing.orders, nothing.next.len(), nothing.clock), (None, 0, None));
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    for (id, cron) in [("often", "*/5 * * * *"), ("seldom", "12 * * * *")] {
        researcher.schedule_job(job(id, &node.id, Some(cron), (300, 7200), 60)).await.expect("booked");
    }
    let before = look(&node, 240).await;
    assert_eq!(before.orders.expect("orders").jobs, 2);
    assert_eq!(before.next.len(), 10);
    let starts: Vec<(&str, i64)> =
        before.next.iter().map(|run| (run.job.as_str(), run.starts_in_secs)).collect();
    assert_eq!(starts[..3], [("often", 60), ("often", 360), ("seldom", 480)]);
    assert!(before.running.is_empty() && before.outbox.is_empty());
    assert!(before.clock.is_some());

    let during = look(&node, 330).await;
    assert_eq!(during.running.len(), 1, "{during:?}");
    assert_eq!(during.running[0].run, before.next[0].run);
    assert_eq!(during.next[0].starts_in_secs, 270);
    node.cut.send_replace(true);
    let after = look(&node, 400).await;
    assert!(after.running.is_empty(), "{after:?}");
    assert_eq!(after.outbox.len(), 1);
    assert!(after.outbox[0].record && after.outbox[0].results_bytes > Some(0), "{after:?}");
    node.cut.send_replace(false);
    assert_eq!(look(&node, 450).await.outbox, []);
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
    world.service.reconcile().await.expect("reconciled");
    let again = world.service.reconcile().await.expect("reconciled");
    assert_eq!(again.records, 0, "seed {seed}: reconciling again adds nothing");
    let mut runs = world.runs().await;
    for node in &nodes {
        for job in researcher.jobs_on_node(&node.id).await.expect("jobs") {
            let planned: Vec<_> = job.occurrences().map(|occurrence| occurrence.window).collect();
            let mut recorded: Vec<_> =
                runs.iter().filter(|run| run.job == job.id).filter_map(|run| run.planned).collect();
            recorded.sort();
            assert_eq!(recorded, planned, "seed {seed}: each planned run of {} has one record", job.id);
        }
    }
    runs.retain(|run| run.stage != Some(Stage::Reconcile));
    assert!(runs.len() > 10, "seed {seed}: only {} runs", runs.len());
    for run in &runs {
        assert!(run.status.is_terminal(), "seed {seed}: {run:#?}");
        assert!(run.artifact.is_some(), "seed {seed}: {run:#?}");
        let (planned, started) = (run.planned.expect("planned"), run.started);
        assert!(started.is_none_or(|at| planned.contains(at)), "seed {seed}: {run:#?}");
    }
    let manifests = leoscope_tests::manifest::all_below(&world.dir.path().join("artifacts"));
    assert!(manifests.len() >= runs.len(), "seed {seed}: {} manifests", manifests.len());
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

/// The records of a job by planned second, as `status reason`.
async fn record(world: &World, job: &str) -> Vec<(i64, String)> {
    let runs = world.runs().await;
    let runs = runs.iter().filter(|run| run.job.as_str() == job);
    let mut found: Vec<_> = runs
        .map(|run| {
            let start = run.planned.expect("planned").start();
            let text = format!("{} {}", run.status, run.reason.as_deref().unwrap_or_default());
            (start.duration_since(start_of_world()).as_secs(), text)
        })
        .collect();
    found.sort();
    found
}

#[tokio::test(start_paused = true)]
async fn runs_that_no_node_reports_are_missed_once_with_the_reason() {
    let world = World::new().await;
    let keeper = tokio::spawn({
        let service = Arc::clone(&world.service);
        async move { service.keep(None, None).await }
    });
    let (absent, mut present) = (world.node("absent").await, world.node("present").await);
    world.boot(&mut present).await;
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    for node in [&absent, &present] {
        let job = job(node.id.as_str(), &node.id, Some("*/10 * * * *"), (0, 3600), 60);
        researcher.schedule_job(job).await.expect("booked");
    }
    // Gone from 25:00 to 45:00: the runs at 30:00 and 40:00 are its to miss.
    world.until(1500).await;
    World::crash(&mut present).await;
    // The orchestrator is restarted meanwhile.
    keeper.abort();
    let keeper = tokio::spawn({
        let service = Arc::clone(&world.service);
        async move { service.keep(None, None).await }
    });
    world.until(2100).await;
    let missed = (1800, "MISSED NO_EXECUTOR_REPORT".to_owned());
    assert!(!record(&world, "present").await.contains(&missed), "it may have run it, and still report");
    world.until(2700).await;
    world.boot(&mut present).await;
    // A job that is deleted keeps what it had planned before.
    researcher.delete_job(&JobId::parse("absent").expect("id")).await.expect("deleted");
    world.until(4000).await;
    let offline = |secs| (secs, "MISSED NODE_OFFLINE".to_owned());
    assert_eq!(record(&world, "absent").await, [600, 1200, 1800, 2400].map(offline));
    let ran = |secs| (secs, "COMPLETED EXPERIMENT_ENDED".to_owned());
    let silent = |secs| (secs, "MISSED NO_EXECUTOR_REPORT".to_owned());
    assert_eq!(record(&world, "present").await, [ran(600), ran(1200), silent(1800), silent(2400), ran(3000)]);
    assert_eq!(world.service.reconcile().await.expect("reconciled").records, 0);
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_cut_off_for_hours_brings_its_runs_back() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    researcher.schedule_job(job("exp", &node.id, Some("*/30 * * * *"), (0, 7200), 60)).await.expect("booked");
    world.until(60).await;
    node.cut.send_replace(true);
    let mut now = 60;
    while now < 8000 {
        now += 10;
        world.until(now).await;
        world.service.reconcile().await.expect("reconciled");
        // Back at 1:40, when all three runs have long been over.
        node.cut.send_replace(now < 6000);
    }
    let ran = |secs| (secs, "COMPLETED EXPERIMENT_ENDED".to_owned());
    assert_eq!(record(&world, "exp").await, [1800, 3600, 5400].map(ran));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stays_silent_is_given_up_after_a_day() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    researcher.schedule_job(job("exp", &node.id, Some("*/30 * * * *"), (0, 7200), 60)).await.expect("booked");
    world.until(60).await;
    World::crash(&mut node).await;
    world.until(86_400).await;
    world.service.reconcile().await.expect("reconciled");
    assert_eq!(record(&world, "exp").await, [], "nobody can know yet what it did");
    world.until(2 * 86_400).await;
    world.service.reconcile().await.expect("reconciled");
    let offline = |secs| (secs, "MISSED NODE_OFFLINE".to_owned());
    assert_eq!(record(&world, "exp").await, [1800, 3600, 5400].map(offline));
}

#[tokio::test(start_paused = true)]
async fn a_changed_job_runs_as_it_is_now_and_keeps_its_history() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    let id = JobId::parse("exp").expect("id");
    researcher.schedule_job(job("exp", &node.id, Some("*/10 * * * *"), (0, 3600), 60)).await.expect("booked");
    world.until(1205).await;
    // The run of 20:00 is under way and stays in the new plan; 30:00 does not.
    let schedule = Some(Schedule::Cron(CronExpr::parse("20,45 * * * *").expect("cron")));
    let change = JobChange { schedule, ..JobChange::default() };
    researcher.modify_job(&id, change).await.expect("changed");
    world.until(4000).await;
    world.service.reconcile().await.expect("reconciled");
    let ran = |secs| (secs, "COMPLETED EXPERIMENT_ENDED".to_owned());
    assert_eq!(record(&world, "exp").await, [600, 1200, 2700].map(ran));
}

#[tokio::test(start_paused = true)]
async fn a_change_ends_a_run_that_it_no_longer_plans() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    let researcher = world.as_user("researcher", Role::User);
    let id = JobId::parse("exp").expect("id");
    researcher.schedule_job(job("exp", &node.id, None, (100, 3000), 600)).await.expect("booked");
    researcher.schedule_job(job("next", &node.id, None, (1000, 2000), 600)).await.expect("booked");
    world.until(200).await;
    let at = |secs| start_of_world().checked_add(SignedDuration::from_secs(secs)).expect("time");
    let bounds = Window::new(at(700), at(9000)).expect("window");
    let moved = researcher.reschedule_job(&id, bounds).await.expect("moved");
    assert_eq!(moved, Window::new(at(1600), at(2200)).expect("window"), "after the job in between");
    assert_eq!(researcher.reschedule_job(&id, bounds).await.expect("again"), moved);
    // The time of the run it had is free at once.
    researcher.schedule_job(job("filler", &node.id, None, (260, 1000), 300)).await.expect("the time is free");
    world.until(4000).await;
    let record = record(&world, "exp").await;
    assert_eq!(record, [(100, "ABORTED JOB_REMOVED".into()), (1600, "COMPLETED LENGTH_REACHED".into())]);
}

#[tokio::test(start_paused = true)]
async fn runs_start_where_their_policies_put_them() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    let policies = Policies {
        align: "slot+2".parse().ok(),
        random_slip: SignedDuration::from_secs(120),
        max_runs: std::num::NonZeroU32::new(5),
        ..Policies::default()
    };
    let wanted = job("exp", &node.id, Some("*/10 * * * *"), (0, 7200), 60);
    researcher.schedule_job(JobSpec { policies, ..wanted }).await.expect("booked");
    let planned: Vec<Window> = researcher
        .job(&JobId::parse("exp").expect("id"))
        .await
        .expect("job")
        .expect("there")
        .occurrences()
        .map(|occurrence| occurrence.window)
        .collect();
    assert_eq!(planned.len(), 5);
    world.until(7200).await;
    world.service.reconcile().await.expect("reconciled");
    let mut runs = world.runs().await;
    runs.sort_by_key(|run| run.planned);
    assert_eq!(runs.iter().filter_map(|run| run.planned).collect::<Vec<_>>(), planned);
    for run in &runs {
        let started = run.started.expect("started");
        assert_eq!(Some(started), run.planned.map(|window| window.start()), "{run:?}");
        assert_eq!((started.as_second() - 14).rem_euclid(15), 0, "two seconds into a slot: {run:?}");
    }
    let slips: Vec<i64> = runs.iter().filter_map(|run| Some(run.started?.as_second() % 600)).collect();
    assert!(slips.iter().any(|slip| *slip != slips[0]), "each at a moment of its own: {slips:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_beside_the_one_before_is_skipped_unless_the_job_allows_it() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    for (id, overlap) in [("skips", Overlap::Skip), ("allows", Overlap::Allow)] {
        let policies = Policies { overlap, ..Policies::default() };
        let wanted = job(id, &node.id, Some("*/10 * * * *"), (0, 2600), 900);
        researcher.schedule_job(JobSpec { overhead: false, policies, ..wanted }).await.expect("booked");
    }
    world.until(4000).await;
    let ran = |secs| (secs, "COMPLETED LENGTH_REACHED".to_owned());
    assert_eq!(record(&world, "allows").await, [600, 1200].map(ran));
    let skipped = (1200, "SKIPPED PREVIOUS_RUNNING".to_owned());
    assert_eq!(record(&world, "skips").await, [ran(600), skipped]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ended_early_frees_its_time_at_once() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    node.runtime
        .set_behaviour(None, Behaviour { duration: Some(Duration::from_secs(30)), ..Behaviour::default() });
    researcher.schedule_job(job("long", &node.id, None, (100, 4000), 3600)).await.expect("booked");
    let other = job("other", &node.id, None, (200, 1000), 600);
    researcher.schedule_job(other.clone()).await.expect_err("the time is taken");
    world.until(150).await;
    researcher.schedule_job(other).await.expect("the run before has ended");
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
        foreign.heartbeat(Heartbeat::of(node.id.clone())).await.err(),
        foreign.job(&JobId::parse("exp").expect("id")).await.err(),
        foreign.delete_job(&JobId::parse("exp").expect("id")).await.err(),
    ] {
        assert_eq!(denied.map(|e| e.kind()), Some(ErrorKind::PermissionDenied));
    }
    let listed = foreign.jobs_on_node(&node.id).await.expect("anybody may see when a node is taken");
    assert_eq!(listed[0].config, "");
}
