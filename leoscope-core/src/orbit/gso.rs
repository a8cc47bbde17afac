//! The arc of the geostationary satellites, near which satellites of low orbits do not send.

use super::frame::Site;
use super::vector::{Vector, dot};

/// Radius of the geostationary orbit in km.
const RADIUS: f64 = 42_164.17;

/// How far apart the points of the arc are, in degrees of longitude.
const STEP_DEG: usize = 2;

/// The part of the sky that is within an angle of the arc.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exclusion {
    /// Directions of the arc above the horizon, east, north and up, from west to east.
    arc: Vec<Vector>,
    cosine: f64,
}

impl Exclusion {
    /// What is within `angle_deg` of the arc for a site. The part of the arc below the horizon counts too,
    /// as far as a degree.
    pub(super) fn new(site: &Site, angle_deg: f64) -> Self {
        let arc = (0..360).step_by(STEP_DEG).map(|longitude| {
            let (sin, cos) = (longitude as f64).to_radians().sin_cos();
            site.direction(&[RADIUS * cos, RADIUS * sin, 0.0])
        });
        let arc = arc.filter(|direction| direction[2] > -0.02).collect();
        Self { arc, cosine: angle_deg.to_radians().cos() }
    }

    /// Whether a direction is within the angle; the points of the arc are two degrees apart, which makes
    /// the angle wrong by 0.03° at most from 15° on.
    pub(super) fn excludes(&self, direction: &Vector) -> bool {
        self.arc.iter().any(|point| dot(point, direction) > self.cosine)
    }
}

#[cfg(test)]
mod tests;
