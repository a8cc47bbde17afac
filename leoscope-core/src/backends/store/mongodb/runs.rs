//! Runs.

use ::mongodb::bson::{Bson, Document, doc};
use async_trait::async_trait;

use super::super::stale;
use super::documents::RunDocument;
use super::{Access, LIMIT, MongoStore, fault, within};
use crate::error::Result;
use crate::ids::RunId;
use crate::model::{Revision, Run, RunFilter};
use crate::ports::RunStore;
use crate::time::Timestamp;

/// What matches `filter` and comes after `after`.
fn matching(filter: &RunFilter, after: Option<&Run>) -> Document {
    let RunFilter { id, job, node, owner, within, limit: _ } = filter;
    let equal = [
        ("_id", id.as_ref().map(|id| id.to_string())),
        ("jobid", job.as_ref().map(|id| id.to_string())),
        ("nodeid", node.as_ref().map(|id| id.to_string())),
        ("userid", owner.as_ref().map(|id| id.to_string())),
    ];
    let mut conditions: Vec<Document> =
        equal.into_iter().filter_map(|(field, value)| Some(doc! { field: value? })).collect();
    if let Some(within) = within {
        let [start, end] = [within.start(), within.end()].map(Timestamp::as_microsecond);
        conditions.push(doc! { "start_us": { "$gte": start, "$lt": end } });
    }
    if let Some(after) = after {
        let id = after.id.as_str();
        conditions.push(match after.sort_key().map(Timestamp::as_microsecond) {
            Some(start) => doc! { "$or": [
                { "start_us": { "$lt": start } },
                { "start_us": start, "_id": { "$gt": id } },
                { "start_us": Bson::Null },
            ] },
            None => doc! { "start_us": Bson::Null, "_id": { "$gt": id } },
        });
    }
    if conditions.is_empty() {
        Document::new()
    } else {
        doc! { "$and": conditions }
    }
}

#[async_trait]
impl RunStore for MongoStore {
    async fn run(&self, id: &RunId) -> Result<Option<(Run, Revision)>> {
        within(Access::Read, async {
            let found =
                Self::runs(self).find_one(doc! { "_id": id.as_str() }).await.map_err(|e| fault::read(&e))?;
            found.map(RunDocument::into_run).transpose()
        })
        .await
    }

    async fn put_run(&self, run: &Run, seen: Option<Revision>) -> Result<()> {
        within(Access::Write, async {
            let changed = || stale(format!("run {}", run.id));
            let document = RunDocument::new(run.clone(), seen.unwrap_or_default() + 1);
            match seen {
                None => match Self::runs(self).insert_one(&document).await {
                    Err(error) if fault::is_duplicate(&error) => Err(changed()),
                    other => other.map(drop).map_err(|e| fault::write(&e)),
                },
                Some(seen) => {
                    let filter = doc! { "_id": run.id.as_str(), "revision": seen.cast_signed() };
                    let replaced = Self::runs(self)
                        .replace_one(filter, &document)
                        .await
                        .map_err(|e| fault::write(&e))?;
                    if replaced.matched_count == 0 { Err(changed()) } else { Ok(()) }
                }
            }
        })
        .await
    }

    async fn runs(&self, filter: &RunFilter, after: Option<&Run>) -> Result<Vec<Run>> {
        let limit = filter.limit.map_or(LIMIT, |limit| LIMIT.min(limit.into()));
        if limit == 0 {
            return Ok(Vec::new());
        }
        within(Access::Read, async {
            let order = doc! { "start_us": -1, "_id": 1 };
            let found = super::list(&Self::runs(self), matching(filter, after), order, limit).await?;
            found.into_iter().map(|document| document.into_run().map(|(run, _)| run)).collect()
        })
        .await
    }

    async fn runs_over(&self, before: Timestamp) -> Result<Vec<(Run, Revision)>> {
        within(Access::Read, async {
            let filter = doc! { "over_us": { "$lt": before.as_microsecond() } };
            let found =
                super::list(&Self::runs(self), filter, doc! { "over_us": 1, "_id": 1 }, LIMIT).await?;
            found.into_iter().map(RunDocument::into_run).collect()
        })
        .await
    }

    async fn forget_run(&self, id: &RunId, seen: Revision) -> Result<bool> {
        within(Access::Write, async {
            let filter = doc! { "_id": id.as_str(), "revision": seen.cast_signed() };
            let deleted = Self::runs(self).delete_one(filter).await.map_err(|e| fault::write(&e))?;
            Ok(deleted.deleted_count > 0)
        })
        .await
    }
}
