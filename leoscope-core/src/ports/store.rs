use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::Stream;

use crate::error::Result;
use crate::ids::{JobId, NodeId, RunId, TaskId, UserId};
use crate::model::{
    AuditEntry, AuditFilter, EventScope, Job, JobEvent, Node, Record, RecordKey, Revision, Run, RunFilter,
    Settings, Standby, StandbyBy, Task, TaskFilter, TaskStatus, User,
};
use crate::schedule::Zone;
use crate::time::Timestamp;

/// The most records that a list of a store gives in one go. A shorter list is the end; after a
/// full one the caller asks again, from the last record on.
pub const PAGE: usize = 1_000;

/// Everything the orchestrator keeps.
///
/// Guarantees for all parts:
/// - What a call has acknowledged is there for every later call, also after a crash (in stores
///   that outlive their process), and each call stores all or nothing.
/// - Text and times come back as they were stored.
/// - An `insert_…` of an id that is taken fails with [`AlreadyExists`](crate::ErrorKind::AlreadyExists) and
///   changes nothing; an `update_…` or `delete_…` of one that is not there fails with
///   [`NotFound`](crate::ErrorKind::NotFound).
/// - A list holds at most [`PAGE`] records, and goes on after the record it is given.
/// - A store that cannot be reached fails with [`Unavailable`](crate::ErrorKind::Unavailable) within
///   seconds, and works again when it can be reached. A write of which it is not known whether it
///   happened fails with [`Timeout`](crate::ErrorKind::Timeout).
pub trait Store:
    UserStore
    + NodeStore
    + JobStore
    + RunStore
    + TaskStore
    + EventStore
    + AuditStore
    + SettingsStore
    + Archive
    + Debug
{
}

impl<T> Store for T where
    T: UserStore
        + NodeStore
        + JobStore
        + RunStore
        + TaskStore
        + EventStore
        + AuditStore
        + SettingsStore
        + Archive
        + Debug
{
}

/// Users by id.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Adds a user.
    async fn insert_user(&self, user: &User) -> Result<()>;
    /// Replaces a user.
    async fn update_user(&self, user: &User) -> Result<()>;
    /// Removes a user.
    async fn delete_user(&self, id: &UserId) -> Result<()>;
    /// A user, if there is one.
    async fn user(&self, id: &UserId) -> Result<Option<User>>;
}

/// Nodes by id.
#[async_trait]
pub trait NodeStore: Send + Sync {
    /// Adds a node.
    async fn insert_node(&self, node: &Node) -> Result<()>;
    /// Replaces a node.
    async fn update_node(&self, node: &Node) -> Result<()>;
    /// Notes that a node called, as [`Node::touch`] does; an earlier `at` than the one noted changes
    /// nothing.
    async fn touch_node(&self, id: &NodeId, at: Timestamp) -> Result<()>;
    /// Changes the time zone of a node, and nothing else of it.
    async fn set_node_zone(&self, id: &NodeId, zone: Option<&Zone>) -> Result<()>;
    /// Changes the [standby](crate::model::Standbys::set) of a node, and nothing else of it.
    async fn set_node_standby(&self, id: &NodeId, by: StandbyBy, standby: Option<&Standby>) -> Result<()>;
    /// Changes how far the clock of a node is off (microseconds; positive when it is fast), and
    /// nothing else of it.
    async fn set_node_clock(&self, id: &NodeId, offset_us: Option<i64>) -> Result<()>;
    /// Removes a node.
    async fn delete_node(&self, id: &NodeId) -> Result<()>;
    /// A node, if there is one.
    async fn node(&self, id: &NodeId) -> Result<Option<Node>>;
    /// The nodes after `after`, by id.
    async fn nodes(&self, after: Option<&NodeId>) -> Result<Vec<Node>>;
}

/// For each node, how often its timetable has changed; 0 for one that never had a job.
pub type Versions = BTreeMap<NodeId, u64>;

/// The jobs that occupy some nodes, at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    /// The jobs that have not been deleted and measure or serve on one of the nodes, by id.
    pub jobs: Vec<Arc<Job>>,
    /// The version of each node asked for.
    pub versions: Versions,
}

/// The nodes whose timetables have changed, as it becomes known. An error ends it; then any
/// timetable may have changed.
pub type TimetableChanges = Pin<Box<dyn Stream<Item = Result<BTreeSet<NodeId>>> + Send>>;

/// A change to the timetable of the nodes of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booking {
    /// Adds a job.
    Insert(Box<Job>),
    /// Puts a changed definition of a job in the place of the live one, which stays as history:
    /// deleted at the [`since`](Job::since) of the new one.
    Replace(Box<Job>),
    /// Marks the job as deleted at that instant; its definition stays.
    Delete(JobId, Timestamp),
}

/// Jobs, and the timetable of each node.
///
/// Guarantees:
/// - [`commit`](JobStore::commit) succeeds only if the version of every node in `seen` is still
///   the same; else it fails with [`Stale`](crate::ErrorKind::Stale) and changes nothing. On
///   success the versions of all nodes the job involves grow. Of several commits that have seen
///   the same version exactly one succeeds.
/// - At most one job of an id is not deleted; a deleted id can be booked again, and the older
///   definitions stay. No two bookings of an id have the same `created`, which the ids of their
///   runs depend on: the second fails with [`AlreadyExists`](crate::ErrorKind::AlreadyExists).
/// - A [replaced](Booking::Replace) definition must be of the same booking as the live one; else
///   the commit fails with [`NotFound`](crate::ErrorKind::NotFound).
/// - Every definition is [unsettled](JobStore::unsettled) from its `since` on, until
///   [`settle`](JobStore::settle) says otherwise; deleted and replaced ones as well.
/// - Every change to a timetable that another process makes after
///   [`watch_timetables`](JobStore::watch_timetables) has returned is told within a second.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// The timetable of `nodes`, jobs and versions read at the same instant.
    async fn timetable(&self, nodes: &BTreeSet<NodeId>) -> Result<Timetable>;
    /// Carries out a booking if nothing has changed since `seen`.
    async fn commit(&self, seen: &Versions, booking: Booking) -> Result<()>;
    /// The job of that id that has not been deleted, else the one created last.
    async fn job(&self, id: &JobId) -> Result<Option<Job>>;
    /// The jobs of a user that have not been deleted and come after `after`, by id.
    async fn jobs_of_user(&self, owner: &UserId, after: Option<&JobId>) -> Result<Vec<Job>>;
    /// At most `limit` definitions of which some runs are to be looked at again at `now`, those
    /// that have waited longest first.
    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<Unsettled>>;
    /// Notes that every run of a definition planned to start before `settled` has its final
    /// record, and when to look again; `None` for never. What is not there is passed over.
    async fn settle(&self, job: &Job, settled: Timestamp, next: Option<Timestamp>) -> Result<()>;
    /// Listens for changes to timetables from now on, also those of other processes.
    async fn watch_timetables(&self) -> Result<TimetableChanges>;
    /// Definitions that were [over](Job::over) before `before` and are settled for good, those that
    /// have been over longest first, after `after`.
    async fn jobs_over(&self, before: Timestamp, after: Option<&Job>) -> Result<Vec<Job>>;
    /// Removes a definition and its history for good, and says whether it was there as given.
    async fn forget_job(&self, job: &Job) -> Result<bool>;
}

/// A definition of a job, and how far its runs have been seen to have their final records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// The definition; it may have been deleted or replaced.
    pub job: Job,
    /// Every run planned to start before this instant has its final record.
    pub settled: Timestamp,
}

/// Runs by id.
///
/// Guarantees:
/// - [`put_run`](RunStore::put_run) stores only if the record's revision is still `seen` (`None`:
///   there is no record); else it fails with [`Stale`](crate::ErrorKind::Stale).
/// - [`runs`](RunStore::runs) lists by start (planned, else actual), newest first, then by id;
///   runs without a start come last. The filter's limit holds for each list.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// A run with its revision, if there is one.
    async fn run(&self, id: &RunId) -> Result<Option<(Run, Revision)>>;
    /// Stores a run in place of the revision seen.
    async fn put_run(&self, run: &Run, seen: Option<Revision>) -> Result<()>;
    /// The runs that match `filter` and come after `after`.
    async fn runs(&self, filter: &RunFilter, after: Option<&Run>) -> Result<Vec<Run>>;
    /// Runs that were [over](Run::over) before `before`, those that have been over longest first.
    async fn runs_over(&self, before: Timestamp) -> Result<Vec<(Run, Revision)>>;
    /// Removes a run for good, and says whether it was there in that revision.
    async fn forget_run(&self, id: &RunId, seen: Revision) -> Result<bool>;
}

/// Tasks by id. They are short-lived and are no part of an [`Archive`].
///
/// Guarantees:
/// - A task is listed until it [expires](Task::expires); its id is taken until it is forgotten.
#[async_trait]
pub trait TaskStore: Send + Sync {
    /// Adds a task.
    async fn insert_task(&self, task: &Task) -> Result<()>;
    /// Says how far a task is, and where its server can be reached if that is known.
    async fn set_task_status(&self, id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> Result<()>;
    /// The tasks that match, stand at `now` and come after `after`, by id.
    async fn tasks(&self, filter: &TaskFilter, now: Timestamp, after: Option<&TaskId>) -> Result<Vec<Task>>;
    /// Removes the tasks that have expired at `before`, and says how many.
    async fn forget_tasks(&self, before: Timestamp) -> Result<u64>;
}

/// What happened to jobs and runs, by id.
///
/// Guarantees:
/// - An event whose id is there changes nothing, and the one that is there is given back.
/// - [`events`](EventStore::events) lists by when it happened, newest first, then by id.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Adds an event.
    async fn insert_event(&self, event: &JobEvent) -> Result<Option<JobEvent>>;
    /// At most `limit` events of `scope`.
    async fn events(&self, scope: &EventScope, limit: u32) -> Result<Vec<JobEvent>>;
    /// Removes the events that were heard of before `before`, and says how many.
    async fn forget_events(&self, before: Timestamp) -> Result<u64>;
}

/// The audit trail. Entries are never changed.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds an entry.
    async fn insert_audit(&self, entry: &AuditEntry) -> Result<()>;
    /// The entries that match `filter`, newest first.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>>;
    /// Removes the entries of what was done before `before`, and says how many.
    async fn forget_audit(&self, before: Timestamp) -> Result<u64>;
}

/// The testbed-wide settings.
#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// The settings stored last, or the default.
    async fn settings(&self) -> Result<Settings>;
    /// Replaces the settings.
    async fn put_settings(&self, settings: &Settings) -> Result<()>;
}

/// Everything a store holds, for backups and for moving to another store.
///
/// Guarantees:
/// - What [`records`](Archive::records) gives, [restored](Archive::restore) into an empty store, makes
///   a store that gives the same records and answers every other call alike.
/// - A record that is there already is not touched, but for a [timetable](Record::Timetable): its
///   version grows to the one restored, and never shrinks.
/// - Restoring a job makes the versions of its nodes grow. It fails with
///   [`AlreadyExists`](crate::ErrorKind::AlreadyExists) where another job of its id is not deleted.
#[async_trait]
pub trait Archive: Send + Sync {
    /// The records after `after`, in the order of their keys.
    async fn records(&self, after: Option<&RecordKey>) -> Result<Vec<Record>>;
    /// Adds a record as it is, if nothing has changed since `seen` in the timetables that it names;
    /// else it fails with [`Stale`](crate::ErrorKind::Stale). If there is one of its key, that one
    /// stays and is given back.
    async fn restore(&self, record: &Record, seen: &Versions) -> Result<Option<Record>>;
}
