//! What of a constellation is in the sky of a site at one instant.

use std::sync::Arc;

use super::frame::Look;
use super::satellite::Shell;
use crate::time::{SignedDuration, Timestamp};

/// The satellites in the sky of a site at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Sky {
    /// The instant.
    pub at: Timestamp,
    /// The highest satellite, be it below the mask or the horizon; `None` where no elements tell.
    pub highest: Option<Highest>,
    /// How many are above the mask.
    pub visible: u32,
    /// How many of these are neither too near the geostationary arc nor behind what obstructs the dish.
    pub usable: u32,
    /// How many can be used through the whole of the next 15-second slot.
    pub candidates: u32,
    /// The shortest, longest and mean distance of those above the mask in km; `None` without one.
    pub range_km: Option<Spread>,
    /// The same of all above the horizon within 1,089.686 km, as the public testbed has it.
    pub within_reach_km: Option<Spread>,
    /// In how many seconds the next satellite rises above its mask; `None` where none does within a day.
    pub next_rise_s: Option<f64>,
    /// The median age of the elements of those above the mask.
    pub element_age: Option<SignedDuration>,
    /// The elevation of the sun in degrees.
    pub sun_elevation_deg: f64,
}

/// Shortest, longest and mean of some distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

/// The highest satellite of a sky.
#[derive(Debug, Clone, PartialEq)]
pub struct Highest {
    /// Its place in the catalogue.
    pub place: usize,
    /// Its catalogue number.
    pub number: u32,
    /// Its name.
    pub name: Arc<str>,
    /// Where it is.
    pub look: Look,
    /// The family of its orbit.
    pub shell: Shell,
    /// Whether the sun shines on it.
    pub is_sunlit: bool,
    /// In how many seconds it sets below its mask; `None` where it is below.
    pub time_to_set_s: Option<f64>,
    /// The highest elevation of its pass in degrees; `None` where it is below its mask.
    pub pass_max_elevation_deg: Option<f64>,
}

/// One satellite that was asked for by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Named {
    /// Where it is.
    pub look: Look,
    /// Whether it is above its mask.
    pub is_visible: bool,
}

/// Distances as they come.
#[derive(Debug, Default)]
pub(super) struct Distances {
    min: f64,
    max: f64,
    sum: f64,
    count: u32,
}

impl Distances {
    pub(super) fn add(&mut self, km: f64) {
        (self.min, self.max) = if self.count == 0 { (km, km) } else { (self.min.min(km), self.max.max(km)) };
        self.sum += km;
        self.count += 1;
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn spread(&self) -> Option<Spread> {
        (self.count > 0).then(|| Spread {
            min: self.min,
            max: self.max,
            mean: self.sum / f64::from(self.count),
        })
    }
}
