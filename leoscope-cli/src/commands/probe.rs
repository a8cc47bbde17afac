//! `leoscope probe`: a small latency experiment that needs nothing but a target.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use leoscope_core::{Error, Result};
use leoscope_testbed::latency;

use crate::output::Output;

/// Measure how long TCP connections to a target take; writes latency.csv.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// What to connect to, HOST:PORT.
    #[arg(long)]
    target: String,
    /// For how many seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    duration: u32,
    /// Milliseconds from one connection to the next.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    interval_ms: u32,
    /// The directory for latency.csv.
    #[arg(long = "output-dir", default_value = ".")]
    output_dir: PathBuf,
}

impl Probe {
    pub(crate) fn run(&self, output: &Output) -> Result<()> {
        let interval = Duration::from_millis(self.interval_ms.into());
        let duration = Duration::from_secs(self.duration.into());
        let summary = latency::measure(&self.target, interval, duration, &self.output_dir)?;
        let latency::Summary { samples, min, median, max } = summary;
        output.line(format_args!(
            "{samples} connections to {}: min {min:.3} ms, median {median:.3} ms, max {max:.3} ms",
            self.target
        ));
        Ok(())
    }
}

/// The program whose command `probe` the testbeds of `dev` and `demo` run: this one.
pub(super) fn this_program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::while_doing("find this program", e))
}
