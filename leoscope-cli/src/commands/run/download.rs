//! `leoscope run download`: fetch the results of runs.

use std::path::{Path, PathBuf};

use clap::Args;
use leoscope_core::fetch::{Fetcher, Options, Outcome, Plan, Progress, State, Summary};
use leoscope_core::model::Run;
use leoscope_core::ports::ControlPlane;
use leoscope_core::{Error, Result, fetch};

use super::{Which, nothing_found};
use crate::cli::bytes;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Fetched, Output};

/// Options of `run download`.
#[derive(Debug, Args)]
pub(crate) struct Download {
    #[command(flatten)]
    which: Which,
    /// Download at most this many; 0 downloads all
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    limit: u32,
    /// Where to put them: each run in a directory <jobid>/<runid> below
    #[arg(long, value_name = "DIR", default_value = "./results")]
    local_path: PathBuf,
    /// Keep the archives beside the unpacked files
    #[arg(long)]
    keep_archive: bool,
    /// Only show what would be fetched, and what is missing
    #[arg(long)]
    dry_run: bool,
    /// How many to fetch at the same time, 1 to 16
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=16))]
    parallel: u8,
    /// The most that one run may unpack to, for example 20g [default: 4g, or 250 times the size of
    /// its archive, 64g at most]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_size: Option<u64>,
}

pub(super) async fn run(download: Download, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Download { which, limit, local_path, keep_archive, dry_run, parallel, max_size } = download;
    let filter = which.filter(limit);
    if filter.id.is_none() && filter.job.is_none() && filter.node.is_none() && filter.within.is_none() {
        return Err(Error::invalid("no runs to download are named")
            .hint("give --runid, --jobid, --nodeid or --time-range"));
    }
    let plane = session.connect()?;
    let runs = fetch::list(plane.as_ref(), &filter).await?;
    if runs.is_empty() {
        nothing_found(&filter, out)?;
    }
    let plan = Plan::make(runs, &local_path);
    let totals = plan.totals();
    if dry_run {
        let summary = plan.summary();
        out.planned(totals, &summary, plan.runs.into_iter().map(Fetched::from).collect());
        return Ok(ExitStatus::Done);
    }
    let bars = out.bars(totals);
    let progress: &dyn Progress = bars.as_ref().map_or(&(), |bars| bars);
    let options = Options { keep_archive, parallel: parallel.into(), max_unpacked: max_size };
    let blob = session.blob()?;
    let outcomes = Fetcher::new(plane.as_ref(), Some(&*blob), options, progress).fetch(&plan).await;
    drop(bars);
    let outcomes = outcomes?;
    let summary = Summary::of(&outcomes);
    out.fetched(&summary, outcomes.into_iter().map(Fetched::from).collect());
    Ok(summary.failure().map_or(ExitStatus::Done, ExitStatus::from))
}

/// Downloads and unpacks the results of `runs` below `dir`, all of them.
///
/// # Errors
/// The first one that does not come.
pub(crate) async fn all(plane: &dyn ControlPlane, runs: &[Run], dir: &Path) -> Result<()> {
    let plan = Plan::make(runs.to_vec(), dir);
    let outcomes = Fetcher::new(plane, None, Options::default(), &()).fetch(&plan).await?;
    outcomes.into_iter().try_for_each(|Outcome { run, state, .. }| match state {
        State::Fetched { .. } | State::There => Ok(()),
        State::Failed(error) => Err(error.context(format_args!("run {run}"))),
        State::Missing(missing) => Err(Error::not_found(format!("run {run}: {missing}"))),
    })
}
