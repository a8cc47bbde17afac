//! Connecting to a server.

use std::time::Duration;

use ::mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use ::mongodb::{Client, Database};

use super::MongoStore;
use crate::error::{Error, Result};
use crate::model::Secret;

/// How long to look for a server that can be used, unless the URI says otherwise.
const SELECTION: Duration = Duration::from_secs(2);

/// The most connections of one orchestrator, unless the URI says otherwise.
const CONNECTIONS: u32 = 100;

/// A client, and the database that `uri` names; nothing has been sent yet.
///
/// # Errors
/// `InvalidArgument` for a URI that is none. The URI may hold a password and is not part of it.
pub(super) async fn open(uri: &Secret) -> Result<(Client, Database)> {
    let hint = "write it like mongodb://user:password@host:27017/leotest?replicaSet=rs0";
    let fault = |e: ::mongodb::error::Error| {
        let why = match *e.kind {
            ::mongodb::error::ErrorKind::DnsResolve { .. } => "its host is not known",
            ::mongodb::error::ErrorKind::InvalidTlsConfig { .. } => "its TLS options cannot be used",
            _ => "it is not well formed, or has an option that is not known",
        };
        Error::invalid(format!("the MongoDB URI cannot be used: {why}")).hint(hint)
    };
    if uri.expose().starts_with("mongodb+srv:") {
        return Err(Error::invalid(
            "the MongoDB URI cannot be used: 'mongodb+srv' needs a lookup that this program does not do",
        )
        .hint("give the standard form, which names the hosts: mongodb://host1,host2/…"));
    }
    let mut options = ClientOptions::parse(uri.expose()).await.map_err(fault)?;
    options.app_name.get_or_insert_with(|| "leoscope".to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION);
    options.connect_timeout.get_or_insert(SELECTION);
    // Thousands of nodes call through one orchestrator; the driver's own default is ten.
    options.max_pool_size.get_or_insert(CONNECTIONS);
    // Bookings and the ends of runs are promises: what was acknowledged must survive a failover,
    // whatever the URI says.
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    let name = options.default_database.clone().unwrap_or_else(|| MongoStore::DEFAULT_DATABASE.to_owned());
    let client = Client::with_options(options).map_err(fault)?;
    let database = client.database(&name);
    Ok((client, database))
}
