//! An orchestrator in this process and a node whose experiments, routes and kernel are simulated.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use leoscope_core::agent::{Agent, AgentConfig, Parts};
use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::clock::{SystemClock, VirtualClock};
use leoscope_core::backends::launcher::TimerLauncher;
use leoscope_core::backends::ledger::MemoryLedger;
use leoscope_core::backends::monitors::SystemFacts;
use leoscope_core::backends::runtime::{Behaviour, SimulatedRuntime};
use leoscope_core::backends::sessions::MemorySessions;
use leoscope_core::backends::store::MemoryStore;
use leoscope_core::control::Service;
use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{
    Caller, ClockReading, ExecutorConfig, JobParams, JobSpec, NewUser, NodeUpdate, Role, Run, RunFilter,
    RunLength,
};
use leoscope_core::ports::{Clock, ClockMeter, ControlPlane, Kernel, Ledger, Routes, Runtime};
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};
use leoscope_core::{Error, Result};
use tokio_util::sync::CancellationToken;

/// Knows nothing of the clock.
#[derive(Debug)]
struct NoMeter;

#[async_trait]
impl ClockMeter for NoMeter {
    async fn measure(&self) -> Result<ClockReading> {
        Err(Error::unavailable("no time service"))
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) service: Arc<Service>,
    pub(crate) runtime: SimulatedRuntime,
    /// The runtime of the node, where it is not the simulated one.
    pub(crate) other_runtime: Option<Arc<dyn Runtime>>,
    pub(crate) executor: ExecutorConfig,
    pub(crate) routes: Option<Arc<dyn Routes>>,
    pub(crate) kernel: Option<Arc<dyn Kernel>>,
    pub(crate) start: Timestamp,
    pub(crate) node: NodeId,
    ledger: Arc<dyn Ledger>,
    dir: tempfile::TempDir,
    running: Option<tokio::task::JoinHandle<Result<()>>>,
}

impl World {
    /// A world in which time passes when nothing else happens.
    pub(crate) async fn virtual_time(executor: &str) -> Self {
        let start = parse_time("2026-12-01T00:00:00").expect("time");
        Self::new(Arc::new(VirtualClock::starting_at(start)), executor).await
    }

    pub(crate) async fn real_time(executor: &str) -> Self {
        Self::new(Arc::new(SystemClock), executor).await
    }

    async fn new(clock: Arc<dyn Clock>, executor: &str) -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let artifacts = Arc::new(DirectoryStore::new(dir.path().join("artifacts")).await.expect("artifacts"));
        let service = Service::new(Arc::new(MemoryStore::default()), artifacts, Arc::clone(&clock));
        let name = dir.path().file_name().expect("name").to_string_lossy().replace('.', "");
        let runtime = SimulatedRuntime::new(Arc::clone(&clock));
        runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
        let world = Self {
            start: clock.now(),
            clock,
            service,
            runtime,
            other_runtime: None,
            executor: ExecutorConfig::parse(executor).expect("executor config"),
            routes: None,
            kernel: None,
            node: NodeId::parse(&format!("node-{name}")).expect("id"),
            ledger: Arc::new(MemoryLedger::default()),
            dir,
            running: None,
        };
        let admin = world.as_user("admin", Role::Admin);
        admin.register_node(world.node.clone(), NodeUpdate::default()).await.expect("node");
        for (id, role) in [("privileged", Role::UserPriv), ("plain", Role::User)] {
            let id = UserId::parse(id).expect("id");
            let user = NewUser { id, name: String::new(), role, team: String::new() };
            admin.register_user(user).await.expect("user");
        }
        world
    }

    pub(crate) fn as_user(&self, id: &str, role: Role) -> Arc<dyn ControlPlane> {
        Arc::new(self.service.session(Caller { id: UserId::parse(id).expect("id"), role }))
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.dir.path().join("node")
    }

    pub(crate) async fn boot(&mut self) {
        let simulated: Arc<dyn Runtime> = Arc::new(self.runtime.clone());
        let agent = Agent::new(
            AgentConfig {
                node: self.node.clone(),
                time_zone: None,
                work_dir: self.work_dir(),
                executor: self.executor.clone(),
                interval: SignedDuration::from_secs(10),
                grace: Duration::from_secs(1),
                disk_interval: SignedDuration::from_secs(3),
                address: None,
            },
            Parts {
                control: self.as_user(self.node.as_str(), Role::Node),
                runtime: self.other_runtime.clone().unwrap_or(simulated),
                ledger: Arc::clone(&self.ledger),
                launcher: Arc::new(TimerLauncher::new(Arc::clone(&self.clock))),
                clock: Arc::clone(&self.clock),
                host: None,
                sessions: Arc::new(MemorySessions::new(Arc::clone(&self.clock))),
                routes: self.routes.clone(),
                kernel: self.kernel.clone(),
                host_facts: Arc::new(SystemFacts::default()),
                traffic: None,
                meter: Arc::new(NoMeter),
                blob: None,
                monitors: Vec::new(),
                publisher: None,
                elements: None,
            },
        );
        let agent = agent.await.expect("agent");
        self.running = Some(tokio::spawn(async move { agent.run(CancellationToken::new()).await }));
    }

    /// Ends the node's process in whatever it is doing.
    pub(crate) async fn crash(&mut self) {
        if let Some(task) = self.running.take() {
            task.abort();
            let _ = task.await;
        }
    }

    pub(crate) async fn until(&self, secs: i64) {
        self.clock.sleep_until(self.at(secs)).await;
    }

    fn at(&self, secs: i64) -> Timestamp {
        self.start.checked_add(SignedDuration::from_secs(secs)).expect("time")
    }

    /// Books a run of `user` from `start` on for `secs` seconds, besides others.
    pub(crate) async fn book(&self, user: &str, id: &str, (start, secs): (i64, i64), config: &str) {
        let spec = JobSpec {
            id: Some(JobId::parse(id).expect("id")),
            node: self.node.clone(),
            server: None,
            schedule: Schedule::Once,
            window: Window::new(self.at(start), self.at(start + secs)).expect("window"),
            length: RunLength::from_secs(secs).expect("length"),
            overhead: false,
            trigger: None,
            config: config.into(),
            params: JobParams::default(),
            policies: Policies::default(),
        };
        self.as_user(user, Role::User).schedule_job(spec).await.expect("booked");
    }

    /// The run of a job, once `wanted` holds of it.
    pub(crate) async fn run_of(&self, job: &str, wanted: impl Fn(&Run) -> bool) -> RunId {
        let filter = RunFilter { job: Some(JobId::parse(job).expect("id")), ..RunFilter::default() };
        let admin = self.as_user("admin", Role::Admin);
        loop {
            let runs = admin.runs(&filter).await.expect("runs");
            if let Some(run) = runs.into_iter().find(&wanted) {
                return run.id;
            }
            self.pause().await;
        }
    }

    /// Lets a little time pass, for others to go on.
    pub(crate) async fn pause(&self) {
        let now = self.clock.now();
        let soon = now.checked_add(SignedDuration::from_millis(20)).expect("time");
        self.clock.sleep_until(soon).await;
    }
}
