//! A LEOScope measurement node: the [`Agent`] of leoscope-core with a runtime, a ledger on disk
//! and the connection to its orchestrator.
//!
//! [`build`] puts the parts together; the binary only reads its settings and waits for signals.

pub mod doctor;
mod exec;
mod launcher;

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::agent::{Agent, AgentConfig, Elements, Parts};
use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::elements::{DirectoryShelf, FileSource};
use leoscope_core::backends::kernel::ProcKernel;
use leoscope_core::backends::launcher::TimerLauncher;
use leoscope_core::backends::ledger::SqliteLedger;
use leoscope_core::backends::monitors::{self, KernelMeter, Sights, SystemFacts};
use leoscope_core::backends::publisher::MqttPublisher;
use leoscope_core::backends::routes::NetlinkRoutes;
use leoscope_core::backends::runtime::{DockerRuntime, ProcessRuntime};
use leoscope_core::backends::timekeeping::LocalMeter;
use leoscope_core::client::{ClientConfig, GrpcClient};
use leoscope_core::ids::NodeId;
use leoscope_core::model::{DockerConfig, ExecutorConfig};
use leoscope_core::ports::{Clock, Publisher, Runtime, RuntimeInfo, TrafficMeter};
use leoscope_core::schedule::Zone;
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, Result};

pub use exec::{ExecRequest, exec};
pub use launcher::{LauncherChoice, LauncherConfig, SessionsChoice};

/// What runs the experiments of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RuntimeChoice {
    /// A container engine when one answers, else plain processes.
    Auto,
    /// A container engine.
    Docker,
    /// Plain processes.
    Process,
}

/// Everything a node needs to know.
#[derive(Debug)]
pub struct NodeConfig {
    /// The node's id.
    pub node: NodeId,
    /// The time zone of the place, if it is known.
    pub time_zone: Option<Zone>,
    /// How to reach the orchestrator, as this node.
    pub client: ClientConfig,
    /// Where the node keeps its journal, runs in progress and bundles.
    pub state_dir: PathBuf,
    /// How experiments are run.
    pub executor: ExecutorConfig,
    /// What runs them.
    pub runtime: RuntimeChoice,
    /// How often orders are fetched where they cannot be pushed.
    pub interval: SignedDuration,
    /// Where other nodes reach servers on this one; as its record says when `None`.
    pub address: Option<IpAddr>,
    /// How the node wakes for its runs.
    pub launcher: LauncherConfig,
    /// What tells its processes of each other.
    pub sessions: SessionsChoice,
}

/// A node ready to run.
#[derive(Debug)]
pub struct Node {
    /// The node itself.
    pub agent: Agent,
    /// What runs its experiments.
    pub runtime: RuntimeInfo,
}

/// How long an experiment has to end by itself when it is stopped.
///
/// The owner of a node who wants the link has it within five seconds, also where an experiment does
/// not end by itself.
const GRACE: Duration = Duration::from_secs(3);

/// How often the results of an experiment are measured.
const DISK_INTERVAL: SignedDuration = SignedDuration::from_secs(3);

/// Puts a node together. The orchestrator need not be reachable yet.
///
/// # Errors
/// A state directory that cannot be written, a container engine that was asked for and does not
/// answer, a journal that cannot be read.
pub async fn build(config: NodeConfig) -> Result<Node> {
    let (config, parts) = parts(config).await?;
    let runtime = parts.runtime.info().await?;
    Ok(Node { agent: Agent::new(config, parts).await?, runtime })
}

/// What all processes of a node work with.
async fn parts(config: NodeConfig) -> Result<(AgentConfig, Parts)> {
    let NodeConfig {
        node,
        time_zone,
        client,
        state_dir,
        executor,
        runtime,
        interval,
        address,
        launcher,
        sessions,
    } = config;
    make_private_dir(&state_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runtime = choose_runtime(runtime, &node, &state_dir, &executor.docker).await?;
    let traffic: Arc<dyn TrafficMeter> = Arc::new(KernelMeter);
    let sights =
        Sights { runtime: Arc::clone(&runtime), meter: Arc::clone(&traffic), work_dir: state_dir.clone() };
    let parts = Parts {
        control: Arc::new(GrpcClient::connect(client)?),
        runtime,
        ledger: Arc::new(SqliteLedger::open(&state_dir.join("node.db"))?),
        launcher: Arc::new(TimerLauncher::new(Arc::clone(&clock))),
        host: launcher::host(launcher, &node, &state_dir).await?,
        sessions: sessions.open(&clock)?,
        clock,
        routes: Some(Arc::new(NetlinkRoutes)),
        kernel: Some(Arc::new(ProcKernel::default())),
        host_facts: Arc::new(SystemFacts::default()),
        traffic: Some(traffic),
        meter: Arc::new(LocalMeter::default()),
        blob: Some(Arc::new(AzureStorage::new()?)),
        monitors: monitors::all(&executor.monitors, sights)?,
        publisher: publisher(&executor)?,
        elements: Some(match executor.monitors.satellite.elements.clone() {
            Some(file) => Elements::Own(Arc::new(FileSource::new(file))),
            None => Elements::Orchestrator(Arc::new(DirectoryShelf::new(state_dir.join("elements"), "node"))),
        }),
    };
    let config = AgentConfig {
        node,
        time_zone,
        work_dir: state_dir,
        executor,
        interval,
        grace: GRACE,
        disk_interval: DISK_INTERVAL,
        address,
    };
    Ok((config, parts))
}

fn publisher(executor: &ExecutorConfig) -> Result<Option<Arc<dyn Publisher>>> {
    let Some(broker) = &executor.monitors.mqtt else { return Ok(None) };
    Ok(Some(Arc::new(MqttPublisher::new(broker)?)))
}

async fn choose_runtime(
    choice: RuntimeChoice,
    node: &NodeId,
    state_dir: &std::path::Path,
    docker: &DockerConfig,
) -> Result<Arc<dyn Runtime>> {
    let process =
        || -> Result<Arc<dyn Runtime>> { Ok(Arc::new(ProcessRuntime::new(state_dir.join("processes"))?)) };
    let connected = DockerRuntime::connect(node.clone(), docker.host.as_deref());
    let held = |engine: DockerRuntime| -> Result<Arc<dyn Runtime>> {
        Ok(Arc::new(engine.with_config(docker.clone()).holding(&state_dir.join("gates"))?))
    };
    match choice {
        RuntimeChoice::Process => process(),
        RuntimeChoice::Docker => held(connected.await?),
        RuntimeChoice::Auto => match connected.await {
            Ok(engine) => held(engine),
            Err(error) => {
                tracing::info!(%error, "no container engine, experiments run as plain processes");
                process()
            }
        },
    }
}

/// Makes the state directory, readable by its owner alone.
fn make_private_dir(dir: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    let probe = dir.join(".writable");
    made.and_then(|()| fs::write(&probe, b"")).and_then(|()| fs::remove_file(&probe)).map_err(|e| {
        Error::invalid(format!("state directory {} cannot be written: {e}", dir.display()))
            .hint("choose another with --state-dir, or change its permissions")
    })
}
