//! The node's ledger: one SQLite file.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::params;

use crate::backends::database::{Database, Schema};
use crate::backends::rows::{all, document, encode, execute, one};
use crate::error::Result;
use crate::ids::RunId;
use crate::model::{ClockReading, JournalEntry, Orders, Watching};
use crate::ports::Ledger;

/// A ledger in a SQLite file.
#[derive(Debug)]
pub struct SqliteLedger {
    database: Database,
}

const SCHEMA: Schema = Schema {
    what: "a ledger of this program",
    mark: i32::from_be_bytes(*b"LEOl"),
    migrations: &[FIRST, CHANGES, CLOCK, WATCHING],
};

/// Jobs can be changed, so they tell since when they hold.
const CHANGES: &str = "
    UPDATE entries SET doc = json_set(doc, '$.job.since', json_extract(doc, '$.job.created'));
    UPDATE orders SET doc = json_set(doc, '$.jobs', json((
        SELECT json_group_array(json_set(value, '$.since', json_extract(value, '$.created')))
        FROM json_each(doc, '$.jobs')
    )));
";

const CLOCK: &str = "
    CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), doc TEXT NOT NULL) STRICT;
";

const WATCHING: &str = "
    CREATE TABLE watching (id INTEGER PRIMARY KEY CHECK (id = 1), doc TEXT NOT NULL) STRICT;
";

const FIRST: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY CHECK (id = 1), doc TEXT NOT NULL) STRICT;
    CREATE TABLE entries (runid TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT;
";

impl SqliteLedger {
    /// Opens the ledger in the file `path`, making it if there is none.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the file cannot be used, is something else, or
    /// was written by a newer version of this program; [`Unavailable`](crate::ErrorKind::Unavailable) when another
    /// program does not let go of it.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { database: Database::open(path, &SCHEMA)? })
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn orders(&self) -> Result<Option<Orders>> {
        self.database.read(|tx| one(tx, "SELECT doc FROM orders", [], document)).await
    }

    async fn save_orders(&self, orders: &Orders) -> Result<()> {
        let doc = encode(orders)?;
        let replace = "INSERT OR REPLACE INTO orders (id, doc) VALUES (1, ?1)";
        self.database.write(move |tx| execute(tx, replace, [doc]).map(drop)).await
    }

    async fn clock(&self) -> Result<Option<ClockReading>> {
        self.database.read(|tx| one(tx, "SELECT doc FROM clock", [], document)).await
    }

    async fn save_clock(&self, reading: &ClockReading) -> Result<()> {
        let doc = encode(reading)?;
        let replace = "INSERT OR REPLACE INTO clock (id, doc) VALUES (1, ?1)";
        self.database.write(move |tx| execute(tx, replace, [doc]).map(drop)).await
    }

    async fn watching(&self) -> Result<Option<Watching>> {
        self.database.read(|tx| one(tx, "SELECT doc FROM watching", [], document)).await
    }

    async fn save_watching(&self, watching: &Watching) -> Result<()> {
        let doc = encode(watching)?;
        let replace = "INSERT OR REPLACE INTO watching (id, doc) VALUES (1, ?1)";
        self.database.write(move |tx| execute(tx, replace, [doc]).map(drop)).await
    }

    async fn entries(&self) -> Result<Vec<JournalEntry>> {
        self.database.read(|tx| all(tx, "SELECT doc FROM entries ORDER BY runid", [], document)).await
    }

    async fn put(&self, entry: &JournalEntry) -> Result<()> {
        let (run, doc) = (entry.run.id.clone(), encode(entry)?);
        let replace = "INSERT OR REPLACE INTO entries (runid, doc) VALUES (?1, ?2)";
        self.database.write(move |tx| execute(tx, replace, params![run.as_str(), doc]).map(drop)).await
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        let run = run.clone();
        let delete = "DELETE FROM entries WHERE runid = ?1";
        self.database.write(move |tx| execute(tx, delete, [run.as_str()]).map(drop)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as the first version wrote it.
    #[tokio::test]
    async fn documents_of_the_first_version_are_read() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("node.db");
        drop(Database::open(&path, &Schema { migrations: &SCHEMA.migrations[..1], ..SCHEMA }).expect("open"));
        let file = rusqlite::Connection::open(&path).expect("open");
        let job = r#"{"id":"j","owner":"u","node":"n","server":null,"schedule":"once","window":{"start":"2026-12-01T00:00:00.5Z","end":"2026-12-01T01:00:00Z"},"length":60,"overhead":true,"trigger":null,"config":"docker: {image: a}","params":{"mode":"","deploy":"","execute":"","finish":""},"created":"2026-11-30T00:00:00Z","deleted":null}"#;
        let orders = format!(r#"{{"node":"n","revision":3,"jobs":[{job}]}}"#);
        let entry = format!(
            r#"{{"run":{{"id":"r","job":"j","node":"n","owner":"u","planned":null,"started":null,"ended":null,"status":"RUNNING","foreign_status":null,"phase":"EXECUTE","stage":null,"reason":null,"message":"","exit_code":null,"artifact":null,"trigger_verdict":null,"updated":null}},"job":{job},"step":"executing","outcome":{{"status":"FAILED","stage":"IMAGE_PULL","reason":"IMAGE_NOT_FOUND","message":"m"}},"reported":true,"bundle":"packed"}}"#
        );
        file.execute("INSERT INTO orders (id, doc) VALUES (1, ?1)", [orders]).expect("orders");
        file.execute("INSERT INTO entries (runid, doc) VALUES ('r', ?1)", [entry]).expect("entry");
        drop(file);
        let ledger = SqliteLedger::open(&path).expect("open");
        let orders = ledger.orders().await.expect("read").expect("orders");
        assert_eq!((orders.revision, orders.jobs.len()), (3, 1));
        assert_eq!(orders.jobs[0].since, orders.jobs[0].created);
        let entries = ledger.entries().await.expect("entries");
        assert_eq!(entries[0].job, orders.jobs[0]);
        assert_eq!(entries[0].outcome.as_ref().map(|outcome| outcome.message.as_str()), Some("m"));
    }
}
