//! Following runs: how they go on, and what they print.
//!
//! [`until`] waits until a run, or the next one of a job, has come as far as wanted. Who wants to see more
//! on the way looks by itself, with a [`Poll`], and at run after run of a job with a [`Series`]; both go on
//! asking while the orchestrator cannot be reached. [`output`] gives what a run prints, whether it goes on
//! or has ended, and [`node_status`] tells what nodes are at.
//!
//! Nothing here has a time limit; every call may be dropped at any time.

mod node;
mod output;
mod poll;
mod series;
#[cfg(test)]
mod tests;

pub use node::node_status;
pub use output::{Printing, output};
pub use poll::Poll;
pub use series::Series;

use std::fmt::{self, Debug, Display};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ids::{JobId, RunId};
use crate::model::{Arrival, Awaited, EventScope, JobEvent, Run, RunFilter};
use crate::ports::ControlPlane;
use crate::time::Timestamp;

/// How often it is asked how a run has ended, and how many times at most: its node packs the results
/// before it says so.
const ASK_EVERY: Duration = Duration::from_millis(500);
const MOST_ASKED: usize = 120;

/// What is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// This run.
    Run(RunId),
    /// The run of this job that has not ended, else its next one.
    Job(JobId),
}

impl Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => write!(f, "run {run}"),
            Self::Job(job) => write!(f, "job {job}"),
        }
    }
}

/// Somebody who wants to know what is seen meanwhile. Called often, so it must be quick.
pub trait Onlooker: Debug + Send + Sync {
    /// The run as it is now, changed or not.
    fn seen(&self, run: &Run);
    /// A remark for people: that nobody answers for now, when the next run is to start.
    fn note(&self, text: &str);
}

/// Nobody.
impl Onlooker for () {
    fn seen(&self, _: &Run) {}
    fn note(&self, _: &str) {}
}

/// The record of a run.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) when there is none that the caller may see, and those of the call.
pub async fn look(plane: &dyn ControlPlane, id: &RunId) -> Result<Run> {
    let filter = RunFilter { id: Some(id.clone()), limit: Some(1), ..RunFilter::default() };
    plane.runs(&filter).await?.pop().ok_or_else(|| {
        Error::not_found(format!("there is no run {id} that you may see"))
            .hint("a run is known from half a minute before its start; 'leoscope run get' lists them")
    })
}

/// What happened to a run, in order of time.
///
/// # Errors
/// Those of the call; [`Unsupported`](crate::ErrorKind::Unsupported) by orchestrators that note no events.
pub async fn steps(plane: &dyn ControlPlane, run: &RunId) -> Result<Vec<JobEvent>> {
    let mut steps = plane.events(&EventScope::Run(run.clone()), None).await?;
    steps.reverse();
    Ok(steps)
}

/// The record of a run whose experiment has ended, as soon as that says how, or what is known after a
/// minute.
///
/// # Errors
/// Those of [`look`].
pub async fn ended(plane: &dyn ControlPlane, mut run: Run) -> Result<Run> {
    for _ in 0..MOST_ASKED {
        run = look(plane, &run.id).await?;
        if run.status.is_terminal() {
            break;
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(run)
}

/// Waits until a run is what it is `awaited` to be, or never will be, and tells which. Of a job it is the
/// run that goes on, else the next one, else the last one.
///
/// The run is left in `seen` as it was seen last, also when this is dropped because it takes too long.
///
/// # Errors
/// Those of the calls, except that an orchestrator which has answered once may be away meanwhile;
/// [`NotFound`](crate::ErrorKind::NotFound) for a run that is not known, and for a job of which there is no
/// run and will be none.
pub async fn until(
    plane: &dyn ControlPlane,
    followed: Followed,
    awaited: Awaited,
    onlooker: &dyn Onlooker,
    seen: &mut Option<Run>,
) -> Result<Arrival> {
    let mut poll = Poll::new(plane, onlooker);
    let first = match followed {
        Followed::Run(id) => poll.run(&id).await?,
        Followed::Job(job) => one_of(job, &mut poll).await?,
    };
    let run = seen.insert(first);
    loop {
        onlooker.seen(run);
        if let Some(arrival) = awaited.arrival(run) {
            return Ok(arrival);
        }
        poll.pause().await;
        *run = poll.run(&run.id).await?;
    }
}

async fn one_of(job: JobId, poll: &mut Poll<'_>) -> Result<Run> {
    let mut series = Series::begin(poll, job, Timestamp::now()).await?;
    if let Some(run) = series.open() {
        return Ok(run);
    }
    match series.next(poll).await? {
        Some(run) => Ok(run),
        None => series.newest(),
    }
}
