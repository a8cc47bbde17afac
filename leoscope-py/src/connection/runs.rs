//! Runs: listed, followed, explained.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use leoscope_core::follow::{self, Followed, Onlooker};
use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{Arrival, Awaited, EventScope, Run, RunFilter, RunStatus};
use leoscope_core::ports::ControlPlane;
use leoscope_core::{Error, ErrorKind, fetch};
use pyo3::prelude::*;
use tokio::sync::mpsc;

use super::{Connection, Plane, read};
use crate::call::{Call, Pieces};
use crate::objects::{self, RunTable};
use crate::time::{Count, Length, Moment, between};

/// How many runs are looked at at the same time.
const AT_ONCE: usize = 8;

/// The run as it is now.
async fn newest(plane: &dyn ControlPlane, run: Run) -> Result<Run, Error> {
    let is_final = match run.status {
        RunStatus::Scheduled | RunStatus::Running => false,
        RunStatus::Skipped | RunStatus::Missed => true,
        RunStatus::Completed | RunStatus::Failed | RunStatus::Aborted => run.artifact.is_some(),
    };
    if is_final { Ok(run) } else { follow::look(plane, &run.id).await }
}

/// What is seen while a run is followed.
enum Sight {
    /// The run as it is.
    Seen(Box<Run>),
    /// A remark for people.
    Note(String),
    /// That is the end of it.
    Arrived(Arrival, Box<Run>),
}

/// Tells whoever reads of what is seen.
#[derive(Debug)]
struct Teller(mpsc::UnboundedSender<Sight>);

impl std::fmt::Debug for Sight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sight")
    }
}

impl Onlooker for Teller {
    // Who reads no more has dropped the stream, and this with it.
    fn seen(&self, run: &Run) {
        let _ = self.0.send(Sight::Seen(Box::new(run.clone())));
    }

    fn note(&self, text: &str) {
        let _ = self.0.send(Sight::Note(text.to_owned()));
    }
}

/// Follows until that is the end of it, or the time is over.
async fn arrive(
    plane: Plane,
    followed: Followed,
    awaited: Awaited,
    limit: Option<Duration>,
    teller: Teller,
) -> Result<Sight, Error> {
    let mut seen = None;
    let what = followed.to_string();
    let work = follow::until(&*plane, followed, awaited, &teller, &mut seen);
    let arrival = match limit {
        None => work.await?,
        Some(limit) => tokio::time::timeout(limit, work).await.map_err(|_| {
            let state = awaited.to_string().to_lowercase();
            let what = format!("{what}: not {state} within {} s", limit.as_secs_f64());
            Error::new(ErrorKind::Timeout, what).hint("wait longer with timeout")
        })??,
    };
    let run = seen.ok_or_else(|| Error::internal(format!("{what} was never seen")))?;
    Ok(Sight::Arrived(arrival, Box::new(run)))
}

fn sight(py: Python<'_>, sight: Sight) -> PyResult<Bound<'_, PyAny>> {
    let tuple = match sight {
        Sight::Seen(run) => ("seen", objects::run(py, &run)?.into_any()).into_pyobject(py)?,
        Sight::Note(text) => ("note", text).into_pyobject(py)?,
        Sight::Arrived(Arrival::Reached, run) => ("reached", objects::run(py, &run)?).into_pyobject(py)?,
        Sight::Arrived(Arrival::Beyond, run) => ("beyond", objects::run(py, &run)?).into_pyobject(py)?,
    };
    Ok(tuple.into_any())
}

#[pymethods]
impl Connection {
    /// The runs that match, newest first.
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn runs(
        &self,
        py: Python<'_>,
        id: Option<&str>,
        job: Option<&str>,
        node: Option<&str>,
        owner: Option<&str>,
        start: Option<Moment>,
        end: Option<Moment>,
        limit: Option<Count>,
    ) -> PyResult<Call> {
        let filter = || -> Result<RunFilter, Error> {
            Ok(RunFilter {
                id: id.map(RunId::parse).transpose()?,
                job: job.map(JobId::parse).transpose()?,
                node: node.map(NodeId::parse).transpose()?,
                owner: owner.map(UserId::parse).transpose()?,
                within: between(start, end)?,
                limit: limit.map(|Count(limit)| limit),
            })
        };
        let filter = read(py, filter())?;
        let work = |plane: Plane| async move { fetch::list(&*plane, &filter).await };
        self.call(py, work, |py, runs| Ok(RunTable::new(runs).into_pyobject(py)?.into_any()))
    }

    /// The same runs as they are now; those that can change no more are not looked at.
    fn refreshed(&self, py: Python<'_>, runs: &Bound<'_, RunTable>) -> PyResult<Call> {
        let runs = runs.get().runs().to_vec();
        let work = |plane: Plane| async move {
            let looks: Vec<_> = runs.into_iter().map(|run| newest(&*plane, run)).collect();
            stream::iter(looks).buffered(AT_ONCE).try_collect::<Vec<_>>().await
        };
        self.call(py, work, |py, runs| Ok(RunTable::new(runs).into_pyobject(py)?.into_any()))
    }

    /// A run by its id, which must be there.
    fn run(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, RunId::parse(id))?;
        let work = |plane: Plane| async move { follow::look(&*plane, &id).await };
        self.call(py, work, |py, run| Ok(objects::run(py, &run)?.into_any()))
    }

    /// The steps of a run, or of a job with its runs, in order of time.
    fn events(&self, py: Python<'_>, run: Option<&str>, job: Option<&str>) -> PyResult<Call> {
        let scope = || match (run, job) {
            (Some(run), _) => RunId::parse(run).map(EventScope::Run),
            (None, Some(job)) => JobId::parse(job).map(EventScope::Job),
            (None, None) => Err(Error::invalid("no run and no job is named")),
        };
        let scope = read(py, scope())?;
        let work = |plane: Plane| async move {
            let mut events = plane.events(&scope, None).await?;
            events.reverse();
            Ok(events)
        };
        self.call(py, work, objects::events)
    }

    /// What is seen of a run, or of a job's next one, until it has come as far as wanted or never will:
    /// ("seen", run), ("note", text), and at last ("reached", run) or ("beyond", run).
    fn follow(
        &self,
        py: Python<'_>,
        run: Option<&str>,
        job: Option<&str>,
        state: &str,
        timeout: Option<Length>,
    ) -> PyResult<Pieces> {
        let asked = || -> Result<_, Error> {
            let followed = match (run, job) {
                (Some(run), _) => Followed::Run(RunId::parse(run)?),
                (None, Some(job)) => Followed::Job(JobId::parse(job)?),
                (None, None) => return Err(Error::invalid("no run and no job is named")),
            };
            let awaited: Awaited = state.parse()?;
            let limit = timeout.map(|Length(limit)| Duration::try_from(limit)).transpose();
            let limit = limit.map_err(|_| {
                Error::invalid("the timeout is shorter than nothing").hint("give seconds, or a timedelta")
            })?;
            Ok((followed, awaited, limit))
        };
        let (followed, awaited, limit) = read(py, asked())?;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let work = arrive(self.plane(py)?, followed, awaited, limit, Teller(sender));
        let seen = stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok);
        Ok(Pieces::new(self.origin.clone(), stream::select(seen, stream::once(work)), sight))
    }
}
