//! What is asked and told about time before anything is booked.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{Job, JobParams};
use crate::error::Error;
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::schedule::Schedule;
use crate::time::{Timestamp, Window};

/// What booking a job would do.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// The job as it would be booked.
    pub job: Job,
    /// What the submitter should know, though it does not prevent the booking.
    pub warnings: Vec<String>,
    /// Its next runs.
    pub runs: Vec<Window>,
    /// Why it would be refused; `None` when it would not.
    pub refusal: Option<Error>,
    /// What is expected of its trigger at each of the runs, `None` for those that are too far ahead; empty
    /// where nothing is told.
    pub expected: Vec<Option<Expectation>>,
    /// Why nothing is expected, where that is to be said.
    pub unforeseen: Option<String>,
}

/// What is expected of a trigger at a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// It will hold.
    Met,
    /// It will not hold.
    NotMet,
    /// It may: what can be told of it will hold, and it depends on more.
    Possible,
    /// What it names has no value then.
    Unknown,
}

/// A question for free time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRequest {
    /// All of them are to be free.
    pub nodes: BTreeSet<NodeId>,
    /// How long the free time has to be.
    pub length: SignedDuration,
    /// The instant to which the starts are to be near.
    pub near: Timestamp,
    /// The bounds in which all of it lies.
    pub within: Window,
    /// At most so many.
    pub count: u32,
}

/// A planned run as a calendar shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEvent {
    /// The run's id; `None` where the orchestrator does not tell it.
    pub run: Option<RunId>,
    /// Its job.
    pub job: JobId,
    /// Who booked the job, where that is told.
    pub owner: Option<UserId>,
    /// The node that measures.
    pub node: NodeId,
    /// The node that serves.
    pub server: Option<NodeId>,
    /// When it runs.
    pub window: Window,
    /// The schedule it follows from.
    pub schedule: Schedule,
    /// Whether it needs the link for itself.
    pub overhead: bool,
    /// The condition under which it starts, for those who may know.
    pub trigger: Option<String>,
    /// What existing clients sent with the job.
    pub params: JobParams,
}
