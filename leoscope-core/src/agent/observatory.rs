//! What a node knows of the world around it, and what the triggers of its jobs make of that.
//!
//! Each [monitor](monitors) reads on its own. What it reads is taken in here, where the conditions of
//! all jobs of the node are watched; a run asks [`Observatory::judge`] at its instant.

mod monitors;
mod own;
mod publish;
mod telemetry;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use tokio::sync::watch;

use super::Inner;
use super::rest::rest;
use crate::error::Result;
use crate::ids::JobId;
use crate::model::{
    Constellation, DishFacts, ElementSet, Job, JournalEntry, MonitorStatus, ObstructionMap, Reading, Secret,
    Step, TriggerDecision, TriggerStatus, Watching, WeatherFacts,
};
use crate::ports::{Finding, Monitor, Observation, Publisher};
use crate::schedule::Zone;
use crate::time::Timestamp;
use crate::trigger::{Key, Sample, Trigger, Verdict, Watches};
use own::{Background, Own};
pub(super) use telemetry::{files, finish};

/// How often conditions that depend on the time are looked at.
const TICK: SignedDuration = SignedDuration::from_secs(1);

/// By how much the time may be behind what it was before, without the clock having been set back: what
/// keeps it right may take it back a little.
const BEHIND: SignedDuration = SignedDuration::from_secs(2);

/// How often the state is written down for people who look at the node.
const NOTE: SignedDuration = SignedDuration::from_secs(10);

/// A condition that is watched: that of a job, as it was when a run was planned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Watched {
    job: JobId,
    trigger: String,
}

impl Watched {
    fn of(job: &Job) -> Option<Self> {
        Some(Self { job: job.id.clone(), trigger: job.trigger.clone()? })
    }
}

/// What the node knows besides its readings.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    pub(super) dish: Option<DishFacts>,
    pub(super) obstruction: Option<ObstructionMap>,
    pub(super) weather: Option<WeatherFacts>,
    pub(super) elements: Option<ElementSet>,
}

/// What is watched.
#[derive(Debug)]
pub(super) struct Observatory {
    monitors: Vec<Arc<dyn Monitor>>,
    publisher: Option<Arc<dyn Publisher>>,
    zone: Option<Zone>,
    sky: Mutex<Sky>,
    /// Something has been read or judged.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Sky {
    watches: Watches<Watched>,
    background: Background,
    findings: Findings,
    statuses: BTreeMap<String, MonitorStatus>,
    weather_key: Option<Secret>,
    constellation: Option<Constellation>,
    /// The latest time at which anything was taken in.
    latest: Option<Timestamp>,
}

impl Observatory {
    pub(super) fn new(
        monitors: Vec<Arc<dyn Monitor>>,
        publisher: Option<Arc<dyn Publisher>>,
        zone: Option<Zone>,
    ) -> Self {
        Self { monitors, publisher, zone, sky: Mutex::default(), changed: watch::Sender::new(()) }
    }

    fn sky(&self) -> MutexGuard<'_, Sky> {
        self.sky.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest reading of everything there is.
    pub(super) fn latest(&self) -> Vec<Reading> {
        let sky = self.sky();
        let reading = |sample: Sample| {
            let counts_for_s = sky.watches.allowed_age(&sample.key);
            Reading { counts_for_s, ..Reading::from(sample) }
        };
        sky.watches.latest().into_iter().map(reading).collect()
    }

    /// What is known besides.
    pub(super) fn findings(&self) -> Findings {
        self.sky().findings.clone()
    }

    /// The orbital elements in use.
    pub(super) fn elements(&self) -> Option<Constellation> {
        self.sky().constellation.clone()
    }

    /// Uses other orbital elements from now on.
    pub(super) fn use_elements(&self, elements: Constellation) {
        self.sky().constellation = Some(elements);
    }

    /// What the sky is told from: the elements, the fields of single satellites that are wanted, and what
    /// obstructs the dish.
    fn heaven(&self) -> (Option<Constellation>, Vec<Key>, Option<ObstructionMap>) {
        let sky = self.sky();
        let of_one = sky.watches.keys().filter(|key| matches!(key, Key::Satellite(..)));
        (sky.constellation.clone(), of_one.cloned().collect(), sky.findings.obstruction.clone())
    }

    /// Tells of every reading and judgement from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Takes in what a monitor has read, which counts for `counts_for` where its field says less.
    ///
    /// Each that changes what is known looks at the clock while it has that for itself: one that had
    /// looked before, and was held up, would seem to come from the past.
    fn take_in(
        &self,
        observation: Observation,
        counts_for: Option<SignedDuration>,
        clock: impl FnOnce() -> Timestamp,
    ) {
        let Observation { samples, telemetry: _, findings } = observation;
        let mut sky = self.sky();
        let now = clock();
        for finding in findings {
            match finding {
                Finding::Dish(dish) => sky.findings.dish = Some(dish),
                Finding::Obstruction(map) => sky.findings.obstruction = Some(map),
                Finding::Weather(weather) => sky.findings.weather = Some(weather),
                Finding::Elements(elements) => sky.findings.elements = Some(elements),
            }
        }
        sky.look_at_clock(now);
        if let Some(age) = counts_for {
            sky.allow_age(&samples, age);
        }
        let derived = sky.background.take_in(&samples);
        sky.watches.take_in(&samples, now);
        sky.watches.take_in(&derived, now);
        drop(sky);
        self.changed.send_replace(());
    }

    /// Looks at what depends on the time.
    fn pass(&self, own: &Own, clock: impl FnOnce() -> Timestamp) {
        let mut sky = self.sky();
        let now = clock();
        sky.look_at_clock(now);
        let samples = own.samples(sky.findings.weather.as_ref(), now);
        sky.watches.take_in(&samples, now);
        sky.watches.pass(now);
        drop(sky);
        self.changed.send_replace(());
    }

    /// Watches the triggers of `jobs`, and no others any more.
    fn watch<'a>(&self, jobs: impl Iterator<Item = &'a Job>) {
        let wanted: BTreeSet<Watched> = jobs.filter_map(Watched::of).collect();
        let mut sky = self.sky();
        let gone: Vec<_> = sky.watches.names().filter(|watched| !wanted.contains(watched)).cloned().collect();
        for watched in gone {
            sky.watches.remove(&watched);
        }
        for watched in wanted {
            match Trigger::parse(&watched.trigger) {
                Ok(trigger) => sky.watches.set(watched, &trigger),
                // Booked at an orchestrator that knows other fields; its runs are judged as not known.
                Err(error) => tracing::debug!(job = %watched.job, %error, "cannot watch a trigger"),
            }
        }
    }

    fn is_watching(&self) -> bool {
        self.sky().watches.names().next().is_some()
    }

    /// Judges the trigger of `job` at this instant, and tells since when it has held.
    fn judge(
        &self,
        job: &Job,
        own: &Own,
        clock: impl FnOnce() -> Timestamp,
    ) -> (TriggerDecision, Option<Timestamp>) {
        let mut sky = self.sky();
        let now = clock();
        let unknown = |why: String| {
            (TriggerDecision { verdict: Verdict::Unknown, at: now, why, readings: Vec::new() }, None)
        };
        let Some(watched) = Watched::of(job) else { return unknown("the job has no trigger".into()) };
        sky.look_at_clock(now);
        if !sky.watches.names().any(|name| *name == watched) {
            match Trigger::parse(&watched.trigger) {
                Ok(trigger) => sky.watches.set(watched.clone(), &trigger),
                Err(error) => return unknown(format!("this node cannot read it: {error}")),
            }
        }
        let samples = own.samples(sky.findings.weather.as_ref(), now);
        sky.watches.take_in(&samples, now);
        let Some(explanation) = sky.watches.judge(&watched, now) else {
            return unknown("it is not watched".into());
        };
        (TriggerDecision::of(explanation, now), sky.watches.met_since(&watched))
    }

    /// How monitors and triggers stand.
    fn watching(&self, now: Timestamp) -> Watching {
        let sky = self.sky();
        let triggers = sky.watches.names().filter_map(|watched| {
            Some(TriggerStatus {
                job: watched.job.clone(),
                trigger: watched.trigger.clone(),
                verdict: sky.watches.verdict(watched)?,
                met_since: sky.watches.met_since(watched),
            })
        });
        Watching { at: now, triggers: triggers.collect(), monitors: sky.statuses.values().cloned().collect() }
    }
}

impl Sky {
    /// Forgets what was read before the clock was set back: it would be newer than all that is read from
    /// now on.
    fn look_at_clock(&mut self, now: Timestamp) {
        if self.latest.is_some_and(|latest| latest.duration_since(now) > BEHIND) {
            tracing::warn!("the clock was set back, so what was read before is forgotten");
            let before = std::mem::take(&mut self.watches);
            for watched in before.names() {
                if let Ok(trigger) = Trigger::parse(&watched.trigger) {
                    self.watches.set(watched.clone(), &trigger);
                }
            }
            self.background = Background::default();
            self.latest = None;
        }
        self.latest = self.latest.max(Some(now));
    }

    /// Lets readings count for so long, whose monitor reads more seldom than their field is read elsewhere.
    fn allow_age(&mut self, samples: &[Sample], age: SignedDuration) {
        let secs = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        for Sample { key, .. } in samples {
            self.watches.allow_age(key, secs.max(key.stale_after_s()));
        }
    }
}

/// Judges the trigger of a run at this instant.
pub(super) async fn judge(node: &Inner, entry: &JournalEntry) -> (TriggerDecision, Option<Timestamp>) {
    let own = Own::of(node).await;
    node.observatory.judge(&entry.job, &own, || node.clock.now())
}

/// Reads, watches and tells, for ever.
pub(super) async fn run(node: &Arc<Inner>) -> Result<()> {
    tokio::select! {
        result = monitors::run(node) => result,
        result = follow(node) => result,
        result = tick(node) => result,
        result = publish::run(node) => result,
    }
}

/// Watches the triggers of the jobs that there are.
async fn follow(node: &Inner) -> Result<()> {
    let mut orders = node.orders.subscribe();
    let mut journal = node.journal.changes();
    loop {
        journal.borrow_and_update();
        let current = orders.borrow_and_update().clone();
        let jobs = current.iter().flat_map(|orders| &orders.jobs).filter(|job| job.node == node.config.node);
        let entries = node.journal.entries().await;
        let under_way = entries.iter().filter(|entry| entry.step != Step::Done && entry.is_gated());
        node.observatory.watch(jobs.chain(under_way.map(|entry| &entry.job)));
        node.observatory.changed.send_replace(());
        tokio::select! {
            changed = orders.changed() => if changed.is_err() { return Ok(()) },
            changed = journal.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// Looks at what depends on the time while anything is watched, and writes the state down.
async fn tick(node: &Inner) -> Result<()> {
    let mut changes = node.observatory.changes();
    let mut noted: Option<Watching> = None;
    loop {
        while !node.observatory.is_watching() && node.observatory.monitors.is_empty() {
            if changes.changed().await.is_err() {
                return Ok(());
            }
        }
        rest(&*node.clock, node.clock.now(), TICK).await;
        node.observatory.pass(&Own::of(node).await, || node.clock.now());
        let now = node.clock.now();
        let is_old = |noted: &Watching| now.duration_since(noted.at) >= NOTE || now < noted.at;
        if node.keeps_orders && noted.as_ref().is_none_or(is_old) {
            let watching = node.observatory.watching(now);
            if let Err(error) = node.ledger.save_watching(&watching).await {
                tracing::debug!(%error, "cannot write down what is watched");
            }
            noted = Some(watching);
        }
    }
}

#[cfg(test)]
mod tests;
