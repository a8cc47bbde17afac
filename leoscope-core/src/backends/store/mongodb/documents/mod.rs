//! The documents of the collections.
//!
//! They hold instants twice where they are searched by: as text for people (UTC, to the
//! microsecond) and as microseconds since 1970, since BSON's dates have milliseconds.

mod history;
mod job;
mod node;
mod run;
mod task;
mod user;

use serde::{Deserialize, Serialize};

pub(super) use history::{AuditDocument, EventDocument};
pub(super) use job::{JobDocument, key};
pub(super) use node::NodeDocument;
pub(super) use run::RunDocument;
pub(super) use task::TaskDocument;
pub(super) use user::UserDocument;

use crate::ids::NodeId;
use crate::time::Timestamp;

/// How often the timetable of a node has changed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TimetableDocument {
    #[serde(rename = "_id")]
    pub(super) nodeid: NodeId,
    pub(super) version: i64,
}

fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_microsecond)
}

fn instant(us: i64) -> Result<Timestamp, crate::error::Error> {
    Timestamp::from_microsecond(us)
        .map_err(|e| crate::error::Error::internal(format!("{us} µs since 1970 is no instant: {e}")))
}
