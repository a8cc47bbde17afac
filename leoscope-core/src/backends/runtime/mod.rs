//! Implementations of the runtime port.

mod docker;
mod process;
mod simulated;

pub use docker::DockerRuntime;
pub use process::ProcessRuntime;
pub use simulated::{Behaviour, SimulatedRuntime, Stay};

/// The environment variable that tells an experiment where its results directory is.
const RESULTS_VARIABLE: &str = "LEOTEST_RESULTS";
