//! A SQLite database on a thread of its own.
//!
//! SQLite calls block; they run one after another on one thread, so callers never wait on a lock
//! and every closure sees and leaves a consistent database.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::error::{Error, Result};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to a database thread. Dropping it waits until the database is closed, so that its file
/// is complete and can be opened or moved afterwards.
pub(super) struct Database {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Database {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

/// How long a write waits for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

impl Database {
    /// Opens or makes the database file, readable by its owner alone, and brings it to the newest
    /// schema: `migrations[n]` leads from version n to n + 1.
    ///
    /// # Errors
    /// `InvalidArgument` when the file cannot be used or comes from a newer version.
    pub(super) fn open(path: &Path, migrations: &'static [&'static str]) -> Result<Self> {
        let fault = |e: &dyn fmt::Display| {
            Error::invalid(format!("cannot open database {}: {e}", path.display()))
                .hint("the directory must exist and be writable, with space left on its disk")
        };
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        file.map_err(|e| fault(&e))?;
        fs::metadata(path).map_err(|e| fault(&e))?;
        let mut connection = Connection::open(path).map_err(|e| fault(&e))?;
        prepare(&mut connection).map_err(|e| fault(&e))?;
        migrate(&mut connection, migrations, path)?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("database".into())
            .spawn(move || queue.into_iter().for_each(|job| job(&mut connection)))
            .map_err(|e| fault(&e))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` in one transaction, which is committed if it succeeds.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.call(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
            let value = work(&transaction)?;
            transaction.commit().map_err(sql)?;
            Ok(value)
        })
        .await
    }

    /// Runs `work` on one consistent view of the database.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.call(move |connection| work(&connection.transaction().map_err(sql)?)).await
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // An error says that the caller no longer waits; the work is done all the same.
            let _ = answer.send(work(connection));
        });
        let gone = || Error::internal("the database thread has ended");
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

/// An error of the database itself.
pub(super) fn sql(error: rusqlite::Error) -> Error {
    Error::while_doing("use the database", error)
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What is acknowledged must survive a power cut.
    connection.pragma_update(None, "synchronous", "FULL")
}

fn migrate(connection: &mut Connection, migrations: &[&str], path: &Path) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    let version: usize =
        transaction.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0)).map_err(sql)? as usize;
    let newest = migrations.len();
    if version > newest {
        return Err(Error::invalid(format!(
            "database {} has schema version {version}, this program knows up to {newest}",
            path.display()
        ))
        .hint("use the newer program that wrote it"));
    }
    for step in &migrations[version..] {
        transaction.execute_batch(step).map_err(sql)?;
    }
    transaction.pragma_update(None, "user_version", newest as u32).map_err(sql)?;
    transaction.commit().map_err(sql)
}
