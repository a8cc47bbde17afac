//! What the nodes of one run ask of each other.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::{JobId, NodeId, RunId, TaskId};
use crate::time::{SignedDuration, Timestamp};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskKind {
    /// Start the server side of a run.
    ServerStart,
    /// Stop it.
    ServerStop,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    /// It is to be done.
    Scheduled,
    /// It is done.
    Complete,
}

/// How long a task stands, in whole seconds, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct TaskTtl(u32);

impl TaskTtl {
    /// The longest time: a day. A task belongs to a run that is about to begin or to end.
    pub const MOST_SECS: u32 = 24 * 60 * 60;

    /// In seconds.
    pub fn secs(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for TaskTtl {
    type Error = Error;
    fn try_from(secs: i64) -> Result<Self, Error> {
        u32::try_from(secs).ok().filter(|secs| (1..=Self::MOST_SECS).contains(secs)).map(Self).ok_or_else(
            || {
                Error::invalid(format!("ttl of {secs} seconds is not possible"))
                    .hint(format!("give how long the task stands in seconds, 1 to {}", Self::MOST_SECS))
            },
        )
    }
}

impl From<TaskTtl> for i64 {
    fn from(ttl: TaskTtl) -> i64 {
        ttl.0.into()
    }
}

/// Something a node asks of the other node of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What is to be done.
    pub kind: TaskKind,
    /// For which run.
    pub run: RunId,
    /// Of which job.
    pub job: JobId,
    /// The node that is to do it.
    pub node: NodeId,
    /// How far it is.
    pub status: TaskStatus,
    /// How long it stands.
    pub ttl: TaskTtl,
    /// When it was asked.
    pub created: Timestamp,
    /// Where the server that was asked for can be reached, as its node told when it was done.
    #[serde(default)]
    pub address: Option<IpAddr>,
}

impl Task {
    /// The instant from which on the task does not stand any more.
    pub fn expires(&self) -> Timestamp {
        let ttl = SignedDuration::from_secs(self.ttl.0.into());
        self.created.checked_add(ttl).unwrap_or(Timestamp::MAX)
    }
}

/// A task as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// See [`Task::id`].
    pub id: TaskId,
    /// See [`Task::kind`].
    pub kind: TaskKind,
    /// See [`Task::run`].
    pub run: RunId,
    /// See [`Task::job`].
    pub job: JobId,
    /// See [`Task::node`].
    pub node: NodeId,
    /// See [`Task::ttl`].
    pub ttl: TaskTtl,
}

/// Which tasks to list; a default filter lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only this task.
    pub id: Option<TaskId>,
    /// Only of this kind.
    pub kind: Option<TaskKind>,
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only of this job.
    pub job: Option<JobId>,
    /// Only those that this node is to do.
    pub node: Option<NodeId>,
    /// Only those that are so far.
    pub status: Option<TaskStatus>,
}

impl TaskFilter {
    /// Whether `task` belongs in the list.
    pub fn matches(&self, task: &Task) -> bool {
        let Self { id, kind, run, job, node, status } = self;
        id.as_ref().is_none_or(|id| *id == task.id)
            && kind.is_none_or(|kind| kind == task.kind)
            && run.as_ref().is_none_or(|run| *run == task.run)
            && job.as_ref().is_none_or(|job| *job == task.job)
            && node.as_ref().is_none_or(|node| *node == task.node)
            && status.is_none_or(|status| status == task.status)
    }
}
