//! Taking records of another store in.

use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::{Stream, StreamExt as _};

use super::booking::Taken;
use super::service::ADMIN;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::UserId;
use crate::lifecycle::merge;
use crate::model::{Job, JobSpec, Node, Record, RecordKey, RecordKind, Revision, Role, Run, User};
use crate::ports::{Booking, Store, Versions};
use crate::time::Timestamp;

/// How often a record is taken in anew after somebody else's change came first.
const ATTEMPTS: usize = 64;

/// How many records are stored at once.
const AT_ONCE: usize = 32;

/// Where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A store of this program, which has checked them.
    Ours,
    /// A testbed of another make. Jobs that are still to run are checked as new ones would be.
    /// Administrators come as users, because some of those testbeds make one of everybody who signs
    /// up; `with_admins` takes them as they are.
    Foreign {
        /// Whether administrators stay administrators.
        with_admins: bool,
    },
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taking {
    /// It was added.
    Added,
    /// It is here already.
    Same,
    /// It was here, and what it adds was taken over.
    Updated,
    /// It was added, with a change.
    Changed(String),
    /// It was not taken, for this reason.
    Skipped(String),
}

impl fmt::Display for Taking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added => f.write_str("added"),
            Self::Same => f.write_str("here already"),
            Self::Updated => f.write_str("updated"),
            Self::Changed(how) => write!(f, "added, but {how}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

/// Takes records into a store, which may be in use. Doing it again changes nothing, but for what
/// has become of runs and jobs meanwhile.
#[derive(Debug)]
pub struct Import {
    store: Arc<dyn Store>,
    origin: Origin,
}

fn skipped(why: impl Into<String>) -> Result<Taking> {
    Ok(Taking::Skipped(why.into()))
}

/// Whether `next` took the place of `job`.
fn is_succeeded(job: &Job, next: &Job) -> bool {
    job.is_same_booking(next) && job.deleted == Some(next.since)
}

impl Import {
    /// Takes records from `origin` into `store`.
    pub fn new(store: Arc<dyn Store>, origin: Origin) -> Self {
        Self { store, origin }
    }

    /// Takes all records in at `now`, in the order of their keys, and tells of each what became of
    /// it.
    ///
    /// # Errors
    /// Those of the store and of `records`; what came before has been taken in.
    pub async fn run(
        &self,
        records: impl Stream<Item = Result<Record>>,
        now: Timestamp,
        mut told: impl FnMut(&RecordKey, Taking),
    ) -> Result<()> {
        let mut records = std::pin::pin!(records);
        let mut batch: Vec<Record> = Vec::new();
        loop {
            let next = records.next().await.transpose();
            let next = match next {
                Ok(next) => next,
                Err(error) => {
                    self.take_batch(&mut batch, now, &mut told).await?;
                    return Err(error);
                }
            };
            let kind = |record: &Record| record.key().kind();
            // Jobs stand in each other's way; of all else many can be stored at once.
            let is_full = |batch: &[Record]| {
                batch.first().is_some_and(|first| {
                    batch.len() == AT_ONCE
                        || kind(first) == RecordKind::Job
                        || next.as_ref().is_none_or(|next| kind(next) != kind(first))
                })
            };
            if is_full(&batch) {
                match (batch.pop(), &next) {
                    // Deleting it first would leave its time free for others in between.
                    (Some(Record::Job { job, .. }), Some(Record::Job { job: next, .. }))
                        if is_succeeded(&job, next) && self.holds(&job).await? =>
                    {
                        told(&RecordKey::Job(job.id, job.created, job.since), Taking::Same);
                    }
                    (last, _) => {
                        batch.extend(last);
                        self.take_batch(&mut batch, now, &mut told).await?;
                    }
                }
            }
            match next {
                Some(record) => batch.push(record),
                None => return Ok(()),
            }
        }
    }

    /// Whether `job` is booked here as it was before it was replaced.
    async fn holds(&self, job: &Job) -> Result<bool> {
        let stored = self.store.job(&job.id).await?;
        Ok(stored.is_some_and(|stored| stored == Job { deleted: None, ..job.clone() }))
    }

    async fn take_batch(
        &self,
        batch: &mut Vec<Record>,
        now: Timestamp,
        told: &mut impl FnMut(&RecordKey, Taking),
    ) -> Result<()> {
        let taken = join_all(batch.drain(..).map(async |record| {
            let key = record.key();
            (key, self.take(record, now).await)
        }));
        let mut failed = Ok(());
        for (key, taking) in taken.await {
            match taking {
                Ok(taking) => told(&key, taking),
                Err(error) => failed = Err(error.context(key)),
            }
        }
        failed
    }

    /// Takes one record in at `now`. Records come in the order of their keys.
    ///
    /// # Errors
    /// Those of the store. What stands against the record itself is no error.
    pub async fn take(&self, record: Record, now: Timestamp) -> Result<Taking> {
        match record {
            Record::User(user) => self.take_user(user).await,
            Record::Run { run, revision } => self.take_run(run, revision).await,
            Record::Job { job, settled, next } => self.take_job(job, settled, next, now).await,
            Record::Node(node) => self.take_node(node).await,
            Record::Settings(_) | Record::Event(_) | Record::Audit(_) => self.take_plain(&record).await,
            Record::Timetable { .. } => {
                let before = self.store.restore(&record, &Versions::new()).await?;
                Ok(match (before, record) {
                    (None, _) => Taking::Added,
                    (Some(Record::Timetable { version: old, .. }), Record::Timetable { version, .. })
                        if old < version =>
                    {
                        Taking::Updated
                    }
                    _ => Taking::Same,
                })
            }
        }
    }

    async fn take_plain(&self, record: &Record) -> Result<Taking> {
        match self.store.restore(record, &Versions::new()).await? {
            None => Ok(Taking::Added),
            Some(stored) if stored == *record => Ok(Taking::Same),
            Some(_) => skipped("it is here with other details, which stay"),
        }
    }

    async fn take_user(&self, user: User) -> Result<Taking> {
        if self.origin != Origin::Ours && user.id.as_str() == ADMIN {
            return skipped(
                "each testbed has an administrator of its own, made when its orchestrator starts",
            );
        }
        let lowered = self.origin == (Origin::Foreign { with_admins: false }) && user.role == Role::Admin;
        let user = if lowered { User { role: Role::User, ..user } } else { user };
        match self.take_plain(&Record::User(user)).await? {
            Taking::Added if lowered => {
                Ok(Taking::Changed("as USER: it was ADMIN there, as everybody may have been".to_owned()))
            }
            other => Ok(other),
        }
    }

    /// A node that is here may have called since; when it called last says which runs it can have
    /// heard of.
    async fn take_node(&self, node: Node) -> Result<Taking> {
        let stored = match self.store.restore(&Record::Node(node.clone()), &Versions::new()).await? {
            None => return Ok(Taking::Added),
            Some(Record::Node(stored)) => stored,
            Some(other) => return Err(Error::internal(format!("{} is not a node", other.key()))),
        };
        let called = node.last_active.filter(|at| stored.last_active.is_none_or(|stored| stored < *at));
        if let Some(at) = called {
            self.store.touch_node(&node.id, at).await?;
        }
        let Node { last_active, contact_since, clock_offset_us, .. } = stored.clone();
        let is_same = Node { last_active, contact_since, clock_offset_us, ..node } == stored;
        match called {
            _ if !is_same => skipped("it is here with other details, which stay"),
            Some(_) => Ok(Taking::Updated),
            None => Ok(Taking::Same),
        }
    }

    async fn take_run(&self, run: Run, revision: Revision) -> Result<Taking> {
        let record = Record::Run { run: run.clone(), revision };
        for _ in 0..ATTEMPTS {
            let stored = match self.store.restore(&record, &Versions::new()).await? {
                None => return Ok(Taking::Added),
                Some(Record::Run { run, revision }) => (run, revision),
                Some(other) => return Err(Error::internal(format!("{} is not a run", other.key()))),
            };
            let (stored, seen) = stored;
            if stored.job != run.job {
                return skipped(format!("it is a run of job {} here", stored.job));
            }
            let merged = merge(stored.clone(), run.clone());
            if merged == stored {
                return Ok(Taking::Same);
            }
            match self.store.put_run(&merged, Some(seen)).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                other => return other.map(|()| Taking::Updated),
            }
        }
        Err(Error::unavailable(format!("run {} is being reported by several at once", run.id))
            .hint("try again"))
    }

    async fn take_job(
        &self,
        job: Job,
        settled: Timestamp,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Taking> {
        let is_open = job.over() > now;
        if is_open
            && let Origin::Foreign { .. } = self.origin
            && let Err(why) = self.check(&job, now).await
        {
            return if why.kind().is_transient() { Err(why) } else { skipped(why.message()) };
        }
        let record = Record::Job { job: job.clone(), settled, next };
        for _ in 0..ATTEMPTS {
            let taken = Taken::read(&*self.store, job.nodes(), now).await?;
            let known = taken.timetable.jobs.iter().find(|other| other.is_same_booking(&job));
            // What is here already is in nobody's way.
            if is_open
                && known.is_none_or(|known| self.succeeds(&job, known))
                && let Err(conflict) = taken.check(&job, now)
            {
                return skipped(conflict.message());
            }
            let versions = &taken.timetable.versions;
            let outcome = match known {
                Some(known) if job.deleted.is_none() && self.succeeds(&job, known) => self
                    .store
                    .commit(versions, Booking::Replace(Box::new(job.clone())))
                    .await
                    .map(|()| Taking::Updated),
                _ => match self.store.restore(&record, versions).await {
                    Ok(None) => Ok(Taking::Added),
                    Ok(Some(stored)) => self.keep(&stored, &job, versions).await,
                    Err(error) => Err(error),
                },
            };
            match outcome {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return skipped("another job of that id is booked here");
                }
                other => return other,
            }
        }
        Err(Error::unavailable(format!("the timetable of node {} changes all the time", job.node))
            .hint("try again"))
    }

    /// Whether `job` is what has become of `known`, which is here. Testbeds of another make change
    /// jobs where they are.
    fn succeeds(&self, job: &Job, known: &Job) -> bool {
        known.since < job.since || (self.origin != Origin::Ours && known.since == job.since && known != job)
    }

    /// What `job` adds to the same definition that is here: it may have been deleted there.
    async fn keep(&self, stored: &Record, job: &Job, seen: &Versions) -> Result<Taking> {
        let Record::Job { job: stored, .. } = stored else {
            return Err(Error::internal(format!("{} is not a job", stored.key())));
        };
        match job.deleted {
            _ if stored == job => Ok(Taking::Same),
            Some(at) if stored.deleted.is_none() => {
                self.store.commit(seen, Booking::Delete(job.id.clone(), at)).await.map(|()| Taking::Updated)
            }
            None if stored.deleted.is_some() => Ok(Taking::Same),
            _ => skipped("it is here with other details, which stay"),
        }
    }

    /// Checks a job as a new one, but for when it was booked.
    async fn check(&self, job: &Job, now: Timestamp) -> Result<()> {
        for node in job.nodes() {
            if self.store.node(node).await?.is_none() {
                return Err(Error::invalid(format!("node {node} is not registered")));
            }
        }
        let owner: UserId = job.owner.clone();
        let Job { id, node, server, schedule, window, length, overhead, trigger, config, params, .. } =
            job.clone();
        let policies = job.policies.clone();
        let spec = JobSpec {
            id: Some(id),
            node,
            server,
            schedule,
            window,
            length,
            overhead,
            trigger,
            config,
            params,
            policies,
        };
        spec.check(owner, now).map(drop)
    }
}
