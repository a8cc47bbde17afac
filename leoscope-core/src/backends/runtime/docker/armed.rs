//! Containers that are started ahead of their instant and held by a gate until then.

use std::time::Duration;

use bollard::query_parameters::CreateContainerOptions;

use super::DockerRuntime;
use super::container::{self, Found};
use super::fault;
use super::gate::{Gate, Release};
use super::image::Image;
use super::rate;
use crate::ids::RunId;
use crate::model::{DockerExperiment, Outcome, Reason, Stage, StartMode};
use crate::ports::{RunSpec, Runtime};
use crate::time::Timestamp;

/// How long to wait for a gate to answer before looking whether its container still runs.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often to look.
const LOOKS: usize = 20;

impl DockerRuntime {
    /// Makes the container of a run, held by a gate if that can be, else to be started at its
    /// instant.
    pub(super) async fn make(
        &self,
        spec: &RunSpec,
        experiment: &DockerExperiment,
        image: &Image,
    ) -> Result<StartMode, Outcome> {
        if let Some(gates) = &self.gates
            // What has no program at all is left to the engine to refuse.
            && !image.words(experiment.command.as_deref()).is_empty()
        {
            let run = &spec.run;
            let gate = gates.of(run);
            match self.arm(spec, experiment, image, &gate).await {
                Ok(()) => return Ok(StartMode::Armed),
                Err(outcome) if is_final(outcome.reason) => return Err(outcome),
                Err(outcome) => {
                    let reason = outcome.message;
                    tracing::warn!(%run, reason, "the container cannot be held ready, it will be started at its instant");
                    self.remove(run).await.map_err(|e| fault::in_the_way(&e))?;
                }
            }
        }
        self.create(spec, experiment, image, None).await?;
        Ok(StartMode::Plain)
    }

    async fn arm(
        &self,
        spec: &RunSpec,
        experiment: &DockerExperiment,
        image: &Image,
        gate: &Gate,
    ) -> Result<(), Outcome> {
        gate.make().map_err(|e| fault::not_kept("keep the gate of the container", &e))?;
        self.create(spec, experiment, image, Some(gate)).await?;
        self.man(&spec.run, gate).await
    }

    /// Starts a container with a gate and waits until it is held by that.
    async fn man(&self, run: &RunId, gate: &Gate) -> Result<(), Outcome> {
        let started = self.docker.start_container(&container::name(run), None).await;
        started.map_err(|e| fault::not_started(&e))?;
        for _ in 0..LOOKS {
            match gate.is_reached(PATIENCE).await {
                Ok(true) => return self.keep_rate(run).await,
                Ok(false) if self.find(run).await?.is_none_or(|found| !found.alive) => break,
                Ok(false) => {}
                Err(e) => return Err(fault::not_kept("reach the gate of the container", &e)),
            }
        }
        Err(failed("the gate in it does not answer"))
    }

    /// Has a container send no faster than it may, before anything of the experiment runs in it.
    async fn keep_rate(&self, run: &RunId) -> Result<(), Outcome> {
        match self.find(run).await? {
            Some(Found { rate: Some(rate), pid: Some(pid), .. }) => rate::limit_rate(pid, rate).await,
            _ => Ok(()),
        }
    }

    /// Makes a container with a gate that has not been released ready again, after the engine was
    /// started anew or the node was killed at the wrong moment; whether it is ready.
    pub(super) async fn rearm(&self, run: &RunId) -> bool {
        let Some(gates) = &self.gates else { return false };
        let manned = self.man(run, &gates.of(run)).await;
        if let Err(outcome) = &manned {
            tracing::info!(%run, reason = outcome.message, "the container is made anew");
        }
        manned.is_ok()
    }

    /// Releases what is held; `None` if the run's container has no gate.
    pub(super) async fn release(&self, run: &RunId) -> Result<Option<Timestamp>, Outcome> {
        let Some(gates) = &self.gates else { return Ok(None) };
        let gate = gates.of(run);
        let release =
            || async { gate.release().await.map_err(|e| fault::not_kept("release the container", &e)) };
        // The engine is asked nothing, as long as the gate answers: this is the planned instant.
        let mut released = release().await?;
        if released == Release::Deserted {
            match self.find(run).await? {
                Some(found) if found.armed && self.rearm(run).await => released = release().await?,
                Some(found) if found.armed => {}
                _ => return Ok(None),
            }
        }
        match released {
            Release::Done(at) => Ok(Some(at)),
            Release::Refused(why) => Err(failed(&why)),
            Release::Deserted => Err(failed("it was ended from outside before its start")),
        }
    }

    async fn create(
        &self,
        spec: &RunSpec,
        experiment: &DockerExperiment,
        image: &Image,
        gate: Option<&Gate>,
    ) -> Result<(), Outcome> {
        let name = container::name(&spec.run);
        let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
        let body = self.body(spec, experiment, image, gate);
        let Err(refused) = self.docker.create_container(Some(options), body).await else { return Ok(()) };
        if !fault::is_name_taken(&refused) {
            return Err(fault::not_made(&refused));
        }
        // It may have been made by somebody else since we looked.
        match self.find(&spec.run).await? {
            Some(_) => Ok(()),
            None => Err(Outcome::failed(
                Stage::Container,
                Reason::NameTaken,
                format!("a container named {name} that is not of this run is in the way"),
            )),
        }
    }
}

/// Whether a container that cannot be held cannot be made in another way either.
fn is_final(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::RuntimeUnavailable | Reason::NameTaken | Reason::DiskFull | Reason::ImageNotFound
    )
}

fn failed(why: &str) -> Outcome {
    Outcome::failed(Stage::Container, Reason::StartFailed, format!("cannot start the container: {why}"))
}
