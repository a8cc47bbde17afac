//! What of a constellation is in the sky, second by second.
//!
//! Satellites are not computed anew at each instant. Their passes above the horizon are found for half an
//! hour at a time ([`arcs`]); between two computed points of a pass the path is a cubic.

mod below;
mod stretch;

use std::sync::Arc;

use super::elements::Catalogue;
use super::frame::{Local, Site};
use super::gso::Exclusion;
use super::mask::{Mask, Obstruction};
use super::satellite::{Satellite, seconds};
use super::sky::{Distances, Highest, Named, Sky};
use super::sun::{is_lit, sun};
use crate::time::{SignedDuration, Slot, Timestamp};
use below::Below;
use stretch::{Kept, Risen, Stretch};

/// The distance in km up to which the public testbed counts satellites.
const REACH_KM: f64 = 1_089.686;

/// How far ahead the next rise is looked for, in seconds.
const DAY: f64 = 86_400.0;

/// What of the sky counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// From which elevation on satellites are visible.
    pub mask: Mask,
    /// Within how many degrees of the geostationary arc satellites cannot be used; everywhere they can
    /// when `None`.
    pub gso_exclusion_deg: Option<f64>,
    /// What obstructs the dish, where that is known.
    pub obstruction: Option<Obstruction>,
}

/// Follows the satellites of a catalogue in the sky of a site.
///
/// It is made for instants that follow each other; one that is before the last costs as much as the
/// beginning.
#[derive(Debug)]
pub struct Tracker {
    catalogue: Arc<Catalogue>,
    site: Site,
    mask: Mask,
    exclusion: Option<Exclusion>,
    obstruction: Option<Obstruction>,
    motions: Kept,
    stretch: Option<Stretch>,
    /// When the next satellite rises, and until when that is so.
    rise: Option<(f64, Option<f64>)>,
    below: Option<Below>,
    candidates: Option<(i64, u32)>,
    ages: Vec<i64>,
}

impl Tracker {
    /// Follows the satellites of `catalogue` at `site`.
    pub fn new(catalogue: Arc<Catalogue>, site: Site, view: View) -> Self {
        Self {
            exclusion: view.gso_exclusion_deg.map(|angle| Exclusion::new(&site, angle)),
            obstruction: view.obstruction,
            mask: view.mask,
            catalogue,
            site,
            motions: Kept::default(),
            stretch: None,
            rise: None,
            below: None,
            candidates: None,
            ages: Vec::new(),
        }
    }

    /// Another map of what obstructs the dish.
    pub fn obstruct(&mut self, obstruction: Option<Obstruction>) {
        self.obstruction = obstruction;
        self.candidates = None;
    }

    /// The satellites it follows.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The site.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Whether a satellite there can be used: east, north and up in km.
    fn is_usable(&self, position: &[f64; 3]) -> bool {
        if self.exclusion.is_none() && self.obstruction.is_none() {
            return true;
        }
        let direction = super::vector::unit(position);
        !self.exclusion.as_ref().is_some_and(|exclusion| exclusion.excludes(&direction))
            && !self.obstruction.as_ref().is_some_and(|map| map.blocks(&direction))
    }

    /// What is in the sky at `now`.
    pub fn sky(&mut self, now: Timestamp) -> Sky {
        let time = seconds(now);
        self.advance(time);
        let mut best: Option<(Risen, f64)> = None;
        let (mut visible, mut reach, mut usable) = (Distances::default(), Distances::default(), 0);
        self.ages.clear();
        if let Some(stretch) = &self.stretch {
            for (risen, position) in stretch.risen(time) {
                // The ends of paths are below the horizon.
                if position[2] <= 0.0 {
                    continue;
                }
                let range = super::vector::norm(&position);
                let sine = position[2] / range;
                if best.is_none_or(|(_, highest)| sine > highest) {
                    best = Some((risen, sine));
                }
                if range < REACH_KM {
                    reach.add(range);
                }
                if sine > stretch.mask_sine(risen) {
                    visible.add(range);
                    usable += u32::from(self.is_usable(&position));
                    self.ages.push(stretch.satellite(risen, &self.catalogue).epoch().as_second());
                }
            }
        }
        let sun = sun(time);
        let highest = match best {
            Some((risen, _)) => self.highest(risen, time, &sun),
            None => self.highest_below(time, &sun),
        };
        Sky {
            at: now,
            highest,
            visible: visible.count(),
            usable,
            candidates: self.candidates(now),
            range_km: visible.spread(),
            within_reach_km: reach.spread(),
            next_rise_s: self.next_rise(time),
            element_age: self.median_age(now),
            sun_elevation_deg: super::sun::sun_elevation(&self.site, now),
        }
    }

    /// Where the satellite in `place` of the catalogue is, be it below the horizon; `None` where its
    /// elements do not tell.
    pub fn named(&self, place: usize, now: Timestamp) -> Option<Named> {
        let satellite = self.catalogue.satellites().get(place)?;
        let look = self.site.look(&satellite.state(now)?, now);
        Some(Named { look, is_visible: look.elevation_deg > self.mask.degrees(satellite) })
    }

    fn advance(&mut self, time: f64) {
        let fits = self.stretch.as_ref().is_some_and(|stretch| stretch.covers(time));
        if !fits {
            let stretch = Stretch::new(&self.catalogue, &self.site, self.mask, time, &mut self.motions);
            self.stretch = Some(stretch);
            self.rise = None;
        }
        if let Some(stretch) = &mut self.stretch {
            stretch.advance(time);
        }
    }

    fn highest(&self, risen: Risen, time: f64, sun: &[f64; 3]) -> Option<Highest> {
        let stretch = self.stretch.as_ref()?;
        let satellite = &self.catalogue.satellites()[risen.satellite];
        let local = stretch.local(risen, time)?;
        Some(self.told(risen.satellite, satellite, &local, time, sun, stretch.pass(risen, time)))
    }

    fn told(
        &self,
        place: usize,
        satellite: &Satellite,
        local: &Local,
        time: f64,
        sun: &[f64; 3],
        pass: Option<(f64, f64)>,
    ) -> Highest {
        let state = satellite.state_at(time);
        Highest {
            place,
            number: satellite.number(),
            name: satellite.name().clone(),
            look: local.look(),
            shell: satellite.shell(),
            is_sunlit: state.is_some_and(|state| is_lit(&state.position, sun)),
            time_to_set_s: pass.map(|(set, _)| set - time),
            pass_max_elevation_deg: pass.map(|(_, sine)| sine.clamp(-1.0, 1.0).asin().to_degrees()),
        }
    }

    /// The highest of all, where none is above the horizon.
    fn highest_below(&mut self, time: f64, sun: &[f64; 3]) -> Option<Highest> {
        if !self.below.as_ref().is_some_and(|below| below.covers(time)) {
            self.below = Some(Below::new(self.catalogue.satellites(), &self.site, time));
        }
        let (place, local) = self.below.as_ref()?.highest(time)?;
        Some(self.told(place, &self.catalogue.satellites()[place], &local, time, sun, None))
    }

    fn median_age(&mut self, now: Timestamp) -> Option<SignedDuration> {
        let middle = self.ages.len().checked_sub(1)? / 2;
        let (_, epoch, _) = self.ages.select_nth_unstable(middle);
        Some(SignedDuration::from_secs(now.as_second() - *epoch))
    }

    fn next_rise(&mut self, time: f64) -> Option<f64> {
        let mut motions = std::mem::take(&mut self.motions);
        let known = self.rise.filter(|(until, rise)| rise.map_or(time < *until, |rise| time < rise));
        let (_, rise) = known.unwrap_or_else(|| {
            let found = self.stretch.as_ref().and_then(|stretch| stretch.next_rise(time));
            let found = found.or_else(|| self.rise_later(&mut motions));
            // Without one it is not looked for again before the stretch ends.
            (self.stretch.as_ref().map_or(time, Stretch::end), found)
        });
        self.motions = motions;
        self.rise = Some((self.stretch.as_ref().map_or(time, Stretch::end), rise));
        rise.map(|rise| rise - time)
    }

    /// The first rise after the stretch, within a day.
    fn rise_later(&self, motions: &mut Kept) -> Option<f64> {
        let mut from = self.stretch.as_ref()?.end();
        let until = from + DAY;
        while from < until {
            let next = Stretch::new(&self.catalogue, &self.site, self.mask, from, motions);
            if let Some(rise) = next.next_rise(from) {
                return Some(rise);
            }
            from = next.end();
        }
        None
    }

    /// How many can be used from the beginning to the end of the next slot.
    fn candidates(&mut self, now: Timestamp) -> u32 {
        let slot = Slot::of(now);
        if let Some((index, count)) = self.candidates.filter(|(index, _)| *index == slot.index) {
            self.candidates = Some((index, count));
            return count;
        }
        let begins = seconds(slot.start) + 15.0;
        let Some(stretch) = &self.stretch else { return 0 };
        let through = stretch.all_around(begins).filter(|risen| {
            [0.0, 7.5, 15.0].iter().all(|since| {
                let local = stretch.local(*risen, begins + since);
                local.is_some_and(|local| {
                    local.sine() > stretch.mask_sine(*risen) && self.is_usable(&local.position)
                })
            })
        });
        let count = u32::try_from(through.count()).unwrap_or(u32::MAX);
        self.candidates = Some((slot.index, count));
        count
    }
}

#[cfg(test)]
mod tests;
