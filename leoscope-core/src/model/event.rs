//! What happened to a job or a run, in small steps.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::named::named;
use super::{Phase, Run, RunStatus, Stage};
use crate::ids::{EventId, JobId, NodeId, RunId, UserId};
use crate::time::Timestamp;

named!(
    /// How a step went.
    EventOutcome {
        /// As it should.
        Ok = "OK",
        /// Not quite; the run goes on, or ends by somebody's wish.
        Warn = "WARN",
        /// The run cannot go on.
        Failed = "FAILED",
        /// The run is not begun because its condition does not hold.
        Skipped = "SKIPPED",
        /// The run was not begun in time.
        Missed = "MISSED",
    }
);

/// The [source](JobEvent::source) of events that the orchestrator makes of reports.
pub const ORCHESTRATOR: &str = "orchestrator";

/// One step in the life of a run, or of a job before there was a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEvent {
    /// Its id.
    pub id: EventId,
    /// The job.
    pub job: JobId,
    /// The run; `None` where there was none yet.
    pub run: Option<RunId>,
    /// The node on which it happened.
    pub node: NodeId,
    /// Who booked the job.
    pub owner: UserId,
    /// The planned start that it is about.
    pub occurrence: Option<Timestamp>,
    /// The step.
    pub stage: Stage,
    /// How it went.
    pub outcome: EventOutcome,
    /// Why, upper snake case; nodes of another make may send reasons of their own.
    pub reason: Option<String>,
    /// One line for people to read.
    pub message: String,
    /// Which program says so.
    pub source: String,
    /// When it happened, by the clock of who says so.
    pub at: Timestamp,
    /// When the orchestrator heard of it.
    pub received: Timestamp,
}

/// An event as it is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// See [`JobEvent::id`]; the orchestrator makes one for an event that has none.
    pub id: Option<EventId>,
    /// See [`JobEvent::job`].
    pub job: JobId,
    /// See [`JobEvent::run`].
    pub run: Option<RunId>,
    /// See [`JobEvent::node`]; the calling node where it is not said.
    pub node: Option<NodeId>,
    /// See [`JobEvent::occurrence`].
    pub occurrence: Option<Timestamp>,
    /// See [`JobEvent::stage`].
    pub stage: Stage,
    /// See [`JobEvent::outcome`].
    pub outcome: EventOutcome,
    /// See [`JobEvent::reason`].
    pub reason: Option<String>,
    /// See [`JobEvent::message`].
    pub message: String,
    /// See [`JobEvent::source`].
    pub source: String,
    /// See [`JobEvent::at`]; now where it is not said.
    pub at: Option<Timestamp>,
}

/// Whose events to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventScope {
    /// Those of a job, with those of its runs.
    Job(JobId),
    /// Those of a run.
    Run(RunId),
    /// Those of a job that name this planned start and no run.
    Occurrence(JobId, Timestamp),
}

impl EventScope {
    /// Whether `event` belongs in the list.
    pub fn contains(&self, event: &JobEvent) -> bool {
        match self {
            Self::Job(job) => event.job == *job,
            Self::Run(run) => event.run.as_ref() == Some(run),
            Self::Occurrence(job, start) => {
                event.job == *job && event.run.is_none() && event.occurrence == Some(*start)
            }
        }
    }
}

impl fmt::Display for EventScope {
    /// The id of the job or run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(job) | Self::Occurrence(job, _) => job.fmt(f),
            Self::Run(run) => run.fmt(f),
        }
    }
}

impl JobEvent {
    /// The step that `run` has reached, as its node reports it; heard of at `now`.
    pub fn of(run: &Run, now: Timestamp) -> Self {
        let Run { id, job, node, owner, planned, started, ended, status, phase, stage, reason, .. } =
            run.clone();
        let (step, outcome, at) = match status {
            RunStatus::Scheduled => (Stage::Schedule, EventOutcome::Ok, None),
            RunStatus::Running => match phase {
                Some(Phase::Deploy) => (Stage::Deploy, EventOutcome::Ok, None),
                Some(Phase::Execute) | None => (Stage::Execute, EventOutcome::Ok, started),
                Some(Phase::Finish) => (Stage::Finish, EventOutcome::Ok, None),
            },
            RunStatus::Completed => (stage.unwrap_or(Stage::Finish), EventOutcome::Ok, ended),
            RunStatus::Failed => (stage.unwrap_or(Stage::Execute), EventOutcome::Failed, ended),
            RunStatus::Aborted => (stage.unwrap_or(Stage::Execute), EventOutcome::Warn, ended),
            RunStatus::Skipped => (stage.unwrap_or(Stage::Trigger), EventOutcome::Skipped, ended),
            RunStatus::Missed => (stage.unwrap_or(Stage::Schedule), EventOutcome::Missed, ended),
        };
        let message = if run.message.is_empty() {
            let phase = phase.map(|phase| format!(", phase {phase}")).unwrap_or_default();
            format!("the run is {status}{phase}")
        } else {
            run.message.clone()
        };
        Self {
            id: EventId::of_step(&id, status.name(), phase.map(Phase::name).unwrap_or_default()),
            job,
            run: Some(id),
            node,
            owner,
            occurrence: planned.map(|window| window.start()),
            stage: step,
            outcome,
            reason: reason.filter(|_| status.is_terminal()),
            message,
            source: ORCHESTRATOR.to_owned(),
            at: at.unwrap_or(now),
            received: now,
        }
    }

    /// How a run ends of which nothing else is known, if this says so: a node need not report a
    /// run that it never began.
    pub fn ending(&self) -> Option<RunStatus> {
        match self.outcome {
            EventOutcome::Ok | EventOutcome::Warn => None,
            EventOutcome::Failed => Some(RunStatus::Failed),
            EventOutcome::Skipped => Some(RunStatus::Skipped),
            EventOutcome::Missed => Some(RunStatus::Missed),
        }
    }
}
