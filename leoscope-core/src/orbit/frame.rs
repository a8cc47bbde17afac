//! A site on the earth and what it sees.

use super::satellite::{State, seconds};
use super::vector::{Vector, cross, dot, minus, norm, times, turned};
use crate::error::Error;
use crate::time::Timestamp;

/// The ellipsoid of WGS 84: equatorial radius in km, and flattening.
const EQUATOR: f64 = 6_378.137;
const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// How fast the earth turns, in radians per second of UT1.
pub(super) const EARTH_RATE: f64 = 7.292_115_146_706_979e-5;

/// UT1 − UTC in seconds where nothing else is said: that of 2026. It changes by a tenth of a second in a
/// year, which is 0.0004° of a satellite's azimuth.
const DUT1: f64 = 0.09;

/// Greenwich mean sidereal time in radians, of `ut1` seconds since J2000 (IAU 1982; Aoki et al., 1982).
fn sidereal_time(ut1: f64) -> f64 {
    let t = ut1 / (86_400.0 * 36_525.0);
    let secs = 67_310.548_41 + (876_600.0 * 3_600.0 + 8_640_184.812_866 + (0.093_104 - 6.2e-6 * t) * t) * t;
    (secs.rem_euclid(86_400.0) / 86_400.0) * std::f64::consts::TAU
}

/// Where a satellite is in the sky of a site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Degrees east of north, 0 to 360.
    pub azimuth_deg: f64,
    /// Degrees above the horizon, without refraction.
    pub elevation_deg: f64,
    /// Distance in km.
    pub range_km: f64,
    /// How fast the distance grows, in km/s.
    pub range_rate_km_s: f64,
}

/// A place on the earth from which the sky is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Site {
    latitude_deg: f64,
    longitude_deg: f64,
    dut1: f64,
    /// Position and axes in the frame that turns with the earth.
    position: Vector,
    east: Vector,
    north: Vector,
    up: Vector,
}

impl Site {
    /// A site by latitude and longitude in degrees (WGS 84), and metres above the ellipsoid.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) unless −90 ≤ latitude ≤ 90,
    /// −180 ≤ longitude ≤ 360 and −1,000 ≤ altitude ≤ 100,000.
    pub fn new(latitude_deg: f64, longitude_deg: f64, altitude_m: f64) -> Result<Self, Error> {
        for (what, value, least, most) in [
            ("latitude", latitude_deg, -90.0, 90.0),
            ("longitude", longitude_deg, -180.0, 360.0),
            ("altitude", altitude_m, -1_000.0, 100_000.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::invalid(format!("{what} {value} is not between {least} and {most}")));
            }
        }
        let (sin, cos) = latitude_deg.to_radians().sin_cos();
        let longitude = longitude_deg.to_radians().sin_cos();
        let squared = FLATTENING * (2.0 - FLATTENING);
        let curvature = EQUATOR / (1.0 - squared * sin * sin).sqrt();
        let altitude = altitude_m / 1_000.0;
        let at_greenwich =
            [(curvature + altitude) * cos, 0.0, (curvature * (1.0 - squared) + altitude) * sin];
        Ok(Self {
            latitude_deg,
            longitude_deg,
            dut1: DUT1,
            position: turned(&at_greenwich, longitude),
            east: turned(&[0.0, 1.0, 0.0], longitude),
            north: turned(&[-sin, 0.0, cos], longitude),
            up: turned(&[cos, 0.0, sin], longitude),
        })
    }

    /// The same site with another difference UT1 − UTC in seconds.
    #[must_use]
    pub fn with_dut1(mut self, seconds: f64) -> Self {
        self.dut1 = seconds;
        self
    }

    /// Degrees north.
    pub fn latitude_deg(&self) -> f64 {
        self.latitude_deg
    }

    /// Degrees east.
    pub fn longitude_deg(&self) -> f64 {
        self.longitude_deg
    }

    /// Where a satellite in that state is in the sky at `time`.
    pub fn look(&self, state: &State, time: Timestamp) -> Look {
        self.frame(seconds(time)).look(state)
    }

    /// The site and its axes in TEME, `time` seconds after J2000.
    pub(super) fn frame(&self, time: f64) -> Frame {
        let turn = sidereal_time(time + self.dut1).sin_cos();
        let [position, east, north, up] =
            [self.position, self.east, self.north, self.up].map(|part| turned(&part, turn));
        Frame { position, east, north, up }
    }

    /// Its right ascension in radians: the angle to the vernal equinox.
    pub(super) fn right_ascension(&self, time: f64) -> f64 {
        sidereal_time(time + self.dut1) + self.position[1].atan2(self.position[0])
    }

    /// Its distance from the earth's centre in km, and the sine and cosine of its geocentric latitude.
    pub(super) fn geocentric(&self) -> (f64, f64, f64) {
        let radius = norm(&self.position);
        let sin = self.position[2] / radius;
        (radius, sin, (1.0 - sin * sin).max(0.0).sqrt())
    }

    /// A direction of the sky as a unit vector east, north and up, of one in the frame that turns with the earth.
    pub(super) fn direction(&self, from_centre: &Vector) -> Vector {
        let away = minus(from_centre, &self.position);
        let local = [dot(&away, &self.east), dot(&away, &self.north), dot(&away, &self.up)];
        times(&local, norm(&local).recip())
    }
}

/// A site at one instant: its position in km and its axes, in TEME.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) position: Vector,
    pub(super) east: Vector,
    pub(super) north: Vector,
    pub(super) up: Vector,
}

/// A satellite's position and velocity as the site has them: east, north, up, in km and km/s, in the
/// frame that turns with the earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Local {
    pub(super) position: Vector,
    pub(super) velocity: Vector,
}

impl Frame {
    pub(super) fn local(&self, state: &State) -> Local {
        let (position, velocity) = state.parts();
        let away = minus(position, &self.position);
        let moving = minus(velocity, &cross(&[0.0, 0.0, EARTH_RATE], position));
        let turn =
            |vector: &Vector| [dot(vector, &self.east), dot(vector, &self.north), dot(vector, &self.up)];
        Local { position: turn(&away), velocity: turn(&moving) }
    }

    pub(super) fn look(&self, state: &State) -> Look {
        self.local(state).look()
    }

    /// How far a satellite is above the plane of the horizon, in km.
    pub(super) fn height(&self, state: &State) -> f64 {
        dot(&minus(&state.position, &self.position), &self.up)
    }

    /// The part of a direction in TEME that points up.
    pub(super) fn up_part(&self, direction: &Vector) -> f64 {
        dot(direction, &self.up)
    }
}

impl Local {
    pub(super) fn range(&self) -> f64 {
        norm(&self.position)
    }

    /// The sine of its elevation.
    pub(super) fn sine(&self) -> f64 {
        self.position[2] / self.range()
    }

    pub(super) fn azimuth_deg(&self) -> f64 {
        self.position[0].atan2(self.position[1]).to_degrees().rem_euclid(360.0)
    }

    pub(super) fn look(&self) -> Look {
        let range = self.range();
        Look {
            azimuth_deg: self.azimuth_deg(),
            elevation_deg: (self.position[2] / range).clamp(-1.0, 1.0).asin().to_degrees(),
            range_km: range,
            range_rate_km_s: dot(&self.position, &self.velocity) / range,
        }
    }
}

#[cfg(test)]
mod tests;
