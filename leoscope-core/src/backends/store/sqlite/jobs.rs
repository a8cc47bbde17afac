//! Jobs and timetables.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use rusqlite::{Transaction, params};

use super::super::{missing, stale, taken};
use super::SqliteStore;
use crate::backends::rows::{all, document, encode, execute, micros, one};
use crate::error::Result;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::Job;
use crate::ports::{Booking, JobStore, Timetable, Versions};
use crate::time::Timestamp;

pub(super) const OF_NODE: &str = "SELECT doc FROM jobs WHERE nodeid = ?1 AND deleted_us IS NULL
                                  UNION ALL SELECT doc FROM jobs WHERE serverid = ?1 AND deleted_us IS NULL";
pub(super) const OF_USER: &str =
    "SELECT doc FROM jobs WHERE userid = ?1 AND deleted_us IS NULL ORDER BY jobid";
/// After a clock that went back, the live definition need not be the one created last.
pub(super) const LATEST: &str =
    "SELECT doc FROM jobs WHERE jobid = ?1 ORDER BY deleted_us IS NULL DESC, created_us DESC LIMIT 1";

fn version(tx: &Transaction<'_>, node: &NodeId) -> Result<u64> {
    let select = "SELECT version FROM timetables WHERE nodeid = ?1";
    let version = one(tx, select, [node.as_str()], |row| row.get::<_, i64>(0))?;
    Ok(version.map_or(0, i64::unsigned_abs))
}

fn insert(tx: &Transaction<'_>, job: &Job) -> Result<()> {
    let statement = "INSERT INTO jobs (jobid, created_us, deleted_us, nodeid, serverid, userid, doc)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let values = params![
        job.id.as_str(),
        job.created.as_microsecond(),
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

fn delete(tx: &Transaction<'_>, id: &JobId, at: Timestamp) -> Result<Job> {
    let select = "SELECT doc FROM jobs WHERE jobid = ?1 AND deleted_us IS NULL";
    let job: Option<Job> = one(tx, select, [id.as_str()], document)?;
    let job = Job { deleted: Some(at), ..job.ok_or_else(|| missing("job", id))? };
    let update = "UPDATE jobs SET deleted_us = ?2, doc = ?3 WHERE jobid = ?1 AND deleted_us IS NULL";
    execute(tx, update, params![id.as_str(), at.as_microsecond(), encode(&job)?])?;
    Ok(job)
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn timetable(&self, nodes: &BTreeSet<NodeId>) -> Result<Timetable> {
        let nodes = nodes.clone();
        self.database
            .read(move |tx| {
                // A job between two of the nodes is found at each, and kept once.
                let mut jobs = BTreeMap::new();
                let mut versions = Versions::new();
                for node in nodes {
                    let found = all(tx, OF_NODE, [node.as_str()], document::<Job>)?;
                    jobs.extend(found.into_iter().map(|job| (job.id.clone(), job)));
                    versions.insert(node.clone(), version(tx, &node)?);
                }
                Ok(Timetable { jobs: jobs.into_values().collect(), versions })
            })
            .await
    }

    async fn commit(&self, seen: &Versions, booking: Booking) -> Result<()> {
        let seen = seen.clone();
        self.database
            .write(move |tx| {
                for (node, expected) in &seen {
                    if version(tx, node)? != *expected {
                        return Err(stale(format!("the timetable of node {node}")));
                    }
                }
                let job = match booking {
                    Booking::Insert(job) => {
                        insert(tx, &job)?;
                        *job
                    }
                    Booking::Delete(id, at) => delete(tx, &id, at)?,
                };
                let grow = "INSERT INTO timetables (nodeid, version) VALUES (?1, 1)
                            ON CONFLICT (nodeid) DO UPDATE SET version = version + 1";
                for node in job.nodes() {
                    execute(tx, grow, [node.as_str()])?;
                }
                Ok(())
            })
            .await
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        let id = id.clone();
        self.database.read(move |tx| one(tx, LATEST, [id.as_str()], document)).await
    }

    async fn jobs_of_user(&self, owner: &UserId) -> Result<Vec<Job>> {
        let owner = owner.clone();
        self.database.read(move |tx| all(tx, OF_USER, [owner.as_str()], document)).await
    }
}
