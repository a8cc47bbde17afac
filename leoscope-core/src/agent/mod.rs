//! The use-cases of a measurement node.
//!
//! Three loops share one [`Journal`](journal::Journal): [`sync`] fetches the orders and says that
//! the node is alive, [`dispatch`] begins, cancels and forgets runs as [`plan`](crate::plan) says,
//! [`outbox`] hands records and bundles over. A run itself is driven by [`executor`]. None of them
//! needs the orchestrator to be reachable for another to go on.

mod container;
mod disk;
mod dispatch;
mod executor;
mod journal;
mod outbox;
mod results;
mod sync;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::ids::NodeId;
use crate::model::{ExecutorConfig, Orders, RuntimeState};
use crate::ports::{Clock, ControlPlane, Launcher, Ledger, Runtime, RuntimeInfo};
use crate::schedule::Zone;
use journal::Journal;

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
    clock: Arc<dyn Clock>,
    ledger: Arc<dyn Ledger>,
    journal: Journal,
    orders: watch::Sender<Option<Orders>>,
    /// A run has ended or has been entered: look at the plan again.
    runs_changed: Notify,
}

impl Agent {
    /// A node with what its ledger remembers.
    ///
    /// # Errors
    /// Those of the ledger and of a runtime that does not answer;
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for limits that the runtime cannot keep.
    pub async fn new(config: AgentConfig, parts: Parts) -> Result<Self> {
        let Parts { control, runtime, ledger, launcher, clock } = parts;
        runtime.can_keep(&config.executor.limits)?;
        let orders = ledger.orders().await?.filter(|orders| orders.node == config.node);
        let journal = Journal::load(Arc::clone(&ledger)).await?;
        let runtime_info = runtime.info().await?;
        let inner = Inner {
            config,
            control,
            runtime,
            runtime_info,
            launcher,
            clock,
            ledger,
            journal,
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
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            result = dispatch::run(inner) => result,
            result = sync::run(inner) => result,
            result = outbox::run(inner) => result,
        }
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
