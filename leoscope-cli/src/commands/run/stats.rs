//! `leoscope run stats`: how the runs of jobs went, in numbers.

use clap::Args;
use leoscope_core::ids::{JobId, NodeId};
use leoscope_core::model::{self, RunFilter};
use leoscope_core::time::Window;
use leoscope_core::{Result, fetch};

use crate::cli::time_range;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `run stats`.
///
/// Coverage is how many percent of the runs that have ended were COMPLETED.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Only runs of this job
    #[arg(long)]
    jobid: Option<JobId>,
    /// Only runs on this node
    #[arg(long)]
    nodeid: Option<NodeId>,
    /// Only runs that start in this range (UTC), for example 2026-12-01T00:00:00,2026-12-02T00:00:00
    #[arg(long, value_name = "START,END", value_parser = time_range)]
    time_range: Option<Window>,
}

pub(super) async fn run(stats: Stats, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Stats { jobid: job, nodeid: node, time_range: within } = stats;
    let filter = RunFilter { job, node, within, ..RunFilter::default() };
    let runs = fetch::list(&*session.connect()?, &filter).await?;
    if runs.is_empty() {
        out.note("no run matches");
    }
    out.list(&model::stats(&runs));
    Ok(ExitStatus::Done)
}
