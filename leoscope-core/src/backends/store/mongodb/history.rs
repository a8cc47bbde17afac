//! Events and the audit trail.

use ::mongodb::bson::{Bson, Document, doc, serialize_to_bson};
use async_trait::async_trait;

use super::super::taken;
use super::documents::{AuditDocument, EventDocument};
use super::{Access, LIMIT, LONG, MongoStore, fault, within, within_for};
use crate::error::{Error, Result};
use crate::ids::{AuditId, EventId};
use crate::model::{AuditEntry, AuditFilter, EventScope, JobEvent};
use crate::ports::{AuditStore, EventStore};
use crate::time::Timestamp;

/// What matches `filter`.
fn matching(filter: &AuditFilter) -> Result<Document> {
    let AuditFilter { caller, action, object, within, after, limit: _ } = filter;
    let mut conditions = Vec::new();
    conditions.extend(caller.as_ref().map(|id| doc! { "userid": id.as_str() }));
    conditions.extend(object.as_ref().map(|id| doc! { "object": id }));
    if let Some(action) = action {
        let action = serialize_to_bson(action).map_err(|e| Error::while_doing("ask for an action", e))?;
        conditions.push(doc! { "action": action });
    }
    if let Some(within) = within {
        let [start, end] = [within.start(), within.end()].map(AuditId::first_at);
        conditions.push(doc! { "_id": { "$gte": start, "$lt": end } });
    }
    conditions.extend(after.as_ref().map(|id| doc! { "_id": { "$lt": id.as_str() } }));
    Ok(if conditions.is_empty() {
        doc! {}
    } else {
        doc! { "$and": conditions }
    })
}

impl MongoStore {
    pub(super) async fn event(&self, id: &EventId) -> Result<Option<JobEvent>> {
        let found = self.event_log().find_one(doc! { "_id": id.as_str() }).await;
        found.map_err(|e| fault::read(&e))?.map(JobEvent::try_from).transpose()
    }

    pub(super) async fn entry(&self, id: &AuditId) -> Result<Option<AuditEntry>> {
        let found = self.audit_log().find_one(doc! { "_id": id.as_str() }).await;
        found.map_err(|e| fault::read(&e))?.map(AuditEntry::try_from).transpose()
    }
}

#[async_trait]
impl EventStore for MongoStore {
    async fn insert_event(&self, event: &JobEvent) -> Result<Option<JobEvent>> {
        within(Access::Write, async {
            match self.event_log().insert_one(EventDocument::from(event.clone())).await {
                Err(error) if fault::is_duplicate(&error) => self.event(&event.id).await,
                other => other.map(|_| None).map_err(|e| fault::write(&e)),
            }
        })
        .await
    }

    async fn events(&self, scope: &EventScope, limit: u32) -> Result<Vec<JobEvent>> {
        let filter = match scope {
            EventScope::Job(job) => doc! { "jobid": job.as_str() },
            EventScope::Run(run) => doc! { "runid": run.as_str() },
            EventScope::Occurrence(job, start) => {
                let start = start.as_microsecond();
                doc! { "jobid": job.as_str(), "occurrence_us": start, "runid": Bson::Null }
            }
        };
        // No limit is what the server takes 0 for.
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = i64::from(limit).min(LIMIT);
        within(Access::Read, async {
            let order = doc! { "at_us": -1, "_id": 1 };
            let found = super::list(&self.event_log(), filter, order, limit).await?;
            found.into_iter().map(JobEvent::try_from).collect()
        })
        .await
    }

    async fn forget_events(&self, before: Timestamp) -> Result<u64> {
        within_for(LONG, Access::Write, async {
            let filter = doc! { "received_us": { "$lt": before.as_microsecond() } };
            let deleted = self.event_log().delete_many(filter).await.map_err(|e| fault::write(&e))?;
            Ok(deleted.deleted_count)
        })
        .await
    }
}

#[async_trait]
impl AuditStore for MongoStore {
    async fn insert_audit(&self, entry: &AuditEntry) -> Result<()> {
        within(Access::Write, async {
            match self.audit_log().insert_one(AuditDocument::from(entry.clone())).await {
                Err(error) if fault::is_duplicate(&error) => Err(taken("audit entry", &entry.id)),
                other => other.map(drop).map_err(|e| fault::write(&e)),
            }
        })
        .await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        if filter.limit == Some(0) {
            return Ok(Vec::new());
        }
        let limit = filter.limit.map_or(LIMIT, |limit| i64::from(limit).min(LIMIT));
        within(Access::Read, async {
            let found = super::list(&self.audit_log(), matching(filter)?, doc! { "_id": -1 }, limit).await?;
            found.into_iter().map(AuditEntry::try_from).collect()
        })
        .await
    }

    async fn forget_audit(&self, before: Timestamp) -> Result<u64> {
        within_for(LONG, Access::Write, async {
            let filter = doc! { "_id": { "$lt": AuditId::first_at(before) } };
            let deleted = self.audit_log().delete_many(filter).await.map_err(|e| fault::write(&e))?;
            Ok(deleted.deleted_count)
        })
        .await
    }
}
