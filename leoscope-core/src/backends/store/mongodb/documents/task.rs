use serde::{Deserialize, Serialize};

use super::super::schema::FORMAT;
use super::instant;
use crate::error::Error;
use crate::ids::{JobId, NodeId, RunId, TaskId};
use crate::model::{Task, TaskKind, TaskStatus, TaskTtl};

/// A task.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct TaskDocument {
    #[serde(rename = "_id")]
    key: TaskId,
    format: i32,
    taskid: TaskId,
    task_type: TaskKind,
    runid: RunId,
    jobid: JobId,
    nodeid: NodeId,
    status: TaskStatus,
    ttl_secs: TaskTtl,
    created_us: i64,
    expires_us: i64,
    address: Option<String>,
}

impl From<Task> for TaskDocument {
    fn from(task: Task) -> Self {
        let expires_us = task.expires().as_microsecond();
        let Task { id, kind, run, job, node, status, ttl, created, address } = task;
        Self {
            key: id.clone(),
            format: FORMAT,
            taskid: id,
            task_type: kind,
            runid: run,
            jobid: job,
            nodeid: node,
            status,
            ttl_secs: ttl,
            created_us: created.as_microsecond(),
            expires_us,
            address: address.map(|address| address.to_string()),
        }
    }
}

impl TryFrom<TaskDocument> for Task {
    type Error = Error;
    fn try_from(document: TaskDocument) -> Result<Self, Error> {
        let TaskDocument {
            key: _,
            format: _,
            taskid,
            task_type,
            runid,
            jobid,
            nodeid,
            status,
            ttl_secs,
            created_us,
            expires_us: _,
            address,
        } = document;
        Ok(Self {
            id: taskid,
            kind: task_type,
            run: runid,
            job: jobid,
            node: nodeid,
            status,
            ttl: ttl_secs,
            created: instant(created_us)?,
            address: address.map(|text| parse_address(&text)).transpose()?,
        })
    }
}

fn parse_address(text: &str) -> Result<std::net::IpAddr, Error> {
    text.parse().map_err(|_| Error::internal(format!("address {text:?} of a task is none")))
}
