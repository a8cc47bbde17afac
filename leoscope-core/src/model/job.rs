//! Booked jobs.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::redact::without_secrets_of;
use crate::error::Error;
use crate::ids::{JobId, NodeId, UserId};
use crate::schedule::{Occurrences, PUNCTUAL, Policies, Schedule, Timeline, Timing, alignment_wait};
use crate::time::{Timestamp, Window};

/// The length of a run in whole seconds, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct RunLength(u32);

impl RunLength {
    /// A length of `secs` seconds.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) unless `secs` is at least 1 and fits 31 bits.
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

/// How much of a job somebody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All of it.
    Whole,
    /// When the node is taken, not what is measured.
    Times,
}

impl View {
    /// What of `job` may be seen.
    #[must_use]
    pub fn of(self, job: Job) -> Job {
        match self {
            Self::Whole => job,
            Self::Times => Job { config: String::new(), trigger: None, ..job },
        }
    }
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
    /// What it wants of its starts beyond the schedule.
    #[serde(default)]
    pub policies: Policies,
    /// By how much all starts were moved when it was booked, within its [slip](Policies::slip).
    #[serde(default)]
    pub shift: SignedDuration,
    /// When it was booked; the ids of its runs follow from it, so a change leaves it as it is.
    pub created: Timestamp,
    /// Since when this definition holds: when it was booked, or changed last.
    pub since: Timestamp,
    /// When it was deleted, or another definition took its place; its history stays.
    pub deleted: Option<Timestamp>,
}

impl Job {
    /// The planned windows of the job as sets, which can be compared with another job's.
    ///
    /// It holds what is planned from [`since`](Self::since) on and before it was deleted.
    pub fn timeline(&self) -> Timeline {
        Timeline::of(&self.timing())
    }

    fn timing(&self) -> Timing<'_> {
        let is_random = !self.policies.random_slip.is_zero();
        Timing {
            schedule: &self.schedule,
            policies: &self.policies,
            shift: self.shift,
            range: self.window,
            length: self.length.duration(),
            since: Some(self.since),
            until: self.deleted,
            seed: if is_random { self.id.seed(self.created) } else { 0 },
        }
    }

    /// The same job with its starts moved by `shift`, and on to the alignment.
    #[must_use]
    pub fn moved_by(&self, shift: SignedDuration) -> Self {
        let moved = Self { shift, ..self.clone() };
        if shift.is_zero() { moved } else { Self { shift: moved.offset(), ..moved } }
    }

    /// How much later than the schedule says the starts are, alignment included.
    pub fn offset(&self) -> SignedDuration {
        self.shift + alignment_wait(&self.schedule, &self.policies, self.window, self.shift)
    }

    /// By how much the starts lie later than they would unmoved.
    pub fn movement(&self) -> SignedDuration {
        self.offset() - self.moved_by(SignedDuration::ZERO).offset()
    }

    /// The planned runs of the job, in order of their scheduled starts.
    pub fn occurrences(&self) -> Occurrences<'static> {
        self.timeline().into_occurrences()
    }

    /// The planned runs whose time is not over at `instant`. The cost does not grow with the time
    /// that has passed since the job began.
    pub fn occurrences_after(&self, instant: Timestamp) -> Occurrences<'static> {
        self.timeline().after(instant).into_occurrences()
    }

    /// The instant from which on this definition plans nothing.
    pub fn over(&self) -> Timestamp {
        self.deleted.map_or(self.window.end(), |deleted| deleted.min(self.window.end()))
    }

    /// Whether the job plans a run that starts with `window` and lasts at least as long.
    pub fn plans(&self, window: Window) -> bool {
        self.timeline().planned_at(window.start()).is_some_and(|found| found.window.covers(&window))
    }

    /// The last instant at which the run planned for `planned` may start: by as much later as is allowed,
    /// or as long as enough of its length is left for a run that its trigger may hold. Where that is all of
    /// it, it may still be [punctual](PUNCTUAL).
    pub fn latest_start(&self, planned: Window) -> Timestamp {
        let after = |late: SignedDuration| planned.start().checked_add(late).unwrap_or(planned.start());
        match self.policies.hold {
            Some(hold) if self.trigger.is_some() => {
                let enough_left = planned.end().checked_sub(hold.at_least).unwrap_or(planned.start());
                enough_left.max(after(PUNCTUAL))
            }
            _ => after(self.policies.allowed_lateness),
        }
    }

    /// The node that measures and, if there is one, the node that serves.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        std::iter::once(&self.node).chain(&self.server)
    }

    /// Whether the job occupies `node`.
    pub fn involves(&self, node: &NodeId) -> bool {
        self.nodes().any(|other| other == node)
    }

    /// The same job as it may be shown: without the [secrets](super::redacted) of its config, also where
    /// they stand beside it.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let shown = |text: &str| without_secrets_of(&self.config, text);
        let JobParams { mode, deploy, execute, finish } = &self.params;
        let params = JobParams {
            mode: shown(mode),
            deploy: shown(deploy),
            execute: shown(execute),
            finish: shown(finish),
        };
        let trigger = self.trigger.as_deref().map(shown);
        Self { config: super::redacted(&self.config), params, trigger, ..self.clone() }
    }

    /// Whether `other` is a definition of the same booking: a job id used again is another one.
    pub fn is_same_booking(&self, other: &Self) -> bool {
        self.id == other.id && self.created == other.created
    }
}
