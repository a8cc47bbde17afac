//! Where the sun is, and whether it shines on a satellite.

use super::frame::Site;
use super::satellite::{State, seconds};
use super::vector::{Vector, dot, norm, times};
use crate::time::Timestamp;

/// Mean distance of the sun, and radii of the sun and the earth, in km.
const UNIT: f64 = 149_597_870.7;
const SUN_RADIUS: f64 = 695_700.0;
const EARTH_RADIUS: f64 = 6_378.137;

/// The position of the sun in km, in the mean equator and equinox of date, `time` seconds after J2000: the
/// low-precision formula of the Astronomical Almanac (page C5), good to 0.01° until 2050.
pub(super) fn sun(time: f64) -> Vector {
    let days = time / 86_400.0;
    let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
    let mean = 280.460 + 0.985_647_4 * days;
    let longitude = (mean + 1.915 * anomaly.sin() + 0.020 * (2.0 * anomaly).sin()).to_radians();
    let obliquity = (23.439 - 0.000_000_4 * days).to_radians();
    let distance = UNIT * (1.000_14 - 0.016_71 * anomaly.cos() - 0.000_14 * (2.0 * anomaly).cos());
    let (sin, cos) = longitude.sin_cos();
    times(&[cos, obliquity.cos() * sin, obliquity.sin() * sin], distance)
}

/// The elevation of the sun's middle over a site in degrees, without refraction.
pub fn sun_elevation(site: &Site, time: Timestamp) -> f64 {
    let time = seconds(time);
    let sun = sun(time);
    let away = super::vector::minus(&sun, &site.frame(time).position);
    let sine = site.frame(time).up_part(&away) / norm(&away);
    sine.clamp(-1.0, 1.0).asin().to_degrees()
}

/// Whether the sun shines on a satellite, be it in part: it is not in the umbra of the earth.
pub fn is_sunlit(state: &State, time: Timestamp) -> bool {
    is_lit(&state.position, &sun(seconds(time)))
}

pub(super) fn is_lit(position: &Vector, sun: &Vector) -> bool {
    let distance = norm(sun);
    let along = dot(position, sun) / distance;
    if along >= 0.0 {
        return true;
    }
    let aside = (dot(position, position) - along * along).max(0.0).sqrt();
    // The umbra is a cone that narrows away from the sun.
    let narrows = (SUN_RADIUS - EARTH_RADIUS) / distance;
    aside > EARTH_RADIUS + along * narrows
}

#[cfg(test)]
mod tests;
