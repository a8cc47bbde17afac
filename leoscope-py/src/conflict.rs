//! Which jobs are in each other's way, and when there is room.

use leoscope_core::Error;
use leoscope_core::conflict::{self, Bookings, Conflict, FARTHEST_SLOT, SlotQuery};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{Job, JobParams, JobSpec, RunLength};
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Window};
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDict, PyTuple};

use crate::error::exception;
use crate::given::{Nodes, Times};
use crate::python::made;
use crate::time::{Instant, Length, Moment, datetime, delta, pair, unexpected};

/// Which nodes a job is on and when its runs are.
#[pyclass(frozen, eq, module = "leoscope")]
#[derive(PartialEq)]
pub(crate) struct JobTiming(Job);

/// What a job would run; when that is does not depend on it.
const CONFIG: &str = "process: {command: 'true'}";

/// The most windows of free time that are looked for at once.
const MOST_SLOTS: usize = 1_000;

/// A job, or what one is made of by name.
pub(crate) enum Described<'py> {
    Job(Bound<'py, JobTiming>),
    Parts(Bound<'py, PyDict>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Described<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(job) = given.cast::<JobTiming>() {
            return Ok(Self::Job(job.to_owned()));
        }
        let parts = given.cast::<PyDict>().map(|parts| Self::Parts(parts.to_owned()));
        parts.map_err(|_| {
            unexpected("a job (JobTiming), or a dictionary of what it is made of, is expected", &given)
        })
    }
}

impl<'py> Described<'py> {
    fn job(self, py: Python<'py>) -> PyResult<Bound<'py, JobTiming>> {
        match self {
            Self::Job(job) => Ok(job),
            Self::Parts(parts) => Ok(py.get_type::<JobTiming>().call((), Some(&parts))?.cast_into()?),
        }
    }
}

pub(crate) fn whole_seconds(Length(length): Length) -> Result<RunLength, Error> {
    if length.subsec_nanos() != 0 {
        return Err(Error::invalid(format!("length of {} s is not possible", length.as_secs_f64()))
            .hint("give whole seconds"));
    }
    RunLength::from_secs(length.as_secs())
}

#[pymethods]
impl JobTiming {
    #[new]
    #[pyo3(signature = (node, start, end, length, schedule = None, server = None, overhead = true))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn new(
        py: Python<'_>,
        node: &str,
        start: Instant,
        end: Moment,
        length: Length,
        schedule: Option<Times<'_>>,
        server: Option<&str>,
        overhead: bool,
    ) -> PyResult<Self> {
        let refused = |error: Error| exception(py, &error);
        let (schedule, policies) = match schedule {
            None => (Schedule::Once, Policies::default()),
            Some(Times::Cron(cron)) => (cron.schedule(), cron.policies()),
            Some(Times::Text(text)) => {
                (Schedule::Cron(CronExpr::parse(&text).map_err(refused)?), Policies::default())
            }
        };
        let check = || {
            let spec = JobSpec {
                id: Some(JobId::parse("job")?),
                node: NodeId::parse(node)?,
                server: server.map(NodeId::parse).transpose()?,
                schedule,
                window: Window::new(start.0, end.from(start.0)?)?,
                length: whole_seconds(length)?,
                overhead,
                trigger: None,
                config: CONFIG.to_owned(),
                params: JobParams::default(),
                policies,
            };
            spec.check(UserId::parse("user")?, start.0)
        };
        py.detach(check).map(Self).map_err(refused)
    }

    #[getter]
    fn node(&self) -> &str {
        self.0.node.as_str()
    }

    #[getter]
    fn server(&self) -> Option<&str> {
        self.0.server.as_ref().map(NodeId::as_str)
    }

    #[getter]
    fn schedule(&self) -> Option<String> {
        match &self.0.schedule {
            Schedule::Cron(cron) => Some(cron.to_string()),
            Schedule::Once => None,
        }
    }

    #[getter]
    fn time_zone(&self) -> &str {
        self.0.policies.time_zone.name()
    }

    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.window.start())
    }

    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.window.end())
    }

    #[getter]
    fn length<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDelta>> {
        delta(py, i64::from(self.0.length.secs()) * 1_000_000)
    }

    #[getter]
    fn overhead(&self) -> bool {
        self.0.overhead
    }

    fn __repr__(&self) -> String {
        let Job { node, window, length, .. } = &self.0;
        let schedule = self.schedule().unwrap_or_else(|| "once".to_owned());
        format!("<JobTiming on {node}: {schedule} in {window}, {length}>")
    }
}

/// The jobs with the ids of their places, so that each is another one.
fn numbered(jobs: &[Bound<'_, JobTiming>]) -> Result<Vec<Job>, Error> {
    let numbered = jobs.iter().enumerate().map(|(place, job)| {
        let id = JobId::parse(&place.to_string())?;
        Ok(Job { id, ..job.get().0.clone() })
    });
    numbered.collect()
}

fn jobs<'py>(py: Python<'py>, described: Vec<Described<'py>>) -> PyResult<Vec<Bound<'py, JobTiming>>> {
    described.into_iter().map(|described| described.job(py)).collect()
}

/// The jobs among `others` that are in the way of `job`.
#[pyfunction]
#[pyo3(signature = (job, others, now = None))]
pub(crate) fn conflicts<'py>(
    py: Python<'py>,
    job: Described<'py>,
    others: Vec<Described<'py>>,
    now: Option<Instant>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let (job, others) = (job.job(py)?, jobs(py, others)?);
    let (wanted, booked) = (&job.get().0, numbered(&others).map_err(|error| exception(py, &error))?);
    let found = py.detach(|| {
        let from = now.map_or(wanted.window.start(), |now| now.0);
        conflict::conflicts(wanted, &Bookings::new(&booked, &[], from), from)
    });
    let object = |Conflict { job: id, owner: _, node, wanted, taken, clashing }: Conflict| {
        let place = booked.iter().position(|other| other.id == id);
        let other = place.and_then(|place| others.get(place)).unwrap_or(&job);
        made(py, "Conflict", (place, other, node.as_str(), pair(py, wanted)?, pair(py, taken)?, clashing))
    };
    found.into_iter().map(object).collect()
}

/// The windows in which nodes are free beside `others`.
#[pyfunction]
#[pyo3(signature = (others, nodes, length, start, end, near = None, count = 10))]
#[expect(clippy::too_many_arguments, reason = "Python names them")]
pub(crate) fn free_slots<'py>(
    py: Python<'py>,
    others: Vec<Described<'py>>,
    nodes: Nodes,
    length: Length,
    start: Instant,
    end: Moment,
    near: Option<Instant>,
    count: i64,
) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let others = jobs(py, others)?;
    let (refused, Length(length)) = (|error: Error| exception(py, &error), length);
    let booked = numbered(&others).map_err(refused)?;
    let look = || {
        if length < SignedDuration::from_secs(1) || length > FARTHEST_SLOT {
            return Err(Error::invalid(format!("length of {} s is not possible", length.as_secs_f64()))
                .hint("give the length of the free time, from a second to a year"));
        }
        let count = usize::try_from(count).map_err(|_| {
            Error::invalid(format!("count {count} is less than nothing")).hint("give 0 or more")
        })?;
        let nodes = nodes.ids()?;
        let within = Window::new(start.0, end.from(start.0)?)?;
        let near = near.map_or(within.start(), |near| near.0);
        let taking = booked.iter().filter(|job| nodes.iter().any(|node| job.involves(node)));
        let bookings = Bookings::new(taking, &[], within.start());
        let query = SlotQuery { length, near, within, count: count.min(MOST_SLOTS) };
        Ok(conflict::free_slots(&bookings, &query))
    };
    py.detach(look).map_err(refused)?.into_iter().map(|window| pair(py, window)).collect()
}
