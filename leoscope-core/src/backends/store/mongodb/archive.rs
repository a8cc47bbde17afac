//! Copies of everything.

use ::mongodb::ClientSession;
use ::mongodb::bson::doc;
use async_trait::async_trait;
use serde::Serialize;

use super::super::taken;
use super::documents::{
    self, AuditDocument, EventDocument, JobDocument, NodeDocument, RunDocument, TimetableDocument,
    UserDocument,
};
use super::jobs::Work;
use super::schema::FORMAT;
use super::timetable::inside;
use super::{Access, LIMIT, LONG, MongoStore, after, fault, within, within_for};
use crate::backends::timetables::Committed;
use crate::error::Result;
use crate::ids::NodeId;
use crate::model::{AuditEntry, Job, JobEvent, Node, Record, RecordKey, RecordKind};
use crate::ports::{Archive, SettingsStore as _, Versions};
use crate::time::Timestamp;

fn run_record(document: RunDocument) -> Result<Record> {
    document.into_run().map(|(run, revision)| Record::Run { run, revision })
}

fn timetable_record(document: TimetableDocument) -> Record {
    Record::Timetable { node: document.nodeid, version: document.version.unsigned_abs() }
}

impl MongoStore {
    /// The records of one kind after `last`.
    async fn page(&self, kind: RecordKind, last: Option<&RecordKey>, limit: i64) -> Result<Vec<Record>> {
        let by_id = || doc! { "_id": 1 };
        match kind {
            RecordKind::User => {
                let last = if let Some(RecordKey::User(id)) = last { Some(id.as_str()) } else { None };
                let found = super::list(&self.users(), after(last), by_id(), limit).await?;
                Ok(found.into_iter().map(|document| Record::User(document.into())).collect())
            }
            RecordKind::Node => {
                let last = if let Some(RecordKey::Node(id)) = last { Some(id.as_str()) } else { None };
                let found = super::list(&self.nodes(), after(last), by_id(), limit).await?;
                found.into_iter().map(|document| Node::try_from(document).map(Record::Node)).collect()
            }
            RecordKind::Run => {
                let last = if let Some(RecordKey::Run(id)) = last { Some(id.as_str()) } else { None };
                let found = super::list(&self.runs(), after(last), by_id(), limit).await?;
                found.into_iter().map(run_record).collect()
            }
            RecordKind::Job => {
                let filter = match last {
                    Some(RecordKey::Job(id, created, since)) => {
                        let [created, since] = [*created, *since].map(Timestamp::as_microsecond);
                        doc! { "$or": [
                            { "jobid": { "$gt": id.as_str() } },
                            { "jobid": id.as_str(), "created_us": { "$gt": created } },
                            { "jobid": id.as_str(), "created_us": created, "since_us": { "$gt": since } },
                        ] }
                    }
                    _ => doc! {},
                };
                let order = doc! { "jobid": 1, "created_us": 1, "since_us": 1 };
                let found = super::list(&self.jobs(), filter, order, limit).await?;
                found.into_iter().map(JobDocument::into_record).collect()
            }
            RecordKind::Timetable => {
                let last = if let Some(RecordKey::Timetable(id)) = last { Some(id.as_str()) } else { None };
                let filter = doc! { "$and": [after(last), { "version": { "$gt": 0 } }] };
                let found = super::list(&self.versions(), filter, by_id(), limit).await?;
                Ok(found.into_iter().map(timetable_record).collect())
            }
            RecordKind::Settings if matches!(last, Some(RecordKey::Settings)) => Ok(Vec::new()),
            RecordKind::Settings => {
                let settings = self.stored_settings().await?.map(Record::Settings);
                Ok(settings.into_iter().collect())
            }
            RecordKind::Event => {
                let last = if let Some(RecordKey::Event(id)) = last { Some(id.as_str()) } else { None };
                let found = super::list(&self.event_log(), after(last), by_id(), limit).await?;
                found.into_iter().map(|document| JobEvent::try_from(document).map(Record::Event)).collect()
            }
            RecordKind::Audit => {
                let last = if let Some(RecordKey::Audit(id)) = last { Some(id.as_str()) } else { None };
                let found = super::list(&self.audit_log(), after(last), by_id(), limit).await?;
                found.into_iter().map(|document| AuditEntry::try_from(document).map(Record::Audit)).collect()
            }
        }
    }

    /// The record of `key`.
    async fn stored(&self, key: &RecordKey) -> Result<Option<Record>> {
        let by = |id: &str| doc! { "_id": id };
        Ok(match key {
            RecordKey::User(id) => {
                let found = self.users().find_one(by(id.as_str())).await.map_err(|e| fault::read(&e))?;
                found.map(|document| Record::User(document.into()))
            }
            RecordKey::Node(id) => {
                let found = self.nodes().find_one(by(id.as_str())).await.map_err(|e| fault::read(&e))?;
                found.map(Node::try_from).transpose()?.map(Record::Node)
            }
            RecordKey::Run(id) => {
                let found = self.runs().find_one(by(id.as_str())).await.map_err(|e| fault::read(&e))?;
                found.map(run_record).transpose()?
            }
            RecordKey::Job(id, created, since) => {
                let key = documents::key(id, *created, *since);
                let found = self.jobs().find_one(by(&key)).await.map_err(|e| fault::read(&e))?;
                found.map(JobDocument::into_record).transpose()?
            }
            RecordKey::Timetable(node) => {
                let found = self.versions().find_one(by(node.as_str())).await.map_err(|e| fault::read(&e))?;
                found.filter(|found| found.version > 0).map(timetable_record)
            }
            RecordKey::Settings => self.stored_settings().await?.map(Record::Settings),
            RecordKey::Event(id) => self.event(id).await?.map(Record::Event),
            RecordKey::Audit(id) => self.entry(id).await?.map(Record::Audit),
        })
    }

    /// Adds a document, unless there is one of its key.
    async fn add<D: Serialize + Send + Sync>(&self, name: &str, document: &D) -> Result<bool> {
        match self.database.collection::<D>(name).insert_one(document).await {
            Err(error) if fault::is_duplicate(&error) => Ok(false),
            other => other.map(|_| true).map_err(|e| fault::write(&e)),
        }
    }

    /// Adds a definition to the timetables of its nodes in the transaction of `session`.
    pub(super) async fn restore_job(
        &self,
        session: &mut ClientSession,
        seen: &Versions,
        job: Job,
        settled: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<Committed> {
        let versions = self.claim_all(session, seen, job.nodes()).await?;
        let document = JobDocument::new(job.clone(), settled, next);
        match self.jobs().insert_one(&document).session(session).await {
            Err(error) if fault::is_duplicate(&error) => return Err(taken("job", &job.id)),
            other => other.map_err(|e| inside(&e))?,
        };
        Ok(Committed { versions, jobs: vec![job.into()] })
    }

    /// Makes the version of a timetable at least `version`.
    async fn raise(&self, node: &NodeId, version: u64) -> Result<()> {
        let version = version.cast_signed();
        let lower = doc! { "_id": node.as_str(), "version": { "$lt": version } };
        let raise = doc! {
            "$set": { "version": version },
            "$currentDate": { "modified": true },
            "$setOnInsert": { "format": FORMAT },
        };
        match self.versions().update_one(lower, raise).upsert(true).await {
            // It is not lower.
            Err(error) if fault::is_duplicate(&error) => Ok(()),
            other => other.map(drop).map_err(|e| fault::write(&e)),
        }
    }
}

#[async_trait]
impl Archive for MongoStore {
    async fn records(&self, after: Option<&RecordKey>) -> Result<Vec<Record>> {
        let first = after.map(RecordKey::kind);
        let mut records: Vec<Record> = Vec::new();
        for kind in RecordKind::ALL.into_iter().filter(|kind| first.is_none_or(|first| *kind >= first)) {
            let last = after.filter(|_| first == Some(kind));
            let limit = LIMIT - i64::try_from(records.len()).unwrap_or(LIMIT);
            // No limit is what the server takes 0 for.
            if limit > 0 {
                records.extend(within_for(LONG, Access::Read, self.page(kind, last, limit)).await?);
            }
        }
        Ok(records)
    }

    async fn restore(&self, record: &Record, seen: &Versions) -> Result<Option<Record>> {
        let key = record.key();
        let stored = within(Access::Read, self.stored(&key)).await?;
        if stored.is_some() && !matches!(record, Record::Timetable { .. }) {
            return Ok(stored);
        }
        let added = match record.clone() {
            Record::User(user) => within(Access::Write, self.add("users", &UserDocument::from(user))).await?,
            Record::Node(node) => within(Access::Write, self.add("nodes", &NodeDocument::from(node))).await?,
            Record::Run { run, revision } => {
                within(Access::Write, self.add("runs", &RunDocument::new(run, revision))).await?
            }
            Record::Job { job, settled, next } => {
                let work = Work::Restore { job: Box::new(job), settled, next };
                self.transact(seen, work).await.map(|()| true)?
            }
            Record::Timetable { node, version } => {
                within(Access::Write, self.raise(&node, version)).await?;
                return Ok(stored);
            }
            Record::Event(event) => {
                within(Access::Write, self.add("events", &EventDocument::from(event))).await?
            }
            Record::Audit(entry) => {
                within(Access::Write, self.add("audit", &AuditDocument::from(entry))).await?
            }
            Record::Settings(settings) => self.put_settings(&settings).await.map(|()| true)?,
        };
        // Somebody else was faster.
        if added { Ok(None) } else { within(Access::Read, self.stored(&key)).await }
    }
}
