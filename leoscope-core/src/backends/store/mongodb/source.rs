//! A database to copy from, whoever wrote it.

use ::mongodb::Database;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::{Access, MongoStore, Offered, connection, leoscope, schema, within};
use crate::error::{Error, Result};
use crate::model::Secret;
use crate::time::Timestamp;

/// A MongoDB database whose records are to be copied.
#[derive(Debug)]
pub enum MongoSource {
    /// One of this program.
    Ours(MongoStore),
    /// One of the public LEOScope testbed; nothing is written to it.
    LeoScope(LeoScopeDatabase),
}

/// A database that an orchestrator of the public LEOScope testbed has written.
#[derive(Debug)]
pub struct LeoScopeDatabase(Database);

impl MongoSource {
    /// Looks whose database `uri` names.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a URI that is none and for an
    /// empty database; [`Unavailable`](crate::ErrorKind::Unavailable) when nobody answers.
    pub async fn connect(uri: &Secret) -> Result<Self> {
        let (_, database) = connection::open(uri).await?;
        if within(Access::Read, schema::is_ours(&database)).await? {
            return MongoStore::existing(uri).await.map(Self::Ours);
        }
        if within(Access::Read, schema::stranger(&database)).await?.is_none() {
            return Err(Error::invalid(format!("database {} is empty", database.name()))
                .hint("name the database in the URI: mongodb://HOST:PORT/NAME"));
        }
        Ok(Self::LeoScope(LeoScopeDatabase(database)))
    }
}

impl LeoScopeDatabase {
    /// Everything that can be taken over at `now`, in the order in which to take it in, and what
    /// cannot.
    pub fn records(self, now: Timestamp) -> BoxStream<'static, Result<Offered>> {
        leoscope::records(self.0, now).boxed()
    }
}
