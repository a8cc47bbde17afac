use std::fmt::Debug;
use std::net::IpAddr;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use super::{ByteStream, OutputStream};
use crate::error::Result;
use crate::ids::{FollowerId, JobId, NodeId, RunId, TaskId, UserId};
use crate::model::{
    AuditEntry, AuditFilter, BundleFacts, CalendarEvent, Checksum, Constellation, EventScope,
    ExperimentFiles, Follower, Forecast, Heartbeat, Job, JobChange, JobEvent, JobPlan, JobSpec, NewEvent,
    NewTask, NewUser, Node, NodeFilter, NodeReadings, NodeUpdate, Orders, OutputScope, Run, RunFilter,
    Secret, Settings, SlotRequest, Standby, StandbyBy, Task, TaskFilter, TaskStatus,
};
use crate::time::{Timestamp, Window};

/// The orders of a node as they change; the current ones first. An error ends it.
pub type OrdersStream = Pin<Box<dyn Stream<Item = Result<Orders>> + Send>>;

/// Those who want to see what the runs of a node print, as they come. An error ends it.
pub type FollowerStream = Pin<Box<dyn Stream<Item = Result<Follower>> + Send>>;

/// The newest readings of a node, again and again. An error ends it.
pub type ReadingsStream = Pin<Box<dyn Stream<Item = Result<NodeReadings>> + Send>>;

/// Whether anybody wants to see the readings of a node: as it stands, and then each change. An error
/// ends it.
pub type ReadersStream = Pin<Box<dyn Stream<Item = Result<bool>> + Send>>;

/// How a bundle is to be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handover {
    /// Not at all: it is there.
    Stored,
    /// By [`upload`](ControlPlane::upload), from this byte on.
    Through {
        /// How many bytes are there already.
        from: u64,
    },
    /// By a [`BlockUpload`](super::BlockUpload) to where a link leads; then
    /// [`finish_upload`](ControlPlane::finish_upload) is called.
    Direct {
        /// The link, which lets nobody do anything else.
        link: Secret,
        /// Until when it works.
        expires: Timestamp,
    },
}

/// The bundle of a run as it is fetched.
#[derive(Debug)]
pub struct Download {
    /// What identifies it, where that is known.
    pub bundle: Option<BundleFacts>,
    /// Where its bytes come from.
    pub source: Source,
}

/// Where the bytes of a bundle come from.
pub enum Source {
    /// Through the orchestrator, from the asked byte on.
    Stream(ByteStream),
    /// From a link, which [`BlobStorage::fetch`](super::BlobStorage::fetch) reads.
    Link(Secret),
}

impl Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stream(_) => f.write_str("Stream"),
            Self::Link(link) => f.debug_tuple("Link").field(link).finish(),
        }
    }
}

/// The most bytes with which an artifact store is probed.
pub const MAX_PROBE_BYTES: usize = 64 << 10;

/// The most runs that are told in one answer: more would not fit what existing clients accept.
pub const MOST_RUNS: u32 = 10_000;

/// A booked job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Its id, also when the orchestrator chose it.
    pub id: JobId,
    /// What the submitter should know, though it did not prevent the booking.
    pub warnings: Vec<String>,
}

/// The planned runs of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The runs, in order of time.
    pub events: Vec<CalendarEvent>,
    /// Whether these are all; else only the first ones are told.
    pub complete: bool,
}

impl Calendar {
    /// The planned runs of several nodes as one calendar; a run that is planned on two of them is told
    /// once.
    pub fn merged(calendars: impl IntoIterator<Item = Self>) -> Self {
        let (mut events, mut complete) = (Vec::new(), true);
        for calendar in calendars {
            events.extend(calendar.events);
            complete &= calendar.complete;
        }
        events.sort_by(|a, b| (a.window, &a.job, &a.node).cmp(&(b.window, &b.job, &b.node)));
        events.dedup_by(|a, b| (a.window, &a.job, &a.node) == (b.window, &b.job, &b.node));
        Self { events, complete }
    }
}

/// The testbed as one caller sees it: in this process, or over the network.
///
/// Guarantees:
/// - Every call is made as the caller this object is bound to, and refused with
///   [`PermissionDenied`](crate::ErrorKind::PermissionDenied) where the
///   [policy](crate::policy) does not let it.
/// - A refused call changes nothing.
/// - Repeating [`report_run`](ControlPlane::report_run), [`heartbeat`](ControlPlane::heartbeat) or
///   [`upload`](ControlPlane::upload) has the effect of doing it once.
#[async_trait]
pub trait ControlPlane: Debug + Send + Sync {
    /// Registers a user and gives its access token, which is shown only this once.
    async fn register_user(&self, user: NewUser) -> Result<Secret>;
    /// A user, if there is one.
    async fn user(&self, id: &UserId) -> Result<Option<NewUser>>;
    /// Changes name, role and team of a user.
    async fn modify_user(&self, user: NewUser) -> Result<()>;
    /// Removes a user; what it booked stays.
    async fn delete_user(&self, id: &UserId) -> Result<()>;

    /// Gives a user a new access token, which is shown only this once; the old one is no more.
    async fn rotate_token(&self, id: &UserId) -> Result<Secret>;
    /// Takes a user's access token away.
    async fn revoke_token(&self, id: &UserId) -> Result<()>;

    /// Registers a node and gives its access token, which is shown only this once.
    async fn register_node(&self, id: NodeId, details: NodeUpdate) -> Result<Secret>;
    /// The nodes that match.
    async fn nodes(&self, filter: &NodeFilter) -> Result<Vec<Node>>;
    /// Changes a node.
    async fn update_node(&self, id: &NodeId, update: NodeUpdate) -> Result<()>;
    /// Removes a node; refused while jobs are booked on it, unless `with_jobs`.
    async fn delete_node(&self, id: &NodeId, with_jobs: bool) -> Result<()>;
    /// Says that a node is alive, with what it knows of itself.
    async fn heartbeat(&self, beat: Heartbeat) -> Result<()>;
    /// The orchestrator's time.
    async fn time(&self) -> Result<Timestamp>;

    /// The orbital elements for the satellites of a node; `None` if `have` is still the newest.
    async fn elements(&self, node: &NodeId, have: Option<Checksum>) -> Result<Option<Constellation>>;
    /// When a trigger is expected to hold at a node.
    async fn forecast(&self, node: &NodeId, trigger: &str, span: Window) -> Result<Forecast>;

    /// Books a job.
    async fn schedule_job(&self, spec: JobSpec) -> Result<Scheduled>;
    /// What booking a job would do, with its next `runs` runs; nothing is stored.
    async fn plan_job(&self, spec: JobSpec, runs: u32) -> Result<JobPlan>;
    /// Changes a job and gives what its owner should know, though it did not prevent the change.
    async fn modify_job(&self, id: &JobId, change: JobChange) -> Result<Vec<String>>;
    /// Moves a one-time job to the earliest free time inside `within`, before its end date, and
    /// gives its new window. One that lies there already stays.
    async fn reschedule_job(&self, id: &JobId, within: Window) -> Result<Window>;
    /// Free time on nodes, nearest first.
    async fn free_slots(&self, request: &SlotRequest) -> Result<Vec<Window>>;
    /// The planned runs of a node that start inside `within`.
    async fn calendar(&self, node: &NodeId, within: Window) -> Result<Calendar>;
    /// A job that has not been deleted, if there is one.
    async fn job(&self, id: &JobId) -> Result<Option<Job>>;
    /// The jobs of a user.
    async fn jobs_of_user(&self, user: &UserId) -> Result<Vec<Job>>;
    /// The jobs that measure or serve on a node.
    async fn jobs_on_node(&self, node: &NodeId) -> Result<Vec<Job>>;
    /// Deletes a job; its runs stay.
    async fn delete_job(&self, id: &JobId) -> Result<()>;
    /// Deletes all jobs of a node and gives their number.
    async fn delete_jobs_on_node(&self, node: &NodeId) -> Result<u32>;

    /// Stores the record of a run as its node sees it.
    async fn report_run(&self, run: Run) -> Result<()>;
    /// The runs that match and that the caller may see, newest first by [`Run::sort_key`], [`MOST_RUNS`] at most.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>>;

    /// Reports a step in the life of a job or run. One that was reported before changes nothing.
    async fn report_event(&self, event: NewEvent) -> Result<()>;
    /// The steps of a job or run, newest first, a thousand at most.
    async fn events(&self, scope: &EventScope, limit: Option<u32>) -> Result<Vec<JobEvent>>;

    /// Asks something of the other node of a run.
    async fn schedule_task(&self, task: NewTask) -> Result<()>;
    /// The tasks that match and stand, of jobs that involve the caller.
    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<Task>>;
    /// Says how far a task is.
    async fn update_task(&self, id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> Result<()>;
    /// Whether experiments of this user may change kernel settings.
    async fn kernel_access(&self, user: &UserId) -> Result<()>;
    /// Says that a node does not take (all) experiments, or with `None` does again. What people said
    /// and what the node found stand beside each other; when people end it, all of it ends.
    async fn set_standby(&self, node: &NodeId, by: StandbyBy, standby: Option<Standby>) -> Result<()>;
    /// What keeps a node from experiments as it is.
    async fn standby(&self, node: &NodeId) -> Result<Option<Standby>>;

    /// The testbed-wide settings, secrets blanked for callers who must not see them.
    async fn settings(&self) -> Result<Settings>;
    /// Replaces the testbed-wide settings.
    async fn update_settings(&self, settings: Settings) -> Result<()>;

    /// Who did what, newest first, a thousand at most; the filter says where to go on.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>>;

    /// The orders of a node.
    async fn orders(&self, node: &NodeId) -> Result<Orders>;
    /// The orders of a node as they change.
    async fn watch_orders(&self, node: &NodeId) -> Result<OrdersStream>;

    /// How the bundle of a run is to be handed over, and how much of it is there already.
    async fn begin_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<Handover>;
    /// Hands the bundle of a run over through the orchestrator, without its first `from` bytes, which are
    /// there already. What was sent before `content` failed stays there.
    async fn upload(&self, run: &RunId, bundle: &BundleFacts, from: u64, content: ByteStream) -> Result<()>;
    /// Says that the bundle of a run is where the [link](Handover::Direct) led.
    async fn finish_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<()>;
    /// Reads the bundle of a run, without its first `from` bytes.
    async fn download(&self, run: &RunId, from: u64) -> Result<Download>;
    /// The files of an experiment on a node that take the place of what its orders say.
    async fn experiment_files(&self, node: &NodeId, job: &JobId) -> Result<ExperimentFiles>;
    /// What the experiment of a run prints, through the orchestrator that its node is connected to. It
    /// begins when the experiment does, and ends with it.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while the node is not connected,
    /// [`NotFound`](crate::ErrorKind::NotFound) for a run that has ended, and
    /// [`Exhausted`](crate::ErrorKind::Exhausted) where too many follow.
    async fn follow_output(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream>;
    /// Those who want to see what the runs of a node print.
    async fn watch_followers(&self, node: &NodeId) -> Result<FollowerStream>;
    /// Sends a follower what it wants to see, until that ends or the follower has gone. An error in
    /// `output` is told to the follower.
    async fn send_output(&self, follower: &FollowerId, output: OutputStream) -> Result<()>;
    /// What a node reads of the world around it, about once a second, through the orchestrator that it
    /// is connected to. Who reads slowly misses some.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while the node is not connected, and
    /// [`Exhausted`](crate::ErrorKind::Exhausted) where too many watch.
    async fn watch_readings(&self, node: &NodeId) -> Result<ReadingsStream>;
    /// Whether anybody wants to see the readings of a node.
    async fn watch_readers(&self, node: &NodeId) -> Result<ReadersStream>;
    /// Shows the newest readings of a node to all who want to see them.
    async fn send_readings(&self, node: &NodeId, readings: NodeReadings) -> Result<()>;
    /// Has the orchestrator write `content`, at most [`MAX_PROBE_BYTES`], to its artifact store, and
    /// gives what was read back. Nothing of it stays.
    async fn probe_artifacts(&self, content: Bytes) -> Result<Bytes>;
}
