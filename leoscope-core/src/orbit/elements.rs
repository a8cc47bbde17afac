//! Sets of orbital elements as they are published.

mod omm;
mod tle;

use std::collections::HashMap;

use super::satellite::{Satellite, Shell};
use crate::error::Error;
use crate::time::{SignedDuration, Timestamp};

/// The largest number of satellites in a set.
pub const MAX_SATELLITES: usize = 100_000;

/// How many records that were skipped are told of.
const TOLD: usize = 20;

/// A record that is no orbital elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which line of the text it begins in, or which of its records it is; from 1.
    pub number: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A set of orbital elements, one for each satellite.
#[derive(Debug)]
pub struct Catalogue {
    satellites: Vec<Satellite>,
    by_number: HashMap<u32, usize>,
    older: usize,
    skipped: usize,
    told: Vec<Skipped>,
}

/// What is read of a text, record by record.
#[derive(Debug, Default)]
struct Records {
    read: Vec<sgp4::Elements>,
    skipped: usize,
    told: Vec<Skipped>,
}

impl Records {
    fn skip(&mut self, number: usize, why: impl Into<String>) {
        self.skipped += 1;
        if self.told.len() < TOLD {
            self.told.push(Skipped { number, why: why.into() });
        }
    }
}

impl Catalogue {
    /// Reads a set in any of the forms in which sets are published: Orbit Mean-elements Messages as JSON or
    /// CSV, or two or three lines a satellite, also with numbers in Alpha-5. What is no record is skipped
    /// and counted; of several records of one satellite the one with the latest epoch counts.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a text without a single record, and for
    /// more than [`MAX_SATELLITES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| none("it is no text in UTF-8"))?;
        let text = text.trim_start_matches('\u{feff}');
        let start = text.trim_start();
        let mut records = Records::default();
        if start.starts_with(['[', '{']) {
            omm::json(start, &mut records).map_err(|why| none(&why))?;
        } else if start.lines().next().is_some_and(|line| line.contains("MEAN_MOTION") && line.contains(','))
        {
            omm::csv(start, &mut records);
        } else {
            tle::lines(text, &mut records);
        }
        Self::of(records)
    }

    fn of(records: Records) -> Result<Self, Error> {
        let Records { read, mut skipped, mut told } = records;
        let (mut satellites, mut by_number) = (Vec::<Satellite>::new(), HashMap::new());
        let mut older = 0;
        for (place, elements) in read.iter().enumerate() {
            let satellite = match Satellite::new(elements) {
                Ok(satellite) => satellite,
                Err(error) => {
                    skipped += 1;
                    if told.len() < TOLD {
                        told.push(Skipped { number: place + 1, why: error.message().to_owned() });
                    }
                    continue;
                }
            };
            match by_number.get(&satellite.number()) {
                None => {
                    by_number.insert(satellite.number(), satellites.len());
                    satellites.push(satellite);
                }
                Some(other) => {
                    older += 1;
                    let other: &mut Satellite = &mut satellites[*other];
                    if satellite.epoch() > other.epoch() {
                        *other = satellite;
                    }
                }
            }
        }
        if satellites.is_empty() {
            let first = told.first().map(|first| format!("; the first that was tried: {}", first.why));
            return Err(none(&format!("no record of it is orbital elements{}", first.unwrap_or_default())));
        }
        if satellites.len() > MAX_SATELLITES {
            let count = satellites.len();
            return Err(none(&format!("it has {count} satellites, at most {MAX_SATELLITES} are taken")));
        }
        satellites.shrink_to_fit();
        Ok(Self { satellites, by_number, older, skipped, told })
    }

    /// The satellites, in the order of the text.
    pub fn satellites(&self) -> &[Satellite] {
        &self.satellites
    }

    /// How many records of satellites were left out that have a later one.
    pub fn older(&self) -> usize {
        self.older
    }

    /// How many records were no orbital elements, and the first twenty of them.
    pub fn skipped(&self) -> (usize, &[Skipped]) {
        (self.skipped, &self.told)
    }

    /// The place of a satellite by its name, in any case, or its catalogue number.
    pub fn find(&self, name: &str) -> Option<usize> {
        let name = name.trim();
        let number = name.parse().ok().and_then(|number: u32| self.by_number.get(&number).copied());
        number.or_else(|| {
            self.satellites.iter().position(|satellite| satellite.name().eq_ignore_ascii_case(name))
        })
    }

    /// The median epoch of the elements.
    pub fn epoch(&self) -> Timestamp {
        let mut epochs: Vec<Timestamp> = self.satellites.iter().map(Satellite::epoch).collect();
        let middle = epochs.len() / 2;
        *epochs.select_nth_unstable(middle).1
    }

    /// How old the elements are in the median.
    pub fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.epoch())
    }

    /// The families of orbits, [rounded](Shell::rounded), with the number of satellites in each; the
    /// largest first.
    pub fn shells(&self) -> Vec<(Shell, usize)> {
        let mut shells: Vec<(Shell, usize)> = Vec::new();
        let mut all: Vec<Shell> =
            self.satellites.iter().map(|satellite| satellite.shell().rounded()).collect();
        all.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
        for shell in all {
            match shells.last_mut() {
                Some((last, count)) if *last == shell => *count += 1,
                _ => shells.push((shell, 1)),
            }
        }
        shells.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        shells
    }
}

fn none(why: &str) -> Error {
    Error::invalid(format!("this is no set of orbital elements: {why}"))
        .hint("give OMM as JSON or CSV, or two or three lines for each satellite")
}

#[cfg(test)]
mod tests;
