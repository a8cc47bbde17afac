//! Where the database is.

use std::path::PathBuf;

use clap::Args;
use leoscope_core::backends::store::StoreLocation;
use leoscope_core::{Error, Result};
use leoscope_orchestrator::database;

use super::read;

/// The port of MongoDB servers.
const MONGODB_PORT: u16 = 27_017;

/// The database that orchestrators of the public LEOScope testbed use.
const MONGODB_NAME: &str = "leotest";

/// Where the database is.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The directory for the database, the results, the certificate and the admin's token
    #[arg(long, value_name = "DIR", default_value = "leoscope-state")]
    pub(super) state_dir: PathBuf,

    /// The database: sqlite:PATH, mongodb://HOST:PORT/NAME or memory: [default: a SQLite file in the
    /// state directory]
    #[arg(long, value_name = "LOCATION", conflicts_with_all = ["db_server", "db_port", "db_name"])]
    database: Option<String>,

    /// A file that holds the location of the database, for one with a password: other users of
    /// this machine can read a command line
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["database", "db_server", "db_port", "db_name"])]
    database_file: Option<PathBuf>,

    /// The host of a MongoDB server without access control [default: localhost]
    #[arg(long, value_name = "HOST")]
    db_server: Option<String>,
    /// Its port [default: 27017]
    #[arg(long, value_name = "PORT")]
    db_port: Option<u16>,
    /// The name of the database on it [default: leotest]
    #[arg(long, value_name = "NAME")]
    db_name: Option<String>,
}

impl DatabaseArgs {
    /// The database that was named, if one was.
    pub(super) fn location(&self) -> Result<Option<StoreLocation>> {
        let Self { state_dir: _, database, database_file, db_server, db_port, db_name } = self;
        if db_server.is_some() || db_port.is_some() || db_name.is_some() {
            let host = db_server.as_deref().unwrap_or("localhost");
            let name = db_name.as_deref().unwrap_or(MONGODB_NAME);
            return StoreLocation::mongodb(host, db_port.unwrap_or(MONGODB_PORT), name).map(Some);
        }
        let text = match database_file {
            Some(file) => Some(read(file, "--database-file")?),
            None => database.clone(),
        };
        text.map(|text| text.parse().map_err(|error: Error| error.context("--database"))).transpose()
    }

    /// The database to read from or write to.
    pub(crate) fn resolve(&self) -> Result<StoreLocation> {
        Ok(self.location()?.unwrap_or_else(|| database(&self.state_dir)))
    }
}
