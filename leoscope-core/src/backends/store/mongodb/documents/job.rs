use serde::{Deserialize, Serialize};

use super::super::schema::FORMAT;
use super::{instant, micros};
use crate::error::Error;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::{Job, JobParams, Record, RunLength};
use crate::schedule::{CronExpr, Policies, Schedule};
use crate::time::{SignedDuration, Timestamp, Window};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum JobType {
    Cron,
    Atq,
}

/// A definition of a job, and how far its runs are settled.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct JobDocument {
    #[serde(rename = "_id")]
    key: String,
    format: i32,
    jobid: JobId,
    userid: UserId,
    nodeid: NodeId,
    server: Option<NodeId>,
    #[serde(rename = "type")]
    kind: JobType,
    schedule: Option<CronExpr>,
    start_date: Timestamp,
    end_date: Timestamp,
    length_secs: RunLength,
    overhead: bool,
    trigger: Option<String>,
    config: String,
    params: JobParams,
    policies: Policies,
    shift: SignedDuration,
    created: Timestamp,
    since: Timestamp,
    deleted: Option<Timestamp>,
    created_us: i64,
    since_us: i64,
    /// The job's id as long as it has not been deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<JobId>,
    /// From when on the definition plans nothing.
    pub(in super::super) over_us: i64,
    /// Every run planned before has its final record.
    settled_us: i64,
    /// When to look again; `null` for never.
    next_us: Option<i64>,
}

/// What a definition is found by.
pub(in super::super) fn key(id: &JobId, created: Timestamp, since: Timestamp) -> String {
    // An id holds no slash.
    format!("{id}/{}/{}", created.as_microsecond(), since.as_microsecond())
}

impl JobDocument {
    /// `job` with how far its runs are settled.
    pub(in super::super) fn new(job: Job, settled: Timestamp, next: Option<Timestamp>) -> Self {
        let over_us = job.over().as_microsecond();
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
            deleted,
        } = job;
        let (kind, schedule) = match schedule {
            Schedule::Cron(cron) => (JobType::Cron, Some(cron)),
            Schedule::Once => (JobType::Atq, None),
        };
        Self {
            key: key(&id, created, since),
            format: FORMAT,
            live: deleted.is_none().then(|| id.clone()),
            jobid: id,
            userid: owner,
            nodeid: node,
            server,
            kind,
            schedule,
            start_date: window.start(),
            end_date: window.end(),
            length_secs: length,
            overhead,
            trigger,
            config,
            params,
            policies,
            shift,
            created,
            since,
            deleted,
            created_us: created.as_microsecond(),
            since_us: since.as_microsecond(),
            over_us,
            settled_us: settled.as_microsecond(),
            next_us: micros(next),
        }
    }

    /// The definition and until when its runs are settled.
    pub(in super::super) fn into_job(self) -> Result<(Job, Timestamp, Option<Timestamp>), Error> {
        let Self {
            key,
            format: _,
            jobid,
            userid,
            nodeid,
            server,
            kind,
            schedule,
            start_date,
            end_date,
            length_secs,
            overhead,
            trigger,
            config,
            params,
            policies,
            shift,
            created,
            since,
            deleted,
            created_us: _,
            since_us: _,
            live: _,
            over_us: _,
            settled_us,
            next_us,
        } = self;
        let fault = |why: &dyn std::fmt::Display| super::super::unreadable("job", &key, why);
        let schedule = match (kind, schedule) {
            (JobType::Cron, Some(cron)) => Schedule::Cron(cron),
            (JobType::Cron, None) => return Err(fault(&"it has no schedule")),
            (JobType::Atq, _) => Schedule::Once,
        };
        let job = Job {
            id: jobid,
            owner: userid,
            node: nodeid,
            server,
            schedule,
            window: Window::new(start_date, end_date).map_err(|e| fault(&e))?,
            length: length_secs,
            overhead,
            trigger,
            config,
            params,
            policies,
            shift,
            created,
            since,
            deleted,
        };
        Ok((job, instant(settled_us)?, next_us.map(instant).transpose()?))
    }

    /// The same as a record.
    pub(in super::super) fn into_record(self) -> Result<Record, Error> {
        let (job, settled, next) = self.into_job()?;
        Ok(Record::Job { job, settled, next })
    }
}
