//! A store in MongoDB, for testbeds with several orchestrators: a replica set or a sharded cluster.
//!
//! Documents have the field names of the public LEOScope testbed where it has them, and carry a
//! format version. Writes are acknowledged by a majority, reads see what a majority has; a booking
//! is one transaction. See `docs/storage.md` for the fields.

mod archive;
mod connection;
mod documents;
mod fault;
mod history;
mod jobs;
mod leoscope;
mod nodes;
mod runs;
mod schema;
mod settings;
mod source;
mod tasks;
mod timetable;
mod users;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::mongodb::bson::{Document, doc};
use ::mongodb::{Client, Collection, Database};
use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;

use crate::backends::timetables::Timetables;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::ports::PAGE;
pub use leoscope::{Offered, Unfit};
pub use source::MongoSource;

use documents::{
    AuditDocument, EventDocument, JobDocument, NodeDocument, RunDocument, TaskDocument, TimetableDocument,
    UserDocument,
};

/// How long a call may take. Existing clients wait five seconds for an answer, and one that says
/// what is wrong is better than none.
const DEADLINE: Duration = Duration::from_secs(3);

/// How long that may take for which nobody waits: making indexes, copying.
const LONG: Duration = Duration::from_secs(60);

/// A store in a MongoDB database. Several processes may use the same database.
#[derive(Clone)]
pub struct MongoStore {
    client: Client,
    database: Database,
    timetables: Arc<Mutex<Timetables>>,
}

impl fmt::Debug for MongoStore {
    // The client knows the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore").field("database", &self.database.name()).finish_non_exhaustive()
    }
}

impl MongoStore {
    /// The database used where the URI names none.
    pub const DEFAULT_DATABASE: &str = "leotest";

    /// Opens the store in the database that `uri` (`mongodb://…`) names, and makes its indexes.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a URI that is none, and for a database
    /// that holds something else or was written by a newer version of this program;
    /// [`Unavailable`](ErrorKind::Unavailable) when nobody answers.
    pub async fn connect(uri: &Secret) -> Result<Self> {
        let store = Self::open(uri).await?;
        within_for(LONG, Access::Write, schema::prepare(&store.database)).await?;
        within(Access::Read, store.probe()).await?;
        Ok(store)
    }

    /// The store in a database that is there already; nothing is written to make it usable.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and [`NotFound`](ErrorKind::NotFound) where no database of this
    /// program is.
    pub async fn existing(uri: &Secret) -> Result<Self> {
        let store = Self::open(uri).await?;
        if within(Access::Read, schema::is_ours(&store.database)).await? {
            return Ok(store);
        }
        Err(Error::not_found(format!("database {} is not one of this program", store.database.name()))
            .hint("name the database in the URI: mongodb://HOST:PORT/NAME"))
    }

    async fn open(uri: &Secret) -> Result<Self> {
        let (client, database) = connection::open(uri).await?;
        Ok(Self { client, database, timetables: Arc::default() })
    }

    /// Finds out whether the server has transactions, before the first booking does.
    async fn probe(&self) -> Result<()> {
        let mut session = self.begin().await?;
        let config = self.config();
        match config.find_one(doc! {}).session(&mut session).await {
            Err(error) if fault::has_no_transactions(&error) => Err(Error::invalid(
                "this MongoDB server has no transactions",
            )
            .hint("make it a replica set, of one member at least: --replSet rs0, and rs.initiate() once")),
            found => {
                Self::abort(session).await;
                found.map(drop).map_err(|e| fault::read(&e))
            }
        }
    }

    fn users(&self) -> Collection<UserDocument> {
        self.database.collection("users")
    }

    fn nodes(&self) -> Collection<NodeDocument> {
        self.database.collection("nodes")
    }

    fn jobs(&self) -> Collection<JobDocument> {
        self.database.collection("jobs")
    }

    fn runs(&self) -> Collection<RunDocument> {
        self.database.collection("runs")
    }

    fn tasks(&self) -> Collection<TaskDocument> {
        self.database.collection("tasks")
    }

    fn event_log(&self) -> Collection<EventDocument> {
        self.database.collection("events")
    }

    fn audit_log(&self) -> Collection<AuditDocument> {
        self.database.collection("audit")
    }

    fn versions(&self) -> Collection<TimetableDocument> {
        self.database.collection("timetables")
    }

    fn config(&self) -> Collection<Document> {
        self.database.collection("config")
    }
}

/// A page, as the driver counts.
const LIMIT: i64 = PAGE.cast_signed() as i64;

/// What has an `_id` after `last`.
fn after(last: Option<&str>) -> Document {
    last.map_or_else(Document::new, |last| doc! { "_id": { "$gt": last } })
}

/// The first `limit` documents that match, in order.
async fn list<D>(collection: &Collection<D>, filter: Document, order: Document, limit: i64) -> Result<Vec<D>>
where
    D: DeserializeOwned + Send + Sync,
{
    let cursor = collection.find(filter).sort(order).limit(limit).await.map_err(|e| fault::read(&e))?;
    cursor.try_collect().await.map_err(|e| fault::read(&e))
}

/// What a call does, which decides what is known when no answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// The outcome of `call`, if it comes in time.
async fn within<T>(access: Access, call: impl Future<Output = Result<T>>) -> Result<T> {
    within_for(DEADLINE, access, call).await
}

/// The outcome of `call`, if it comes within `patience`.
async fn within_for<T>(
    patience: Duration,
    access: Access,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(patience, call).await {
        Ok(outcome) => outcome,
        Err(_) => Err(match access {
            Access::Read => fault::unavailable(),
            Access::Write => fault::unknown(),
        }),
    }
}

/// What is stored cannot be read as what it should be.
fn unreadable(what: &str, id: impl fmt::Display, error: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("{what} {id} in the database cannot be read: {error}"))
}
