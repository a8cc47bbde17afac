//! A LEOScope measurement node: the [`Agent`] of leoscope-core with a runtime, a ledger on disk
//! and the connection to its orchestrator.
//!
//! [`build`] puts the parts together; the binary only reads its settings and waits for signals.

mod exec;
mod launcher;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::agent::{Agent, AgentConfig, Parts};
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::launcher::TimerLauncher;
use leoscope_core::backends::ledger::SqliteLedger;
use leoscope_core::backends::runtime::{DockerRuntime, ProcessRuntime};
use leoscope_core::client::{ClientConfig, GrpcClient};
use leoscope_core::ids::NodeId;
use leoscope_core::model::ExecutorConfig;
use leoscope_core::ports::{Clock, Runtime, RuntimeInfo};
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
const GRACE: Duration = Duration::from_secs(5);

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
    let NodeConfig { node, time_zone, client, state_dir, executor, runtime, interval, launcher, sessions } =
        config;
    make_private_dir(&state_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let parts = Parts {
        control: Arc::new(GrpcClient::connect(client)?),
        runtime: choose_runtime(runtime, &node, &state_dir).await?,
        ledger: Arc::new(SqliteLedger::open(&state_dir.join("node.db"))?),
        launcher: Arc::new(TimerLauncher::new(Arc::clone(&clock))),
        host: launcher::host(launcher, &node, &state_dir).await?,
        sessions: sessions.open(&clock)?,
        clock,
    };
    let config = AgentConfig { node, time_zone, work_dir: state_dir, executor, interval, grace: GRACE };
    Ok((config, parts))
}

async fn choose_runtime(
    choice: RuntimeChoice,
    node: &NodeId,
    state_dir: &std::path::Path,
) -> Result<Arc<dyn Runtime>> {
    let process =
        || -> Result<Arc<dyn Runtime>> { Ok(Arc::new(ProcessRuntime::new(state_dir.join("processes"))?)) };
    match choice {
        RuntimeChoice::Process => process(),
        RuntimeChoice::Docker => Ok(Arc::new(DockerRuntime::connect(node.clone(), None).await?)),
        RuntimeChoice::Auto => match DockerRuntime::connect(node.clone(), None).await {
            Ok(docker) => Ok(Arc::new(docker)),
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
