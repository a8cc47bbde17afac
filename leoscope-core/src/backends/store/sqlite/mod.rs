//! The default store: one SQLite file, durable commits.
//!
//! Each record is a JSON document of a versioned form beside the columns it is found by.

mod jobs;
mod runs;
mod users;

use std::path::Path;

use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backends::database::Database;
use crate::error::{Error, Result};

/// A store in a SQLite file. Several processes may use the same file.
#[derive(Debug)]
pub struct SqliteStore {
    database: Database,
}

/// The schema, step by step; a step that has been released is never changed.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE users (userid TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT;
    CREATE TABLE nodes (nodeid TEXT PRIMARY KEY, last_active_us INTEGER, doc TEXT NOT NULL) STRICT;
    CREATE TABLE timetables (nodeid TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
    CREATE TABLE jobs (
        jobid TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        deleted_us INTEGER,
        nodeid TEXT NOT NULL,
        serverid TEXT,
        userid TEXT NOT NULL,
        doc TEXT NOT NULL,
        PRIMARY KEY (jobid, created_us)
    ) STRICT;
    CREATE UNIQUE INDEX live_jobs ON jobs (jobid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_node ON jobs (nodeid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_server ON jobs (serverid) WHERE deleted_us IS NULL;
    CREATE INDEX jobs_by_user ON jobs (userid) WHERE deleted_us IS NULL;
    CREATE TABLE runs (
        runid TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        jobid TEXT NOT NULL,
        nodeid TEXT NOT NULL,
        userid TEXT NOT NULL,
        start_us INTEGER,
        doc TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_start ON runs (start_us);
    CREATE INDEX runs_by_job ON runs (jobid, start_us);
    CREATE INDEX runs_by_node ON runs (nodeid, start_us);
    CREATE INDEX runs_by_user ON runs (userid, start_us);
    CREATE TABLE settings (id INTEGER PRIMARY KEY CHECK (id = 1), doc TEXT NOT NULL) STRICT;
"];

impl SqliteStore {
    /// Opens the store in the file `path`, making it if there is none.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the file cannot be used, or was written by a newer
    /// version of this program.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { database: Database::open(path, MIGRATIONS)? })
    }
}

/// A record as it is stored.
fn encode(record: &impl Serialize) -> Result<String> {
    serde_json::to_string(record).map_err(|e| Error::while_doing("encode a record", e))
}

/// A stored record.
fn decode<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(e)))
}

/// Reads the document in a row's first column.
fn document<T: DeserializeOwned>(row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
    decode(row.get_ref(0)?.as_str()?)
}
