//! A SQLite database on a thread of its own.
//!
//! SQLite calls block; they run one after another on one thread, so callers never wait on a lock
//! and every closure sees and leaves a consistent database.

use std::fmt;
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::database_file;
pub(super) use super::database_file::Schema;
use super::rows::sql;
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

impl Database {
    /// Opens or makes the database file, readable by its owner alone, and brings it to the newest
    /// version of `schema`.
    ///
    /// # Errors
    /// `InvalidArgument` when the file cannot be used, is something else or comes from a newer
    /// version; `Unavailable` when another program does not let go of it.
    pub(super) fn open(path: &Path, schema: &Schema) -> Result<Self> {
        let mut connection = database_file::open(path, schema)?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("database".into())
            .spawn(move || queue.into_iter().for_each(|job| job(&mut connection)))
            .map_err(|e| Error::while_doing("start the database thread", e))?;
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
