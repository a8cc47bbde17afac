//! Tasks.

use std::net::IpAddr;

use async_trait::async_trait;
use rusqlite::params;
use rusqlite::types::Value;

use super::super::{missing, taken};
use super::SqliteStore;
use crate::backends::rows::{all, document, encode, execute, one, rows};
use crate::error::Result;
use crate::ids::TaskId;
use crate::model::{Task, TaskFilter, TaskStatus};
use crate::ports::{PAGE, TaskStore};
use crate::time::Timestamp;

/// The query of a filter after `after`; values are bound, never written into it.
pub(super) fn select(filter: &TaskFilter, now: Timestamp, after: Option<&TaskId>) -> (String, Vec<Value>) {
    let TaskFilter { id, kind: _, run, job, node, status: _ } = filter;
    let text = |value: &str| Value::Text(value.to_owned());
    let equal = [
        ("taskid = ?", id.as_ref().map(|id| text(id.as_str()))),
        ("runid = ?", run.as_ref().map(|id| text(id.as_str()))),
        ("jobid = ?", job.as_ref().map(|id| text(id.as_str()))),
        ("nodeid = ?", node.as_ref().map(|id| text(id.as_str()))),
    ];
    let mut conditions = vec!["expires_us > ?", "taskid > ?"];
    let mut values =
        vec![Value::Integer(now.as_microsecond()), text(after.map(TaskId::as_str).unwrap_or_default())];
    for (condition, value) in equal {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    }
    (format!("SELECT doc FROM tasks WHERE {} ORDER BY taskid", conditions.join(" AND ")), values)
}

#[async_trait]
impl TaskStore for SqliteStore {
    async fn insert_task(&self, task: &Task) -> Result<()> {
        let task = task.clone();
        let insert = "INSERT INTO tasks (taskid, runid, jobid, nodeid, expires_us, doc)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
        self.database
            .write(move |tx| {
                let values = params![
                    task.id.as_str(),
                    task.run.as_str(),
                    task.job.as_str(),
                    task.node.as_str(),
                    task.expires().as_microsecond(),
                    encode(&task)?
                ];
                match execute(tx, insert, values)? {
                    0 => Err(taken("task", &task.id)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn set_task_status(&self, id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> Result<()> {
        let id = id.clone();
        self.database
            .write(move |tx| {
                let select = "SELECT doc FROM tasks WHERE taskid = ?1";
                let task: Option<Task> = one(tx, select, [id.as_str()], document)?;
                let task = task.ok_or_else(|| missing("task", &id))?;
                let task = Task { status, address: address.or(task.address), ..task };
                let update = "UPDATE tasks SET doc = ?2 WHERE taskid = ?1";
                execute(tx, update, params![id.as_str(), encode(&task)?]).map(drop)
            })
            .await
    }

    async fn tasks(&self, filter: &TaskFilter, now: Timestamp, after: Option<&TaskId>) -> Result<Vec<Task>> {
        let (filter, (query, values)) = (filter.clone(), select(filter, now, after));
        self.database
            .read(move |tx| {
                let found = all(tx, &query, rusqlite::params_from_iter(values), document::<Task>)?;
                Ok(found.into_iter().filter(|task| filter.matches(task)).take(PAGE).collect())
            })
            .await
    }

    async fn forget_tasks(&self, before: Timestamp) -> Result<u64> {
        let delete = "DELETE FROM tasks WHERE taskid IN
                          (SELECT taskid FROM tasks WHERE expires_us <= ?1 LIMIT ?2)";
        let mut forgotten = 0;
        loop {
            let values = (before.as_microsecond(), rows(PAGE));
            let deleted = self.database.write(move |tx| execute(tx, delete, values)).await?;
            forgotten += deleted as u64;
            if deleted < PAGE {
                return Ok(forgotten);
            }
        }
    }
}
