//! Where a store is, as its operator writes it.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::{MemoryStore, SqliteStore};
use crate::error::{Error, Result};
use crate::model::Secret;
use crate::ports::Store;

/// Where a store is: `sqlite:path`, `mongodb://…` or `memory:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// In memory, gone with the process.
    Memory,
    /// In a SQLite file.
    Sqlite(PathBuf),
    /// In a MongoDB database; the URI may hold a password.
    MongoDb(Secret),
}

impl StoreLocation {
    /// A database of a MongoDB server without access control.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a host or name that cannot be one.
    pub fn mongodb(host: &str, port: u16, name: &str) -> Result<Self> {
        let fault = |what: &str, value: &str| {
            Error::invalid(format!("{value:?} cannot be {what}"))
                .hint("letters, digits, '-', '_' and '.' can")
        };
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if host.is_empty() || !(plain(host) || host.parse::<std::net::IpAddr>().is_ok()) {
            return Err(fault("the host of a database", host));
        }
        if name.is_empty() || !plain(name) || name.contains('.') {
            return Err(fault("the name of a database", name));
        }
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Ok(Self::MongoDb(Secret::new(format!("mongodb://{host}:{port}/{name}"))))
    }

    /// Opens the store.
    ///
    /// # Errors
    /// Those of the store, and [`Unsupported`](crate::ErrorKind::Unsupported) for one that this
    /// program was built without.
    pub async fn open(&self) -> Result<Arc<dyn Store>> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryStore::default())),
            Self::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path)?)),
            #[cfg(feature = "mongodb")]
            Self::MongoDb(uri) => Ok(Arc::new(super::MongoStore::connect(uri).await?)),
            #[cfg(not(feature = "mongodb"))]
            Self::MongoDb(_) => Err(without_mongodb()),
        }
    }

    /// Opens the store if it is there already, to read from it.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn open_existing(&self) -> Result<Arc<dyn Store>> {
        match self {
            Self::Sqlite(path) if !path.exists() => {
                Err(Error::not_found(format!("there is no database {}", path.display()))
                    .hint("check its path"))
            }
            #[cfg(feature = "mongodb")]
            Self::MongoDb(uri) => Ok(Arc::new(super::MongoStore::existing(uri).await?)),
            other => other.open().await,
        }
    }
}

/// This program was built without MongoDB.
#[cfg(not(feature = "mongodb"))]
fn without_mongodb() -> Error {
    Error::new(crate::error::ErrorKind::Unsupported, "this program was built without MongoDB")
        .hint("build it with the feature 'mongodb', or use sqlite:PATH")
}

impl FromStr for StoreLocation {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        // The text may hold a password, so it is not part of the error.
        let fault = || {
            Error::invalid("that is not the location of a store")
                .hint("write sqlite:PATH, mongodb://HOST:PORT/NAME or memory:")
        };
        let text = text.trim();
        match text.split_once(':').ok_or_else(fault)? {
            ("memory", "") => Ok(Self::Memory),
            ("sqlite", path) if !path.is_empty() => {
                Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()))
            }
            ("mongodb" | "mongodb+srv", _) => Ok(Self::MongoDb(Secret::new(text))),
            _ => Err(fault()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_secrets_do_not_show() {
        let read = |text: &str| text.parse::<StoreLocation>().map_err(|error| error.to_string());
        assert_eq!(read("memory:"), Ok(StoreLocation::Memory));
        assert_eq!(read("sqlite:a/b.db"), Ok(StoreLocation::Sqlite("a/b.db".into())));
        assert_eq!(read("sqlite:///a/b.db"), Ok(StoreLocation::Sqlite("/a/b.db".into())));
        let mongodb = read("mongodb://u:hunter2@host/db").expect("uri");
        assert_eq!(format!("{mongodb:?}"), "MongoDb(***)");
        for bad in ["", "memory", "memory:x", "sqlite:", "postgres://u:hunter2@host/db", "/a/b.db", "hunter2"]
        {
            let error = read(bad).expect_err(bad);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn hosts_and_names_cannot_change_the_uri() {
        let uri = |host, name| match StoreLocation::mongodb(host, 27_017, name).ok()? {
            StoreLocation::MongoDb(uri) => Some(uri.expose().to_owned()),
            _ => None,
        };
        assert_eq!(uri("db.example", "leotest").as_deref(), Some("mongodb://db.example:27017/leotest"));
        assert_eq!(uri("::1", "leotest").as_deref(), Some("mongodb://[::1]:27017/leotest"));
        for (host, name) in [("", "a"), ("a/b", "a"), ("u:p@h", "a"), ("a", ""), ("a", "b?w=0"), ("a", "a.b")]
        {
            assert_eq!(uri(host, name), None, "{host} {name}");
        }
    }
}
