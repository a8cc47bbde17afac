//! Runs.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Row, Transaction, params, params_from_iter};

use super::super::stale;
use super::SqliteStore;
use crate::backends::rows::{all, document, encode, execute, micros, one, rows};
use crate::error::Result;
use crate::ids::RunId;
use crate::model::{Revision, Run, RunFilter};
use crate::ports::{PAGE, RunStore};
use crate::time::Timestamp;

pub(super) const ONE: &str = "SELECT doc, revision FROM runs WHERE runid = ?1";
pub(super) const OVER: &str = "SELECT doc, revision FROM runs WHERE over_us < ?1 ORDER BY over_us LIMIT ?2";

pub(super) fn run_row(row: &Row<'_>) -> rusqlite::Result<(Run, Revision)> {
    Ok((document(row)?, row.get::<_, i64>(1)?.unsigned_abs()))
}

/// Stores a run unless there is one, and says whether it did.
pub(super) fn insert(tx: &Transaction<'_>, run: &Run, revision: Revision) -> Result<bool> {
    let insert = "INSERT INTO runs (runid, revision, jobid, nodeid, userid, start_us, over_us, doc)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    store(tx, insert, run, revision)
}

/// Stores a run in place of the revision `seen`, and says whether that was there.
fn replace(tx: &Transaction<'_>, run: &Run, seen: Revision) -> Result<bool> {
    let update = "UPDATE runs SET revision = ?2, jobid = ?3, nodeid = ?4, userid = ?5, start_us = ?6,
                         over_us = ?7, doc = ?8
                  WHERE runid = ?1 AND revision = ?2 - 1";
    store(tx, update, run, seen + 1)
}

fn store(tx: &Transaction<'_>, statement: &str, run: &Run, revision: Revision) -> Result<bool> {
    let values = params![
        run.id.as_str(),
        revision.cast_signed(),
        run.job.as_str(),
        run.node.as_str(),
        run.owner.as_str(),
        micros(run.sort_key()),
        micros(run.over()),
        encode(run)?
    ];
    Ok(execute(tx, statement, values)? > 0)
}

#[async_trait]
impl RunStore for SqliteStore {
    async fn run(&self, id: &RunId) -> Result<Option<(Run, Revision)>> {
        let id = id.clone();
        self.database.read(move |tx| one(tx, ONE, [id.as_str()], run_row)).await
    }

    async fn put_run(&self, run: &Run, seen: Option<Revision>) -> Result<()> {
        let run = run.clone();
        self.database
            .write(move |tx| {
                let stored = match seen {
                    None => insert(tx, &run, 1)?,
                    Some(seen) => replace(tx, &run, seen)?,
                };
                if stored { Ok(()) } else { Err(stale(format!("run {}", run.id))) }
            })
            .await
    }

    async fn runs(&self, filter: &RunFilter, after: Option<&Run>) -> Result<Vec<Run>> {
        let queries = select(filter, after);
        let limit = filter.limit.and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.map_or(PAGE, |limit| limit.min(PAGE));
        self.database
            .read(move |tx| {
                let mut runs: Vec<Run> = Vec::new();
                for (query, mut values) in queries {
                    values.push(Value::Integer(rows(limit - runs.len())));
                    runs.extend(all(tx, &query, params_from_iter(values), document::<Run>)?);
                }
                Ok(runs)
            })
            .await
    }

    async fn runs_over(&self, before: Timestamp) -> Result<Vec<(Run, Revision)>> {
        self.database
            .read(move |tx| all(tx, OVER, params![before.as_microsecond(), rows(PAGE)], run_row))
            .await
    }

    async fn forget_run(&self, id: &RunId, seen: Revision) -> Result<bool> {
        let id = id.clone();
        let delete = "DELETE FROM runs WHERE runid = ?1 AND revision = ?2";
        let deleted =
            self.database.write(move |tx| execute(tx, delete, params![id.as_str(), seen.cast_signed()]));
        Ok(deleted.await? > 0)
    }
}

/// The queries that list a filter's runs after `after`, all but their limits; values are bound, never
/// written into them. Runs without a start come last, and are a query of their own.
pub(super) fn select(filter: &RunFilter, after: Option<&Run>) -> Vec<(String, Vec<Value>)> {
    let RunFilter { id, job, node, owner, within, limit: _ } = filter;
    let text = |value: &str| Value::Text(value.to_owned());
    let instant = |time: Timestamp| Value::Integer(time.as_microsecond());
    let equal = [
        ("runid = ?", id.as_ref().map(|id| text(id.as_str()))),
        ("jobid = ?", job.as_ref().map(|id| text(id.as_str()))),
        ("nodeid = ?", node.as_ref().map(|id| text(id.as_str()))),
        ("userid = ?", owner.as_ref().map(|id| text(id.as_str()))),
    ];
    let equal: Vec<_> = equal.into_iter().filter_map(|(is, value)| Some((is, vec![value?]))).collect();
    let query = |bounds: Vec<(&str, Vec<Value>)>, order: &str| {
        let (conditions, values): (Vec<_>, Vec<_>) = equal.iter().cloned().chain(bounds).unzip();
        let conditions = conditions.join(" AND ");
        (format!("SELECT doc FROM runs WHERE {conditions} ORDER BY {order} LIMIT ?"), values.concat())
    };
    let last = after.map(|after| (after.sort_key(), text(after.id.as_str())));
    let mut queries = Vec::new();
    if !matches!(last, Some((None, _))) {
        let mut bounds = vec![match within {
            Some(within) => {
                ("start_us >= ? AND start_us < ?", vec![instant(within.start()), instant(within.end())])
            }
            None => ("start_us IS NOT NULL", Vec::new()),
        }];
        if let Some((Some(start), id)) = &last {
            let values = vec![instant(*start), instant(*start), id.clone()];
            bounds.push(("start_us <= ? AND (start_us < ? OR runid > ?)", values));
        }
        queries.push(query(bounds, "start_us DESC, runid"));
    }
    if within.is_none() {
        let mut bounds = vec![("start_us IS NULL", Vec::new())];
        if let Some((None, id)) = last {
            bounds.push(("runid > ?", vec![id]));
        }
        queries.push(query(bounds, "runid"));
    }
    queries
}
