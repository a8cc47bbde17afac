//! Tasks.

use std::net::IpAddr;

use ::mongodb::bson::{Document, doc, serialize_to_bson};
use async_trait::async_trait;

use super::super::{missing, taken};
use super::{Access, LIMIT, MongoStore, fault, within};
use crate::error::{Error, Result};
use crate::ids::TaskId;
use crate::model::{Task, TaskFilter, TaskStatus};
use crate::ports::TaskStore;
use crate::time::Timestamp;

use super::documents::TaskDocument;

/// What matches `filter` at `now` and comes after `after`.
fn matching(filter: &TaskFilter, now: Timestamp, after: Option<&TaskId>) -> Result<Document> {
    let TaskFilter { id, kind, run, job, node, status } = filter;
    let unfit = |e| Error::while_doing("ask for tasks", e);
    let mut conditions =
        vec![doc! { "expires_us": { "$gt": now.as_microsecond() } }, super::after(after.map(TaskId::as_str))];
    let texts = [
        ("_id", id.as_ref().map(TaskId::as_str)),
        ("runid", run.as_ref().map(|id| id.as_str())),
        ("jobid", job.as_ref().map(|id| id.as_str())),
        ("nodeid", node.as_ref().map(|id| id.as_str())),
    ];
    conditions.extend(texts.into_iter().filter_map(|(field, value)| Some(doc! { field: value? })));
    if let Some(kind) = kind {
        conditions.push(doc! { "task_type": serialize_to_bson(kind).map_err(unfit)? });
    }
    if let Some(status) = status {
        conditions.push(doc! { "status": serialize_to_bson(status).map_err(unfit)? });
    }
    Ok(doc! { "$and": conditions })
}

#[async_trait]
impl TaskStore for MongoStore {
    async fn insert_task(&self, task: &Task) -> Result<()> {
        within(Access::Write, async {
            match Self::tasks(self).insert_one(TaskDocument::from(task.clone())).await {
                Err(error) if fault::is_duplicate(&error) => Err(taken("task", &task.id)),
                other => other.map(drop).map_err(|e| fault::write(&e)),
            }
        })
        .await
    }

    async fn set_task_status(&self, id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> Result<()> {
        within(Access::Write, async {
            let status = serialize_to_bson(&status).map_err(|e| Error::while_doing("encode a task", e))?;
            let mut set = doc! { "status": status };
            if let Some(address) = address {
                set.insert("address", address.to_string());
            }
            let set = doc! { "$set": set };
            let updated = Self::tasks(self).update_one(doc! { "_id": id.as_str() }, set).await;
            match updated.map_err(|e| fault::write(&e))?.matched_count {
                0 => Err(missing("task", id)),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn tasks(&self, filter: &TaskFilter, now: Timestamp, after: Option<&TaskId>) -> Result<Vec<Task>> {
        within(Access::Read, async {
            let filter = matching(filter, now, after)?;
            let found = super::list(&Self::tasks(self), filter, doc! { "_id": 1 }, LIMIT).await?;
            found.into_iter().map(Task::try_from).collect()
        })
        .await
    }

    async fn forget_tasks(&self, before: Timestamp) -> Result<u64> {
        within(Access::Write, async {
            let filter = doc! { "expires_us": { "$lte": before.as_microsecond() } };
            let deleted = Self::tasks(self).delete_many(filter).await.map_err(|e| fault::write(&e))?;
            Ok(deleted.deleted_count)
        })
        .await
    }
}
