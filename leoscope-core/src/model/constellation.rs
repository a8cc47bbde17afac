//! A set of orbital elements with where it came from.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Checksum, ElementSet};
use crate::error::Error;
use crate::orbit::Catalogue;
use crate::time::Timestamp;

/// A set of orbital elements: its text as it was published, and the satellites that were read from it.
#[derive(Debug, Clone)]
pub struct Constellation {
    facts: ElementSet,
    text: Bytes,
    catalogue: Arc<Catalogue>,
}

impl Constellation {
    /// Reads a set that was `fetched` from `source`.
    ///
    /// # Errors
    /// Those of [`Catalogue::parse`].
    pub fn read(text: Bytes, source: Option<String>, fetched: Option<Timestamp>) -> Result<Self, Error> {
        let catalogue = Catalogue::parse(&text)?;
        let facts = ElementSet {
            sha256: Checksum::from_bytes(Sha256::digest(&text).into()),
            epoch: catalogue.epoch(),
            source,
            fetched,
            satellites: u64::try_from(catalogue.satellites().len()).ok(),
        };
        Ok(Self { facts, text, catalogue: Arc::new(catalogue) })
    }

    /// What is known of it.
    pub fn facts(&self) -> &ElementSet {
        &self.facts
    }

    /// Its text.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// Its satellites.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }
}
