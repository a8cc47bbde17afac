//! What a store holds, as it is copied from one store to another.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AuditEntry, Job, JobEvent, Node, Run, Settings, User};
use crate::ids::{AuditId, EventId, JobId, NodeId, RunId, UserId};
use crate::time::{Timestamp, wire_time};

/// Counts the changes of one record, from 1.
pub type Revision = u64;

/// One record of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A user, with the hash of its access token.
    User(User),
    /// A node.
    Node(Node),
    /// A run.
    Run {
        /// The run itself.
        run: Run,
        /// How often it has changed.
        revision: Revision,
    },
    /// A definition of a job; it may have been deleted or replaced.
    Job {
        /// The definition itself.
        job: Job,
        /// Every run planned to start before this instant has its final record.
        settled: Timestamp,
        /// When its runs are to be looked at again; `None` for never.
        next: Option<Timestamp>,
    },
    /// How often the timetable of a node has changed.
    Timetable {
        /// The node.
        node: NodeId,
        /// The number of changes.
        version: u64,
    },
    /// The testbed-wide settings, secrets included.
    Settings(Settings),
    /// Something that happened to a job or a run.
    Event(JobEvent),
    /// A line of the audit trail.
    Audit(AuditEntry),
}

/// What a record is found by. Records are ordered by their keys: a job comes after the runs that
/// may have freed its time, a timetable after its jobs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKey {
    /// A user.
    User(UserId),
    /// A node.
    Node(NodeId),
    /// A run.
    Run(RunId),
    /// A definition of a job: its id, when it was booked, and since when it holds.
    Job(JobId, Timestamp, Timestamp),
    /// The timetable of a node.
    Timetable(NodeId),
    /// The settings.
    Settings,
    /// An event.
    Event(EventId),
    /// A line of the audit trail.
    Audit(AuditId),
}

impl Record {
    /// What the record is found by.
    pub fn key(&self) -> RecordKey {
        match self {
            Self::User(user) => RecordKey::User(user.id.clone()),
            Self::Node(node) => RecordKey::Node(node.id.clone()),
            Self::Run { run, revision: _ } => RecordKey::Run(run.id.clone()),
            Self::Job { job, settled: _, next: _ } => RecordKey::Job(job.id.clone(), job.created, job.since),
            Self::Timetable { node, version: _ } => RecordKey::Timetable(node.clone()),
            Self::Settings(_) => RecordKey::Settings,
            Self::Event(event) => RecordKey::Event(event.id.clone()),
            Self::Audit(entry) => RecordKey::Audit(entry.id.clone()),
        }
    }
}

impl RecordKey {
    /// What kind of record it finds.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::User(_) => RecordKind::User,
            Self::Node(_) => RecordKind::Node,
            Self::Run(_) => RecordKind::Run,
            Self::Job(..) => RecordKind::Job,
            Self::Timetable(_) => RecordKind::Timetable,
            Self::Settings => RecordKind::Settings,
            Self::Event(_) => RecordKind::Event,
            Self::Audit(_) => RecordKind::Audit,
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::User(id) => write!(f, "{kind} {id}"),
            Self::Node(id) | Self::Timetable(id) => write!(f, "{kind} {id}"),
            Self::Run(id) => write!(f, "{kind} {id}"),
            Self::Job(id, _, since) => write!(f, "{kind} {id} (as of {})", wire_time(*since)),
            Self::Settings => write!(f, "{kind}"),
            Self::Event(id) => write!(f, "{kind} {id}"),
            Self::Audit(id) => write!(f, "{kind} {id}"),
        }
    }
}

/// The kinds of records, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Users.
    User,
    /// Nodes.
    Node,
    /// Runs.
    Run,
    /// Definitions of jobs.
    Job,
    /// Versions of timetables.
    Timetable,
    /// The settings.
    Settings,
    /// Events of jobs and runs.
    Event,
    /// The audit trail.
    Audit,
}

impl RecordKind {
    /// All kinds, in order.
    pub const ALL: [Self; 8] = [
        Self::User,
        Self::Node,
        Self::Run,
        Self::Job,
        Self::Timetable,
        Self::Settings,
        Self::Event,
        Self::Audit,
    ];
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Node => "node",
            Self::Run => "run",
            Self::Job => "job",
            Self::Timetable => "timetable",
            Self::Settings => "settings",
            Self::Event => "event",
            Self::Audit => "audit entry",
        })
    }
}
