//! Jobs.

use super::policies::duration_to_wire;
use super::{PLACEHOLDER, given, micros, optional, time, unary};
use crate::error::{Error, Result};
use crate::ids::{JobId, NodeId, UserId};
use crate::model::{Job, JobParams, JobSpec, RunLength};
use crate::schedule::{CronExpr, Schedule};
use crate::time::{SignedDuration, Timestamp, Window, wire_time};

/// The mode of a job whose submitter gave none, for existing nodes.
const DEFAULT_MODE: &str = "docker";

impl From<JobParams> for unary::JobParams {
    fn from(params: JobParams) -> Self {
        let JobParams { mode, deploy, execute, finish } = params;
        let mut placeholders = Vec::new();
        let mut filled = |name: &str, text: String, placeholder: &str| {
            if !text.is_empty() {
                return text;
            }
            placeholders.push(name.to_owned());
            placeholder.to_owned()
        };
        Self {
            mode: filled("mode", mode, DEFAULT_MODE),
            deploy: filled("deploy", deploy, PLACEHOLDER),
            execute: filled("execute", execute, PLACEHOLDER),
            finish: filled("finish", finish, PLACEHOLDER),
            placeholders,
        }
    }
}

impl From<Option<unary::JobParams>> for JobParams {
    fn from(params: Option<unary::JobParams>) -> Self {
        let unary::JobParams { mode, deploy, execute, finish, placeholders } = params.unwrap_or_default();
        let own = |name: &str, text: String| {
            if placeholders.iter().any(|other| other == name) { String::new() } else { text }
        };
        Self {
            mode: own("mode", mode),
            deploy: own("deploy", deploy),
            execute: own("execute", execute),
            finish: own("finish", finish),
        }
    }
}

/// The type and the text of a schedule; a one-time job starts at its start date and has no text.
pub(super) fn schedule_to_wire(schedule: Schedule) -> (i32, String) {
    match schedule {
        Schedule::Cron(cron) => (unary::JobType::Cron.into(), cron.into()),
        Schedule::Once => (unary::JobType::Atq.into(), String::new()),
    }
}

pub(super) fn schedule_from_wire(kind: i32, text: &str) -> Result<Schedule> {
    match unary::JobType::try_from(kind) {
        Ok(unary::JobType::Cron) => CronExpr::parse(text).map(Schedule::Cron),
        Ok(unary::JobType::Atq) => Ok(Schedule::Once),
        Err(_) => Err(Error::invalid(format!("type: {kind} is not a type of job"))
            .hint("use 0 for a cron job, 1 for a one-time job")),
    }
}

/// The type of a job as the public testbed writes it in lists.
pub(super) fn type_name(schedule: &Schedule) -> &'static str {
    match schedule {
        Schedule::Cron(_) => "cron",
        Schedule::Once => "atq",
    }
}

/// An instant in microseconds; other makes leave it out.
fn instant(field: &str, told: i64, otherwise: Timestamp) -> Result<Timestamp> {
    if told == 0 { Ok(otherwise) } else { micros(field, told) }
}

fn window_from_wire(start: &str, end: &str) -> Result<Window> {
    Window::new(time("start_date", start)?, time("end_date", end)?)
}

fn length_to_wire(length: RunLength) -> i32 {
    // A length fits 31 bits by construction.
    i32::try_from(length.secs()).unwrap_or(i32::MAX)
}

fn server_from_wire(server: Option<&str>) -> Result<Option<NodeId>> {
    optional(server, NodeId::parse).map_err(|error| error.context("server"))
}

fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl From<JobSpec> for unary::ScheduleJobRequest {
    fn from(spec: JobSpec) -> Self {
        let JobSpec {
            id,
            node,
            server,
            schedule,
            window,
            length,
            overhead,
            trigger,
            config,
            params,
            policies,
        } = spec;
        let (kind, schedule) = schedule_to_wire(schedule);
        Self {
            id: id.map(String::from).unwrap_or_default(),
            nodeid: node.into(),
            r#type: kind,
            params: Some(params.into()),
            schedule,
            start_date: wire_time(window.start()),
            end_date: wire_time(window.end()),
            length_secs: length_to_wire(length),
            overhead,
            server: server.map(String::from),
            trigger: text(trigger),
            userid: String::new(),
            config,
            policies: Some(policies.into()),
        }
    }
}

impl TryFrom<unary::ScheduleJobRequest> for JobSpec {
    type Error = Error;
    fn try_from(request: unary::ScheduleJobRequest) -> Result<Self> {
        let unary::ScheduleJobRequest {
            id,
            nodeid,
            r#type,
            params,
            schedule,
            start_date,
            end_date,
            length_secs,
            overhead,
            server,
            trigger,
            userid: _,
            config,
            policies,
        } = request;
        Ok(Self {
            id: optional(Some(&id), JobId::parse)?,
            node: NodeId::parse(&nodeid)?,
            server: server_from_wire(server.as_deref())?,
            schedule: schedule_from_wire(r#type, &schedule)?,
            window: window_from_wire(&start_date, &end_date)?,
            length: RunLength::from_secs(length_secs.into())?,
            overhead,
            trigger: text(trigger),
            config,
            params: params.into(),
            policies: policies.try_into()?,
        })
    }
}

impl From<Job> for unary::Job {
    fn from(job: Job) -> Self {
        let Job {
            id,
            owner,
            node,
            server,
            schedule,
            window,
            length,
            overhead,
            trigger,
            config,
            params,
            policies,
            shift,
            created,
            since,
            // A deleted job is not sent.
            deleted: _,
        } = job;
        let (kind, schedule) = schedule_to_wire(schedule);
        Self {
            id: id.into(),
            nodeid: node.into(),
            r#type: kind,
            params: Some(params.into()),
            schedule,
            start_date: wire_time(window.start()),
            end_date: wire_time(window.end()),
            length_secs: length_to_wire(length),
            overhead,
            server: server.map(String::from),
            trigger: text(trigger),
            userid: owner.into(),
            config,
            created_us: created.as_microsecond(),
            since_us: since.as_microsecond(),
            policies: Some(policies.into()),
            shift_us: duration_to_wire(shift),
        }
    }
}

impl TryFrom<unary::Job> for Job {
    type Error = Error;
    fn try_from(job: unary::Job) -> Result<Self> {
        let unary::Job {
            id,
            nodeid,
            r#type,
            params,
            schedule,
            start_date,
            end_date,
            length_secs,
            overhead,
            server,
            trigger,
            userid,
            config,
            created_us,
            since_us,
            policies,
            shift_us,
        } = job;
        let window = window_from_wire(&start_date, &end_date)?;
        // Orchestrators of another make do not tell; run ids need a value that stays the same.
        let created = instant("created_us", created_us, window.start())?;
        Ok(Self {
            id: JobId::parse(&id)?,
            owner: UserId::parse(&userid)?,
            node: NodeId::parse(&nodeid)?,
            server: server_from_wire(server.as_deref())?,
            schedule: schedule_from_wire(r#type, &schedule)?,
            window,
            length: RunLength::from_secs(length_secs.into())?,
            overhead,
            trigger: text(trigger),
            config,
            params: params.into(),
            policies: policies.try_into()?,
            shift: SignedDuration::from_micros(shift_us),
            created,
            since: instant("since_us", since_us, created)?,
            deleted: None,
        })
    }
}

impl From<Option<Job>> for unary::GetJobResponse {
    fn from(job: Option<Job>) -> Self {
        let Some(job) = job else { return Self::default() };
        let unary::Job {
            id,
            nodeid,
            r#type,
            params,
            schedule,
            start_date,
            end_date,
            length_secs,
            overhead,
            server,
            trigger,
            userid,
            config,
            created_us,
            since_us,
            policies,
            shift_us,
        } = job.into();
        Self {
            exists: true,
            id,
            nodeid,
            r#type,
            params,
            schedule,
            userid,
            trigger: trigger.unwrap_or_default(),
            config,
            server: server.unwrap_or_default(),
            overhead,
            start_date,
            end_date,
            error: None,
            length_secs,
            created_us,
            since_us,
            policies,
            shift_us,
        }
    }
}

impl unary::GetJobResponse {
    /// The job as it is listed elsewhere, if it exists. Its `length_secs` is 0 where the
    /// orchestrator is of another make and leaves it out of this message.
    pub fn into_job(self) -> Option<unary::Job> {
        let Self {
            exists,
            id,
            nodeid,
            r#type,
            params,
            schedule,
            userid,
            trigger,
            config,
            server,
            overhead,
            start_date,
            end_date,
            error: _,
            length_secs,
            created_us,
            since_us,
            policies,
            shift_us,
        } = self;
        exists.then(|| unary::Job {
            id,
            nodeid,
            r#type,
            params,
            schedule,
            start_date,
            end_date,
            length_secs,
            overhead,
            server: given(&server).map(str::to_owned),
            trigger: given(&trigger).map(str::to_owned),
            userid,
            config,
            created_us,
            since_us,
            policies,
            shift_us,
        })
    }
}

/// Reads a list of jobs.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the job and the field.
pub fn jobs_from_wire(jobs: Vec<unary::Job>) -> Result<Vec<Job>> {
    let read = |job: unary::Job| {
        let id = job.id.clone();
        Job::try_from(job).map_err(|error| error.context(format!("job {id:?}")))
    };
    jobs.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests;
