//! Copies of everything.

use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{Row, Transaction, params};

use super::{SqliteStore, history, jobs, nodes, runs, settings, users};
use crate::backends::rows::{all, document, instant, one, rows};
use crate::error::Result;
use crate::ids::NodeId;
use crate::model::{Record, RecordKey, RecordKind};
use crate::ports::{Archive, PAGE, Versions};
use crate::time::Timestamp;

const USERS: &str = "SELECT doc FROM users WHERE userid > ?1 ORDER BY userid LIMIT ?2";
const RUNS: &str = "SELECT doc, revision FROM runs WHERE runid > ?1 ORDER BY runid LIMIT ?2";
const JOBS: &str =
    "SELECT doc, settled_us, next_us FROM jobs WHERE (jobid, created_us, since_us) > (?1, ?2, ?3)
                    ORDER BY jobid, created_us, since_us LIMIT ?4";
const TIMETABLES: &str = "SELECT nodeid, version FROM timetables WHERE nodeid > ?1 ORDER BY nodeid LIMIT ?2";
const EVENTS: &str = "SELECT doc FROM events WHERE eventid > ?1 ORDER BY eventid LIMIT ?2";
const AUDIT: &str = "SELECT doc FROM audit WHERE auditid > ?1 ORDER BY auditid LIMIT ?2";
#[cfg(test)]
pub(super) const LISTS: [&str; 6] = [USERS, RUNS, JOBS, TIMETABLES, EVENTS, AUDIT];
const SETTINGS: &str = "SELECT doc FROM settings LIMIT ?1";

/// The records of one kind after `after`.
fn page(
    tx: &Transaction<'_>,
    kind: RecordKind,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<Record>> {
    // No id is empty, and all come after the empty text.
    let last = match after {
        Some(RecordKey::User(id)) => id.to_string(),
        Some(RecordKey::Node(id) | RecordKey::Timetable(id)) => id.to_string(),
        Some(RecordKey::Run(id)) => id.to_string(),
        Some(RecordKey::Job(id, _, _)) => id.to_string(),
        Some(RecordKey::Event(id)) => id.to_string(),
        Some(RecordKey::Audit(id)) => id.to_string(),
        Some(RecordKey::Settings) | None => String::new(),
    };
    match kind {
        RecordKind::User => all(tx, USERS, params![last, rows(limit)], |row| document(row).map(Record::User)),
        RecordKind::Node => {
            all(tx, nodes::LIST, params![last, rows(limit)], |row| nodes::node_row(row).map(Record::Node))
        }
        RecordKind::Run => all(tx, RUNS, params![last, rows(limit)], |row| {
            Ok(Record::Run { run: document(row)?, revision: row.get::<_, i64>(1)?.unsigned_abs() })
        }),
        RecordKind::Job => {
            let times = match after {
                Some(RecordKey::Job(_, created, since)) => [*created, *since].map(Timestamp::as_microsecond),
                _ => [i64::MIN; 2],
            };
            all(tx, JOBS, params![last, times[0], times[1], rows(limit)], job_row)
        }
        RecordKind::Timetable => all(tx, TIMETABLES, params![last, rows(limit)], |row| {
            let node = row.get::<_, String>(0)?;
            Ok((node, row.get::<_, i64>(1)?.unsigned_abs()))
        })?
        .into_iter()
        .map(|(node, version)| Ok(Record::Timetable { node: NodeId::parse(&node)?, version }))
        .collect(),
        RecordKind::Settings if matches!(after, Some(RecordKey::Settings)) => Ok(Vec::new()),
        RecordKind::Settings => all(tx, SETTINGS, [rows(limit)], |row| document(row).map(Record::Settings)),
        RecordKind::Event => {
            all(tx, EVENTS, params![last, rows(limit)], |row| document(row).map(Record::Event))
        }
        RecordKind::Audit => {
            all(tx, AUDIT, params![last, rows(limit)], |row| document(row).map(Record::Audit))
        }
    }
}

fn job_row(row: &Row<'_>) -> rusqlite::Result<Record> {
    let next = match row.get_ref(2)? {
        ValueRef::Null => None,
        _ => Some(instant(row, 2)?),
    };
    Ok(Record::Job { job: document(row)?, settled: instant(row, 1)?, next })
}

/// The record of `key`.
fn stored(tx: &Transaction<'_>, key: &RecordKey) -> Result<Option<Record>> {
    match key {
        RecordKey::User(id) => {
            let user = one(tx, "SELECT doc FROM users WHERE userid = ?1", [id.as_str()], document)?;
            Ok(user.map(Record::User))
        }
        RecordKey::Node(id) => Ok(one(tx, nodes::ONE, [id.as_str()], nodes::node_row)?.map(Record::Node)),
        RecordKey::Run(id) => {
            let run = one(tx, runs::ONE, [id.as_str()], runs::run_row)?;
            Ok(run.map(|(run, revision)| Record::Run { run, revision }))
        }
        RecordKey::Job(id, created, since) => {
            let select = "SELECT doc, settled_us, next_us FROM jobs
                          WHERE jobid = ?1 AND created_us = ?2 AND since_us = ?3";
            one(tx, select, params![id.as_str(), created.as_microsecond(), since.as_microsecond()], job_row)
        }
        RecordKey::Timetable(node) => {
            let version = jobs::version(tx, node)?;
            Ok((version > 0).then(|| Record::Timetable { node: node.clone(), version }))
        }
        RecordKey::Settings => Ok(one(tx, SETTINGS, [1], document)?.map(Record::Settings)),
        RecordKey::Event(id) => Ok(history::event(tx, id)?.map(Record::Event)),
        RecordKey::Audit(id) => Ok(history::entry(tx, id)?.map(Record::Audit)),
    }
}

fn add(tx: &Transaction<'_>, record: Record) -> Result<()> {
    match record {
        Record::User(user) => users::insert(tx, &user),
        Record::Node(node) => nodes::insert(tx, &node),
        Record::Run { run, revision } => runs::insert(tx, &run, revision).map(drop),
        Record::Job { job, settled, next } => {
            jobs::insert(tx, &job, settled, next)?;
            jobs::grow(tx, &[job]).map(drop)
        }
        Record::Timetable { node, version } => jobs::grow_to(tx, &node, version),
        Record::Settings(settings) => settings::replace(tx, &settings),
        Record::Event(event) => history::insert_event(tx, &event),
        Record::Audit(entry) => history::insert_entry(tx, &entry),
    }
}

#[async_trait]
impl Archive for SqliteStore {
    async fn records(&self, after: Option<&RecordKey>) -> Result<Vec<Record>> {
        let after = after.cloned();
        self.database
            .read(move |tx| {
                let first = after.as_ref().map(RecordKey::kind);
                let mut records = Vec::new();
                for kind in
                    RecordKind::ALL.into_iter().filter(|kind| first.is_none_or(|first| *kind >= first))
                {
                    let after = after.as_ref().filter(|_| first == Some(kind));
                    records.extend(page(tx, kind, after, PAGE - records.len())?);
                }
                Ok(records)
            })
            .await
    }

    async fn restore(&self, record: &Record, seen: &Versions) -> Result<Option<Record>> {
        let (record, seen) = (record.clone(), seen.clone());
        self.database
            .write(move |tx| {
                jobs::check(tx, &seen)?;
                let stored = stored(tx, &record.key())?;
                if stored.is_none() || matches!(record, Record::Timetable { .. }) {
                    add(tx, record)?;
                }
                Ok(stored)
            })
            .await
    }
}
