//! A whole testbed in this process: orchestrator, node and a researcher, over TLS on loopback.

pub(crate) mod constellation;
mod image;

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{ExecutorConfig, NewUser, NodeUpdate, Role, Secret};
use leoscope_core::ports::{ControlPlane, RuntimeInfo};
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, ErrorKind, Result};
use leoscope_node::{LauncherConfig, NodeConfig, RuntimeChoice, SessionsChoice};
use leoscope_orchestrator::OrchestratorConfig;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The node of the local testbed and where it stands.
pub(crate) const NODE: &str = "node-seattle";
const NODE_COORDS: &str = "47.6062,-122.3321";
/// The researcher of the local testbed.
pub(crate) const RESEARCHER: &str = "researcher-1";
/// The image the latency experiment runs in when there is a container engine.
const IMAGE: &str = "leoscope-latency:local";

/// A running testbed.
pub(crate) struct Testbed {
    /// The testbed as the researcher sees it.
    pub(crate) researcher: GrpcClient,
    /// The file with the researcher's access token.
    pub(crate) researcher_token: PathBuf,
    /// The port of the orchestrator on loopback.
    pub(crate) port: u16,
    /// The orchestrator's certificate.
    pub(crate) certificate: PathBuf,
    /// What runs the experiments.
    pub(crate) runtime: RuntimeInfo,
    stop: CancellationToken,
    parts: JoinSet<Result<()>>,
}

impl Testbed {
    /// Starts a testbed whose state is in `dir`; on `port`, or any free one for 0.
    ///
    /// A directory used before is taken up again, with its users and tokens.
    pub(crate) async fn start(dir: &Path, port: u16, runtime: RuntimeChoice) -> Result<Self> {
        let stop = CancellationToken::new();
        let mut parts = JoinSet::new();
        let elements = constellation::keep(dir)?;
        let config = OrchestratorConfig { port, elements, ..OrchestratorConfig::new(dir) };
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

        let client = |user: UserId, token: Secret| {
            ClientConfig::new("localhost", port, Tls::Pem(pem.clone()), user, token)
        };
        let admin = GrpcClient::connect(client(UserId::parse("admin")?, admin_token.clone()))?;
        let tokens = Tokens(dir.join("tokens"));
        let node = NodeId::parse(NODE)?;
        let node_token = match tokens.read(NODE) {
            Some(token) => token,
            None => tokens.keep(NODE, register_node(&admin, &node).await?)?,
        };
        let researcher = UserId::parse(RESEARCHER)?;
        let researcher_token = match tokens.read(RESEARCHER) {
            Some(token) => token,
            None => tokens.keep(RESEARCHER, register_researcher(&admin, &researcher).await?)?,
        };
        let running = leoscope_node::build(NodeConfig {
            client: client(UserId::from(&node), node_token),
            node,
            time_zone: None,
            state_dir: dir.join("node"),
            executor: ExecutorConfig::default(),
            runtime,
            interval: SignedDuration::from_secs(10),
            address: None,
            launcher: LauncherConfig::Timer,
            sessions: SessionsChoice::Memory,
        })
        .await?;
        let working = stop.clone();
        parts.spawn(async move { running.agent.run(working).await });
        Ok(Self {
            researcher: GrpcClient::connect(client(researcher, researcher_token))?,
            researcher_token: tokens.file(RESEARCHER),
            port,
            certificate,
            runtime: running.runtime,
            stop,
            parts,
        })
    }

    /// Waits until `work` is done or a part of the testbed has failed.
    pub(crate) async fn run_while<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            Some(ended) = self.parts.join_next() => {
                ended.map_err(|e| Error::while_doing("run the testbed", e))??;
                Err(Error::internal("a part of the testbed has ended by itself"))
            }
        }
    }

    /// Stops all parts and waits for them.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.parts.join_next().await {
            ended.map_err(|e| Error::while_doing("stop the testbed", e))??;
        }
        Ok(())
    }

    /// The config of an experiment that measures latency to the orchestrator for `secs` seconds,
    /// made so that this testbed's node can run it: as a container from an image made here of
    /// this program, or as a process.
    pub(crate) async fn latency_experiment(&self, secs: u32) -> Result<String> {
        let target = format!("127.0.0.1:{}", self.port);
        let program = std::env::current_exe().map_err(|e| Error::while_doing("find this program", e))?;
        if self.runtime.name == "docker" {
            image::make(IMAGE, &program).await?;
        }
        let words = |output: &str| {
            serde_json::json!([
                "probe",
                "--target",
                target,
                "--duration",
                secs.to_string(),
                "--output-dir",
                output
            ])
        };
        let mut command = vec![serde_json::json!(program)];
        command.extend(words(".").as_array().cloned().unwrap_or_default());
        // JSON is YAML, and quotes every path as it must be.
        let config = serde_json::json!({
            "experiment": {
                "docker": { "image": IMAGE, "command": words("/artifacts") },
                "process": { "command": command },
            }
        });
        Ok(format!("{config:#}\n"))
    }
}

async fn register_node(admin: &GrpcClient, node: &NodeId) -> Result<Secret> {
    let details = NodeUpdate {
        name: Some("Seattle".into()),
        location: Some("Seattle".into()),
        provider: Some("starlink".into()),
        coords: Some(NODE_COORDS.parse()?),
        ..NodeUpdate::default()
    };
    admin.register_node(node.clone(), details).await.map_err(token_lost)
}

async fn register_researcher(admin: &GrpcClient, id: &UserId) -> Result<Secret> {
    let user = NewUser { id: id.clone(), name: "Researcher".into(), role: Role::User, team: String::new() };
    admin.register_user(user).await.map_err(token_lost)
}

/// Explains the one way in which a state directory can be half there.
fn token_lost(error: Error) -> Error {
    if error.kind() == ErrorKind::AlreadyExists {
        return error.hint("its token file is gone; start with another --state-dir, or delete it as admin");
    }
    error
}

/// Access tokens of the local testbed, one file each, readable by their owner alone.
struct Tokens(PathBuf);

impl Tokens {
    fn file(&self, user: &str) -> PathBuf {
        self.0.join(user)
    }

    fn read(&self, user: &str) -> Option<Secret> {
        let text = fs::read_to_string(self.file(user)).ok()?;
        Some(Secret::new(text.trim())).filter(|token| !token.is_empty())
    }

    fn keep(&self, user: &str, token: Secret) -> Result<Secret> {
        let path = self.file(user);
        let write = || {
            fs::create_dir_all(&self.0)?;
            let mut file =
                fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(token.expose().as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e| Error::while_doing(format!("write {}", path.display()), e))?;
        Ok(token)
    }
}
