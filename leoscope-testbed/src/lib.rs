//! A whole testbed in this process: orchestrator, nodes and a researcher, over TLS on loopback.
//!
//! [`Testbed::start`] brings it up on the runtime it is called on, and leaves the process as it is: it
//! installs no logger and no handler of signals.

pub mod constellation;
mod experiment;
mod image;
pub mod latency;
mod nodes;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::UserId;
use leoscope_core::model::{ExecutorConfig, NewUser, NodeFilter, Role, Secret};
use leoscope_core::ports::{ControlPlane as _, RuntimeInfo};
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, ErrorKind, Result};
use leoscope_node::{LauncherConfig, NodeConfig, SessionsChoice};
use leoscope_orchestrator::{Limits, OrchestratorConfig};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use leoscope_node::RuntimeChoice;
pub use nodes::{SEATTLE, TestbedNode};
use tokens::{Tokens, token_lost};

/// The researcher of the testbed.
pub const RESEARCHER: &str = "researcher-1";
/// Its administrator.
pub const ADMIN: &str = "admin";

/// How often and how many times it is looked whether the nodes have called.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const MOST_LOOKS: u32 = 250;

/// What a testbed is to be like.
#[derive(Debug, Clone)]
pub struct TestbedConfig {
    /// Where it keeps its state. A directory used before is taken up again, with its users and tokens.
    pub dir: PathBuf,
    /// The port of the orchestrator on loopback; any free one for 0.
    pub port: u16,
    /// What runs the experiments.
    pub runtime: RuntimeChoice,
    /// Its nodes, one or more. A node that the directory knows already keeps its record, and one that is not
    /// among these any more stays registered.
    pub nodes: Vec<TestbedNode>,
}

impl TestbedConfig {
    /// One node, Seattle, on any free port; containers where an engine answers, else processes.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), port: 0, runtime: RuntimeChoice::Auto, nodes: vec![TestbedNode::seattle()] }
    }
}

/// A running testbed. It ends when it is dropped; [`stop`](Self::stop) also waits until it has.
#[derive(Debug)]
pub struct Testbed {
    /// The testbed as the researcher sees it.
    pub researcher: GrpcClient,
    /// How to call as the researcher.
    pub as_researcher: ClientConfig,
    /// The file with the researcher's access token.
    pub researcher_token: PathBuf,
    /// How to call as the administrator.
    pub as_admin: ClientConfig,
    /// The file with the administrator's access token.
    pub admin_token: PathBuf,
    /// The port of the orchestrator on loopback.
    pub port: u16,
    /// The orchestrator's certificate.
    pub certificate: PathBuf,
    /// What runs the experiments.
    pub runtime: RuntimeInfo,
    /// Its nodes.
    pub nodes: Vec<TestbedNode>,
    stop: DropGuard,
    parts: JoinSet<Result<()>>,
    /// Held as long as it lives.
    lock: fs::File,
}

impl Testbed {
    /// Starts a testbed as `config` says; it serves and its nodes run when this is done.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for no node at all and for an id that
    /// two would have; a directory that cannot be written, a port that is taken, a container engine that was
    /// asked for and does not answer, a token whose file is gone.
    pub async fn start(config: TestbedConfig) -> Result<Self> {
        let TestbedConfig { dir, port, runtime, nodes } = config;
        let (first, others) = nodes::checked(&nodes)?;
        let lock = locked(&dir)?;
        let stop = CancellationToken::new();
        // What has been started ends with this when the rest cannot be.
        let guard = stop.clone().drop_guard();
        let mut parts = JoinSet::new();
        let elements = constellation::keep(&dir, first.coords)?;
        // Whoever has a testbed to himself may ask as often as he likes.
        let limits = Limits { calls_per_second: None, ..Limits::default() };
        let config = OrchestratorConfig { port, elements, limits, ..OrchestratorConfig::new(&dir) };
        let orchestrator = leoscope_orchestrator::build(config).await?;
        let port = orchestrator.local_addr().port();
        let certificate = orchestrator.certificate_path().map(Path::to_owned);
        let certificate =
            certificate.ok_or_else(|| Error::internal("the orchestrator has no certificate"))?;
        let admin_token = orchestrator.admin_token().cloned();
        let admin_token = admin_token.ok_or_else(|| Error::internal("the administrator has no token"))?;
        let pem = fs::read(&certificate)
            .map_err(|e| Error::while_doing(format!("read {}", certificate.display()), e))?;
        let serving = stop.clone();
        parts.spawn(async move { orchestrator.serve(serving).await });

        let way = Way { port, pem };
        let as_admin = way.of(UserId::parse(ADMIN)?, admin_token);
        let admin = GrpcClient::connect(as_admin.clone())?;
        let tokens = Tokens::new(dir.join("tokens"));
        let researcher = UserId::parse(RESEARCHER)?;
        let token = match tokens.read(RESEARCHER) {
            Some(token) => token,
            None => tokens.keep(RESEARCHER, register_researcher(&admin, &researcher).await?)?,
        };
        let as_researcher = way.of(researcher, token);
        let site = Site { dir: &dir, runtime, way: &way, admin: &admin, tokens: &tokens, stop };
        let runtime = site.start(first, &mut parts).await?;
        for node in others {
            site.start(node, &mut parts).await?;
        }
        await_contact(&admin, &nodes).await?;
        Ok(Self {
            researcher: GrpcClient::connect(as_researcher.clone())?,
            as_researcher,
            researcher_token: tokens.file(RESEARCHER),
            as_admin,
            admin_token: dir.join("admin-token"),
            port,
            certificate,
            runtime,
            nodes,
            stop: guard,
            parts,
            lock,
        })
    }

    /// Waits until `work` is done or a part of the testbed has failed.
    ///
    /// # Errors
    /// Those of `work` and of the part; [`Internal`](leoscope_core::ErrorKind::Internal) for a part that has
    /// ended without one.
    pub async fn run_while<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            Some(ended) = self.parts.join_next() => {
                ended.map_err(|e| Error::while_doing("run the testbed", e))??;
                Err(Error::internal("a part of the testbed has ended by itself"))
            }
        }
    }

    /// Stops all parts and waits for them. What runs then is taken up at the next start.
    ///
    /// # Errors
    /// Those of the parts.
    pub async fn stop(self) -> Result<()> {
        let Self { stop, mut parts, lock: _lock, .. } = self;
        drop(stop);
        while let Some(ended) = parts.join_next().await {
            ended.map_err(|e| Error::while_doing("stop the testbed", e))??;
        }
        Ok(())
    }
}

/// The lock of the directory of a testbed: two would write over each other.
fn locked(dir: &Path) -> Result<fs::File> {
    let path = dir.join("lock");
    let open = || {
        fs::create_dir_all(dir)?;
        fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path)
    };
    let file = open().map_err(|e| Error::while_doing(format!("write {}", path.display()), e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            let message = format!("another testbed runs in {}", dir.display());
            Err(Error::new(ErrorKind::AlreadyExists, message).hint("stop it, or choose another directory"))
        }
        Err(fs::TryLockError::Error(e)) => Err(Error::while_doing(format!("lock {}", path.display()), e)),
    }
}

/// How the orchestrator is reached.
struct Way {
    port: u16,
    pem: Vec<u8>,
}

impl Way {
    fn of(&self, user: UserId, token: Secret) -> ClientConfig {
        ClientConfig::new("localhost", self.port, Tls::Pem(self.pem.clone()), user, token)
    }
}

/// Where nodes are started, and with what.
struct Site<'a> {
    dir: &'a Path,
    runtime: RuntimeChoice,
    way: &'a Way,
    admin: &'a GrpcClient,
    tokens: &'a Tokens,
    stop: CancellationToken,
}

impl Site<'_> {
    /// Registers `node`, if it is new, and runs it as one of `parts`.
    async fn start(&self, node: &TestbedNode, parts: &mut JoinSet<Result<()>>) -> Result<RuntimeInfo> {
        let name = node.id.as_str();
        let token = match self.tokens.read(name) {
            Some(token) => token,
            None => {
                let registered = self.admin.register_node(node.id.clone(), node.details()).await;
                self.tokens.keep(name, registered.map_err(token_lost)?)?
            }
        };
        let leoscope_node::Node { agent, runtime } = leoscope_node::build(NodeConfig {
            client: self.way.of(UserId::from(&node.id), token),
            node: node.id.clone(),
            time_zone: None,
            state_dir: node.state_dir(self.dir),
            executor: ExecutorConfig::default(),
            runtime: self.runtime,
            interval: SignedDuration::from_secs(10),
            address: None,
            launcher: LauncherConfig::Timer,
            sessions: SessionsChoice::Memory,
        })
        .await?;
        let working = self.stop.clone();
        parts.spawn(async move { agent.run(working).await });
        Ok(runtime)
    }
}

/// Waits until all of `nodes` have called, so that nobody is warned of nodes that were never seen; not for long.
async fn await_contact(admin: &GrpcClient, nodes: &[TestbedNode]) -> Result<()> {
    for _ in 0..MOST_LOOKS {
        let known = admin.nodes(&NodeFilter::default()).await?;
        let has_called =
            |node: &TestbedNode| known.iter().any(|known| known.id == node.id && known.last_active.is_some());
        if nodes.iter().all(has_called) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn register_researcher(admin: &GrpcClient, id: &UserId) -> Result<Secret> {
    let user = NewUser { id: id.clone(), name: "Researcher".into(), role: Role::User, team: String::new() };
    admin.register_user(user).await.map_err(token_lost)
}
