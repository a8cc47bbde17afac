//! The use-cases of a measurement node.
//!
//! Its loops share one [`Journal`](journal::Journal): [`sync`] fetches the orders and says that
//! the node is alive, [`dispatch`] begins, cancels and forgets runs as [`plan`](crate::plan) says,
//! [`outbox`] hands records and bundles over, [`pairing`] is asked for the server sides of others,
//! [`images`] has what they need fetched in time, [`clock`] measures how far the clock is off,
//! [`scavenger`] looks whether the host uses the link itself, [`kernel`] lets experiments choose a
//! congestion control, [`elements`] keeps what is known of satellites up to date, [`logs`] sends those who follow runs what they print, [`observatory`] watches what
//! triggers are about, [`readings`] shows that to those who want to see it. A run itself is driven by [`executor`]. None of them needs the orchestrator to be
//! reachable for another to go on.
//!
//! Where the host starts a process for each run as well ([`host`]), that process carries out its
//! run alone ([`single`]), over the same ledger. The entry of a run belongs to the process that has
//! claimed it ([`claims`]); what nobody claims the node's own process takes over.

mod claims;
mod clock;
mod container;
mod disk;
mod dispatch;
mod elements;
mod executor;
mod host;
mod images;
mod inputs;
mod journal;
mod kept;
mod kernel;
mod link;
mod logs;
mod manifest;
mod observatory;
mod outbox;
mod pairing;
mod readings;
mod rest;
mod results;
mod route;
mod scavenger;
mod single;
mod status;
mod sync;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{Mutex, Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::ids::{NodeId, RunId};
use crate::model::{ClockReading, ExecutorConfig, JournalEntry, Orders, RuntimeState, Standby};
use crate::ports::{
    BlobStorage, Clock, ClockMeter, ControlPlane, ElementShelf, ElementSource, HostFacts, HostScheduler,
    Kernel, Launcher, Ledger, Monitor, Publisher, Routes, Runtime, RuntimeInfo, Sessions, TrafficMeter,
};
use crate::schedule::Zone;
use claims::Claims;
use journal::Journal;
use kernel::KernelKeeper;
use observatory::Observatory;
use outbox::{Pace, Transfers};
use route::RouteKeeper;

pub use clock::{measure, measure_against};
pub use single::{Carried, Wanted};
pub use status::{Kept, NextRun, OrdersStatus, Running, Status, status};

/// How a node behaves.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The node's id.
    pub node: NodeId,
    /// The time zone of the place, told to people who look at the node.
    pub time_zone: Option<Zone>,
    /// Where runs in progress and bundles waiting to be handed over are kept.
    pub work_dir: PathBuf,
    /// How experiments are run.
    pub executor: ExecutorConfig,
    /// How often the orders are fetched where the orchestrator cannot push them, and how often
    /// the node says that it is alive.
    pub interval: SignedDuration,
    /// How long an experiment has to end by itself when it is stopped.
    pub grace: Duration,
    /// How often the results of an experiment are measured while it runs.
    pub disk_interval: SignedDuration,
    /// Where other nodes reach servers on this one; as its record says when `None`.
    pub address: Option<IpAddr>,
}

/// What a node works with.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The testbed as this node sees it.
    pub control: Arc<dyn ControlPlane>,
    /// What runs the experiments.
    pub runtime: Arc<dyn Runtime>,
    /// What must not be forgotten.
    pub ledger: Arc<dyn Ledger>,
    /// What wakes the node.
    pub launcher: Arc<dyn Launcher>,
    /// What starts a process for each run besides, where the operator wishes it.
    pub host: Option<Arc<dyn HostScheduler>>,
    /// What tells the processes of the node of each other.
    pub sessions: Arc<dyn Sessions>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The host's routes, for nodes whose experiments need one.
    pub routes: Option<Arc<dyn Routes>>,
    /// The host's kernel settings, for nodes that let experiments change some.
    pub kernel: Option<Arc<dyn Kernel>>,
    /// What tells of the machine that the node is on.
    pub host_facts: Arc<dyn HostFacts>,
    /// What counts the traffic of the host, for nodes that go on standby by themselves.
    pub traffic: Option<Arc<dyn TrafficMeter>>,
    /// What knows how far that is off.
    pub meter: Arc<dyn ClockMeter>,
    /// What stores results where the orchestrator names a blob storage.
    pub blob: Option<Arc<dyn BlobStorage>>,
    /// What reads the world around the node.
    pub monitors: Vec<Arc<dyn Monitor>>,
    /// What tells experiments how triggers stand, besides the file they have.
    pub publisher: Option<Arc<dyn Publisher>>,
    /// Where orbital elements come from, for nodes that are interested in satellites.
    pub elements: Option<Elements>,
}

/// Where a node has its orbital elements from.
#[derive(Debug, Clone)]
pub enum Elements {
    /// From the orchestrator; the last ones are kept there.
    Orchestrator(Arc<dyn ElementShelf>),
    /// From somewhere else.
    Own(Arc<dyn ElementSource>),
}

/// A measurement node.
#[derive(Debug, Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

/// What the loops share.
#[derive(Debug)]
struct Inner {
    config: AgentConfig,
    control: Arc<dyn ControlPlane>,
    runtime: Arc<dyn Runtime>,
    runtime_info: RuntimeInfo,
    launcher: Arc<dyn Launcher>,
    host: Option<Arc<dyn HostScheduler>>,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn ClockMeter>,
    /// What was measured last since this node was started.
    reading: watch::Sender<Option<ClockReading>>,
    ledger: Arc<dyn Ledger>,
    /// The runs of this process.
    journal: Journal,
    observatory: Observatory,
    route: RouteKeeper,
    kernel: KernelKeeper,
    host_facts: Arc<dyn HostFacts>,
    traffic: Option<Arc<dyn TrafficMeter>>,
    elements: Option<Elements>,
    claims: Claims,
    /// Whether the orders on disk are this process's to write.
    keeps_orders: bool,
    orders: watch::Sender<Option<Orders>>,
    /// What the node found by itself that keeps it from experiments.
    own_standby: watch::Sender<Option<Standby>>,
    /// What stores results for orchestrators that name one.
    blob: Option<Arc<dyn BlobStorage>>,
    transfers: Transfers,
    pace: Arc<Pace>,
    /// The blocks of bundles that may be on their way.
    blocks: Arc<Semaphore>,
    /// A run has ended or has been entered: look at the plan again.
    runs_changed: Notify,
    /// Server sides that other nodes have asked for.
    invited: Mutex<Vec<JournalEntry>>,
}

impl Agent {
    /// A node with what its ledger remembers.
    ///
    /// # Errors
    /// Those of the ledger, and of a runtime that does not answer; [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for limits that the
    /// runtime cannot keep.
    pub async fn new(config: AgentConfig, parts: Parts) -> Result<Self> {
        let journal = Journal::load(Arc::clone(&parts.ledger), parts.host.is_some()).await?;
        Self::with(config, parts, journal, true).await
    }

    /// A process that carries out one run of a node whose ledger it shares.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn for_one_run(config: AgentConfig, parts: Parts) -> Result<Self> {
        let journal = Journal::empty(Arc::clone(&parts.ledger));
        Self::with(config, parts, journal, false).await
    }

    async fn with(config: AgentConfig, parts: Parts, journal: Journal, keeps_orders: bool) -> Result<Self> {
        let Parts {
            control,
            runtime,
            ledger,
            launcher,
            host,
            sessions,
            clock,
            routes,
            kernel,
            host_facts,
            traffic,
            meter,
            blob,
            monitors,
            publisher,
            elements,
        } = parts;
        runtime.can_keep(&config.executor.limits)?;
        let orders = ledger.orders().await?.filter(|orders| orders.node == config.node);
        let runtime_info = runtime.info().await?;
        let route = RouteKeeper::new(&config.work_dir, config.executor.route.clone(), routes);
        let kernel = KernelKeeper::new(&config.work_dir, kernel);
        let claims = Claims::new(sessions, config.node.clone(), &config.work_dir)?;
        // Of several processes one tells; another may not have read anything yet.
        let publisher = publisher.filter(|_| keeps_orders);
        let observatory = Observatory::new(monitors, publisher, config.time_zone.clone());
        let pace = Arc::new(Pace::new(Arc::clone(&clock), config.executor.outbox.rate));
        let inner = Inner {
            config,
            control,
            runtime,
            runtime_info,
            launcher,
            host,
            clock,
            meter,
            reading: watch::Sender::new(None),
            ledger,
            journal,
            observatory,
            route,
            kernel,
            host_facts,
            traffic,
            elements,
            claims,
            keeps_orders,
            orders: watch::Sender::new(orders),
            own_standby: watch::Sender::new(None),
            blob,
            transfers: Transfers::default(),
            pace,
            blocks: Arc::new(Semaphore::new(outbox::BLOCKS_OF_ALL)),
            runs_changed: Notify::new(),
            invited: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Works until `stop` is cancelled. Experiments in progress are left running; the next agent
    /// with the same ledger takes them up again.
    ///
    /// # Errors
    /// Those of the ledger: a node that cannot write its journal must not start anything.
    pub async fn run(&self, stop: CancellationToken) -> Result<()> {
        let inner = &self.inner;
        dispatch::claim_unsettled(inner).await?;
        let result = tokio::select! {
            () = stop.cancelled() => Ok(()),
            result = dispatch::run(inner) => result,
            result = sync::run(inner) => result,
            result = outbox::run(inner) => result,
            result = pairing::serve(inner) => result,
            result = kernel::serve(inner) => result,
            result = scavenger::run(inner) => result,
            result = clock::run(inner) => result,
            result = logs::run(inner) => result,
            result = readings::run(inner) => result,
            result = observatory::run(inner) => result,
            result = elements::run(inner) => result,
            result = images::run(inner) => result,
            result = host::run(inner) => result,
            result = claims::keep(inner) => result,
        };
        inner.claims.release_all().await;
        result
    }

    /// Carries out one run, of an agent made by [`for_one_run`](Self::for_one_run), hands over what
    /// came of it, and ends. When `stop` is cancelled the experiment is left running, for the
    /// node's own process to take over.
    ///
    /// # Errors
    /// Those of the ledger, and [`Unavailable`](crate::ErrorKind::Unavailable) when stopped.
    pub async fn carry_out(&self, wanted: &Wanted, stop: CancellationToken) -> Result<Carried> {
        let inner = &self.inner;
        let stopped = || Error::unavailable("stopped before the run was handed over");
        let result = tokio::select! {
            () = stop.cancelled() => Err(stopped()),
            result = sync::follow(inner) => result.and(Err(stopped())),
            result = outbox::run(inner) => result.and(Err(stopped())),
            result = claims::keep(inner) => result.and(Err(stopped())),
            result = observatory::run(inner) => result.and(Err(stopped())),
            result = elements::run(inner) => result.and(Err(stopped())),
            result = single::run(inner, wanted) => result,
        };
        inner.claims.release_all().await;
        result
    }

    /// Whether every run in the journal has ended and has been handed over.
    pub async fn is_settled(&self) -> bool {
        self.inner.journal.entries().await.iter().all(JournalEntry::is_settled)
    }
}

impl Inner {
    /// Waits for `duration` on the node's clock.
    async fn pause(&self, duration: SignedDuration) {
        let now = self.clock.now();
        self.clock.sleep_until(now.checked_add(duration).unwrap_or(now)).await;
    }

    /// How far the clock is off, in microseconds, as measured last.
    fn clock_offset_us(&self) -> Option<i64> {
        self.reading.borrow().map(|reading| reading.offset_us)
    }

    /// Does something that may be done again until it works, or cannot work: an engine that is being
    /// restarted answers later.
    async fn insist<T, F: Future<Output = Result<T>>>(
        &self,
        run: &RunId,
        doing: impl Fn() -> F,
    ) -> Result<T> {
        loop {
            match doing().await {
                Err(error) if error.kind().is_transient() => {
                    tracing::warn!(%run, %error, "trying again");
                    self.pause(RETRY).await;
                }
                other => return other,
            }
        }
    }

    /// What the runtime knows of a run; a runtime that does not answer is asked again.
    async fn found(&self, run: &RunId) -> RuntimeState {
        loop {
            match self.runtime.state(run).await {
                Ok(state) => return state,
                Err(error) => {
                    tracing::warn!(%run, %error, "the runtime does not answer");
                    self.pause(RETRY).await;
                }
            }
        }
    }
}

/// How long to wait before something local that failed is tried again.
const RETRY: SignedDuration = SignedDuration::from_secs(2);
