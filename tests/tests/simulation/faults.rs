//! What goes wrong in a node's process, at every call by which it touches the world.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use leoscope_core::backends::runtime::{Behaviour, SimulatedRuntime};
use leoscope_core::ids::RunId;
use leoscope_core::model::{
    Bundle, ClockReading, Exit, JournalEntry, Limits, Orders, Outcome, Prepared, Reason, Run, RuntimeState,
    Stage, Step, Watching,
};
use leoscope_core::ports::{Ledger, RunSpec, Runtime, RuntimeInfo};
use leoscope_core::time::Timestamp;
use leoscope_core::{Error, Result};
use tokio::sync::watch;

use crate::Seed;

/// How many calls of a kind pass at most until the first crash at one; the gap grows with each.
const FIRST_GAP: u64 = 12;

/// One call in so many is not answered, though nothing crashes.
const LOSS: u64 = 60;

/// Whether a process ends before its call has taken effect, or after, before it has the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Before,
    After,
}

/// Says at which calls the processes of a world end, and counts them.
#[derive(Debug)]
pub(crate) struct Faults {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Seed,
    /// Whether anything goes wrong.
    on: bool,
    /// For each kind of call, how many pass until the next crash.
    left: BTreeMap<String, u64>,
    crashes: BTreeMap<(String, Moment), u64>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let random = Seed::of(seed, "faults");
        let state = State { random, on: true, left: BTreeMap::new(), crashes: BTreeMap::new() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Lets nothing go wrong any more.
    pub(crate) fn end(&self) {
        self.state().on = false;
    }

    /// How often a process ended at each kind of call.
    pub(crate) fn crashes(&self) -> BTreeMap<(String, Moment), u64> {
        self.state().crashes.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process ends at this call.
    fn strikes(&self, call: &str) -> Option<Moment> {
        let mut state = self.state();
        let State { random, on, left, crashes } = &mut *state;
        let hits = |moment| crashes.get(&(call.to_owned(), moment)).copied().unwrap_or_default();
        let (before, after) = (hits(Moment::Before), hits(Moment::After));
        let mut gap = || 1 + random.next(FIRST_GAP * (1 + before + after));
        let left = left.entry(call.to_owned()).or_insert_with(&mut gap);
        *left -= 1;
        if *left > 0 {
            return None;
        }
        *left = gap();
        on.then_some(if before <= after { Moment::Before } else { Moment::After })
    }

    /// Whether the call or its answer is lost.
    fn loses(&self) -> Option<Moment> {
        let mut state = self.state();
        if !state.on || !state.random.once_in(LOSS) {
            return None;
        }
        Some(if state.random.once_in(2) { Moment::Before } else { Moment::After })
    }

    fn count(&self, call: &str, moment: Moment) {
        *self.state().crashes.entry((call.to_owned(), moment)).or_default() += 1;
    }
}

/// One life of a node's process.
#[derive(Debug)]
pub(crate) struct Process {
    faults: Arc<Faults>,
    dead: watch::Sender<bool>,
}

impl Process {
    pub(crate) fn new(faults: &Arc<Faults>) -> Arc<Self> {
        Arc::new(Self { faults: Arc::clone(faults), dead: watch::Sender::new(false) })
    }

    /// Waits until the process has ended at one of its calls.
    pub(crate) async fn died(&self) {
        // The sender lives in `self`.
        let _ = self.dead.subscribe().wait_for(|dead| *dead).await;
    }

    /// Makes a call, at which the process may end: it never has the answer then.
    pub(crate) async fn at<T>(&self, call: &str, answer: impl Future<Output = T>) -> T {
        // A dead process does nothing while it is being taken away.
        if *self.dead.borrow() {
            return std::future::pending().await;
        }
        match self.faults.strikes(call) {
            None => answer.await,
            Some(moment) => {
                if moment == Moment::After {
                    drop(answer.await);
                }
                self.faults.count(call, moment);
                self.dead.send_replace(true);
                std::future::pending().await
            }
        }
    }

    /// Makes a call that may be lost on its way, or whose answer may be.
    pub(crate) async fn lossy<T, E>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
        lost: impl Fn() -> E,
    ) -> Result<T, E> {
        match self.faults.loses() {
            None => answer.await,
            Some(Moment::Before) => Err(lost()),
            Some(Moment::After) => {
                answer.await?;
                Err(lost())
            }
        }
    }
}

/// A runtime whose calls may be lost, or be the last of the process.
#[derive(Debug)]
pub(crate) struct FaultyRuntime {
    pub(crate) runtime: SimulatedRuntime,
    pub(crate) process: Arc<Process>,
}

fn lost() -> Error {
    Error::unavailable("the engine's answer was lost")
}

fn failed() -> Outcome {
    Outcome::failed(Stage::Container, Reason::RuntimeUnavailable, "the engine's answer was lost")
}

impl FaultyRuntime {
    async fn call<T>(&self, name: &str, answer: impl Future<Output = Result<T>>) -> Result<T> {
        self.process.at(name, self.process.lossy(answer, lost)).await
    }
}

/// What the experiment of a run does: always the same.
fn behaviour(run: &RunId) -> Behaviour {
    let mut random = Seed::of(0, run.as_str());
    let duration = match random.next(5) {
        0 | 1 => None,
        _ => Some(Duration::from_secs(1 + random.next(1_900))),
    };
    let failure = |reason| Outcome::failed(Stage::Container, reason, "it is made to fail");
    Behaviour {
        duration,
        exit_code: if random.once_in(8) { 3 } else { 0 },
        start_delay: Duration::from_millis(random.next(1_500)),
        stop_delay: Duration::from_millis(random.next(6_000)),
        prepare_failure: random.once_in(40).then(|| failure(Reason::ImageNotFound)),
        start_failure: random.once_in(40).then(|| failure(Reason::StartFailed)),
    }
}

#[async_trait]
impl Runtime for FaultyRuntime {
    async fn info(&self) -> Result<RuntimeInfo> {
        self.process.at("runtime info", self.runtime.info()).await
    }

    fn can_keep(&self, limits: &Limits) -> Result<()> {
        self.runtime.can_keep(limits)
    }

    async fn output_size(&self, run: &RunId) -> Result<u64> {
        self.call("runtime output_size", self.runtime.output_size(run)).await
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<Prepared, Outcome> {
        self.runtime.set_behaviour(Some(spec.run.clone()), behaviour(&spec.run));
        self.process.at("runtime prepare", self.process.lossy(self.runtime.prepare(spec), failed)).await
    }

    async fn start(&self, run: &RunId) -> Result<Timestamp, Outcome> {
        self.process.at("runtime start", self.process.lossy(self.runtime.start(run), failed)).await
    }

    async fn wait(&self, run: &RunId) -> Result<Exit> {
        self.call("runtime wait", self.runtime.wait(run)).await
    }

    async fn stop(&self, run: &RunId, grace: Duration) -> Result<()> {
        self.call("runtime stop", self.runtime.stop(run, grace)).await
    }

    async fn state(&self, run: &RunId) -> Result<RuntimeState> {
        self.call("runtime state", self.runtime.state(run)).await
    }

    async fn save_output(&self, run: &RunId, stdout: &Path, stderr: &Path) -> Result<()> {
        self.call("runtime save_output", self.runtime.save_output(run, stdout, stderr)).await
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        self.call("runtime remove", self.runtime.remove(run)).await
    }

    async fn list(&self) -> Result<Vec<RunId>> {
        self.call("runtime list", self.runtime.list()).await
    }
}

/// The last record of each run that a node wrote down as final, and whether the run needed the link for
/// itself; it outlives the entries of the journal.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<RunId, (Run, bool)>>);

impl Memory {
    pub(crate) fn finals(&self) -> BTreeMap<RunId, (Run, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, entry: &JournalEntry) {
        let run = entry.run.clone();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.insert(run.id.clone(), (run.clone(), entry.job.overhead));
        if let Some((before, _)) = before.filter(|(before, _)| before.status.is_terminal()) {
            assert_eq!(before, run, "a node changed what had ended");
        }
    }
}

/// A ledger at whose calls the process may end: what was acknowledged is kept.
#[derive(Debug)]
pub(crate) struct FaultyLedger {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) process: Arc<Process>,
}

/// What is written down, as people would tell it.
fn step(entry: &JournalEntry) -> String {
    match (entry.step, entry.reported, entry.bundle) {
        (Step::Done, true, Bundle::Delivered) => "journal delivered".to_owned(),
        (Step::Done, true, _) => "journal reported".to_owned(),
        (step, _, _) => format!("journal {step:?}"),
    }
}

#[async_trait]
impl Ledger for FaultyLedger {
    async fn orders(&self) -> Result<Option<Orders>> {
        self.process.at("ledger orders", self.ledger.orders()).await
    }

    async fn save_orders(&self, orders: &Orders) -> Result<()> {
        self.process.at("ledger save_orders", self.ledger.save_orders(orders)).await
    }

    async fn clock(&self) -> Result<Option<ClockReading>> {
        self.ledger.clock().await
    }

    async fn save_clock(&self, reading: &ClockReading) -> Result<()> {
        self.ledger.save_clock(reading).await
    }

    async fn watching(&self) -> Result<Option<Watching>> {
        self.ledger.watching().await
    }

    async fn save_watching(&self, watching: &Watching) -> Result<()> {
        self.ledger.save_watching(watching).await
    }

    async fn entries(&self) -> Result<Vec<JournalEntry>> {
        self.process.at("ledger entries", self.ledger.entries()).await
    }

    async fn put(&self, entry: &JournalEntry) -> Result<()> {
        let put = async {
            self.ledger.put(entry).await?;
            self.memory.note(entry);
            Ok(())
        };
        self.process.at(&step(entry), put).await
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        self.process.at("ledger remove", self.ledger.remove(run)).await
    }
}
