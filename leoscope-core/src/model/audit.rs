//! Who did what to which object, when, and how it ended.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::named::named;
use super::{Caller, Role};
use crate::error::{Error, ErrorKind};
use crate::ids::{AuditId, UserId};
use crate::time::{Timestamp, Window};

named!(
    /// What a caller did or tried to do: one for each call that changes something or may be refused.
    AuditAction {
        /// Register a user.
        RegisterUser = "REGISTER_USER",
        /// Read a user.
        ReadUser = "READ_USER",
        /// Change a user.
        ModifyUser = "MODIFY_USER",
        /// Delete a user.
        DeleteUser = "DELETE_USER",
        /// Give a user a new access token.
        RotateToken = "ROTATE_TOKEN",
        /// Take a user's access token away.
        RevokeToken = "REVOKE_TOKEN",
        /// Register a node.
        RegisterNode = "REGISTER_NODE",
        /// Change a node.
        UpdateNode = "UPDATE_NODE",
        /// Delete a node.
        DeleteNode = "DELETE_NODE",
        /// Say that a node is alive.
        Heartbeat = "HEARTBEAT",
        /// Book a job.
        ScheduleJob = "SCHEDULE_JOB",
        /// Look what booking a job would do, or for free time.
        PlanJob = "PLAN_JOB",
        /// Change a job.
        ModifyJob = "MODIFY_JOB",
        /// Move a one-time job.
        RescheduleJob = "RESCHEDULE_JOB",
        /// Read jobs or planned runs.
        ReadJobs = "READ_JOBS",
        /// Delete a job.
        DeleteJob = "DELETE_JOB",
        /// Delete all jobs of a node.
        DeleteJobsOfNode = "DELETE_JOBS_OF_NODE",
        /// Report a run.
        ReportRun = "REPORT_RUN",
        /// Report an event of a job or run.
        ReportEvent = "REPORT_EVENT",
        /// List runs or events.
        ReadRuns = "READ_RUNS",
        /// Ask something of the other node of a run.
        ScheduleTask = "SCHEDULE_TASK",
        /// List tasks.
        ReadTasks = "READ_TASKS",
        /// Say how far a task is.
        UpdateTask = "UPDATE_TASK",
        /// Ask whether a user's experiments may change kernel settings.
        AskKernelAccess = "ASK_KERNEL_ACCESS",
        /// Turn scavenger mode of a node on or off.
        SetScavengerMode = "SET_SCAVENGER_MODE",
        /// Replace the testbed-wide settings.
        UpdateSettings = "UPDATE_SETTINGS",
        /// Fetch the orders of a node.
        ReadOrders = "READ_ORDERS",
        /// Hand over the results of a run.
        Upload = "UPLOAD",
        /// Fetch the results of a run.
        Download = "DOWNLOAD",
        /// Follow what a run prints.
        FollowOutput = "FOLLOW_OUTPUT",
        /// Send those who follow runs what they print.
        SendOutput = "SEND_OUTPUT",
        /// See what a node reads.
        WatchReadings = "WATCH_READINGS",
        /// Send those who want to see it what a node reads.
        SendReadings = "SEND_READINGS",
        /// Fetch orbital elements.
        ReadElements = "READ_ELEMENTS",
        /// Ask when a trigger is expected to hold.
        Forecast = "FORECAST",
        /// Have the artifact store checked.
        ProbeArtifacts = "PROBE_ARTIFACTS",
        /// Read the audit trail.
        ReadAudit = "READ_AUDIT",
    }
);

/// What is written down of an action besides refusals for lack of permission, which always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// Every one, with its outcome.
    Always,
    /// Those of people; nodes do it all the time.
    UnlessNode,
    /// None: it changes nothing.
    Never,
}

impl AuditAction {
    /// Which of these actions are written down.
    pub const fn trace(self) -> Trace {
        match self {
            Self::RegisterUser
            | Self::ModifyUser
            | Self::DeleteUser
            | Self::RotateToken
            | Self::RevokeToken
            | Self::RegisterNode
            | Self::UpdateNode
            | Self::DeleteNode
            | Self::ScheduleJob
            | Self::ModifyJob
            | Self::RescheduleJob
            | Self::DeleteJob
            | Self::DeleteJobsOfNode
            | Self::SetScavengerMode
            | Self::UpdateSettings => Trace::Always,
            Self::Heartbeat
            | Self::ReportRun
            | Self::ReportEvent
            | Self::ScheduleTask
            | Self::UpdateTask
            | Self::Upload => Trace::UnlessNode,
            Self::ReadUser
            | Self::PlanJob
            | Self::ReadJobs
            | Self::ReadRuns
            | Self::ReadTasks
            | Self::AskKernelAccess
            | Self::ReadOrders
            | Self::Download
            | Self::FollowOutput
            | Self::SendOutput
            | Self::WatchReadings
            | Self::SendReadings
            | Self::ReadElements
            | Self::Forecast
            | Self::ProbeArtifacts
            | Self::ReadAudit => Trace::Never,
        }
    }
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was not, for this reason; of a [`Timeout`](ErrorKind::Timeout) it is not known.
    Refused {
        /// What sort of reason.
        kind: ErrorKind,
        /// The reason in words.
        message: String,
    },
}

impl AuditOutcome {
    /// The outcome of what ended with `error`, if with one.
    pub fn of(error: Option<&Error>) -> Self {
        match error {
            None => Self::Done,
            Some(error) => Self::Refused { kind: error.kind(), message: error.message().to_owned() },
        }
    }

    /// `done`, or the name of the kind of reason.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused { kind, message: _ } => kind.name(),
        }
    }
}

/// One line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id, which sorts by the time.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub caller: UserId,
    /// In which role.
    pub role: Role,
    /// From which address, where the call came over a network.
    pub address: Option<IpAddr>,
    /// Did what.
    pub action: AuditAction,
    /// To which user, node, job or run; `None` for what has no id.
    pub object: Option<String>,
    /// With which outcome.
    pub outcome: AuditOutcome,
}

impl AuditEntry {
    /// An entry of this instant.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal) when the system has no randomness to give.
    pub fn new(
        caller: &Caller,
        address: Option<IpAddr>,
        action: AuditAction,
        object: Option<String>,
        outcome: AuditOutcome,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let Caller { id, role } = caller.clone();
        Ok(Self { id: AuditId::at(now)?, at: now, caller: id, role, address, action, object, outcome })
    }
}

/// Which entries to list, newest first; a default filter lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only what this caller did.
    pub caller: Option<UserId>,
    /// Only this action.
    pub action: Option<AuditAction>,
    /// Only what was done to this object.
    pub object: Option<String>,
    /// Only what was done in this time.
    pub within: Option<Window>,
    /// Only what comes after this one in the list: what is older.
    pub after: Option<AuditId>,
    /// At most this many.
    pub limit: Option<u32>,
}

impl AuditFilter {
    /// Whether `entry` belongs in the list, the limit aside.
    pub fn matches(&self, entry: &AuditEntry) -> bool {
        let Self { caller, action, object, within, after, limit: _ } = self;
        caller.as_ref().is_none_or(|caller| *caller == entry.caller)
            && action.is_none_or(|action| action == entry.action)
            && object.as_ref().is_none_or(|object| Some(object) == entry.object.as_ref())
            && within.is_none_or(|within| within.contains(entry.at))
            && after.as_ref().is_none_or(|after| entry.id < *after)
    }
}
