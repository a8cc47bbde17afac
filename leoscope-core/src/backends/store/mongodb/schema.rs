//! Indexes, and the mark that says whose database it is.

use ::mongodb::bson::{Document, doc};
use ::mongodb::options::IndexOptions;
use ::mongodb::{Database, IndexModel};

use super::fault;
use crate::error::{Error, Result};

/// The version of the documents. A change that older documents do not fit comes with a migration.
pub(super) const FORMAT: i32 = 1;

/// The id of the document in `config` that marks a database of this program.
const MARK: &str = "leoscope-rs";

/// One index for each way in which something is found or ordered, and whether it is unique.
fn indexes() -> [(&'static str, Vec<(Document, bool)>); 6] {
    [
        (
            "jobs",
            vec![
                // At most one definition of a job id is live: `live` is there in live ones alone.
                (doc! { "live": 1 }, true),
                (doc! { "jobid": 1, "created_us": 1, "since_us": 1 }, false),
                (doc! { "nodeid": 1, "live": 1 }, false),
                (doc! { "server": 1, "live": 1 }, false),
                (doc! { "userid": 1, "live": 1 }, false),
                (doc! { "next_us": 1 }, false),
                (doc! { "over_us": 1, "_id": 1 }, false),
            ],
        ),
        (
            "runs",
            vec![
                (doc! { "start_us": -1, "_id": 1 }, false),
                (doc! { "jobid": 1, "start_us": -1, "_id": 1 }, false),
                (doc! { "nodeid": 1, "start_us": -1, "_id": 1 }, false),
                (doc! { "userid": 1, "start_us": -1, "_id": 1 }, false),
                (doc! { "over_us": 1, "_id": 1 }, false),
            ],
        ),
        (
            "tasks",
            vec![
                (doc! { "nodeid": 1, "_id": 1 }, false),
                (doc! { "runid": 1, "_id": 1 }, false),
                (doc! { "jobid": 1, "_id": 1 }, false),
                (doc! { "expires_us": 1 }, false),
            ],
        ),
        (
            "events",
            vec![
                (doc! { "jobid": 1, "at_us": -1, "_id": 1 }, false),
                (doc! { "runid": 1, "at_us": -1, "_id": 1 }, false),
                (doc! { "jobid": 1, "occurrence_us": 1 }, false),
                (doc! { "received_us": 1 }, false),
            ],
        ),
        (
            "audit",
            vec![
                (doc! { "userid": 1, "_id": -1 }, false),
                (doc! { "object": 1, "_id": -1 }, false),
                (doc! { "action": 1, "_id": -1 }, false),
            ],
        ),
        ("timetables", vec![(doc! { "modified": 1 }, false)]),
    ]
}

/// Makes sure that the database is one of this program, and has its indexes.
pub(super) async fn prepare(database: &Database) -> Result<()> {
    let config = database.collection::<Document>("config");
    let refused = |why: String| Error::invalid(format!("cannot use database {}: {why}", database.name()));
    match config.find_one(doc! { "_id": MARK }).await.map_err(|e| fault::read(&e))? {
        Some(mark) => {
            let format = mark.get_i32("format").unwrap_or_default();
            if format != FORMAT {
                return Err(refused(format!(
                    "its documents have format {format}, this program knows up to {FORMAT}"
                ))
                .hint("use the newer program that wrote it"));
            }
        }
        None => {
            if let Some(name) = stranger(database).await?
                // Another orchestrator may have begun to use it meanwhile.
                && !is_ours(database).await?
            {
                return Err(refused(format!("it has a collection {name} of another program")).hint(
                    "give another database; 'leoscope-orchestrator import --from=mongodb://…' copies one of the public LEOScope testbed",
                ));
            }
        }
    }
    for (name, wanted) in indexes() {
        let models = wanted.into_iter().map(|(keys, unique)| {
            let options = IndexOptions::builder().unique(unique).sparse(unique).build();
            IndexModel::builder().keys(keys).options(options).build()
        });
        let collection = database.collection::<Document>(name);
        collection.create_indexes(models).await.map_err(|e| fault::write(&e))?;
    }
    // Last, so that a database with the mark has its indexes.
    let mark = doc! { "$setOnInsert": { "format": FORMAT } };
    match config.update_one(doc! { "_id": MARK }, mark).upsert(true).await {
        Err(error) if !fault::is_duplicate(&error) => Err(fault::write(&error)),
        _ => Ok(()),
    }
}

/// A collection of a name of ours that is not empty.
pub(super) async fn stranger(database: &Database) -> Result<Option<&'static str>> {
    for name in ["jobs", "users", "nodes", "runs"] {
        if database
            .collection::<Document>(name)
            .find_one(doc! {})
            .await
            .map_err(|e| fault::read(&e))?
            .is_some()
        {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Whether a database is one of this program.
pub(super) async fn is_ours(database: &Database) -> Result<bool> {
    let config = database.collection::<Document>("config");
    Ok(config.find_one(doc! { "_id": MARK }).await.map_err(|e| fault::read(&e))?.is_some())
}
