use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Service;
use super::refusal::{busy, conflict, exists, missing};
use crate::conflict::{Bookings, place, refusal};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId, RunId};
use crate::model::{Job, Run, RunFilter};
use crate::ports::{Booking, Store, StoreExt as _, Timetable, Versions};
use crate::schedule::Occurrence;
use crate::time::{SignedDuration, Timestamp};

/// How often a booking is tried again after somebody else's came first.
const ATTEMPTS: u32 = 64;

/// The longest pause between two of them in milliseconds.
const MOST_PAUSE_MS: u64 = 40;

/// How long before its planned start a run may have ended already, because it could not be made
/// ready.
const BEFORE_START: SignedDuration = SignedDuration::from_mins(1);

/// Waits before a booking is tried again: not at all at first, then longer and longer, by chance,
/// because those of other processes come again as well.
async fn pause(attempt: u32) {
    let longest = u64::from(attempt.saturating_sub(1)).min(MOST_PAUSE_MS);
    let by_chance = getrandom::u64().unwrap_or_default() % (longest + 1);
    if by_chance > 0 {
        tokio::time::sleep(Duration::from_millis(by_chance)).await;
    }
}

/// What is booked on some nodes.
pub(super) struct Taken {
    pub(super) timetable: Timetable,
    /// Jobs and instants at which a run of theirs would have the time, but has ended before.
    released: Vec<(JobId, Timestamp)>,
}

impl Taken {
    /// What is booked in `store` on these nodes at `now`.
    pub(super) async fn read(
        store: &dyn Store,
        nodes: impl Iterator<Item = &NodeId>,
        now: Timestamp,
    ) -> Result<Self> {
        let timetable = store.timetable(&nodes.cloned().collect()).await?;
        let released = Self::released(store, &timetable.jobs, now).await?;
        Ok(Self { timetable, released })
    }

    /// Where runs of `jobs` have ended before their time: from then on it is free. An ended run
    /// never comes back, so it does not matter that this is read after the timetable.
    async fn released(
        store: &dyn Store,
        jobs: &[Arc<Job>],
        now: Timestamp,
    ) -> Result<Vec<(JobId, Timestamp)>> {
        let soon = now.checked_add(BEFORE_START).unwrap_or(now);
        let mut released = Vec::new();
        for job in jobs.iter().filter(|job| job.overhead) {
            let current = job.occurrences_after(now);
            let current: Vec<Occurrence> =
                current.take_while(|occurrence| occurrence.reserved.start() <= soon).collect();
            for Occurrence { reserved, window } in current {
                let own = RunId::derive(&job.id, job.created, window.start());
                let filter =
                    RunFilter { job: Some(job.id.clone()), within: Some(reserved), ..RunFilter::default() };
                let runs = store.all_runs(&filter).await?;
                // Nodes of another make give ids of their own.
                let foreign = |run: &Run| run.planned.is_none() && run.started > Some(job.created);
                let belongs = |run: &Run| run.id == own || foreign(run);
                if runs.iter().any(|run| run.status.is_terminal() && belongs(run)) {
                    released.push((job.id.clone(), reserved.start()));
                }
            }
        }
        Ok(released)
    }

    /// The bookings that take time from `now` on, those of job `except` aside.
    pub(super) fn bookings(&self, except: Option<&JobId>, now: Timestamp) -> Bookings<'_> {
        let jobs = self.timetable.jobs.iter().filter(|job| Some(&job.id) != except);
        Bookings::new(jobs.map(Arc::as_ref), &self.released, now)
    }

    /// `job` as it can be booked beside the others.
    pub(super) fn place(&self, job: &Job, now: Timestamp) -> Result<Job> {
        place(job, &self.bookings(Some(&job.id), now), now).map_err(|refusal| conflict(job, refusal))
    }

    /// Refuses `job` where it is in the way of the others.
    pub(super) fn check(&self, job: &Job, now: Timestamp) -> Result<()> {
        let refused = refusal(job, &self.bookings(Some(&job.id), now), now);
        refused.map_or(Ok(()), |refusal| Err(conflict(job, refusal)))
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
        Taken::read(&*self.store, nodes, now).await
    }

    /// Carries out a booking of `job` and tells its nodes. Both are done even if the caller has
    /// gone meanwhile: a node that is not told would not know of a job that is booked.
    async fn commit(&self, seen: Versions, booking: Booking, job: &Job) -> Result<()> {
        let (store, changes) = (Arc::clone(&self.store), Arc::clone(&self.changes));
        let nodes: Vec<NodeId> = job.nodes().cloned().collect();
        let made = tokio::spawn(async move {
            store.commit(&seen, booking).await?;
            changes.announce(&nodes);
            Ok(())
        });
        made.await.map_err(|e| Error::while_doing("make a booking", e))?
    }

    /// Books `job` unless it conflicts with what is booked, and gives it as it was booked.
    ///
    /// The check and the booking are one: when the timetable changed in between, both are done
    /// again against what it has become.
    pub(super) async fn book(&self, job: Job) -> Result<Job> {
        let _turn = self.turns.take(job.nodes()).await?;
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let now = self.clock.now();
            let taken = self.taken(job.nodes(), now).await?;
            if taken.timetable.jobs.iter().any(|other| other.id == job.id) {
                return Err(exists(&job.id));
            }
            let placed = taken.place(&job, now)?;
            let booking = Booking::Insert(Box::new(placed.clone()));
            match self.commit(taken.timetable.versions, booking, &placed).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(&job.id)),
                other => return other.map(|()| placed),
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
        let _turn = self.turns.take(job.nodes()).await?;
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let now = self.clock.now();
            let taken = self.taken(job.nodes(), now).await?;
            let current = taken.timetable.jobs.iter().find(|other| other.is_same_booking(job));
            let current = current.ok_or_else(|| missing(&job.id))?;
            let Some(changed) = change(current, &taken, now)? else { return Ok(Job::clone(current)) };
            let booking = Booking::Replace(Box::new(changed.clone()));
            match self.commit(taken.timetable.versions, booking, &changed).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                other => return other.map(|()| changed),
            }
        }
        Err(busy(&job.node))
    }

    /// Deletes a job; its definition and runs stay.
    pub(super) async fn unbook(&self, job: &Job) -> Result<()> {
        let _turn = self.turns.take(job.nodes()).await?;
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let Timetable { jobs, versions } = self.timetable(job.nodes()).await?;
            if !jobs.iter().any(|other| other.is_same_booking(job)) {
                return Err(missing(&job.id));
            }
            let booking = Booking::Delete(job.id.clone(), self.clock.now());
            match self.commit(versions, booking, job).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                other => return other,
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
