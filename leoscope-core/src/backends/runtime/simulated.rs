//! Experiments that take their time without doing anything, for simulations.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{Exit, Limits, Outcome, Prepared, Reason, RuntimeState, Stage};
use crate::ports::{Clock, RunSpec, Runtime, RuntimeInfo};
use crate::time::Timestamp;

/// The exit code of a simulated experiment that was asked to end: as if by SIGTERM.
const STOPPED: i32 = 128 + 15;

/// What a simulated experiment does.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// How long it runs; `None` until it is stopped.
    pub duration: Option<Duration>,
    /// The code with which it ends by itself.
    pub exit_code: i32,
    /// How long its start takes.
    pub start_delay: Duration,
    /// How its preparation fails, if it does.
    pub prepare_failure: Option<Outcome>,
    /// How its start fails, if it does.
    pub start_failure: Option<Outcome>,
}

impl Default for Behaviour {
    /// Starts at once, runs for a second and ends with code 0.
    fn default() -> Self {
        Self {
            duration: Some(Duration::from_secs(1)),
            exit_code: 0,
            start_delay: Duration::ZERO,
            prepare_failure: None,
            start_failure: None,
        }
    }
}

/// One experiment that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Whose it was.
    pub run: RunId,
    /// When it started.
    pub started: Timestamp,
    /// When it ended; `None` while it runs.
    pub ended: Option<Timestamp>,
}

/// A runtime whose experiments exist in memory only and follow a clock.
///
/// A clone shares the experiments: a simulated crash of a node drops one clone and goes on with
/// another, as a real node finds its containers again.
#[derive(Debug, Clone)]
pub struct SimulatedRuntime {
    clock: Arc<dyn Clock>,
    machine: Arc<Machine>,
}

#[derive(Debug, Default)]
struct Machine {
    state: Mutex<State>,
    /// Tells those who wait that something was stopped or removed.
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    default: Behaviour,
    behaviours: BTreeMap<RunId, Behaviour>,
    /// What is known of each run.
    runs: BTreeMap<RunId, Progress>,
    /// Every experiment that was ever started, in the order of their starts.
    stays: Vec<Started>,
}

#[derive(Debug, Clone, Copy)]
enum Progress {
    Prepared,
    /// The place in `stays`.
    Started(usize),
}

#[derive(Debug)]
struct Started {
    run: RunId,
    at: Timestamp,
    /// How it ends, or will end if nothing happens.
    exit: Option<Exit>,
}

impl State {
    fn behaviour(&self, run: &RunId) -> &Behaviour {
        self.behaviours.get(run).unwrap_or(&self.default)
    }

    fn started(&self, run: &RunId) -> Option<&Started> {
        match self.runs.get(run)? {
            Progress::Prepared => None,
            Progress::Started(place) => self.stays.get(*place),
        }
    }

    fn look(&self, run: &RunId, now: Timestamp) -> RuntimeState {
        match (self.runs.get(run), self.started(run)) {
            (None, _) => RuntimeState::Absent,
            (Some(_), None) => RuntimeState::Prepared,
            (Some(_), Some(started)) => match started.exit.filter(|exit| exit.at <= now) {
                Some(exit) => RuntimeState::Exited(exit),
                None => RuntimeState::Running(started.at),
            },
        }
    }
}

impl SimulatedRuntime {
    /// A runtime without any runs, whose experiments do what [`Behaviour::default`] says.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, machine: Arc::default() }
    }

    /// Says what the experiment of `run` will do, or, without a run, what those do of which
    /// nothing else was said. An experiment that has started is not changed.
    pub fn set_behaviour(&self, run: Option<RunId>, behaviour: Behaviour) {
        let mut state = self.state();
        match run {
            Some(run) => drop(state.behaviours.insert(run, behaviour)),
            None => state.default = behaviour,
        }
    }

    /// Every experiment that was started, in the order of their starts, removed ones included.
    pub fn stays(&self) -> Vec<Stay> {
        let now = self.clock.now();
        let ended = |exit: Option<Exit>| exit.map(|exit| exit.at).filter(|at| *at <= now);
        let state = self.state();
        state
            .stays
            .iter()
            .map(|Started { run, at, exit }| Stay { run: run.clone(), started: *at, ended: ended(*exit) })
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.machine.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the experiment now, if it runs.
    fn end(&self, run: &RunId) {
        let now = self.clock.now();
        let mut state = self.state();
        let Some(Progress::Started(place)) = state.runs.get(run).copied() else { return };
        if let Some(started) = state.stays.get_mut(place)
            && started.exit.is_none_or(|exit| exit.at > now)
        {
            started.exit = Some(Exit { code: Some(STOPPED), out_of_memory: false, at: now });
        }
        drop(state);
        self.machine.changes.send_replace(());
    }
}

#[async_trait]
impl Runtime for SimulatedRuntime {
    async fn info(&self) -> Result<RuntimeInfo> {
        Ok(RuntimeInfo { name: "simulated".into(), version: String::new() })
    }

    fn can_keep(&self, _: &Limits) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<Prepared, Outcome> {
        let mut state = self.state();
        if let Some(failure) = state.behaviour(&spec.run).prepare_failure.clone() {
            return Err(failure);
        }
        state.runs.entry(spec.run.clone()).or_insert(Progress::Prepared);
        Ok(Prepared::PLAIN)
    }

    async fn start(&self, run: &RunId) -> Result<Timestamp, Outcome> {
        let behaviour = self.state().behaviour(run).clone();
        let Behaviour { duration, exit_code, start_delay, prepare_failure: _, start_failure } = behaviour;
        if self.state().started(run).is_none() && !start_delay.is_zero() {
            let ready = self.clock.now().checked_add(lasting(start_delay)).unwrap_or(Timestamp::MAX);
            self.clock.sleep_until(ready).await;
        }
        let at = self.clock.now();
        let mut state = self.state();
        if let Some(started) = state.started(run) {
            return Ok(started.at);
        }
        if let Some(failure) = start_failure {
            return Err(failure);
        }
        let place = state.stays.len();
        let Some(progress) = state.runs.get_mut(run) else {
            let message = format!("run {run} has not been prepared");
            return Err(Outcome::failed(Stage::Container, Reason::StartFailed, message));
        };
        *progress = Progress::Started(place);
        let exit = duration.map(|duration| Exit {
            code: Some(exit_code),
            out_of_memory: false,
            at: at.checked_add(lasting(duration)).unwrap_or(Timestamp::MAX),
        });
        state.stays.push(Started { run: run.clone(), at, exit });
        Ok(at)
    }

    async fn wait(&self, run: &RunId) -> Result<Exit> {
        let mut changes = self.machine.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let found = self.state().look(run, self.clock.now());
            let end = match found {
                RuntimeState::Exited(exit) => return Ok(exit),
                RuntimeState::Running(_) => self.state().started(run).and_then(|started| started.exit),
                RuntimeState::Absent | RuntimeState::Prepared => {
                    return Err(Error::not_found(format!(
                        "the experiment of run {run} has not been started"
                    )));
                }
            };
            let over = async {
                match end {
                    Some(exit) => self.clock.sleep_until(exit.at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                // The sender lives in `self`.
                _ = changes.changed() => {}
            }
        }
    }

    async fn stop(&self, run: &RunId, _grace: Duration) -> Result<()> {
        self.end(run);
        Ok(())
    }

    async fn state(&self, run: &RunId) -> Result<RuntimeState> {
        Ok(self.state().look(run, self.clock.now()))
    }

    async fn save_output(&self, run: &RunId, stdout: &Path, stderr: &Path) -> Result<()> {
        if !self.state().runs.contains_key(run) {
            return Err(Error::not_found(format!("there is no experiment of run {run}")));
        }
        let saved = async {
            tokio::fs::write(stdout, format!("simulated run {run}\n")).await?;
            tokio::fs::write(stderr, b"").await
        };
        saved.await.map_err(|e| Error::while_doing(format!("save the output of run {run}"), e))
    }

    async fn output_size(&self, _: &RunId) -> Result<u64> {
        Ok(0)
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        self.end(run);
        self.state().runs.remove(run);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<RunId>> {
        Ok(self.state().runs.keys().cloned().collect())
    }
}

fn lasting(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
