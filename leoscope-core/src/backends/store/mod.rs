//! Implementations of the [`Store`](crate::ports::Store) port.

mod location;
mod memory;
#[cfg(feature = "mongodb")]
mod mongodb;
mod sqlite;

pub use location::StoreLocation;
pub use memory::MemoryStore;
#[cfg(feature = "mongodb")]
pub use mongodb::{MongoSource, MongoStore, Offered, Unfit};
pub use sqlite::SqliteStore;

use crate::error::{Error, ErrorKind};

/// The id is taken.
fn taken(what: &str, id: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("{what} {id} exists"))
}

/// There is nothing of that id.
fn missing(what: &str, id: impl std::fmt::Display) -> Error {
    Error::not_found(format!("{what} {id} does not exist"))
}

/// Something changed since it was read.
fn stale(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Stale, format!("{what} has changed meanwhile")).hint("read it again and retry")
}
