//! One satellite and where it is.

use std::fmt;
use std::sync::Arc;

use sgp4::{Constants, MinutesSinceEpoch};

use super::vector::Vector;
use crate::error::Error;
use crate::time::{SignedDuration, Timestamp};

/// 2000-01-01T12:00:00 UTC, in microseconds since 1970.
const J2000_US: i64 = 946_728_000_000_000;

/// The earth's gravitational parameter in km³/s² and its equatorial radius in km, as elements are made
/// with (WGS 72).
const MU: f64 = 398_600.8;
const EARTH_RADIUS: f64 = 6_378.135;

/// The second zonal harmonic of the earth's gravity (WGS 72).
const J2: f64 = 0.001_082_616;

/// Seconds since 2000-01-01T12:00:00 UTC: fine to a fifth of a microsecond in this century.
pub(super) fn seconds(time: Timestamp) -> f64 {
    (time.as_microsecond() - J2000_US) as f64 * 1e-6
}

/// The instant so many seconds after 2000-01-01T12:00:00 UTC.
pub(super) fn instant(seconds: f64) -> Timestamp {
    let micros = (seconds * 1e6).round();
    // A cast of a number that is too large gives the largest.
    Timestamp::from_microsecond((micros as i64).saturating_add(J2000_US)).unwrap_or(Timestamp::MAX)
}

/// Revolutions a day of a circular orbit at an altitude over the equator's radius in km.
pub(super) fn motion_at(altitude_km: f64) -> f64 {
    (MU / (EARTH_RADIUS + altitude_km).powi(3)).sqrt() * 86_400.0 / std::f64::consts::TAU
}

/// What is so of an orbit in the mean, in radians and seconds; angles are those at the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeanOrbit {
    pub(super) inclination: f64,
    pub(super) eccentricity: f64,
    pub(super) perigee: f64,
    pub(super) perigee_rate: f64,
    /// Right ascension of the ascending node.
    pub(super) node: f64,
    pub(super) node_rate: f64,
    /// Radians per second, from perigee to perigee.
    pub(super) motion: f64,
    /// In km.
    pub(super) semi_major_axis: f64,
}

impl MeanOrbit {
    fn of(elements: &sgp4::Elements) -> Self {
        let inclination = elements.inclination.to_radians();
        let eccentricity = elements.eccentricity;
        let motion = elements.mean_motion * std::f64::consts::TAU / 86_400.0;
        let semi_major_axis = (MU / (motion * motion)).cbrt();
        let p = semi_major_axis / EARTH_RADIUS * (1.0 - eccentricity * eccentricity);
        let cos = inclination.cos();
        // Secular rates by J2: Vallado, Fundamentals of Astrodynamics, § 9.6.
        let turning = 0.75 * J2 / (p * p) * motion;
        Self {
            inclination,
            eccentricity,
            perigee: elements.argument_of_perigee.to_radians(),
            perigee_rate: turning * (5.0 * cos * cos - 1.0),
            node: elements.right_ascension.to_radians(),
            node_rate: -2.0 * turning * cos,
            motion,
            semi_major_axis,
        }
    }

    /// The normal of its plane, so many seconds after the epoch, and by how many radians it may be wrong:
    /// orbits sink, and then turn faster.
    pub(super) fn normal(&self, since: f64) -> (Vector, f64) {
        let turned = self.node_rate * since;
        let (sin, cos) = (self.node + turned).sin_cos();
        let (flat, up) = self.inclination.sin_cos();
        ([flat * sin, -flat * cos, up], 0.15 * turned.abs())
    }

    /// How long a revolution takes, in seconds.
    pub(super) fn period(&self) -> f64 {
        std::f64::consts::TAU / self.motion
    }
}

/// Where a satellite is and how it moves: in km and km/s, in the frame TEME of date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// Its position.
    pub position: [f64; 3],
    /// Its velocity.
    pub velocity: [f64; 3],
}

/// The family of orbits that a satellite belongs to.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Shell {
    /// The mean altitude over the equator's radius, in km.
    pub altitude_km: f64,
    /// The inclination, in degrees.
    pub inclination_deg: f64,
}

impl Shell {
    /// The shell in steps of 5 km and a degree, in which constellations are told apart.
    pub fn rounded(&self) -> Self {
        Self {
            altitude_km: (self.altitude_km / 5.0).round() * 5.0,
            inclination_deg: self.inclination_deg.round(),
        }
    }
}

/// A satellite with its orbital elements, ready to be propagated with SGP4.
#[derive(Clone)]
pub struct Satellite {
    number: u32,
    name: Arc<str>,
    epoch: Timestamp,
    /// The same in seconds.
    epoch_s: f64,
    mean: MeanOrbit,
    constants: Constants,
}

impl Satellite {
    /// Makes elements ready.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for elements that are no orbit.
    pub(super) fn new(elements: &sgp4::Elements) -> Result<Self, Error> {
        let number = u32::try_from(elements.norad_id)
            .map_err(|_| Error::invalid(format!("catalogue number {} is too large", elements.norad_id)))?;
        let name = elements.object_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let name = name.map_or_else(|| number.to_string(), |name| name.to_owned());
        let of = |what: String| Error::invalid(format!("elements of {name:?} ({number}): {what}"));
        let numbers = [
            elements.mean_motion,
            elements.eccentricity,
            elements.inclination,
            elements.right_ascension,
            elements.argument_of_perigee,
            elements.mean_anomaly,
            elements.drag_term,
        ];
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err(of("a number is missing".into()));
        }
        // A revolution takes between 80 minutes, in which no orbit lasts, and 100 days.
        if !(0.01..=18.0).contains(&elements.mean_motion) {
            return Err(of(format!("{} revolutions a day are not possible", elements.mean_motion)));
        }
        let micros = elements.datetime.and_utc().timestamp_micros();
        let epoch =
            Timestamp::from_microsecond(micros).map_err(|_| of("the epoch is beyond all times".into()))?;
        // The default of the crate is WGS 84, with which no elements are made.
        let constants = Constants::from_elements_afspc_compatibility_mode(elements)
            .map_err(|error| of(error.to_string()))?;
        let nanos = elements.datetime.and_utc().timestamp_subsec_nanos() % 1_000;
        let epoch_s = seconds(epoch) + f64::from(nanos) * 1e-9;
        Ok(Self { number, name: name.into(), epoch, epoch_s, mean: MeanOrbit::of(elements), constants })
    }

    /// Its number in the catalogue of the United States Space Force.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its name; the number where it has none.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// When its elements were right.
    pub fn epoch(&self) -> Timestamp {
        self.epoch
    }

    /// How old its elements are; negative before their epoch.
    pub fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.epoch)
    }

    /// The family of orbits it belongs to.
    pub fn shell(&self) -> Shell {
        Shell {
            altitude_km: self.mean.semi_major_axis - EARTH_RADIUS,
            inclination_deg: self.mean.inclination.to_degrees(),
        }
    }

    /// Where it is at `time`; `None` where its elements do not tell, as after it has come down.
    pub fn state(&self, time: Timestamp) -> Option<State> {
        self.state_at(seconds(time))
    }

    /// Where it is so many minutes after the [epoch](Self::epoch) of its elements, or before where negative.
    pub fn state_after(&self, minutes: f64) -> Option<State> {
        self.propagate(MinutesSinceEpoch(minutes))
    }

    pub(super) fn state_at(&self, seconds: f64) -> Option<State> {
        self.propagate(MinutesSinceEpoch((seconds - self.epoch_s) / 60.0))
    }

    fn propagate(&self, since: MinutesSinceEpoch) -> Option<State> {
        let at = self.constants.propagate(since).ok()?;
        let radius = super::vector::norm(&at.position);
        // Near its end what SGP4 tells may be inside the earth, or no number.
        (radius > EARTH_RADIUS * 0.98).then_some(State { position: at.position, velocity: at.velocity })
    }

    pub(super) fn mean(&self) -> &MeanOrbit {
        &self.mean
    }

    pub(super) fn epoch_seconds(&self) -> f64 {
        self.epoch_s
    }
}

impl State {
    pub(super) fn parts(&self) -> (&Vector, &Vector) {
        (&self.position, &self.velocity)
    }
}

impl fmt::Debug for Satellite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Satellite({} {:?})", self.number, self.name)
    }
}
