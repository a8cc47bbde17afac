//! `leoscope run`: follow runs and fetch their results.

mod download;
mod following;
mod logs;
mod scheduled;
mod stats;
mod wait;
mod watch;
mod why;

use clap::{Args, Subcommand};
use leoscope_core::follow::steps;
use leoscope_core::ids::{JobId, NodeId, RunId};
use leoscope_core::model::{JobEvent, RunFilter};
use leoscope_core::ports::ControlPlane;
use leoscope_core::time::Window;
use leoscope_core::{Error, ErrorKind, Result, fetch};

use crate::cli::time_range;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// The `run` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// List runs, the newest first; of a single one also what happened to it, and why it ended as it did
    Get(Get),
    /// List planned runs, in order of time
    GetScheduled(scheduled::Scheduled),
    /// Show what happened to a run, step by step
    Timeline(Timeline),
    /// Explain a run: what was planned, what was checked, what happened, and what to do about it
    Why(why::Why),
    /// Wait until a run has ended, or has come as far as you say
    Wait(wait::Wait),
    /// Tell what happens to a run as it happens, until it has ended
    Watch(watch::Watch),
    /// Count how the runs of jobs went, and how late they were started
    Stats(stats::Stats),
    /// Show what a run prints, while it runs or afterwards
    Logs(logs::Logs),
    /// Download and unpack the results of runs that have ended
    Download(download::Download),
}

impl RunCommand {
    /// Whether it only lists.
    pub(crate) fn is_listing(&self) -> bool {
        matches!(self, Self::Get(_) | Self::GetScheduled(_) | Self::Timeline(_) | Self::Stats(_))
    }
}

/// Options of `run timeline`.
#[derive(Debug, Args)]
pub(crate) struct Timeline {
    /// The run
    #[arg(long)]
    runid: RunId,
}

/// Options of `run get`.
///
/// With --runid its steps and how it ended are shown below it; in JSON it has them as `events`.
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    which: Which,
    /// List at most this many; 0 lists all
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: u32,
    /// Show the links to results in blob storage; whoever has one can read them until it expires
    #[arg(long)]
    links: bool,
}

/// Which runs.
#[derive(Debug, Args)]
struct Which {
    /// Only this run
    #[arg(long)]
    runid: Option<RunId>,
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

impl Which {
    /// The filter for these runs, at most `limit` of them; 0 means all.
    fn filter(self, limit: u32) -> RunFilter {
        let Self { runid: id, jobid: job, nodeid: node, time_range: within } = self;
        RunFilter { id, job, node, owner: None, within, limit: (limit > 0).then_some(limit) }
    }
}

/// Runs a `run` command.
pub(crate) async fn run(command: RunCommand, session: &Session, out: &Output) -> Result<ExitStatus> {
    match command {
        RunCommand::Get(Get { which, limit, links }) => {
            let filter = which.filter(limit);
            let plane = session.connect()?;
            let runs = fetch::list(plane.as_ref(), &filter).await?;
            let single = runs.first().filter(|_| filter.id.is_some());
            match single {
                None => {
                    if runs.is_empty() {
                        nothing_found(&filter, out)?;
                    }
                    out.runs(&runs, links);
                }
                Some(run) => out.story(run, &timeline(plane.as_ref(), &run.id, out).await?, links),
            }
            Ok(ExitStatus::Done)
        }
        RunCommand::GetScheduled(scheduled) => scheduled::run(scheduled, session, out).await,
        RunCommand::Timeline(Timeline { runid }) => {
            let events = steps(session.connect()?.as_ref(), &runid).await?;
            if events.is_empty() {
                out.note("nothing is noted of this run");
            }
            out.list(&events);
            Ok(ExitStatus::Done)
        }
        RunCommand::Why(why) => why::run(why, session, out).await,
        RunCommand::Wait(wait) => wait::run(wait, session, out).await,
        RunCommand::Watch(watch) => watch::run(watch, session, out).await,
        RunCommand::Stats(stats) => stats::run(stats, session, out).await,
        RunCommand::Logs(logs) => logs::run(logs, Some(session.blob()?), session, out).await,
        RunCommand::Download(download) => download::run(download, session, out).await,
    }
}

/// What happened to a run, to be shown beside it; nothing from orchestrators that note no events.
async fn timeline(plane: &dyn ControlPlane, run: &RunId, out: &Output) -> Result<Vec<JobEvent>> {
    match steps(plane, run).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            out.note(error.message());
            Ok(Vec::new())
        }
        steps => steps,
    }
}

/// A run asked for by its id must be there; other lists may be empty.
fn nothing_found(filter: &RunFilter, out: &Output) -> Result<()> {
    if let Some(id) = &filter.id {
        return Err(Error::not_found(format!("there is no run {id} that matches"))
            .hint("list the runs of a job with 'leoscope run get --jobid=…'"));
    }
    out.note("no run matches");
    Ok(())
}

pub(crate) use download::all as fetch_all;
pub(crate) use scheduled::{note_missing, planned};
