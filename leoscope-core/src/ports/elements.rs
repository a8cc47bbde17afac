use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::Constellation;
use crate::time::{SignedDuration, Timestamp};

/// What a source of orbital elements has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// A set, as text.
    Text(Bytes),
    /// There is nothing newer than what was fetched before.
    Unchanged,
    /// It will not give any, and asking again is not wanted; why.
    Refused(String),
}

/// Where orbital elements are published.
///
/// Guarantees:
/// - [`fetch`](ElementSource::fetch) asks once and answers or fails within a minute. Whatever the source
///   says that is no set is [`Refused`](Fetched::Refused) or [`Unchanged`](Fetched::Unchanged); an error
///   means that no whole answer came.
#[async_trait]
pub trait ElementSource: Debug + Send + Sync {
    /// What may be said of where that is.
    fn name(&self) -> String;

    /// How long to leave it alone after an answer.
    fn interval(&self) -> SignedDuration;

    /// Asks it.
    async fn fetch(&self) -> Result<Fetched>;
}

/// What is kept of a source.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The last set that could be read.
    pub elements: Option<Constellation>,
    /// How the source stands.
    pub standing: Standing,
}

/// How a source stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its [name](ElementSource::name).
    pub source: String,
    /// When it has answered last.
    #[serde(default)]
    pub answered: Option<Timestamp>,
    /// Why it refuses to give any, where it does.
    #[serde(default)]
    pub refused: Option<String>,
}

/// Where the last good set of orbital elements is kept.
///
/// Guarantees:
/// - What [`keep`](ElementShelf::keep) was given is there after a restart, whole or as it was before.
#[async_trait]
pub trait ElementShelf: Debug + Send + Sync {
    /// Where that is, for people.
    fn place(&self) -> String;

    /// What is kept; `None` where nothing is, or what is there cannot be read any more.
    async fn kept(&self) -> Result<Option<Kept>>;

    /// Keeps this instead.
    async fn keep(&self, kept: &Kept) -> Result<()>;
}
