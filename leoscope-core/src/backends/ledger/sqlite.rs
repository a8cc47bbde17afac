//! The node's ledger: one SQLite file.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use serde::de::DeserializeOwned;

use crate::backends::database::{Database, sql};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{JournalEntry, Orders};
use crate::ports::Ledger;

/// A ledger in a SQLite file.
#[derive(Debug)]
pub struct SqliteLedger {
    database: Database,
}

const MIGRATIONS: &[&str] = &["
    CREATE TABLE orders (id INTEGER PRIMARY KEY CHECK (id = 1), doc TEXT NOT NULL) STRICT;
    CREATE TABLE entries (runid TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT;
"];

impl SqliteLedger {
    /// Opens the ledger in the file `path`, making it if there is none.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the file cannot be used, or was written by a newer
    /// version of this program.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { database: Database::open(path, MIGRATIONS)? })
    }
}

fn encode(record: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(record).map_err(|e| Error::while_doing("encode a record", e))
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::while_doing("read the node's journal", e))
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn orders(&self) -> Result<Option<Orders>> {
        let text: Option<String> = self
            .database
            .read(|tx| tx.query_row("SELECT doc FROM orders", [], |row| row.get(0)).optional().map_err(sql))
            .await?;
        text.as_deref().map(decode).transpose()
    }

    async fn save_orders(&self, orders: &Orders) -> Result<()> {
        let doc = encode(orders)?;
        self.database
            .write(move |tx| {
                tx.execute("INSERT OR REPLACE INTO orders (id, doc) VALUES (1, ?1)", [doc]).map_err(sql)?;
                Ok(())
            })
            .await
    }

    async fn entries(&self) -> Result<Vec<JournalEntry>> {
        let texts: Vec<String> = self
            .database
            .read(|tx| {
                tx.prepare("SELECT doc FROM entries ORDER BY runid")
                    .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
                    .map_err(sql)
            })
            .await?;
        texts.iter().map(|text| decode(text)).collect()
    }

    async fn put(&self, entry: &JournalEntry) -> Result<()> {
        let (run, doc) = (entry.run.id.clone(), encode(entry)?);
        self.database
            .write(move |tx| {
                let statement = "INSERT OR REPLACE INTO entries (runid, doc) VALUES (?1, ?2)";
                tx.execute(statement, params![run.as_str(), doc]).map_err(sql)?;
                Ok(())
            })
            .await
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        let run = run.clone();
        self.database
            .write(move |tx| {
                tx.execute("DELETE FROM entries WHERE runid = ?1", [run.as_str()]).map_err(sql)?;
                Ok(())
            })
            .await
    }
}
