use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunId;
use crate::model::{
    Exit, ExperimentConfig, Limits, Network, Outcome, OutputPiece, OutputScope, Prepared, RuntimeState,
    Traffic,
};
use crate::time::Timestamp;

/// What an experiment prints, in the order of each of its streams. An error ends it.
pub type OutputStream = Pin<Box<dyn Stream<Item = Result<OutputPiece>> + Send>>;

/// Everything a runtime needs to know of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSpec {
    /// The run; a runtime knows the experiment by this id.
    pub run: RunId,
    /// What to run.
    pub experiment: ExperimentConfig,
    /// The environment of the experiment, complete.
    pub environment: BTreeMap<String, String>,
    /// Labels, for runtimes that have them.
    pub labels: BTreeMap<String, String>,
    /// The results directory on the host; it exists.
    pub results: PathBuf,
    /// Where the results directory appears to the experiment, for runtimes that can move it.
    pub results_dest: String,
    /// The network to be on, for runtimes that have several.
    pub network: Network,
    /// What the experiment may use.
    pub limits: Limits,
    /// When nothing of the experiment is wanted any more; `None` where that is not known.
    pub until: Option<Timestamp>,
}

/// A runtime as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeInfo {
    /// `docker`, `process`, …
    pub name: String,
    /// The version of the engine, or empty.
    pub version: String,
}

/// An experiment that has an address of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// The run it belongs to.
    pub run: RunId,
    /// A process of it on this host, whose network is the experiment's.
    pub process: Option<u32>,
}

/// What runs experiments: a container engine, plain processes, a simulation.
///
/// Guarantees:
/// - Every call may be repeated: preparing what is prepared, stopping what has stopped, removing
///   what is gone all succeed. [`start`](Runtime::start) of what has been started gives the first
///   start and starts nothing.
/// - Experiments outlive the process that started them; a new runtime on the same node finds them
///   by run id, with their state, exit code where it can be known, and output.
/// - After [`stop`](Runtime::stop) nothing of the experiment runs, children included: it is asked
///   to end, then killed after the grace period.
/// - After [`remove`](Runtime::remove) the runtime keeps nothing of the run.
/// - What an experiment [has moved](Runtime::traffic) never shrinks while it runs.
/// - Who [follows](Runtime::follow) its output and does not read neither holds an experiment up nor
///   lets memory grow.
/// - A failure to prepare or start is an [`Outcome`]: the stage and reason with which the run
///   fails because of it.
#[async_trait]
pub trait Runtime: Debug + Send + Sync {
    /// What this runtime is.
    async fn info(&self) -> Result<RuntimeInfo>;

    /// Fetches what an experiment needs from elsewhere, so that it is there when the run is
    /// [prepared](Runtime::prepare). It may be dropped halfway.
    async fn fetch(&self, _experiment: &ExperimentConfig) -> Result<(), Outcome> {
        Ok(())
    }

    /// Whether this runtime can keep experiments within `limits` at all; those that only some
    /// machines can keep it may promise, and fail to start where it cannot.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the limit.
    fn can_keep(&self, limits: &Limits) -> Result<()>;

    /// Makes everything ready so that only the start is left to do, and tells what was made ready.
    async fn prepare(&self, spec: &RunSpec) -> Result<Prepared, Outcome>;

    /// Starts the experiment and gives the instant at which it started.
    async fn start(&self, run: &RunId) -> Result<Timestamp, Outcome>;

    /// Waits for the experiment's end.
    async fn wait(&self, run: &RunId) -> Result<Exit>;

    /// Ends the experiment: asks it to end, kills it after `grace`.
    async fn stop(&self, run: &RunId, grace: Duration) -> Result<()>;

    /// What the runtime knows of the run.
    async fn state(&self, run: &RunId) -> Result<RuntimeState>;

    /// Writes what the experiment has printed so far to two files.
    async fn save_output(&self, run: &RunId, stdout: &Path, stderr: &Path) -> Result<()>;

    /// How many bytes of what the experiment has printed are kept for
    /// [`save_output`](Runtime::save_output); 0 where the runtime itself bounds them.
    async fn output_size(&self, run: &RunId) -> Result<u64>;

    /// What the experiment has printed, the last lines of it that `scope` wants first; then, if `scope`
    /// wants that as well, what it prints, until it ends. What the runtime gives up while it is printed
    /// is left out for those who read too slowly. A good end says that nothing is missing at the end:
    /// one who has not read everything when the run is removed may be told that it is
    /// [`Unavailable`](ErrorKind::Unavailable).
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for a run that the runtime does not know,
    /// [`Unsupported`](ErrorKind::Unsupported) from runtimes that cannot.
    async fn follow(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        let _ = scope;
        let message = format!("this node cannot show what run {run} prints");
        Err(Error::new(ErrorKind::Unsupported, message).hint("its output comes with its results"))
    }

    /// Forgets the run; it must not be running.
    async fn remove(&self, run: &RunId) -> Result<()>;

    /// What an experiment has received and sent so far on a network of its own; `None` where that
    /// cannot be told from what the host does, or nothing of the run is there.
    async fn traffic(&self, run: &RunId) -> Result<Option<Traffic>> {
        let _ = run;
        Ok(None)
    }

    /// The runs this runtime knows of on this node.
    async fn list(&self) -> Result<Vec<RunId>>;

    /// The running experiment of this node that has `address` to itself; none in a runtime whose
    /// experiments share the host's addresses.
    async fn run_at(&self, address: IpAddr) -> Result<Option<Resident>> {
        let _ = address;
        Ok(None)
    }

    /// Removes what earlier runs have left and no run that is [listed](Runtime::list) needs, for
    /// runs that are on `network` from now on.
    async fn clear(&self, _network: &Network) -> Result<()> {
        Ok(())
    }
}
