//! What a job is to be, as Python says it.

use leoscope_core::Error;
use leoscope_core::ids::{JobId, NodeId};
use leoscope_core::model::{JobChange, JobParams, JobSpec, JobStart, RunLength};
use leoscope_core::schedule::{CronExpr, Policies, PolicyChange, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, to_micros};
use pyo3::prelude::*;

use super::read;
use crate::conflict::whole_seconds;
use crate::given::{Given, Times, Wanted};
use crate::time::{Count, Length, Moment};

/// What is wanted of starts beyond the schedule.
struct Wishes {
    time_zone: Option<String>,
    allowed_lateness: Option<Length>,
    overlap: Option<String>,
    slip: Option<Length>,
    random_slip: Option<Length>,
    max_runs: Option<Count>,
    align: Option<String>,
    hold: Option<bool>,
    met_for: Option<Length>,
    at_least: Option<Length>,
    cooldown: Option<Length>,
}

impl Wishes {
    fn read(given: &Given<'_>) -> PyResult<Self> {
        Ok(Self {
            time_zone: given.take("time_zone")?,
            allowed_lateness: given.take("allowed_lateness")?,
            overlap: given.take("overlap")?,
            slip: given.take("slip")?,
            random_slip: given.take("random_slip")?,
            max_runs: given.take("max_runs")?,
            align: given.take("align")?,
            hold: given.take("hold")?,
            met_for: given.take("met_for")?,
            at_least: given.take("at_least")?,
            cooldown: given.take("cooldown")?,
        })
    }

    fn change(self) -> Result<PolicyChange, Error> {
        let Self {
            time_zone,
            allowed_lateness,
            overlap,
            slip,
            random_slip,
            max_runs,
            align,
            hold,
            met_for,
            at_least,
            cooldown,
        } = self;
        let length = |given: Option<Length>| given.map(|Length(length)| length);
        Ok(PolicyChange {
            time_zone: time_zone.map(|text| text.parse()).transpose()?,
            allowed_lateness: length(allowed_lateness),
            overlap: overlap.map(|text| text.parse()).transpose()?,
            slip: length(slip),
            random_slip: length(random_slip),
            max_runs: max_runs.map(|Count(count)| count),
            align: align.map(|text| text.parse()).transpose()?,
            hold,
            met_for: length(met_for),
            at_least: length(at_least),
            cooldown: length(cooldown),
        })
    }
}

/// The cron expression, and its zone where it brings one.
fn schedule(times: Times<'_>) -> Result<(Schedule, Option<leoscope_core::schedule::Zone>), Error> {
    Ok(match times {
        Times::Cron(cron) => (cron.schedule(), Some(cron.policies().time_zone)),
        Times::Text(text) => (Schedule::Cron(CronExpr::parse(&text)?), None),
    })
}

/// A job that is asked for.
pub(super) struct Booking<'py> {
    jobid: Option<String>,
    node: String,
    server: Option<String>,
    schedule: Option<Times<'py>>,
    start: Option<Moment>,
    end: Option<Moment>,
    length: Length,
    overhead: bool,
    trigger: Option<Wanted<'py>>,
    config: String,
    policies: Wishes,
}

impl<'a, 'py> FromPyObject<'a, 'py> for Booking<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let given: Given<'py> = given.extract()?;
        Ok(Self {
            jobid: given.take("jobid")?,
            node: given.take("node")?,
            server: given.take("server")?,
            schedule: given.take("schedule")?,
            start: given.take("start")?,
            end: given.take("end")?,
            length: given.take("length")?,
            overhead: given.take("overhead")?,
            trigger: given.take("trigger")?,
            config: given.take("config")?,
            policies: Wishes::read(&given.below("policies")?)?,
        })
    }
}

impl Booking<'_> {
    /// What is asked for at `now`.
    pub(super) fn spec(self, py: Python<'_>, now: Timestamp) -> PyResult<JobSpec> {
        let Self {
            jobid,
            node,
            server,
            schedule: times,
            start,
            end,
            length,
            overhead,
            trigger,
            config,
            policies,
        } = self;
        let trigger = trigger.map(|trigger| trigger.text(py)).transpose()?;
        let spec = || -> Result<JobSpec, Error> {
            let (schedule, zone) = match times {
                Some(times) => schedule(times)?,
                None => (Schedule::Once, None),
            };
            let wishes = policies.change()?;
            let policies = PolicyChange { time_zone: wishes.time_zone.clone().or(zone), ..wishes };
            let policies = policies.over(Policies::default());
            // Its times are summed up before the orchestrator sees them.
            policies.check()?;
            let length = whole_seconds(length)?;
            let is_single = schedule == Schedule::Once;
            let start = begin(start, now, is_single)?;
            let window = match (end, is_single) {
                (Some(end), _) => Window::new(start, end.from(start)?)?,
                (None, true) => taken(start, length, &policies)?,
                (None, false) => {
                    return Err(Error::invalid("a job with a schedule needs an end date")
                        .hint("give end, a datetime or a timedelta from the start"));
                }
            };
            Ok(JobSpec {
                id: jobid.as_deref().map(JobId::parse).transpose()?,
                node: NodeId::parse(&node)?,
                server: server.as_deref().map(NodeId::parse).transpose()?,
                schedule,
                window,
                length,
                overhead,
                trigger,
                config,
                params: JobParams::default(),
                policies,
            })
        };
        read(py, spec())
    }
}

/// As long as a single run may take.
fn taken(start: Timestamp, length: RunLength, policies: &Policies) -> Result<Window, Error> {
    let taken = length.duration() + policies.longest_delay();
    Window::lasting(start, taken).ok_or_else(|| {
        Error::invalid(format!("a run of {length} from {start} on ends beyond all times"))
            .hint("give an earlier start")
    })
}

/// When a job begins; now where nothing is said.
fn begin(start: Option<Moment>, now: Timestamp, is_single: bool) -> Result<Timestamp, Error> {
    let start = match start {
        None | Some(Moment::Now) => JobStart::In(SignedDuration::ZERO),
        Some(Moment::After(after)) => JobStart::In(after),
        Some(Moment::At(at)) => JobStart::At(at),
    };
    let found = start.instant(to_micros(now), is_single)?;
    found.ok_or_else(|| Error::internal("the start of a job is not known"))
}

/// What of a job shall be different.
pub(super) struct Change<'py> {
    schedule: Option<Times<'py>>,
    once: bool,
    start: Option<Moment>,
    end: Option<Moment>,
    length: Option<Length>,
    overhead: Option<bool>,
    trigger: Option<Wanted<'py>>,
    config: Option<String>,
    policies: Wishes,
}

/// A change, and what of the policies shall be different, which are replaced as a whole.
pub(super) struct Changed {
    pub(super) change: JobChange,
    pub(super) policies: PolicyChange,
}

impl<'a, 'py> FromPyObject<'a, 'py> for Change<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let given: Given<'py> = given.extract()?;
        Ok(Self {
            schedule: given.take("schedule")?,
            once: given.take("once")?,
            start: given.take("start")?,
            end: given.take("end")?,
            length: given.take("length")?,
            overhead: given.take("overhead")?,
            trigger: given.take("trigger")?,
            config: given.take("config")?,
            policies: Wishes::read(&given.below("policies")?)?,
        })
    }
}

impl Change<'_> {
    /// The change at `now`.
    pub(super) fn read(self, py: Python<'_>, now: Timestamp) -> PyResult<Changed> {
        let Self { schedule: times, once, start, end, length, overhead, trigger, config, policies } = self;
        let trigger = trigger.map(|trigger| trigger.text(py)).transpose()?;
        let change = || -> Result<Changed, Error> {
            if once && times.is_some() {
                return Err(Error::invalid("a job that runs once has no schedule")
                    .hint("give schedule or once, not both"));
            }
            let (schedule, zone) = match times {
                Some(times) => schedule(times).map(|(schedule, zone)| (Some(schedule), zone))?,
                None => (once.then_some(Schedule::Once), None),
            };
            let wishes = policies.change()?;
            let start = start.map(|start| start.from(now)).transpose()?;
            let change = JobChange {
                schedule,
                start,
                end: end.map(|end| end.from(start.unwrap_or(now))).transpose()?,
                length: length.map(whole_seconds).transpose()?,
                overhead,
                trigger,
                config,
                policies: None,
            };
            Ok(Changed {
                change,
                policies: PolicyChange { time_zone: wishes.time_zone.clone().or(zone), ..wishes },
            })
        };
        read(py, change())
    }
}
