//! Jobs: what is booked, what could be, and when.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::conflict::{Bookings, Conflict, conflicts};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{Job, JobSpec, SlotRequest};
use leoscope_core::ports::{Calendar, ControlPlane, Scheduled};
use leoscope_core::schedule::PolicyChange;
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::booking::{Booking, Change, Changed};
use super::{Connection, Plane, read};
use crate::call::Call;
use crate::error::in_the_way;
use crate::given::Nodes;
use crate::objects;
use crate::time::{Count, Length, Moment};

/// How far ahead free time and planned runs are looked for where nothing is said.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How many nodes are asked about at the same time.
const AT_ONCE: usize = 8;

/// A job by its id, which must be there.
async fn existing(plane: &dyn ControlPlane, id: &JobId) -> Result<Job, Error> {
    plane.job(id).await?.ok_or_else(|| {
        Error::not_found(format!("there is no job {id}")).hint("list your jobs with client.jobs()")
    })
}

/// Books a job and looks at what has become of it.
async fn book(plane: &dyn ControlPlane, spec: JobSpec) -> Result<(Job, Vec<String>), Error> {
    let Scheduled { id, warnings } = plane.schedule_job(spec).await?;
    let job = existing(plane, &id).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => error,
        _ => error.context(format!("job {id} is booked, but cannot be read")),
    })?;
    Ok((job, warnings))
}

fn booked(py: Python<'_>, (job, warnings): (Job, Vec<String>)) -> PyResult<Bound<'_, PyAny>> {
    Ok((objects::job(py, &job)?, warnings).into_pyobject(py)?.into_any())
}

/// From `start`, else now, to `end`, else so long after the start. Lengths of time are from now, and of an end from
/// the start.
fn span(start: Option<Moment>, end: Option<Moment>, ahead: SignedDuration) -> Result<Window, Error> {
    let start = start.unwrap_or(Moment::Now).from(Timestamp::now())?;
    Window::new(start, end.unwrap_or(Moment::After(ahead)).from(start)?)
}

#[pymethods]
impl Connection {
    fn schedule(&self, py: Python<'_>, booking: Booking<'_>) -> PyResult<Call> {
        let spec = booking.spec(py, Timestamp::now())?;
        self.call(py, |plane| async move { book(&*plane, spec).await }, booked)
    }

    /// Books the job of a file as `job export` writes it, here, or with another id.
    fn schedule_file(&self, py: Python<'_>, text: &str, jobid: Option<&str>) -> PyResult<Call> {
        let id = read(py, jobid.map(JobId::parse).transpose())?;
        let spec = read(py, JobSpec::from_file(text))?;
        let spec = JobSpec { id: id.or(spec.id), ..spec };
        self.call(py, |plane| async move { book(&*plane, spec).await }, booked)
    }

    fn plan(&self, py: Python<'_>, booking: Booking<'_>, runs: Count) -> PyResult<Call> {
        let spec = booking.spec(py, Timestamp::now())?;
        self.call(py, |plane| async move { plane.plan_job(spec, runs.0).await }, objects::plan)
    }

    /// The changed job, and what its owner should know.
    fn modify(&self, py: Python<'_>, id: &str, change: Change<'_>) -> PyResult<Call> {
        let (id, Changed { mut change, policies }) =
            (read(py, JobId::parse(id))?, change.read(py, Timestamp::now())?);
        let work = |plane: Plane| async move {
            if policies != PolicyChange::default() {
                change.policies = Some(policies.over(existing(&*plane, &id).await?.policies));
            }
            let warnings = plane.modify_job(&id, change).await?;
            Ok((existing(&*plane, &id).await?, warnings))
        };
        self.call(py, work, booked)
    }

    fn reschedule(
        &self,
        py: Python<'_>,
        id: &str,
        start: Option<Moment>,
        end: Option<Moment>,
    ) -> PyResult<Call> {
        let id = read(py, JobId::parse(id))?;
        let work = |plane: Plane| async move {
            let start = start.unwrap_or(Moment::Now).from(Timestamp::now())?;
            let end = match end {
                Some(end) => end.from(start)?,
                None => existing(&*plane, &id).await?.window.end(),
            };
            let within = Window::new(start, end)?;
            plane.reschedule_job(&id, within).await?;
            existing(&*plane, &id).await
        };
        self.call(py, work, |py, job| Ok(objects::job(py, &job)?.into_any()))
    }

    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn free_slots(
        &self,
        py: Python<'_>,
        nodes: Nodes,
        length: Length,
        start: Option<Moment>,
        end: Option<Moment>,
        near: Option<Moment>,
        count: Count,
    ) -> PyResult<Call> {
        let request = || {
            let within = span(start, end, AHEAD)?;
            let now = Timestamp::now();
            let near = near.map_or_else(|| Ok(within.start().max(now)), |near| near.from(now))?;
            Ok(SlotRequest {
                nodes: nodes.ids()?.into_iter().collect(),
                length: length.0,
                near,
                within,
                count: count.0,
            })
        };
        let request = read(py, request())?;
        let work = |plane: Plane| async move { plane.free_slots(&request).await };
        self.call(py, work, |py, slots| objects::windows(py, &slots))
    }

    fn calendar(
        &self,
        py: Python<'_>,
        nodes: Nodes,
        start: Option<Moment>,
        end: Option<Moment>,
    ) -> PyResult<Call> {
        let (nodes, within) =
            (read(py, nodes.ids())?, read(py, span(start, end, SignedDuration::from_hours(24 * 7)))?);
        let work = |plane: Plane| async move {
            let asked: Vec<_> = nodes.iter().map(|node| plane.calendar(node, within)).collect();
            let found: Vec<Calendar> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
            Ok(Calendar::merged(found))
        };
        self.call(py, work, objects::calendar)
    }

    fn job(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, JobId::parse(id))?;
        let work = |plane: Plane| async move { existing(&*plane, &id).await };
        self.call(py, work, |py, job| Ok(objects::job(py, &job)?.into_any()))
    }

    /// The job as a file that `job import` reads.
    fn job_file(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, JobId::parse(id))?;
        let work =
            |plane: Plane| async move { JobSpec::from(existing(&*plane, &id).await?.redacted()).to_file() };
        self.call(py, work, |py, text| Ok(text.into_pyobject(py)?.into_any()))
    }

    /// The jobs on a node, or those of a user; else the caller's.
    fn jobs(&self, py: Python<'_>, node: Option<&str>, user: Option<&str>) -> PyResult<Call> {
        let node = read(py, node.map(NodeId::parse).transpose())?;
        let user = read(py, UserId::parse(user.unwrap_or(&self.caller)))?;
        let work = |plane: Plane| async move {
            match node {
                Some(node) => plane.jobs_on_node(&node).await,
                None => plane.jobs_of_user(&user).await,
            }
        };
        self.call(py, work, |py, jobs| objects::jobs(py, &jobs))
    }

    /// The booked jobs that are in the way of a job: as a rule none, since it was booked.
    fn conflicts_of(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, JobId::parse(id))?;
        let work = |plane: Plane| async move {
            let job = existing(&*plane, &id).await?;
            let asked: Vec<_> = job.nodes().map(|node| plane.jobs_on_node(node)).collect();
            let others: Vec<Vec<Job>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
            let (others, now) = (others.concat(), Timestamp::now());
            Ok(conflicts(&job, &Bookings::new(&others, &[], now), now))
        };
        self.call(py, work, |py, found: Vec<Conflict>| {
            let found = found.iter().map(|one| in_the_way(py, one)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, found)?.into_any())
        })
    }

    fn delete_job(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, JobId::parse(id))?;
        self.order(py, |plane| async move { plane.delete_job(&id).await })
    }

    fn delete_jobs_on_node(&self, py: Python<'_>, node: &str) -> PyResult<Call> {
        let node = read(py, NodeId::parse(node))?;
        let work = |plane: Plane| async move { plane.delete_jobs_on_node(&node).await };
        self.call(py, work, |py, count| Ok(count.into_pyobject(py)?.into_any()))
    }
}
