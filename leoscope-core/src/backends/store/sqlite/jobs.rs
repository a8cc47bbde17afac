//! Jobs and timetables.

use std::collections::BTreeSet;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};

use super::super::{missing, stale, taken};
use super::{SqliteStore, document, encode};
use crate::backends::database::sql;
use crate::error::Result;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::Job;
use crate::ports::{Booking, JobStore, Timetable, Versions};
use crate::time::Timestamp;

fn version(tx: &Transaction<'_>, node: &NodeId) -> Result<u64> {
    let select = "SELECT version FROM timetables WHERE nodeid = ?1";
    let version = tx
        .prepare_cached(select)
        .and_then(|mut query| query.query_row([node.as_str()], |row| row.get::<_, i64>(0)).optional())
        .map_err(sql)?;
    Ok(version.map_or(0, i64::unsigned_abs))
}

fn insert(tx: &Transaction<'_>, job: &Job) -> Result<()> {
    let statement = "INSERT INTO jobs (jobid, created_us, nodeid, serverid, userid, doc)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let server = job.server.as_ref().map(NodeId::as_str);
    let created = job.created.as_microsecond();
    let values =
        params![job.id.as_str(), created, job.node.as_str(), server, job.owner.as_str(), encode(job)?];
    match tx.execute(statement, values).map_err(sql)? {
        0 => Err(taken("job", &job.id)),
        _ => Ok(()),
    }
}

fn delete(tx: &Transaction<'_>, id: &JobId, at: Timestamp) -> Result<Job> {
    let select = "SELECT doc FROM jobs WHERE jobid = ?1 AND deleted_us IS NULL";
    let job: Option<Job> = tx.query_row(select, [id.as_str()], document).optional().map_err(sql)?;
    let job = Job { deleted: Some(at), ..job.ok_or_else(|| missing("job", id))? };
    let update = "UPDATE jobs SET deleted_us = ?2, doc = ?3 WHERE jobid = ?1 AND deleted_us IS NULL";
    tx.execute(update, params![id.as_str(), at.as_microsecond(), encode(&job)?]).map_err(sql)?;
    Ok(job)
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn timetable(&self, nodes: &BTreeSet<NodeId>) -> Result<Timetable> {
        let nodes = nodes.clone();
        let select = "SELECT doc FROM jobs WHERE nodeid = ?1 AND deleted_us IS NULL
                      UNION SELECT doc FROM jobs WHERE serverid = ?1 AND deleted_us IS NULL";
        self.database
            .read(move |tx| {
                let mut jobs = Vec::new();
                let mut versions = Versions::new();
                for node in nodes {
                    let mut query = tx.prepare_cached(select).map_err(sql)?;
                    let found = query.query_map([node.as_str()], document::<Job>).map_err(sql)?;
                    jobs.extend(found.collect::<Result<Vec<_>, _>>().map_err(sql)?);
                    versions.insert(node.clone(), version(tx, &node)?);
                }
                jobs.sort_by(|a, b| a.id.cmp(&b.id));
                // A job between two of the nodes was found at each.
                jobs.dedup_by(|a, b| a.id == b.id);
                Ok(Timetable { jobs, versions })
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
                    tx.execute(grow, [node.as_str()]).map_err(sql)?;
                }
                Ok(())
            })
            .await
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        let id = id.clone();
        let select = "SELECT doc FROM jobs WHERE jobid = ?1 ORDER BY created_us DESC LIMIT 1";
        self.database
            .read(move |tx| tx.query_row(select, [id.as_str()], document).optional().map_err(sql))
            .await
    }

    async fn jobs_of_user(&self, owner: &UserId) -> Result<Vec<Job>> {
        let owner = owner.clone();
        let select = "SELECT doc FROM jobs WHERE userid = ?1 AND deleted_us IS NULL ORDER BY jobid";
        self.database
            .read(move |tx| {
                tx.prepare_cached(select)
                    .and_then(|mut query| query.query_map([owner.as_str()], document)?.collect())
                    .map_err(sql)
            })
            .await
    }
}
