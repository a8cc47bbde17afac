//! The use-cases of a measurement node.
//!
//! Three loops share one [`Journal`](journal::Journal): [`sync`] fetches the orders and says that
//! the node is alive, [`dispatch`] begins, cancels and forgets runs as [`plan`](crate::plan) says,
//! [`outbox`] hands records and bundles over. A run itself is driven by [`executor`]. None of them
//! needs the orchestrator to be reachable for another to go on.
//!
//! Where the host starts a process for each run as well ([`host`]), that process carries out its
//! run alone ([`single`]), over the same ledger. The entry of a run belongs to the process that has
//! claimed it ([`claims`]); what nobody claims the node's own process takes over.

mod claims;
mod container;
mod dispatch;
mod executor;
mod host;
mod journal;
mod outbox;
mod results;
mod single;
mod sync;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::{ExecutorConfig, Orders, RuntimeState};
use crate::ports::{Clock, ControlPlane, HostScheduler, Launcher, Ledger, Runtime, RuntimeInfo, Sessions};
use crate::schedule::Zone;
use claims::Claims;
use journal::Journal;
pub use single::{Carried, Wanted};

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
    ledger: Arc<dyn Ledger>,
    /// The runs of this process.
    journal: Journal,
    claims: Claims,
    /// Whether the orders on disk are this process's to write.
    keeps_orders: bool,
    orders: watch::Sender<Option<Orders>>,
    /// A run has ended or has been entered: look at the plan again.
    runs_changed: Notify,
}

impl Agent {
    /// A node with what its ledger remembers.
    ///
    /// # Errors
    /// Those of the ledger and of a runtime that does not answer.
    pub async fn new(config: AgentConfig, parts: Parts) -> Result<Self> {
        let journal = Journal::load(Arc::clone(&parts.ledger)).await?;
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
        let Parts { control, runtime, ledger, launcher, host, sessions, clock } = parts;
        let orders = ledger.orders().await?.filter(|orders| orders.node == config.node);
        let runtime_info = runtime.info().await?;
        let claims = Claims::new(sessions, config.node.clone(), &config.work_dir)?;
        let inner = Inner {
            config,
            control,
            runtime,
            runtime_info,
            launcher,
            host,
            clock,
            ledger,
            journal,
            claims,
            keeps_orders,
            orders: watch::Sender::new(orders),
            runs_changed: Notify::new(),
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
            result = single::run(inner, wanted) => result,
        };
        inner.claims.release_all().await;
        result
    }

    /// Whether every run in the journal has ended and has been handed over.
    pub async fn is_settled(&self) -> bool {
        self.inner.journal.entries().await.iter().all(crate::model::JournalEntry::is_settled)
    }
}

impl Inner {
    /// Waits for `duration` on the node's clock.
    async fn pause(&self, duration: SignedDuration) {
        let now = self.clock.now();
        self.clock.sleep_until(now.checked_add(duration).unwrap_or(now)).await;
    }

    /// What the runtime knows of a run; a runtime that does not answer is asked again.
    async fn found(&self, run: &crate::ids::RunId) -> RuntimeState {
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
