//! Orbital elements: fetched rarely and politely, kept, and given to whoever asks.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Constellation, Node};
use crate::ports::{ElementShelf, ElementSource, Fetched, Kept, Standing};
use crate::time::{SignedDuration, Timestamp};

use super::Service;

/// How long to wait after no whole answer came; twice as long each time.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// By how much the times of many testbeds are spread, that they do not ask at the same moment.
const SPREAD: SignedDuration = SignedDuration::from_mins(30);

/// How many of the satellites of before a new set must have at least, in percent: with fewer it is rather
/// one that is cut off.
const LEAST_PERCENT: usize = 50;

/// The name of the set that is for all nodes for which there is no other.
pub(super) const DEFAULT: &str = "default";

/// A set of orbital elements that an orchestrator provides.
#[derive(Debug, Clone)]
pub struct Provided {
    /// The provider of the nodes it is for, in small letters; `None` for all others.
    pub provider: Option<String>,
    /// Where it is published.
    pub source: Arc<dyn ElementSource>,
    /// Where the last good one is kept.
    pub shelf: Arc<dyn ElementShelf>,
}

impl Provided {
    fn name(&self) -> &str {
        self.provider.as_deref().unwrap_or(DEFAULT)
    }
}

/// A set of orbital elements as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementsCensus {
    /// The provider of the nodes it is for, or `default`.
    pub set: String,
    /// The age of its elements in the middle; `None` where there are none.
    pub age: Option<SignedDuration>,
    /// Whether its source has refused, so that it is asked no more.
    pub is_refused: bool,
}

/// The sets that are known.
#[derive(Debug, Default)]
pub(super) struct Elements {
    sets: RwLock<BTreeMap<String, Constellation>>,
    /// Whether the source of each set has refused.
    refused: RwLock<BTreeMap<String, bool>>,
}

impl Elements {
    /// The set for the nodes of a provider.
    pub(super) fn of_provider(&self, provider: &str) -> Option<Constellation> {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        sets.get(&provider.trim().to_ascii_lowercase()).or_else(|| sets.get(DEFAULT)).cloned()
    }

    fn put(&self, name: &str, set: Constellation) {
        self.sets.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), set);
    }

    fn note(&self, name: &str, is_refused: bool) {
        self.refused.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), is_refused);
    }

    /// How all sets that are provided stand at `now`.
    pub(super) fn census(&self, now: Timestamp) -> Vec<ElementsCensus> {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        let refused = self.refused.read().unwrap_or_else(PoisonError::into_inner);
        let census = refused.iter().map(|(name, is_refused)| ElementsCensus {
            set: name.clone(),
            age: sets.get(name).map(|set| now.duration_since(set.facts().epoch)),
            is_refused: *is_refused,
        });
        census.collect()
    }
}

impl Service {
    /// The orbital elements for a node, where there are any.
    pub(super) fn elements_of(&self, node: &Node) -> Option<Constellation> {
        self.elements.of_provider(&node.provider)
    }

    /// Fetches orbital elements for ever: a source is asked when it has been left alone for its
    /// [interval](ElementSource::interval), and never again after it has refused.
    pub async fn keep_elements(&self, provided: &Provided) {
        let mut kept = match provided.shelf.kept().await {
            Ok(kept) => kept.filter(|kept| kept.standing.source == provided.source.name()),
            Err(error) => {
                tracing::warn!(%error, "cannot read the orbital elements that were kept");
                None
            }
        }
        .unwrap_or_else(|| Kept {
            elements: None,
            standing: Standing { source: provided.source.name(), ..Standing::default() },
        });
        if let Some(elements) = &kept.elements {
            self.elements.put(provided.name(), elements.clone());
        }
        let mut failures = 0_u32;
        loop {
            self.elements.note(provided.name(), kept.standing.refused.is_some());
            if let Some(why) = &kept.standing.refused {
                let place = provided.shelf.place();
                tracing::error!(
                    why,
                    "no orbital elements are fetched any more; see to the cause, remove {place}, and start the orchestrator again"
                );
                return std::future::pending().await;
            }
            let now = self.clock.now();
            let due = due(&kept, provided.source.interval(), failures, now, getrandom::u32().unwrap_or(0));
            if due > now {
                self.clock.sleep_until(due).await;
            }
            match self.fetch_elements(provided, &mut kept).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(%error, "cannot fetch orbital elements; they are asked for again later");
                }
            }
        }
    }

    async fn fetch_elements(&self, provided: &Provided, kept: &mut Kept) -> Result<()> {
        let fetched = provided.source.fetch().await?;
        let now = self.clock.now();
        match fetched {
            Fetched::Unchanged => {}
            Fetched::Refused(why) => kept.standing.refused = Some(why),
            Fetched::Text(text) => {
                let read = Constellation::read(text, Some(kept.standing.source.clone()), Some(now));
                match read.and_then(|read| not_cut_off(read, kept.elements.as_ref())) {
                    Ok(elements) => {
                        let (skipped, first) = elements.catalogue().skipped();
                        let first = first.first().map(|first| first.why.as_str());
                        let satellites = elements.catalogue().satellites().len();
                        tracing::info!(provider = provided.name(), satellites, skipped, first, epoch = %elements.facts().epoch, "orbital elements");
                        self.elements.put(provided.name(), elements.clone());
                        kept.elements = Some(elements);
                    }
                    Err(error) => {
                        let before = kept.elements.as_ref().map(|before| before.facts().epoch);
                        tracing::error!(%error, source = kept.standing.source, before = ?before, "orbital elements are not taken; those of before, if there are any, are used on");
                    }
                }
            }
        }
        kept.standing.answered = Some(now);
        if let Err(error) = provided.shelf.keep(kept).await {
            tracing::warn!(%error, "cannot keep the orbital elements");
        }
        Ok(())
    }
}

/// When a source may be asked; `chance` spreads the times.
fn due(kept: &Kept, interval: SignedDuration, failures: u32, now: Timestamp, chance: u32) -> Timestamp {
    let later = |from: Timestamp, by: SignedDuration| from.checked_add(by).unwrap_or(Timestamp::MAX);
    if failures > 0 {
        let doubled = AGAIN.saturating_mul(1_i32.checked_shl(failures.min(16) - 1).unwrap_or(i32::MAX));
        return later(now, doubled.min(interval));
    }
    let Some(answered) = kept.standing.answered else { return now };
    // After the clock was set back it is asked as if it had just answered.
    let answered = answered.min(now);
    let spread = SPREAD.min(interval / 10);
    let more = spread.as_micros() * i128::from(chance) / i128::from(u32::MAX);
    later(answered, interval.saturating_add(SignedDuration::from_micros(i64::try_from(more).unwrap_or(0))))
}

/// Refuses a set that has far fewer satellites than the one of before.
fn not_cut_off(read: Constellation, before: Option<&Constellation>) -> Result<Constellation> {
    let count = read.catalogue().satellites().len();
    let before = before.map_or(0, |before| before.catalogue().satellites().len());
    if count * 100 < before * LEAST_PERCENT {
        let message = format!("a set of {count} satellites follows one of {before}: it seems to be cut off");
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
