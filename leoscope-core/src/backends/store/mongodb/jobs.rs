//! Jobs.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use ::mongodb::ClientSession;
use ::mongodb::bson::{Bson, doc};
use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::super::{missing, taken};
use super::documents::{self, JobDocument};
use super::timetable::inside;
use super::{Access, DEADLINE, LIMIT, MongoStore, fault, within};
use crate::backends::timetables::Committed;
use crate::error::Result;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::Job;
use crate::ports::{Booking, JobStore, Timetable, TimetableChanges, Unsettled, Versions};
use crate::time::Timestamp;

impl MongoStore {
    /// Writes `booking` in the transaction of `session`, if the versions are still those `seen`.
    async fn book(
        &self,
        session: &mut ClientSession,
        seen: &Versions,
        booking: Booking,
    ) -> Result<Committed> {
        let id = match &booking {
            Booking::Insert(job) | Booking::Replace(job) => job.id.clone(),
            Booking::Delete(id, _) => id.clone(),
        };
        let jobs = self.jobs();
        let live = jobs.find_one(doc! { "live": id.as_str() }).session(&mut *session);
        let live = live.await.map_err(|e| inside(&e))?.map(JobDocument::into_job).transpose()?;
        let (ended, new) = match booking {
            Booking::Insert(job) => (None, Some(job)),
            Booking::Replace(job) => (Some(job.since), Some(job)),
            Booking::Delete(_, at) => (Some(at), None),
        };
        let mut changed: Vec<Job> = Vec::new();
        if let (Some(at), Some((job, _, _))) = (ended, &live) {
            changed.push(Job { deleted: Some(at), ..job.clone() });
        }
        changed.extend(new.as_deref().cloned());
        let versions = self.claim_all(session, seen, changed.iter().flat_map(Job::nodes)).await?;
        match (ended, live, new) {
            (None, None, Some(job)) => {
                let booked = doc! { "jobid": job.id.as_str(), "created_us": job.created.as_microsecond() };
                if self
                    .jobs()
                    .find_one(booked)
                    .session(&mut *session)
                    .await
                    .map_err(|e| inside(&e))?
                    .is_some()
                {
                    return Err(taken("job", &job.id));
                }
                self.insert(session, *job).await?;
            }
            (None, _, _) => return Err(taken("job", &id)),
            (Some(_), None, _) => return Err(missing("job", &id)),
            (Some(_), Some((old, _, _)), Some(new)) if !old.is_same_booking(&new) => {
                return Err(missing("job", &id));
            }
            (Some(at), Some((old, settled, next)), new) => {
                let key = doc! { "_id": documents::key(&old.id, old.created, old.since) };
                if new.as_ref().is_some_and(|new| new.since == old.since) {
                    // It has planned nothing that the new one does not plan.
                    self.jobs().delete_one(key).session(&mut *session).await.map_err(|e| inside(&e))?;
                } else {
                    let old = JobDocument::new(Job { deleted: Some(at), ..old }, settled, next);
                    self.jobs()
                        .replace_one(key, &old)
                        .session(&mut *session)
                        .await
                        .map_err(|e| inside(&e))?;
                }
                if let Some(new) = new {
                    self.insert(session, *new).await?;
                }
            }
        }
        Ok(Committed { versions, jobs: changed.into_iter().map(Arc::new).collect() })
    }

    async fn insert(&self, session: &mut ClientSession, job: Job) -> Result<()> {
        let (id, since) = (job.id.clone(), job.since);
        let document = JobDocument::new(job, since, Some(since));
        match self.jobs().insert_one(&document).session(session).await {
            Err(error) if fault::is_duplicate(&error) => Err(taken("job", id)),
            other => other.map(drop).map_err(|e| inside(&e)),
        }
    }

    /// Carries out what `work` does in one transaction that has seen `versions`.
    pub(super) async fn transact(&self, seen: &Versions, work: Work) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        let late = |_| fault::unavailable();
        let mut session = timeout_at(deadline, self.begin()).await.map_err(late)??;
        let written = match work {
            Work::Book(booking) => timeout_at(deadline, self.book(&mut session, seen, booking)).await,
            Work::Restore { job, settled, next } => {
                timeout_at(deadline, self.restore_job(&mut session, seen, *job, settled, next)).await
            }
            Work::Forget(job) => timeout_at(deadline, self.forget(&mut session, seen, *job)).await,
        };
        let committed = match written.map_err(late).flatten() {
            Ok(committed) => committed,
            Err(error) => {
                Self::abort(session).await;
                return Err(error);
            }
        };
        self.finish(session, &committed.jobs, deadline).await?;
        self.timetables.lock().unwrap_or_else(PoisonError::into_inner).apply(&committed);
        Ok(())
    }

    /// Removes a definition that is on the timetable, which changes by it.
    async fn forget(&self, session: &mut ClientSession, seen: &Versions, job: Job) -> Result<Committed> {
        let versions = self.claim_all(session, seen, job.nodes()).await?;
        let deleted =
            self.jobs().delete_one(as_given(&job)).session(&mut *session).await.map_err(|e| inside(&e))?;
        if deleted.deleted_count == 0 {
            return Err(missing("job", &job.id));
        }
        Ok(Committed { versions, jobs: Vec::new() })
    }
}

/// What is done in a transaction on timetables.
pub(super) enum Work {
    Book(Booking),
    Restore { job: Box<Job>, settled: Timestamp, next: Option<Timestamp> },
    Forget(Box<Job>),
}

/// Finds a definition, if it is still over when `job` says.
fn as_given(job: &Job) -> ::mongodb::bson::Document {
    let live = match job.deleted {
        None => doc! { "$gt": "" },
        Some(_) => doc! { "$exists": false },
    };
    doc! {
        "_id": documents::key(&job.id, job.created, job.since),
        "over_us": job.over().as_microsecond(),
        "live": live,
    }
}

#[async_trait]
impl JobStore for MongoStore {
    async fn timetable(&self, nodes: &BTreeSet<NodeId>) -> Result<Timetable> {
        within(Access::Read, self.read_timetable(nodes)).await
    }

    async fn commit(&self, seen: &Versions, booking: Booking) -> Result<()> {
        self.transact(seen, Work::Book(booking)).await
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        within(Access::Read, async {
            let live =
                Self::jobs(self).find_one(doc! { "live": id.as_str() }).await.map_err(|e| fault::read(&e))?;
            let found = match live {
                Some(live) => Some(live),
                None => {
                    let latest = doc! { "created_us": -1, "since_us": -1 };
                    let jobs = Self::jobs(self);
                    let of_id = jobs.find_one(doc! { "jobid": id.as_str() }).sort(latest);
                    of_id.await.map_err(|e| fault::read(&e))?
                }
            };
            found.map(|document| document.into_job().map(|(job, _, _)| job)).transpose()
        })
        .await
    }

    async fn jobs_of_user(&self, owner: &UserId, after: Option<&JobId>) -> Result<Vec<Job>> {
        within(Access::Read, async {
            let after = after.map(JobId::as_str).unwrap_or_default();
            let filter = doc! { "userid": owner.as_str(), "live": { "$gt": after } };
            let found = super::list(&Self::jobs(self), filter, doc! { "live": 1 }, LIMIT).await?;
            found.into_iter().map(|document| document.into_job().map(|(job, _, _)| job)).collect()
        })
        .await
    }

    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<Unsettled>> {
        within(Access::Read, async {
            let filter = doc! { "next_us": { "$lte": now.as_microsecond() } };
            let found = super::list(&Self::jobs(self), filter, doc! { "next_us": 1 }, limit.into()).await?;
            let unsettled = |document: JobDocument| {
                document.into_job().map(|(job, settled, _)| Unsettled { job, settled })
            };
            found.into_iter().map(unsettled).collect()
        })
        .await
    }

    async fn settle(&self, job: &Job, settled: Timestamp, next: Option<Timestamp>) -> Result<()> {
        within(Access::Write, async {
            let filter = doc! { "_id": documents::key(&job.id, job.created, job.since) };
            let next = next.map(Timestamp::as_microsecond);
            let set = doc! { "$set": { "settled_us": settled.as_microsecond(), "next_us": next } };
            Self::jobs(self).update_one(filter, set).await.map(drop).map_err(|e| fault::write(&e))
        })
        .await
    }

    async fn watch_timetables(&self) -> Result<TimetableChanges> {
        self.watch().await
    }

    async fn jobs_over(&self, before: Timestamp, after: Option<&Job>) -> Result<Vec<Job>> {
        within(Access::Read, async {
            let over = doc! { "next_us": Bson::Null, "over_us": { "$lt": before.as_microsecond() } };
            let filter = match after {
                None => over,
                Some(after) => {
                    let key = documents::key(&after.id, after.created, after.since);
                    let at = after.over().as_microsecond();
                    doc! { "$and": [over, { "$or": [
                        { "over_us": { "$gt": at } },
                        { "over_us": at, "_id": { "$gt": key } },
                    ] }] }
                }
            };
            let found =
                super::list(&Self::jobs(self), filter, doc! { "over_us": 1, "_id": 1 }, LIMIT).await?;
            found.into_iter().map(|document| document.into_job().map(|(job, _, _)| job)).collect()
        })
        .await
    }

    async fn forget_job(&self, job: &Job) -> Result<bool> {
        if job.deleted.is_none() {
            return match self.transact(&Versions::new(), Work::Forget(Box::new(job.clone()))).await {
                Err(error) if error.kind() == crate::error::ErrorKind::NotFound => Ok(false),
                other => other.map(|()| true),
            };
        }
        within(Access::Write, async {
            let deleted = Self::jobs(self).delete_one(as_given(job)).await.map_err(|e| fault::write(&e))?;
            Ok(deleted.deleted_count > 0)
        })
        .await
    }
}
