//! Experiments that take their time without doing anything, for simulations.

mod output;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{
    Exit, Limits, Outcome, OutputPiece, OutputScope, Prepared, Reason, RuntimeState, Stage, Traffic,
};
use crate::ports::{Clock, OutputStream, Resident, RunSpec, Runtime, RuntimeInfo};
use crate::time::Timestamp;

/// The exit code of a simulated experiment that was asked to end: as if by SIGTERM.
const STOPPED: i32 = 128 + 15;

/// The exit code of one that had to be killed: as if by SIGKILL.
const KILLED: i32 = 128 + 9;

/// What is said while the engine is away.
const AWAY: &str = "the simulated engine is away";

/// What a simulated experiment does.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// How long it runs; `None` until it is stopped.
    pub duration: Option<Duration>,
    /// The code with which it ends by itself.
    pub exit_code: i32,
    /// How long its start takes.
    pub start_delay: Duration,
    /// How long it takes to end when it is asked to; one that takes longer than its grace is killed.
    pub stop_delay: Duration,
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
            stop_delay: Duration::ZERO,
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
    /// Tells those who wait that something was stopped or removed, or that the engine has gone.
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the engine has gone, so that no call is answered.
    away: bool,
    default: Behaviour,
    behaviours: BTreeMap<RunId, Behaviour>,
    /// What is known of each run.
    runs: BTreeMap<RunId, Progress>,
    /// Every experiment that was ever started, in the order of their starts.
    stays: Vec<Started>,
    /// The experiments that have an address.
    addresses: BTreeMap<IpAddr, RunId>,
    /// What the experiments have printed.
    printed: BTreeMap<RunId, Vec<OutputPiece>>,
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

impl Started {
    /// Ends it as `exit` says, unless it ends by itself before that; gives the instant of its end.
    fn end(&mut self, exit: Exit) -> Timestamp {
        let kept = self.exit.filter(|earlier| earlier.at <= exit.at).unwrap_or(exit);
        self.exit = Some(kept);
        kept.at
    }
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

    /// Gives the experiment of `run` an address, for as long as it runs.
    pub fn set_address(&self, address: IpAddr, run: RunId) {
        self.state().addresses.insert(address, run);
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

    /// Lets the engine go away, or come back. While it is away every call is answered as by an engine
    /// that cannot be reached; the experiments go on.
    pub fn set_available(&self, available: bool) {
        self.state().away = !available;
        self.machine.changes.send_replace(());
    }

    /// Ends everything that runs at once, as when the engine or the machine is restarted. What is known
    /// of the experiments stays.
    pub fn kill_all(&self) {
        let now = self.clock.now();
        for started in &mut self.state().stays {
            started.end(Exit { code: None, out_of_memory: false, at: now });
        }
        self.machine.changes.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.machine.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the engine knows, if it answers.
    fn engine(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.away { Err(Error::unavailable(AWAY)) } else { Ok(state) }
    }

    /// As [`engine`](Self::engine), for what a run fails by.
    fn engine_for_run(&self) -> Result<MutexGuard<'_, State>, Outcome> {
        let gone = |_| Outcome::failed(Stage::Container, Reason::RuntimeUnavailable, AWAY);
        self.engine().map_err(gone)
    }

    /// Lets the experiment end with `exit`, if it has not ended before that; gives the instant at which
    /// it will have ended.
    fn end(&self, run: &RunId, exit: Exit) -> Timestamp {
        let mut state = self.state();
        let Some(Progress::Started(place)) = state.runs.get(run).copied() else { return exit.at };
        let ended = state.stays.get_mut(place).map_or(exit.at, |started| started.end(exit));
        drop(state);
        self.machine.changes.send_replace(());
        ended
    }
}

#[async_trait]
impl Runtime for SimulatedRuntime {
    async fn info(&self) -> Result<RuntimeInfo> {
        drop(self.engine()?);
        Ok(RuntimeInfo { name: "simulated".into(), version: String::new() })
    }

    fn can_keep(&self, _: &Limits) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<Prepared, Outcome> {
        let mut state = self.engine_for_run()?;
        if let Some(failure) = state.behaviour(&spec.run).prepare_failure.clone() {
            return Err(failure);
        }
        state.runs.entry(spec.run.clone()).or_insert(Progress::Prepared);
        Ok(Prepared::PLAIN)
    }

    async fn start(&self, run: &RunId) -> Result<Timestamp, Outcome> {
        let behaviour = self.engine_for_run()?.behaviour(run).clone();
        let Behaviour { duration, exit_code, start_delay, stop_delay: _, prepare_failure: _, start_failure } =
            behaviour;
        if self.state().started(run).is_none() && !start_delay.is_zero() {
            let ready = self.clock.now().checked_add(lasting(start_delay)).unwrap_or(Timestamp::MAX);
            self.clock.sleep_until(ready).await;
        }
        let at = self.clock.now();
        let mut state = self.engine_for_run()?;
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
            let found = self.engine()?.look(run, self.clock.now());
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

    async fn stop(&self, run: &RunId, grace: Duration) -> Result<()> {
        let delay = self.engine()?.behaviour(run).stop_delay;
        let code = if delay <= grace { STOPPED } else { KILLED };
        let at = self.clock.now().checked_add(lasting(delay.min(grace))).unwrap_or(Timestamp::MAX);
        let ended = self.end(run, Exit { code: Some(code), out_of_memory: false, at });
        if matches!(self.state().look(run, self.clock.now()), RuntimeState::Running(_)) {
            self.clock.sleep_until(ended).await;
        }
        self.engine().map(drop)
    }

    async fn state(&self, run: &RunId) -> Result<RuntimeState> {
        Ok(self.engine()?.look(run, self.clock.now()))
    }

    async fn save_output(&self, run: &RunId, stdout: &Path, stderr: &Path) -> Result<()> {
        if !self.engine()?.runs.contains_key(run) {
            return Err(Error::not_found(format!("there is no experiment of run {run}")));
        }
        let saved = async {
            tokio::fs::write(stdout, format!("simulated run {run}\n")).await?;
            tokio::fs::write(stderr, b"").await
        };
        saved.await.map_err(|e| Error::while_doing(format!("save the output of run {run}"), e))
    }

    async fn follow(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        self.follow_printed(run, scope)
    }

    async fn output_size(&self, _: &RunId) -> Result<u64> {
        Ok(0)
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        drop(self.engine()?);
        self.end(run, Exit { code: Some(KILLED), out_of_memory: false, at: self.clock.now() });
        let mut state = self.state();
        state.runs.remove(run);
        state.printed.remove(run);
        Ok(())
    }

    /// Simulated experiments move nothing while they run.
    async fn traffic(&self, run: &RunId) -> Result<Option<Traffic>> {
        let running = matches!(self.engine()?.look(run, self.clock.now()), RuntimeState::Running(_));
        Ok(running.then(Traffic::default))
    }

    async fn list(&self) -> Result<Vec<RunId>> {
        Ok(self.engine()?.runs.keys().cloned().collect())
    }

    async fn run_at(&self, address: IpAddr) -> Result<Option<Resident>> {
        let state = self.state();
        let run = state
            .addresses
            .get(&address)
            .filter(|run| matches!(state.look(run, self.clock.now()), RuntimeState::Running(_)));
        Ok(run.map(|run| Resident { run: run.clone(), process: None }))
    }
}

fn lasting(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
