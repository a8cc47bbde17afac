//! Runs.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::super::stale;
use super::SqliteStore;
use crate::backends::rows::{all, document, encode, execute, micros, one};
use crate::error::Result;
use crate::ids::RunId;
use crate::model::{Run, RunFilter};
use crate::ports::{Revision, RunStore};

#[async_trait]
impl RunStore for SqliteStore {
    async fn run(&self, id: &RunId) -> Result<Option<(Run, Revision)>> {
        let id = id.clone();
        let select = "SELECT doc, revision FROM runs WHERE runid = ?1";
        self.database
            .read(move |tx| {
                one(tx, select, [id.as_str()], |row| {
                    Ok((document(row)?, row.get::<_, i64>(1)?.unsigned_abs()))
                })
            })
            .await
    }

    async fn put_run(&self, run: &Run, seen: Option<Revision>) -> Result<()> {
        let (run, doc) = (run.clone(), encode(run)?);
        self.database
            .write(move |tx| {
                let values = params![
                    run.id.as_str(),
                    seen.map(Revision::cast_signed),
                    run.job.as_str(),
                    run.node.as_str(),
                    run.owner.as_str(),
                    micros(run.sort_key()),
                    doc
                ];
                let statement = match seen {
                    None => {
                        "INSERT INTO runs (runid, revision, jobid, nodeid, userid, start_us, doc)
                         VALUES (?1, coalesce(?2, 0) + 1, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING"
                    }
                    Some(_) => {
                        "UPDATE runs SET revision = ?2 + 1, jobid = ?3, nodeid = ?4, userid = ?5, start_us = ?6, doc = ?7
                         WHERE runid = ?1 AND revision = ?2"
                    }
                };
                match execute(tx, statement, values)? {
                    0 => Err(stale(format!("run {}", run.id))),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        let (query, values) = select(filter);
        self.database.read(move |tx| all(tx, &query, params_from_iter(values), document)).await
    }
}

/// The query of a filter; values are bound, never written into it.
pub(super) fn select(filter: &RunFilter) -> (String, Vec<Value>) {
    let RunFilter { id, job, node, owner, within, limit } = filter;
    let text = |value: &str| Value::Text(value.to_owned());
    let mut conditions = vec!["TRUE"];
    let mut values = Vec::new();
    let equal = [
        ("runid = ?", id.as_ref().map(|id| text(id.as_str()))),
        ("jobid = ?", job.as_ref().map(|id| text(id.as_str()))),
        ("nodeid = ?", node.as_ref().map(|id| text(id.as_str()))),
        ("userid = ?", owner.as_ref().map(|id| text(id.as_str()))),
        ("start_us >= ?", within.map(|window| Value::Integer(window.start().as_microsecond()))),
        ("start_us < ?", within.map(|window| Value::Integer(window.end().as_microsecond()))),
    ];
    for (condition, value) in equal {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    }
    // SQLite takes a negative limit as none.
    values.push(Value::Integer(limit.map_or(-1, i64::from)));
    let conditions = conditions.join(" AND ");
    (format!("SELECT doc FROM runs WHERE {conditions} ORDER BY start_us DESC, runid LIMIT ?"), values)
}
