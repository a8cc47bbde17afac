//! Experiments in containers of a Docker engine.
//!
//! The engine keeps everything: containers are found again by their name and labels.

mod container;
mod fault;
mod image;
mod rate;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error as EngineError;
use bollard::query_parameters::{
    CreateContainerOptions, ListContainersOptions, LogsOptions, RemoveContainerOptions, StopContainerOptions,
    WaitContainerOptions,
};
use futures_util::StreamExt;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use self::container::Found;
use self::fault::{fault, is_missing, unavailable};
use crate::error::{Error, Result};
use crate::ids::{NodeId, RunId};
use crate::model::{DockerExperiment, Exit, Limits, Outcome, Prepared, Reason, RuntimeState, Stage};
use crate::ports::{RunSpec, Runtime, RuntimeInfo};
use crate::time::Timestamp;

/// Where the engine listens unless the caller says otherwise.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// How long the engine may take to answer the first question.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How much longer than the grace period the engine may take to stop a container.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// Experiments as containers of a Docker engine.
///
/// A container is named `leotest-<runid>`. It has no capability but the one to send raw packets
/// (`ping`), cannot gain privileges, and is limited in memory, processors and processes. Its
/// output is kept by the engine up to 128 MiB, of which the oldest part goes first.
#[derive(Debug, Clone)]
pub struct DockerRuntime {
    docker: Docker,
    node: NodeId,
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
        Ok(Self { docker, node })
    }

    /// The container of `run`; `None` if there is none, or one of that name that is not ours.
    async fn find(&self, run: &RunId) -> Result<Option<Found>, EngineError> {
        match self.docker.inspect_container(&container::name(run), None).await {
            Ok(inspected) => Ok(Found::of(run, inspected)),
            Err(e) if is_missing(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn find_existing(&self, run: &RunId) -> Result<Found> {
        let found =
            self.find(run).await.map_err(|e| fault(format!("look for the container of run {run}"), &e))?;
        found.ok_or_else(|| Error::not_found(format!("there is no container of run {run}")))
    }

    async fn create(&self, spec: &RunSpec, experiment: &DockerExperiment) -> Result<(), Outcome> {
        let name = container::name(&spec.run);
        let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
        let body = container::body(spec, experiment, &self.node);
        match self.docker.create_container(Some(options), body).await {
            Ok(_) => Ok(()),
            // Made by somebody else since we looked.
            Err(EngineError::DockerResponseServerError { status_code: 409, .. }) => {
                match self.find(&spec.run).await.map_err(|e| fault::not_made(&e))? {
                    Some(_) => Ok(()),
                    None => Err(Outcome::failed(
                        Stage::Container,
                        Reason::StartFailed,
                        format!("a container named {name} that is not of this testbed is in the way"),
                    )),
                }
            }
            Err(e) if is_missing(&e) => Err(fault::no_image(&experiment.image, &e)),
            Err(e) => Err(fault::not_made(&e)),
        }
    }
}

#[async_trait]
impl Runtime for DockerRuntime {
    async fn info(&self) -> Result<RuntimeInfo> {
        let version =
            self.docker.version().await.map_err(|e| fault("ask the container engine for its version", &e))?;
        Ok(RuntimeInfo { name: "docker".into(), version: version.version.unwrap_or_default() })
    }

    fn can_keep(&self, _: &Limits) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<Prepared, Outcome> {
        let Some(experiment) = &spec.experiment.docker else {
            return Err(Outcome::failed(
                Stage::Config,
                Reason::ConfigInvalid,
                "experiment config names no docker image, this node runs containers",
            ));
        };
        if self.find(&spec.run).await.map_err(|e| fault::not_made(&e))?.is_some() {
            return Ok(Prepared::PLAIN);
        }
        self.ensure_image(&experiment.image).await?;
        container::open_results(&spec.results).await;
        self.create(spec, experiment).await?;
        Ok(Prepared::PLAIN)
    }

    async fn start(&self, run: &RunId) -> Result<Timestamp, Outcome> {
        let missing = || {
            let message = format!("there is no container of run {run}");
            Outcome::failed(Stage::Container, Reason::StartFailed, message)
        };
        let found = self.find(run).await.map_err(|e| fault::not_started(&e))?.ok_or_else(missing)?;
        if let Some(started) = found.started {
            return Ok(started);
        }
        self.docker.start_container(&found.id, None).await.map_err(|e| fault::not_started(&e))?;
        let found = self.find(run).await.map_err(|e| fault::not_started(&e))?.ok_or_else(missing)?;
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
        let doing = || format!("stop the container of run {run}");
        let Some(found) = self.find(run).await.map_err(|e| fault(doing(), &e))? else { return Ok(()) };
        let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let options = StopContainerOptions { t: Some(seconds), signal: None };
        // The engine answers when the container has ended.
        let patient = self.docker.clone().with_timeout(grace.saturating_add(STOP_PATIENCE));
        match patient.stop_container(&found.id, Some(options)).await {
            Err(e) if !is_missing(&e) => Err(fault(doing(), &e)),
            _ => Ok(()),
        }
    }

    async fn state(&self, run: &RunId) -> Result<RuntimeState> {
        let found =
            self.find(run).await.map_err(|e| fault(format!("look for the container of run {run}"), &e))?;
        Ok(found.map_or(RuntimeState::Absent, |found| found.state()))
    }

    async fn save_output(&self, run: &RunId, stdout: &Path, stderr: &Path) -> Result<()> {
        let found = self.find_existing(run).await?;
        let doing = || format!("save the output of run {run}");
        let written = |e| Error::while_doing(doing(), e);
        let mut stdout = BufWriter::new(File::create(stdout).await.map_err(written)?);
        let mut stderr = BufWriter::new(File::create(stderr).await.map_err(written)?);
        let options = LogsOptions { stdout: true, stderr: true, ..Default::default() };
        let mut output = self.docker.logs(&found.id, Some(options));
        while let Some(piece) = output.next().await {
            match piece.map_err(|e| fault(doing(), &e))? {
                LogOutput::StdErr { message } => stderr.write_all(&message).await.map_err(written)?,
                LogOutput::StdOut { message } | LogOutput::Console { message } => {
                    stdout.write_all(&message).await.map_err(written)?;
                }
                LogOutput::StdIn { .. } => {}
            }
        }
        stdout.flush().await.map_err(written)?;
        stderr.flush().await.map_err(written)
    }

    async fn output_size(&self, _: &RunId) -> Result<u64> {
        // The engine keeps no more than two files of a fixed size.
        Ok(0)
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        let doing = || format!("remove the container of run {run}");
        let Some(found) = self.find(run).await.map_err(|e| fault(doing(), &e))? else { return Ok(()) };
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        match self.docker.remove_container(&found.id, Some(options)).await {
            Err(e) if !is_missing(&e) => Err(fault(doing(), &e)),
            _ => Ok(()),
        }
    }

    async fn list(&self) -> Result<Vec<RunId>> {
        let ours =
            vec![format!("{}=true", container::LABEL), format!("{}={}", container::NODE_LABEL, self.node)];
        let filters = Some(HashMap::from([("label".to_owned(), ours)]));
        let options = ListContainersOptions { all: true, filters, ..Default::default() };
        let found = self.docker.list_containers(Some(options)).await;
        let found = found.map_err(|e| fault("list the containers of this node", &e))?;
        let runs = found.into_iter().filter_map(|summary| {
            let labels = summary.labels?;
            RunId::parse(labels.get(container::RUN_LABEL)?).ok()
        });
        Ok(runs.collect())
    }
}
