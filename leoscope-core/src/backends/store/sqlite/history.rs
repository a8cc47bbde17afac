//! Events and the audit trail.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Transaction, params, params_from_iter};

use super::super::taken;
use super::SqliteStore;
use crate::backends::rows::{all, document, encode, execute, one, rows};
use crate::error::Result;
use crate::ids::{AuditId, EventId};
use crate::model::{AuditEntry, AuditFilter, EventScope, JobEvent};
use crate::ports::{AuditStore, EventStore, PAGE};
use crate::time::Timestamp;

pub(super) const OF_JOB: &str =
    "SELECT doc FROM events WHERE jobid = ?1 ORDER BY at_us DESC, eventid LIMIT ?2";
pub(super) const OF_RUN: &str =
    "SELECT doc FROM events WHERE runid = ?1 ORDER BY at_us DESC, eventid LIMIT ?2";
pub(super) const OF_OCCURRENCE: &str = "SELECT doc FROM events
    WHERE jobid = ?1 AND occurrence_us = ?2 AND runid IS NULL ORDER BY at_us DESC, eventid LIMIT ?3";

/// A statement that removes the oldest in batches, so that none takes long.
fn forget(table: &str, id: &str, column: &str) -> String {
    format!("DELETE FROM {table} WHERE {id} IN (SELECT {id} FROM {table} WHERE {column} < ?1 LIMIT ?2)")
}

pub(super) fn event(tx: &Transaction<'_>, id: &EventId) -> Result<Option<JobEvent>> {
    one(tx, "SELECT doc FROM events WHERE eventid = ?1", [id.as_str()], document)
}

pub(super) fn insert_event(tx: &Transaction<'_>, event: &JobEvent) -> Result<()> {
    let insert = "INSERT INTO events (eventid, jobid, runid, occurrence_us, at_us, received_us, doc)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![
        event.id.as_str(),
        event.job.as_str(),
        event.run.as_ref().map(|run| run.as_str()),
        event.occurrence.map(Timestamp::as_microsecond),
        event.at.as_microsecond(),
        event.received.as_microsecond(),
        encode(event)?
    ];
    execute(tx, insert, values).map(drop)
}

pub(super) fn entry(tx: &Transaction<'_>, id: &AuditId) -> Result<Option<AuditEntry>> {
    one(tx, "SELECT doc FROM audit WHERE auditid = ?1", [id.as_str()], document)
}

pub(super) fn insert_entry(tx: &Transaction<'_>, entry: &AuditEntry) -> Result<()> {
    let insert = "INSERT INTO audit (auditid, userid, objectid, action, doc) VALUES (?1, ?2, ?3, ?4, ?5)
                  ON CONFLICT DO NOTHING";
    let values =
        params![entry.id.as_str(), entry.caller.as_str(), entry.object, entry.action.name(), encode(entry)?];
    match execute(tx, insert, values)? {
        0 => Err(taken("audit entry", &entry.id)),
        _ => Ok(()),
    }
}

/// The query of a filter; values are bound, never written into it.
pub(super) fn select_audit(filter: &AuditFilter) -> (String, Vec<Value>) {
    let AuditFilter { caller, action, object, within, after, limit: _ } = filter;
    let text = |value: &str| Value::Text(value.to_owned());
    let parts = [
        ("userid = ?", caller.as_ref().map(|id| text(id.as_str()))),
        ("objectid = ?", object.as_ref().map(|id| text(id))),
        ("action = ?", action.map(|action| text(action.name()))),
        ("auditid >= ?", within.map(|within| Value::Text(AuditId::first_at(within.start())))),
        ("auditid < ?", within.map(|within| Value::Text(AuditId::first_at(within.end())))),
        ("auditid < ?", after.as_ref().map(|id| text(id.as_str()))),
    ];
    let (conditions, values): (Vec<_>, Vec<_>) =
        parts.into_iter().filter_map(|(condition, value)| Some((condition, value?))).unzip();
    let conditions = if conditions.is_empty() { "auditid > ''".to_owned() } else { conditions.join(" AND ") };
    (format!("SELECT doc FROM audit WHERE {conditions} ORDER BY auditid DESC LIMIT ?"), values)
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn insert_event(&self, new: &JobEvent) -> Result<Option<JobEvent>> {
        let new = new.clone();
        self.database
            .write(move |tx| {
                let stored = event(tx, &new.id)?;
                if stored.is_none() {
                    insert_event(tx, &new)?;
                }
                Ok(stored)
            })
            .await
    }

    async fn events(&self, scope: &EventScope, limit: u32) -> Result<Vec<JobEvent>> {
        let scope = scope.clone();
        let limit = i64::from(limit).min(rows(PAGE));
        self.database
            .read(move |tx| match &scope {
                EventScope::Job(job) => all(tx, OF_JOB, params![job.as_str(), limit], document),
                EventScope::Run(run) => all(tx, OF_RUN, params![run.as_str(), limit], document),
                EventScope::Occurrence(job, start) => {
                    let values = params![job.as_str(), start.as_microsecond(), limit];
                    all(tx, OF_OCCURRENCE, values, document)
                }
            })
            .await
    }

    async fn forget_events(&self, before: Timestamp) -> Result<u64> {
        self.forget(forget("events", "eventid", "received_us"), Value::Integer(before.as_microsecond())).await
    }
}

#[async_trait]
impl AuditStore for SqliteStore {
    async fn insert_audit(&self, entry: &AuditEntry) -> Result<()> {
        let entry = entry.clone();
        self.database.write(move |tx| insert_entry(tx, &entry)).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let (query, mut values) = select_audit(filter);
        values
            .push(Value::Integer(filter.limit.map_or(rows(PAGE), |limit| i64::from(limit).min(rows(PAGE)))));
        self.database.read(move |tx| all(tx, &query, params_from_iter(values), document)).await
    }

    async fn forget_audit(&self, before: Timestamp) -> Result<u64> {
        self.forget(forget("audit", "auditid", "auditid"), Value::Text(AuditId::first_at(before))).await
    }
}

impl SqliteStore {
    /// Carries out a statement that removes what is older than `before` until nothing is left.
    async fn forget(&self, delete: String, before: Value) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            let (delete, values) = (delete.clone(), (before.clone(), rows(PAGE)));
            let deleted = self.database.write(move |tx| execute(tx, &delete, values)).await?;
            forgotten += deleted as u64;
            if deleted < PAGE {
                return Ok(forgotten);
            }
        }
    }
}
