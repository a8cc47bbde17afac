//! Jobs: what a researcher books.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::ExperimentConfig;
use crate::error::{Error, ErrorKind};
use crate::ids::{JobId, NodeId, UserId};
use crate::schedule::{Occurrences, Schedule, occurrences};
use crate::time::{Timestamp, Window, wire_time};

/// The longest date range of a job in days (five years), which bounds what a check can cost.
pub const MAX_WINDOW_DAYS: i64 = 5 * 366;

/// The length of a run in whole seconds, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct RunLength(u32);

impl RunLength {
    /// A length of `secs` seconds.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) unless `secs` is at least 1 and fits 31 bits.
    pub fn from_secs(secs: i64) -> Result<Self, Error> {
        match u32::try_from(secs) {
            Ok(length) if length > 0 && i32::try_from(secs).is_ok() => Ok(Self(length)),
            _ => Err(Error::invalid(format!("length of {secs} seconds is not possible"))
                .hint("give the length of one run in seconds, 1 or more")),
        }
    }

    /// In seconds.
    pub fn secs(self) -> u32 {
        self.0
    }

    /// As a duration.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(self.0.into())
    }
}

impl TryFrom<i64> for RunLength {
    type Error = Error;
    fn try_from(secs: i64) -> Result<Self, Error> {
        Self::from_secs(secs)
    }
}

impl From<RunLength> for i64 {
    fn from(length: RunLength) -> i64 {
        length.0.into()
    }
}

impl fmt::Display for RunLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

/// The texts existing clients send for the phases of a run; kept and handed back as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobParams {
    /// How the phases are run, for example `docker`.
    pub mode: String,
    /// Text of the deploy phase.
    pub deploy: String,
    /// Text of the execute phase.
    pub execute: String,
    /// Text of the finish phase.
    pub finish: String,
}

/// What a researcher asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// The wished id; the orchestrator makes one when there is none.
    pub id: Option<JobId>,
    /// The node that measures.
    pub node: NodeId,
    /// The node that serves, for experiments with two sides.
    pub server: Option<NodeId>,
    /// When it starts.
    pub schedule: Schedule,
    /// The date range in which every run lies wholly.
    pub window: Window,
    /// The length of one run.
    pub length: RunLength,
    /// Whether it needs the link for itself.
    pub overhead: bool,
    /// The condition under which a run starts, as written.
    pub trigger: Option<String>,
    /// The experiment config (YAML), as written.
    pub config: String,
    /// What existing clients send beside the config.
    pub params: JobParams,
}

/// A booked job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Who booked it.
    pub owner: UserId,
    /// The node that measures.
    pub node: NodeId,
    /// The node that serves.
    pub server: Option<NodeId>,
    /// When it starts.
    pub schedule: Schedule,
    /// The date range in which every run lies wholly.
    pub window: Window,
    /// The length of one run.
    pub length: RunLength,
    /// Whether it needs the link for itself.
    pub overhead: bool,
    /// The condition under which a run starts, as written.
    pub trigger: Option<String>,
    /// The experiment config (YAML), as written.
    pub config: String,
    /// What existing clients sent beside the config.
    pub params: JobParams,
    /// When it was booked.
    pub created: Timestamp,
    /// When it was deleted; its history stays.
    pub deleted: Option<Timestamp>,
}

impl JobSpec {
    /// Checks everything that can be checked without knowing other jobs or nodes, and gives the
    /// job as it would be booked by `owner` at `now`.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) naming the value; [`Unsupported`](ErrorKind::Unsupported)
    /// for a trigger, which this version cannot evaluate.
    pub fn check(self, owner: UserId, now: Timestamp) -> Result<Job, Error> {
        let Self { id, node, server, schedule, window, length, overhead, trigger, config, params } = self;
        if server.as_ref() == Some(&node) {
            return Err(Error::invalid(format!("server {node} is also the node that measures"))
                .hint("name another node as server, or none"));
        }
        if length.duration() > window.length() {
            return Err(Error::invalid(format!(
                "length {length} is longer than the window {window} of {} s",
                window.length().as_secs()
            ))
            .hint("shorten the length or move the end date"));
        }
        if window.length() > SignedDuration::from_hours(24 * MAX_WINDOW_DAYS) {
            return Err(Error::invalid(format!("window {window} is longer than {MAX_WINDOW_DAYS} days"))
                .hint("choose an earlier end date; a job can be booked again later"));
        }
        if window.end() <= now {
            return Err(Error::invalid(format!(
                "end {} has passed, it is {}",
                wire_time(window.end()),
                wire_time(now)
            ))
            .hint("choose an end date in the future (times are UTC)"));
        }
        if schedule == Schedule::Once && window.start() < now {
            return Err(Error::invalid(format!(
                "start {} has passed, it is {}",
                wire_time(window.start()),
                wire_time(now)
            ))
            .hint("choose a start date in the future (times are UTC)"));
        }
        if let Some(trigger) = trigger.as_deref().filter(|text| !text.trim().is_empty()) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("trigger: {trigger:?} cannot be evaluated by this version"),
            )
            .hint("leave the trigger out"));
        }
        ExperimentConfig::parse(&config)?;
        let id = id.map_or_else(JobId::random, Ok)?;
        let job = Job {
            id,
            owner,
            node,
            server,
            schedule,
            window,
            length,
            overhead,
            trigger: None,
            config,
            params,
            created: now,
            deleted: None,
        };
        if job.occurrences().next().is_none() {
            return Err(Error::invalid(format!("schedule never starts a run of {length} inside {window}"))
                .hint("check the cron expression against the dates, or widen the window"));
        }
        Ok(job)
    }
}

impl Job {
    /// The planned windows of the job, in order of time.
    pub fn occurrences(&self) -> Occurrences<'_> {
        occurrences(&self.schedule, self.window, self.length.duration())
    }

    /// The planned windows that end after `instant`, in order of time. The cost does not grow with
    /// the time that has passed since the job began.
    pub fn occurrences_after(&self, instant: Timestamp) -> impl Iterator<Item = Window> + '_ {
        let length = self.length.duration();
        let range = match self.schedule {
            Schedule::Once => Some(self.window),
            Schedule::Cron(_) => {
                let from = instant.checked_sub(length).unwrap_or(instant).max(self.window.start());
                Window::new(from, self.window.end()).ok()
            }
        };
        range
            .into_iter()
            .flat_map(move |range| occurrences(&self.schedule, range, length))
            .filter(move |window| window.end() > instant)
    }

    /// The node that measures and, if there is one, the node that serves.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        std::iter::once(&self.node).chain(&self.server)
    }

    /// Whether the job occupies `node`.
    pub fn involves(&self, node: &NodeId) -> bool {
        self.nodes().any(|other| other == node)
    }
}
