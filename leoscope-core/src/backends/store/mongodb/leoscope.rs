//! Databases of the public LEOScope testbed, as its orchestrators write them.
//!
//! Its documents are found by `id`, `nodeid` or `runid`, which nothing keeps unique; times are
//! dates of BSON or texts in UTC; the cron schedule is five keys.

mod jobs;
mod runs;

use std::fmt::Display;

use ::mongodb::Database;
use ::mongodb::bson::{Bson, DateTime, Document, doc};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::{fault, settings};
use crate::error::{Error, Result};
use crate::model::{Node, PortalNotes, Record, Revision, Role, Secret, Standbys, TokenHash, User};
use crate::time::{Timestamp, parse_time};

/// A record, or what cannot be one and why.
pub type Offered = std::result::Result<Record, Unfit>;

/// A document that cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What it is, as far as it tells.
    pub what: String,
    /// What is wrong with it.
    pub why: String,
}

/// The registration of nodes that have never called carries this date as the time of their last
/// call.
const NEVER: i64 = 1_577_836_800_000_000;

type Reader = fn(&Document, Timestamp) -> Result<Record>;

/// The collections in the order in which their records are taken in.
const COLLECTIONS: [(&str, &str, &str, Reader); 4] = [
    ("users", "user", "id", user),
    ("nodes", "node", "nodeid", node),
    ("runs", "run", "runid", runs::run),
    ("jobs", "job", "id", jobs::job),
];

/// Everything in `database` that can be taken over at `now`, and what cannot.
pub(super) fn records(database: Database, now: Timestamp) -> impl Stream<Item = Result<Offered>> + Send {
    let settings = database.clone();
    let collections = stream::iter(COLLECTIONS).then(move |(name, what, key, read)| {
        let collection = database.collection::<Document>(name);
        async move {
            // Newest last, so that of several documents of one id the first stays.
            let documents =
                collection.find(doc! {}).sort(doc! { "_id": 1 }).await.map_err(|e| fault::read(&e))?;
            let offered = documents.map_err(|e| fault::read(&e)).map_ok(move |document| {
                read(&document, now).map_err(|error| {
                    let id = document.get(key).map_or_else(|| "without an id".to_owned(), plain);
                    Unfit { what: format!("{what} {id}"), why: error.message().to_owned() }
                })
            });
            Ok::<_, Error>(offered)
        }
    });
    let last = stream::once(async move {
        let config = settings.collection::<Document>("config");
        let found = config.find_one(doc! { "id": 0 }).await.map_err(|e| fault::read(&e))?;
        Ok::<_, Error>(found.map(|found| Ok(Record::Settings(settings::settings(&found)))))
    });
    collections.try_flatten().chain(last.filter_map(|found| async { found.transpose() }))
}

/// A value for people to read.
fn plain(value: &Bson) -> String {
    match value {
        Bson::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The text of a field; missing and `null` are empty.
fn text(document: &Document, field: &str) -> Result<String> {
    match document.get(field) {
        None | Some(Bson::Null) => Ok(String::new()),
        Some(Bson::String(text)) => Ok(text.clone()),
        Some(other) => Err(wrong(field, plain(other), "not a text")),
    }
}

fn wrong(field: &str, value: impl Display, what: &str) -> Error {
    Error::invalid(format!("{field} is {what}: {value}"))
}

fn flag(document: &Document, field: &str, default: bool) -> Result<bool> {
    match document.get(field) {
        None | Some(Bson::Null) => Ok(default),
        Some(Bson::Boolean(value)) => Ok(*value),
        Some(other) => Err(wrong(field, plain(other), "neither true nor false")),
    }
}

/// A whole number, whichever type an editor gave it.
fn whole(document: &Document, field: &str) -> Result<Option<i64>> {
    match document.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(Bson::Int32(value)) => Ok(Some((*value).into())),
        Some(Bson::Int64(value)) => Ok(Some(*value)),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Some(Bson::Double(value)) if value.fract() == 0.0 && value.abs() < 1e15 => Ok(Some(*value as i64)),
        Some(other) => Err(wrong(field, plain(other), "not a whole number")),
    }
}

fn instant(date: DateTime) -> Result<Timestamp> {
    Timestamp::from_millisecond(date.timestamp_millis())
        .map_err(|e| Error::invalid(format!("{} ms since 1970 is no instant: {e}", date.timestamp_millis())))
}

/// A time that is a date of BSON or a text; a bare day means its first instant.
fn time(document: &Document, field: &str) -> Result<Option<Timestamp>> {
    match document.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(Bson::DateTime(date)) => instant(*date).map(Some),
        Some(Bson::String(text)) if text.trim().is_empty() || text == "None" => Ok(None),
        Some(Bson::String(text)) => {
            let text = text.trim();
            let day = text.len() == "2026-12-01".len();
            let time = if day { parse_time(&format!("{text}T00:00:00")) } else { parse_time(text) };
            time.map(Some).map_err(|error| error.context(field))
        }
        Some(other) => Err(wrong(field, plain(other), "not a time")),
    }
}

/// When a document was written first, as its id tells.
fn written(document: &Document) -> Option<Timestamp> {
    instant(document.get_object_id("_id").ok()?.timestamp()).ok()
}

fn user(document: &Document, _: Timestamp) -> Result<Record> {
    let role = match whole(document, "role")? {
        Some(0) => Role::Admin,
        Some(1) => Role::User,
        Some(2) => Role::Node,
        Some(3) => Role::UserPriv,
        Some(4) => Role::NodePriv,
        Some(5) => Role::NodeOwner,
        Some(other) => return Err(wrong("role", other, "not known")),
        None => return Err(Error::invalid("it has no role")),
    };
    // It may log in with either; both are compared as they are.
    let tokens = [text(document, "static_access_token")?, text(document, "access_token")?];
    let token = tokens.into_iter().find(|token| !token.is_empty());
    let token = token.ok_or_else(|| Error::invalid("it has no access token, so it cannot log in"))?;
    Ok(Record::User(User {
        id: text(document, "id")?.parse()?,
        name: text(document, "name")?,
        role,
        team: text(document, "team")?,
        token: Some(TokenHash::of(&Secret::new(token))),
    }))
}

/// JSON of the web portal, which need not be there.
fn notes(document: &Document, field: &str) -> Result<Option<String>> {
    Ok(Some(text(document, field)?).filter(|text| !text.is_empty()))
}

fn node(document: &Document, now: Timestamp) -> Result<Record> {
    let known = |time: Option<Timestamp>| time.filter(|time| time.as_microsecond() != NEVER);
    let owner = text(document, "owner")?;
    let last_active = known(time(document, "last_active")?);
    Ok(Record::Node(Node {
        id: text(document, "nodeid")?.parse()?,
        name: text(document, "name")?,
        description: text(document, "description")?,
        // Nothing has ever checked it; a place that is none is no reason to lose the node.
        coords: text(document, "coords")?.parse().ok(),
        location: text(document, "location")?,
        provider: text(document, "provider")?,
        public_ip: text(document, "public_ip")?,
        owner: if owner.is_empty() { None } else { Some(owner.parse()?) },
        scheduling_enabled: flag(document, "scheduling_enabled", true)?,
        standby: Standbys::read(flag(document, "scavenger_mode_active", false)?, None, None),
        time_zone: text(document, "timezone")?.parse().ok(),
        clock_offset_us: None,
        portal: PortalNotes {
            bandwidth_limits_json: notes(document, "bandwidth_limits_json")?,
            availability_history_json: notes(document, "availability_history_json")?,
        },
        registered: known(time(document, "registered_at")?).or_else(|| written(document)).unwrap_or(now),
        last_active,
        contact_since: last_active,
    }))
}

/// The revision of what has never been changed here.
const FIRST: Revision = 1;
