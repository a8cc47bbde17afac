//! Jobs and timetables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use rusqlite::{Row, Transaction, params};

use super::super::{missing, stale, taken};
use super::SqliteStore;
use super::timetables::Committed;
use crate::backends::rows::{all, document, encode, execute, instant, micros, one};
use crate::error::Result;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::Job;
use crate::ports::{Booking, JobStore, Timetable, Unsettled, Versions};
use crate::time::Timestamp;

pub(super) const OF_NODE: &str = "SELECT doc FROM jobs WHERE nodeid = ?1 AND deleted_us IS NULL
                                  UNION ALL SELECT doc FROM jobs WHERE serverid = ?1 AND deleted_us IS NULL";
pub(super) const OF_USER: &str =
    "SELECT doc FROM jobs WHERE userid = ?1 AND deleted_us IS NULL ORDER BY jobid";
/// After a clock that went back, the live definition need not be the one created last.
pub(super) const LATEST: &str = "SELECT doc FROM jobs WHERE jobid = ?1 ORDER BY deleted_us IS NULL DESC, created_us DESC, since_us DESC LIMIT 1";
pub(super) const DUE: &str = "SELECT doc, settled_us FROM jobs WHERE next_us <= ?1 ORDER BY next_us LIMIT ?2";

fn version(tx: &Transaction<'_>, node: &NodeId) -> Result<u64> {
    let select = "SELECT version FROM timetables WHERE nodeid = ?1";
    let version = one(tx, select, [node.as_str()], |row| row.get::<_, i64>(0))?;
    Ok(version.map_or(0, i64::unsigned_abs))
}

fn insert(tx: &Transaction<'_>, job: &Job) -> Result<()> {
    let statement = "INSERT INTO jobs
                         (jobid, created_us, since_us, settled_us, next_us, deleted_us, nodeid, serverid, userid, doc)
                     VALUES (?1, ?2, ?3, ?3, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    let values = params![
        job.id.as_str(),
        job.created.as_microsecond(),
        job.since.as_microsecond(),
        micros(job.deleted),
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
    if booked.is_some() { Err(taken("job", &job.id)) } else { insert(tx, job) }
}

/// Puts `job` in the place of the live definition and gives that one.
fn replace(tx: &Transaction<'_>, job: &Job) -> Result<Job> {
    if !live(tx, &job.id)?.is_same_booking(job) {
        return Err(missing("job", &job.id));
    }
    let old = delete(tx, &job.id, job.since)?;
    if old.since == job.since {
        // It has planned nothing that the new one does not plan.
        let forget = "DELETE FROM jobs WHERE jobid = ?1 AND created_us = ?2 AND since_us = ?3";
        let (created, since) = (old.created.as_microsecond(), old.since.as_microsecond());
        execute(tx, forget, params![old.id.as_str(), created, since])?;
    }
    insert(tx, job)?;
    Ok(old)
}

fn delete(tx: &Transaction<'_>, id: &JobId, at: Timestamp) -> Result<Job> {
    let job = Job { deleted: Some(at), ..live(tx, id)? };
    let update = "UPDATE jobs SET deleted_us = ?2, doc = ?3 WHERE jobid = ?1 AND deleted_us IS NULL";
    execute(tx, update, params![id.as_str(), at.as_microsecond(), encode(&job)?])?;
    Ok(job)
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
                for (node, expected) in &seen {
                    if version(tx, node)? != *expected {
                        return Err(stale(format!("the timetable of node {node}")));
                    }
                }
                let changed = match booking {
                    Booking::Insert(job) => {
                        book(tx, &job)?;
                        vec![*job]
                    }
                    Booking::Replace(job) => vec![replace(tx, &job)?, *job],
                    Booking::Delete(id, at) => vec![delete(tx, &id, at)?],
                };
                let nodes: BTreeSet<&NodeId> = changed.iter().flat_map(Job::nodes).collect();
                let grow = "INSERT INTO timetables (nodeid, version) VALUES (?1, 1)
                            ON CONFLICT (nodeid) DO UPDATE SET version = version + 1";
                let mut versions = Vec::new();
                for node in nodes {
                    execute(tx, grow, [node.as_str()])?;
                    versions.push((node.clone(), version(tx, node)?));
                }
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

    async fn jobs_of_user(&self, owner: &UserId) -> Result<Vec<Job>> {
        let owner = owner.clone();
        self.database.read(move |tx| all(tx, OF_USER, [owner.as_str()], document)).await
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
}
