//! The default store: one SQLite file, durable commits.
//!
//! Each record is a JSON document beside the columns it is found by. The schema's version is also
//! the version of the documents: a change of a model that older documents do not fit comes with a
//! migration that rewrites them.

mod archive;
mod history;
mod jobs;
mod nodes;
mod runs;
mod schema;
mod settings;
mod tasks;
mod users;
mod watch;

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::backends::database::Database;
use crate::backends::timetables::Timetables;
use crate::error::Result;

/// A store in a SQLite file. Several processes may use the same file.
#[derive(Debug)]
pub struct SqliteStore {
    database: Arc<Database>,
    timetables: Arc<Mutex<Timetables>>,
}

impl SqliteStore {
    /// Opens the store in the file `path`, making it if there is none.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the file cannot be used, is something else, or
    /// was written by a newer version of this program; [`Unavailable`](crate::ErrorKind::Unavailable) when another
    /// program does not let go of it.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { database: Arc::new(Database::open(path, &schema::STORE)?), timetables: Arc::default() })
    }
}

#[cfg(test)]
mod tests;
