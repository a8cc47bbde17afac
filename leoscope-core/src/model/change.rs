//! A change to a booked job.

use super::{Job, JobSpec, RunLength};
use crate::error::Error;
use crate::schedule::{Policies, Schedule};
use crate::time::{SignedDuration, Timestamp, Window};

/// What of a job shall be different; `None` leaves a part as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobChange {
    /// See [`Job::schedule`].
    pub schedule: Option<Schedule>,
    /// The start of [`Job::window`].
    pub start: Option<Timestamp>,
    /// The end of [`Job::window`].
    pub end: Option<Timestamp>,
    /// See [`Job::length`].
    pub length: Option<RunLength>,
    /// See [`Job::overhead`].
    pub overhead: Option<bool>,
    /// See [`Job::trigger`]; an empty text takes the trigger away.
    pub trigger: Option<String>,
    /// See [`Job::config`].
    pub config: Option<String>,
    /// See [`Job::policies`]; all of them at once.
    pub policies: Option<Policies>,
}

impl JobChange {
    /// `job` with this change made at `now`, checked like a new one.
    ///
    /// It keeps its id, owner and nodes, and the time at which it was booked, so that its runs
    /// keep their ids; and, as far as its slip allows it, the amount by which it was moved.
    ///
    /// # Errors
    /// Those of [`JobSpec::check`]; [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when
    /// there is nothing to change.
    pub fn apply(self, job: &Job, now: Timestamp) -> Result<Job, Error> {
        if self == Self::default() {
            return Err(Error::invalid(format!("no change to job {} is given", job.id)).hint(
                "name what shall be different: schedule, start, end, length, trigger, config or policies",
            ));
        }
        let Self { schedule, start, end, length, overhead, trigger, config, policies } = self;
        let window = Window::new(start.unwrap_or(job.window.start()), end.unwrap_or(job.window.end()))?;
        // What is wanted of a trigger goes with it.
        let kept = match trigger.as_deref().map(str::trim) {
            Some("") => Policies { hold: None, cooldown: SignedDuration::ZERO, ..job.policies.clone() },
            _ => job.policies.clone(),
        };
        let spec = JobSpec {
            id: Some(job.id.clone()),
            node: job.node.clone(),
            server: job.server.clone(),
            schedule: schedule.unwrap_or_else(|| job.schedule.clone()),
            window,
            length: length.unwrap_or(job.length),
            overhead: overhead.unwrap_or(job.overhead),
            trigger: trigger.or_else(|| job.trigger.clone()),
            config: config.unwrap_or_else(|| job.config.clone()),
            params: job.params.clone(),
            policies: policies.unwrap_or(kept),
        };
        let changed = spec.check(job.owner.clone(), now)?;
        Ok(Job { created: job.created, shift: job.shift.min(changed.policies.slip), ..changed })
    }
}

impl Job {
    /// This definition as the one that takes the place of `job` at `now`: where it plans the run
    /// that has the time then as well, with the same start and at least as long, that run belongs
    /// to it.
    #[must_use]
    pub fn succeeding(self, job: &Self, now: Timestamp) -> Self {
        let current = job.occurrences_after(now).next().filter(|current| current.reserved.contains(now));
        match current
            .map(|current| (current.window, Self { since: current.reserved.start(), ..self.clone() }))
        {
            Some((window, kept)) if kept.plans(window) => kept,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests;
