//! Experiments in containers of a Docker engine.
//!
//! The engine keeps nearly everything: containers are found again by their name and labels. What it
//! does not know is whether a container that is held by a gate has been released; that is in the
//! directory of the gates.

mod address;
mod armed;
mod container;
mod fault;
mod gate;
mod image;
mod network;
mod output;
mod rate;
mod traffic;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::query_parameters::{
    ListContainersOptions, RemoveContainerOptions, StopContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt;

use self::container::Found;
use self::fault::{fault, is_missing, unavailable};
use self::gate::Gates;
use crate::error::{Error, Result};
use crate::ids::{NodeId, RunId};
use crate::model::{
    DockerConfig, DockerExperiment, Exit, ExperimentConfig, Limits, Network, Outcome, OutputScope, Prepared,
    Reason, RuntimeState, Stage, StartMode, Traffic,
};
use crate::ports::{OutputStream, Resident, RunSpec, Runtime, RuntimeInfo};
use crate::time::Timestamp;

/// Where the engine listens unless the caller says otherwise.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// How long the engine may take to answer the first question.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How much longer than the grace period the engine may take to stop a container.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait while a container passes from one state to another.
const PASSING: Duration = Duration::from_millis(20);

/// How often to look again then.
const PASSING_LOOKS: usize = 100;

/// Experiments as containers of a Docker engine, or of another with its interface.
///
/// A container is named `leotest-<runid>`. It has no capability but those that the operator allows,
/// cannot gain privileges, and is limited in memory, processors and processes. Its output is kept
/// by the engine up to 128 MiB, of which the oldest part goes first.
///
/// With [a directory for gates](Self::holding) a container is started when it is prepared, and held
/// until its instant by a program of the testbed that then becomes the experiment. Without, or
/// where that fails, it is started at its instant, which takes the engine a tenth of a second or
/// two.
#[derive(Debug, Clone)]
pub struct DockerRuntime {
    docker: Docker,
    node: NodeId,
    podman: bool,
    config: DockerConfig,
    gates: Option<Gates>,
}

impl DockerRuntime {
    /// Connects to the engine at `host` (`unix://PATH`; its usual socket when `None`) for the
    /// containers of `node`. Several nodes can share an engine.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when no engine answers there;
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when `host` is not an address of that form.
    pub async fn connect(node: NodeId, host: Option<&str>) -> Result<Self> {
        let host = host.unwrap_or(DEFAULT_HOST);
        let docker = Docker::connect_with_host(host).map_err(|e| match e {
            EngineError::UnsupportedURISchemeError { .. } => {
                Error::invalid(format!("container engine address {host:?} is not supported"))
                    .hint("use the engine's socket, like unix:///var/run/docker.sock")
            }
            e => unavailable(host, e),
        })?;
        // Engines refuse versions of the interface that are newer than themselves.
        let docker = tokio::time::timeout(CONNECT_PATIENCE, docker.negotiate_version())
            .await
            .map_err(|_| unavailable(host, "it does not answer"))?
            .map_err(|e| unavailable(host, e))?;
        let version = docker.version().await.map_err(|e| unavailable(host, e))?;
        let mut parts = version.components.into_iter().flatten();
        let podman = parts.any(|part| part.name.starts_with("Podman"));
        Ok(Self { docker, node, podman, config: DockerConfig::default(), gates: None })
    }

    /// This runtime as the operator wants it; the address of the engine is that of
    /// [`connect`](Self::connect) all the same.
    #[must_use]
    pub fn with_config(self, config: DockerConfig) -> Self {
        Self { config, ..self }
    }

    /// This runtime with a directory for gates, which is made if it is not there. It belongs to
    /// this node alone, and the engine must see it under the same path.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) that names the path when it cannot be made.
    pub fn holding(self, directory: &Path) -> Result<Self> {
        Ok(Self { gates: Gates::open(directory)?, ..self })
    }

    /// The container of `run`; `None` if there is none, or one of that name that is not ours.
    async fn find(&self, run: &RunId) -> Result<Option<Found>, Outcome> {
        match self.look(run).await {
            Ok(found) => Ok(found),
            Err(Trouble::Engine(e)) => Err(fault::not_made(&e)),
            Err(Trouble::Disk(e)) => Err(fault::not_kept("look for the container", &e)),
        }
    }

    async fn look(&self, run: &RunId) -> Result<Option<Found>, Trouble> {
        let mut inspected = self.docker.inspect_container(&container::name(run), None).await;
        for _ in 0..PASSING_LOOKS {
            let Err(e) = &inspected else { break };
            if !fault::is_passing(e) {
                break;
            }
            tokio::time::sleep(PASSING).await;
            inspected = self.docker.inspect_container(&container::name(run), None).await;
        }
        match inspected {
            Ok(inspected) => {
                let gate = self.gates.as_ref().map(|gates| gates.of(run));
                Found::of(run, gate.as_ref(), inspected).map_err(Trouble::Disk)
            }
            Err(e) if is_missing(&e) => Ok(None),
            Err(e) => Err(Trouble::Engine(e)),
        }
    }

    async fn seen(&self, run: &RunId, doing: &str) -> Result<Option<Found>> {
        let doing = || format!("{doing} the container of run {run}");
        self.look(run).await.map_err(|e| match e {
            Trouble::Engine(e) => fault(doing(), &e),
            Trouble::Disk(e) => Error::while_doing(doing(), e),
        })
    }

    /// The filter for what belongs to this node.
    fn labels(&self) -> Vec<String> {
        vec![format!("{}=true", container::LABEL), format!("{}={}", container::NODE_LABEL, self.node)]
    }

    async fn find_existing(&self, run: &RunId) -> Result<Found> {
        let found = self.seen(run, "look for").await?;
        found.ok_or_else(|| Error::not_found(format!("there is no container of run {run}")))
    }
}

/// What can go wrong while a container is looked at.
enum Trouble {
    Engine(EngineError),
    Disk(std::io::Error),
}

/// The container that a node with an engine is to run.
fn experiment_of(config: &ExperimentConfig) -> Result<&DockerExperiment, Outcome> {
    config.docker.as_ref().ok_or_else(|| {
        Outcome::failed(
            Stage::Config,
            Reason::ConfigInvalid,
            "experiment config names no docker image, this node runs containers",
        )
    })
}

#[async_trait]
impl Runtime for DockerRuntime {
    async fn info(&self) -> Result<RuntimeInfo> {
        let version =
            self.docker.version().await.map_err(|e| fault("ask the container engine for its version", &e))?;
        Ok(RuntimeInfo { name: "docker".into(), version: version.version.unwrap_or_default() })
    }

    async fn fetch(&self, experiment: &ExperimentConfig) -> Result<(), Outcome> {
        self.image(&experiment_of(experiment)?.image).await.map(drop)
    }

    fn can_keep(&self, _: &Limits) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<Prepared, Outcome> {
        let experiment = experiment_of(&spec.experiment)?;
        if let Some(found) = self.find(&spec.run).await? {
            // What is left of an earlier node or engine may need its gate started again.
            if found.state() != RuntimeState::Absent || self.rearm(&spec.run).await {
                let start = if found.armed { StartMode::Armed } else { StartMode::Plain };
                let image = self.identity(&experiment.image, &found.image).await;
                return Ok(Prepared { start, image: Some(image) });
            }
            self.remove(&spec.run).await.map_err(|e| fault::in_the_way(&e))?;
        }
        let image = self.image(&experiment.image).await?;
        self.ensure_network(&spec.network).await?;
        container::open_results(&spec.results).await;
        let start = self.make(spec, experiment, &image).await?;
        Ok(Prepared { start, image: Some(image.identity) })
    }

    async fn start(&self, run: &RunId) -> Result<Timestamp, Outcome> {
        if let Some(released) = self.release(run).await? {
            return Ok(released);
        }
        let missing = || {
            let message = format!("there is no container of run {run}");
            Outcome::failed(Stage::Container, Reason::StartFailed, message)
        };
        let found = self.find(run).await?.ok_or_else(missing)?;
        if let Some(started) = found.started {
            return Ok(started);
        }
        self.docker.start_container(&found.id, None).await.map_err(|e| fault::not_started(&e))?;
        let found = self.find(run).await?.ok_or_else(missing)?;
        if let (Some(rate), Some(pid)) = (found.rate, found.pid) {
            rate::limit_rate(pid, rate).await?;
        }
        found.started.ok_or_else(|| {
            let message = format!("the container engine does not say when run {run} was started");
            Outcome::failed(Stage::Container, Reason::RuntimeUnavailable, message)
        })
    }

    async fn wait(&self, run: &RunId) -> Result<Exit> {
        loop {
            let found = self.find_existing(run).await?;
            match found.state() {
                RuntimeState::Exited(exit) => return Ok(exit),
                RuntimeState::Running(_) => {}
                RuntimeState::Absent | RuntimeState::Prepared => {
                    return Err(Error::not_found(format!("the container of run {run} has not been started")));
                }
            }
            let options = WaitContainerOptions { condition: "not-running".into() };
            let mut answers = self.docker.wait_container(&found.id, Some(options));
            match answers.next().await {
                // The answer to a code other than 0 comes as an error; all there is to know of the
                // end is read by the next look.
                Some(Ok(_) | Err(EngineError::DockerContainerWaitError { .. })) => {}
                Some(Err(EngineError::RequestTimeoutError)) => {}
                Some(Err(e)) => return Err(fault(format!("wait for the container of run {run}"), &e)),
                None => {
                    let message = format!("the container engine stopped answering about run {run}");
                    return Err(Error::unavailable(message));
                }
            }
        }
    }

    async fn stop(&self, run: &RunId, grace: Duration) -> Result<()> {
        let Some(found) = self.seen(run, "look for").await? else { return Ok(()) };
        // What is held, or has not been started, stays so: there is no experiment to end.
        let RuntimeState::Running(_) = found.state() else { return Ok(()) };
        let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let options = StopContainerOptions { t: Some(seconds), signal: None };
        // The engine answers when the container has ended.
        let patient = self.docker.clone().with_timeout(grace.saturating_add(STOP_PATIENCE));
        match patient.stop_container(&found.id, Some(options)).await {
            Err(e) if !is_missing(&e) => Err(fault(format!("stop the container of run {run}"), &e)),
            _ => Ok(()),
        }
    }

    async fn state(&self, run: &RunId) -> Result<RuntimeState> {
        let found = self.seen(run, "look for").await?;
        Ok(found.map_or(RuntimeState::Absent, |found| found.state()))
    }

    async fn save_output(&self, run: &RunId, stdout: &Path, stderr: &Path) -> Result<()> {
        self.save_logs(run, stdout, stderr).await
    }

    async fn follow(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        self.follow_logs(run, scope).await
    }

    async fn output_size(&self, _: &RunId) -> Result<u64> {
        // The engine keeps no more than two files of a fixed size.
        Ok(0)
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        let doing = || format!("remove the container of run {run}");
        if let Some(found) = self.seen(run, "look for").await? {
            // Killed at once: what was to end by itself has been asked before.
            let options = RemoveContainerOptions { force: true, v: true, link: false };
            match self.docker.remove_container(&found.id, Some(options)).await {
                Err(e) if !is_missing(&e) => return Err(fault(doing(), &e)),
                _ => {}
            }
        }
        let Some(gates) = &self.gates else { return Ok(()) };
        gates.of(run).remove().map_err(|e| Error::while_doing(doing(), e))
    }

    async fn traffic(&self, run: &RunId) -> Result<Option<Traffic>> {
        self.moved(run).await
    }

    async fn list(&self) -> Result<Vec<RunId>> {
        let filters = Some(HashMap::from([("label".to_owned(), self.labels())]));
        let options = ListContainersOptions { all: true, filters, ..Default::default() };
        let mut found = self.docker.list_containers(Some(options.clone())).await;
        for _ in 0..PASSING_LOOKS {
            let Err(e) = &found else { break };
            if !fault::is_passing(e) {
                break;
            }
            tokio::time::sleep(PASSING).await;
            found = self.docker.list_containers(Some(options.clone())).await;
        }
        let found = found.map_err(|e| fault("list the containers of this node", &e))?;
        let runs = found.into_iter().filter_map(|summary| {
            let labels = summary.labels?;
            RunId::parse(labels.get(container::RUN_LABEL)?).ok()
        });
        Ok(runs.collect())
    }

    async fn run_at(&self, address: IpAddr) -> Result<Option<Resident>> {
        self.resident_at(address).await
    }

    async fn clear(&self, network: &Network) -> Result<()> {
        let runs = self.list().await?;
        let gates = self.gates.as_ref();
        let left = gates.map_or_else(|| Ok(Vec::new()), Gates::runs);
        let left = left.map_err(|e| Error::while_doing("look for gates without a container", e))?;
        for run in left.iter().filter(|run| !runs.contains(run)) {
            let removed = gates.map_or(Ok(()), |gates| gates.of(run).remove());
            removed.map_err(|e| Error::while_doing(format!("remove the gate of run {run}"), e))?;
        }
        self.remove_networks(network).await
    }
}
