//! Jobs and timetables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use rusqlite::{Row, Transaction, params};

use super::super::{missing, stale, taken};
use super::SqliteStore;
use crate::backends::rows::{all, document, encode, execute, instant, micros, one, rows};
use crate::backends::timetables::Committed;
use crate::error::Result;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::Job;
use crate::ports::{Booking, JobStore, PAGE, Timetable, TimetableChanges, Unsettled, Versions};
use crate::time::Timestamp;

pub(super) const OF_NODE: &str = "SELECT doc FROM jobs WHERE nodeid = ?1 AND deleted_us IS NULL
                                  UNION ALL SELECT doc FROM jobs WHERE serverid = ?1 AND deleted_us IS NULL";
pub(super) const OF_USER: &str =
    "SELECT doc FROM jobs WHERE userid = ?1 AND deleted_us IS NULL AND jobid > ?2 ORDER BY jobid LIMIT ?3";
/// After a clock that went back, the live definition need not be the one created last.
pub(super) const LATEST: &str = "SELECT doc FROM jobs WHERE jobid = ?1 ORDER BY deleted_us IS NULL DESC, created_us DESC, since_us DESC LIMIT 1";
const FORGET: &str = "DELETE FROM jobs WHERE jobid = ?1 AND created_us = ?2 AND since_us = ?3";
pub(super) const OVER: &str = "SELECT doc FROM jobs
    WHERE over_us < ?1 AND next_us IS NULL AND (over_us, jobid, created_us, since_us) > (?2, ?3, ?4, ?5)
    ORDER BY over_us, jobid, created_us, since_us LIMIT ?6";
pub(super) const DUE: &str = "SELECT doc, settled_us FROM jobs WHERE next_us <= ?1 ORDER BY next_us LIMIT ?2";

pub(super) fn version(tx: &Transaction<'_>, node: &NodeId) -> Result<u64> {
    let select = "SELECT version FROM timetables WHERE nodeid = ?1";
    let version = one(tx, select, [node.as_str()], |row| row.get::<_, i64>(0))?;
    Ok(version.map_or(0, i64::unsigned_abs))
}

/// Adds a definition of which every run before `settled` has its final record, to be looked at
/// again at `next`.
pub(super) fn insert(
    tx: &Transaction<'_>,
    job: &Job,
    settled: Timestamp,
    next: Option<Timestamp>,
) -> Result<()> {
    let statement = "INSERT INTO jobs
                         (jobid, created_us, since_us, settled_us, next_us, deleted_us, over_us, nodeid, serverid, userid, doc)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING";
    let values = params![
        job.id.as_str(),
        job.created.as_microsecond(),
        job.since.as_microsecond(),
        settled.as_microsecond(),
        micros(next),
        micros(job.deleted),
        job.over().as_microsecond(),
        job.node.as_str(),
        job.server.as_ref().map(NodeId::as_str),
        job.owner.as_str(),
        encode(job)?
    ];
    match execute(tx, statement, values)? {
        0 => Err(taken("job", &job.id)),
        _ => Ok(()),
    }
}

fn live(tx: &Transaction<'_>, id: &JobId) -> Result<Job> {
    let select = "SELECT doc FROM jobs WHERE jobid = ?1 AND deleted_us IS NULL";
    one(tx, select, [id.as_str()], document)?.ok_or_else(|| missing("job", id))
}

fn book(tx: &Transaction<'_>, job: &Job) -> Result<()> {
    let select = "SELECT 1 FROM jobs WHERE jobid = ?1 AND created_us = ?2 LIMIT 1";
    let booked = one(tx, select, params![job.id.as_str(), job.created.as_microsecond()], |_| Ok(()))?;
    if booked.is_some() { Err(taken("job", &job.id)) } else { insert(tx, job, job.since, Some(job.since)) }
}

/// Puts `job` in the place of the live definition and gives that one.
fn replace(tx: &Transaction<'_>, job: &Job) -> Result<Job> {
    if !live(tx, &job.id)?.is_same_booking(job) {
        return Err(missing("job", &job.id));
    }
    let old = delete(tx, &job.id, job.since)?;
    if old.since == job.since {
        // It has planned nothing that the new one does not plan.
        let (created, since) = (old.created.as_microsecond(), old.since.as_microsecond());
        execute(tx, FORGET, (old.id.as_str(), created, since))?;
    }
    insert(tx, job, job.since, Some(job.since))?;
    Ok(old)
}

fn delete(tx: &Transaction<'_>, id: &JobId, at: Timestamp) -> Result<Job> {
    let job = Job { deleted: Some(at), ..live(tx, id)? };
    let update =
        "UPDATE jobs SET deleted_us = ?2, over_us = ?3, doc = ?4 WHERE jobid = ?1 AND deleted_us IS NULL";
    let over = job.over().as_microsecond();
    execute(tx, update, params![id.as_str(), at.as_microsecond(), over, encode(&job)?])?;
    Ok(job)
}

/// Fails unless the versions are those `seen`.
pub(super) fn check(tx: &Transaction<'_>, seen: &Versions) -> Result<()> {
    for (node, expected) in seen {
        if version(tx, node)? != *expected {
            return Err(stale(format!("the timetable of node {node}")));
        }
    }
    Ok(())
}

/// Notes that the timetables of the nodes of `changed` have changed, and gives their new versions.
pub(super) fn grow(tx: &Transaction<'_>, changed: &[Job]) -> Result<Vec<(NodeId, u64)>> {
    let nodes: BTreeSet<&NodeId> = changed.iter().flat_map(Job::nodes).collect();
    // Writers take turns, so the number of a change tells which came later.
    let grow = "INSERT INTO timetables (nodeid, version, change)
                VALUES (?1, 1, (SELECT coalesce(max(change), 0) + 1 FROM timetables))
                ON CONFLICT (nodeid) DO UPDATE SET version = version + 1, change = excluded.change";
    let grown = nodes.into_iter().map(|node| {
        execute(tx, grow, [node.as_str()])?;
        Ok((node.clone(), version(tx, node)?))
    });
    grown.collect()
}

/// Notes that the timetable of `node` has changed `version` times, unless it changed more often.
pub(super) fn grow_to(tx: &Transaction<'_>, node: &NodeId, least: u64) -> Result<()> {
    let grow = "INSERT INTO timetables (nodeid, version, change)
                VALUES (?1, ?2, (SELECT coalesce(max(change), 0) + 1 FROM timetables))
                ON CONFLICT (nodeid) DO UPDATE SET version = excluded.version, change = excluded.change
                WHERE version < excluded.version";
    execute(tx, grow, params![node.as_str(), least.cast_signed()]).map(drop)
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn timetable(&self, nodes: &BTreeSet<NodeId>) -> Result<Timetable> {
        let (nodes, known) = (nodes.clone(), Arc::clone(&self.timetables));
        self.database
            .read(move |tx| {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                // A job between two of the nodes is found at each, and kept once.
                let mut jobs = BTreeMap::new();
                let mut versions = Versions::new();
                for node in nodes {
                    let version = version(tx, &node)?;
                    let found = match known.get(&node, version) {
                        Some(found) => found.to_vec(),
                        None => {
                            let read = all(tx, OF_NODE, [node.as_str()], document::<Job>)?;
                            let read: Vec<Arc<Job>> = read.into_iter().map(Arc::new).collect();
                            known.keep(node.clone(), version, read.clone());
                            read
                        }
                    };
                    jobs.extend(found.into_iter().map(|job| (job.id.clone(), job)));
                    versions.insert(node, version);
                }
                Ok(Timetable { jobs: jobs.into_values().collect(), versions })
            })
            .await
    }

    async fn commit(&self, seen: &Versions, booking: Booking) -> Result<()> {
        let seen = seen.clone();
        let committed = self
            .database
            .write(move |tx| {
                check(tx, &seen)?;
                let changed = match booking {
                    Booking::Insert(job) => {
                        book(tx, &job)?;
                        vec![*job]
                    }
                    Booking::Replace(job) => vec![replace(tx, &job)?, *job],
                    Booking::Delete(id, at) => vec![delete(tx, &id, at)?],
                };
                let versions = grow(tx, &changed)?;
                Ok(Committed { versions, jobs: changed.into_iter().map(Arc::new).collect() })
            })
            .await?;
        self.timetables.lock().unwrap_or_else(PoisonError::into_inner).apply(&committed);
        Ok(())
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        let id = id.clone();
        self.database.read(move |tx| one(tx, LATEST, [id.as_str()], document)).await
    }

    async fn jobs_of_user(&self, owner: &UserId, after: Option<&JobId>) -> Result<Vec<Job>> {
        // No id is empty, and all come after the empty text.
        let (owner, after) = (owner.clone(), after.map(JobId::to_string).unwrap_or_default());
        self.database
            .read(move |tx| all(tx, OF_USER, params![owner.as_str(), after, rows(PAGE)], document))
            .await
    }

    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<Unsettled>> {
        let row = |row: &Row<'_>| Ok(Unsettled { job: document(row)?, settled: instant(row, 1)? });
        self.database.read(move |tx| all(tx, DUE, params![now.as_microsecond(), limit], row)).await
    }

    async fn settle(&self, job: &Job, settled: Timestamp, next: Option<Timestamp>) -> Result<()> {
        let (id, created, since) = (job.id.clone(), job.created, job.since);
        let update = "UPDATE jobs SET settled_us = ?4, next_us = ?5
                      WHERE jobid = ?1 AND created_us = ?2 AND since_us = ?3";
        self.database
            .write(move |tx| {
                let values = params![
                    id.as_str(),
                    created.as_microsecond(),
                    since.as_microsecond(),
                    settled.as_microsecond(),
                    micros(next)
                ];
                execute(tx, update, values).map(drop)
            })
            .await
    }

    async fn watch_timetables(&self) -> Result<TimetableChanges> {
        super::watch::watch(&self.database).await
    }

    async fn jobs_over(&self, before: Timestamp, after: Option<&Job>) -> Result<Vec<Job>> {
        let after = after.map_or((i64::MIN, String::new(), 0, 0), |job| {
            let [over, created, since] = [job.over(), job.created, job.since].map(Timestamp::as_microsecond);
            (over, job.id.to_string(), created, since)
        });
        self.database
            .read(move |tx| {
                let (over, id, created, since) = after;
                all(
                    tx,
                    OVER,
                    params![before.as_microsecond(), over, id, created, since, rows(PAGE)],
                    document,
                )
            })
            .await
    }

    async fn forget_job(&self, job: &Job) -> Result<bool> {
        let job = job.clone();
        let select = "SELECT doc FROM jobs WHERE jobid = ?1 AND created_us = ?2 AND since_us = ?3";
        self.database
            .write(move |tx| {
                let key = (job.id.as_str(), job.created.as_microsecond(), job.since.as_microsecond());
                if one(tx, select, key, document::<Job>)?.as_ref() != Some(&job) {
                    return Ok(false);
                }
                execute(tx, FORGET, key)?;
                if job.deleted.is_none() {
                    grow(tx, &[job])?;
                }
                Ok(true)
            })
            .await
    }
}
