use std::collections::BTreeSet;
use std::sync::Arc;

use super::Service;
use super::refusal::{busy, conflict, exists, missing};
use crate::conflict::{Bookings, place};
use crate::error::{ErrorKind, Result};
use crate::ids::{JobId, NodeId};
use crate::model::{Job, RunFilter};
use crate::ports::{Booking, Timetable};
use crate::time::{SignedDuration, Timestamp, Window};

/// How often a booking is tried again after somebody else's came first.
const ATTEMPTS: usize = 64;

/// How long before its planned start a run may have ended already, because it could not be made
/// ready.
const BEFORE_START: SignedDuration = SignedDuration::from_mins(1);

/// What is booked on some nodes.
pub(super) struct Taken {
    pub(super) timetable: Timetable,
    /// Jobs and instants at which a run of theirs would have the time, but has ended before.
    released: Vec<(JobId, Timestamp)>,
}

impl Taken {
    /// The bookings that take time from `now` on, those of job `except` aside.
    pub(super) fn bookings(&self, except: Option<&JobId>, now: Timestamp) -> Bookings<'_> {
        let jobs = self.timetable.jobs.iter().filter(|job| Some(&job.id) != except);
        Bookings::new(jobs.map(Arc::as_ref), &self.released, now)
    }

    /// `job` as it can be booked beside the others.
    pub(super) fn place(&self, job: &Job, now: Timestamp) -> Result<Job> {
        place(job, &self.bookings(Some(&job.id), now), now).map_err(|refusal| conflict(job, refusal))
    }
}

impl Service {
    /// The timetable of these nodes.
    pub(super) async fn timetable(&self, nodes: impl Iterator<Item = &NodeId>) -> Result<Timetable> {
        let nodes: BTreeSet<NodeId> = nodes.cloned().collect();
        self.store.timetable(&nodes).await
    }

    /// What is booked on these nodes at `now`.
    pub(super) async fn taken(&self, nodes: impl Iterator<Item = &NodeId>, now: Timestamp) -> Result<Taken> {
        let timetable = self.timetable(nodes).await?;
        let released = self.released(&timetable.jobs, now).await?;
        Ok(Taken { timetable, released })
    }

    /// Where runs of `jobs` have ended before their time: from then on it is free. An ended run
    /// never comes back, so it does not matter that this is read after the timetable.
    async fn released(&self, jobs: &[Arc<Job>], now: Timestamp) -> Result<Vec<(JobId, Timestamp)>> {
        let soon = now.checked_add(BEFORE_START).unwrap_or(now);
        let mut released = Vec::new();
        for job in jobs.iter().filter(|job| job.overhead) {
            let current = job.occurrences_after(now).map(|occurrence| occurrence.reserved);
            let current: Vec<Window> = current.take_while(|reserved| reserved.start() <= soon).collect();
            for reserved in current {
                let filter =
                    RunFilter { job: Some(job.id.clone()), within: Some(reserved), ..RunFilter::default() };
                let runs = self.store.runs(&filter).await?;
                let ended = runs.iter().filter(|run| run.status.is_terminal());
                released.extend(ended.filter_map(|run| Some((job.id.clone(), run.sort_key()?))));
            }
        }
        Ok(released)
    }

    /// Books `job` unless it conflicts with what is booked, and gives it as it was booked.
    ///
    /// The check and the booking are one: when the timetable changed in between, both are done
    /// again against what it has become.
    pub(super) async fn book(&self, job: Job) -> Result<Job> {
        let _turn = self.booking.lock().await;
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let taken = self.taken(job.nodes(), now).await?;
            if taken.timetable.jobs.iter().any(|other| other.id == job.id) {
                return Err(exists(&job.id));
            }
            let placed = taken.place(&job, now)?;
            let booking = Booking::Insert(Box::new(placed.clone()));
            match self.store.commit(&taken.timetable.versions, booking).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(&job.id)),
                other => {
                    other?;
                    self.changes.announce(placed.nodes());
                    return Ok(placed);
                }
            }
        }
        Err(busy(&job.node))
    }

    /// Replaces a job by what `change` makes of it at `now`, beside what is booked then. `None`
    /// says that it shall stay as it is.
    pub(super) async fn rebook(
        &self,
        job: &Job,
        change: impl Fn(&Job, &Taken, Timestamp) -> Result<Option<Job>>,
    ) -> Result<Job> {
        let _turn = self.booking.lock().await;
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let taken = self.taken(job.nodes(), now).await?;
            let current = taken.timetable.jobs.iter().find(|other| other.is_same_booking(job));
            let current = current.ok_or_else(|| missing(&job.id))?;
            let Some(changed) = change(current, &taken, now)? else { return Ok(Job::clone(current)) };
            let booking = Booking::Replace(Box::new(changed.clone()));
            match self.store.commit(&taken.timetable.versions, booking).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                other => {
                    other?;
                    self.changes.announce(changed.nodes());
                    return Ok(changed);
                }
            }
        }
        Err(busy(&job.node))
    }

    /// Deletes a job; its definition and runs stay.
    pub(super) async fn unbook(&self, job: &Job) -> Result<()> {
        let _turn = self.booking.lock().await;
        for _ in 0..ATTEMPTS {
            let Timetable { jobs, versions } = self.timetable(job.nodes()).await?;
            if !jobs.iter().any(|other| other.is_same_booking(job)) {
                return Err(missing(&job.id));
            }
            match self.store.commit(&versions, Booking::Delete(job.id.clone(), self.clock.now())).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                other => {
                    other?;
                    self.changes.announce(job.nodes());
                    return Ok(());
                }
            }
        }
        Err(busy(&job.node))
    }

    /// Deletes all jobs that involve `node` and gives their number.
    pub(super) async fn delete_jobs(&self, node: &NodeId) -> Result<u32> {
        let jobs = self.timetable(std::iter::once(node)).await?.jobs;
        let mut deleted = 0;
        for job in &jobs {
            match self.unbook(job).await {
                // Somebody else deleted it meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => {
                    other?;
                    deleted += 1;
                }
            }
        }
        Ok(deleted)
    }
}
