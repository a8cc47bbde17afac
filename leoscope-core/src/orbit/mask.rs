//! From which elevation on satellites can be used, and what of the sky a dish does not see.

use super::satellite::Satellite;
use super::vector::Vector;
use crate::error::Error;

/// The elevation from which on a satellite counts as visible.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Mask {
    /// By the altitude of its orbit, as Starlink is licensed: 10° below 400 km, 20° from there on, 25°
    /// above 500 km.
    #[default]
    ByAltitude,
    /// The same for all, in degrees.
    Fixed(f64),
}

impl Mask {
    /// The same mask for all satellites.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) unless 0 ≤ `degrees` < 90.
    pub fn fixed(degrees: f64) -> Result<Self, Error> {
        if (0.0..90.0).contains(&degrees) {
            Ok(Self::Fixed(degrees))
        } else {
            Err(Error::invalid(format!("mask {degrees} is not between 0 and 90 degrees")))
        }
    }

    /// The lowest elevation at which `satellite` is visible, in degrees.
    pub fn degrees(self, satellite: &Satellite) -> f64 {
        match self {
            Self::Fixed(degrees) => degrees,
            Self::ByAltitude => match satellite.shell().altitude_km {
                altitude if altitude < 400.0 => 10.0,
                altitude if altitude <= 500.0 => 20.0,
                _ => 25.0,
            },
        }
    }

    /// The sine of that elevation.
    pub(super) fn sine(self, satellite: &Satellite) -> f64 {
        self.degrees(satellite).to_radians().sin()
    }
}

/// What of the sky a dish does not see: a map of the sky from above, its zenith in the middle and true
/// north at the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Obstruction {
    rows: usize,
    columns: usize,
    /// Degrees from the zenith for each pixel from the middle.
    scale: f64,
    blocked: Vec<bool>,
}

/// From which part of clear sight on a direction is taken as free.
const CLEAR: f32 = 0.5;

impl Obstruction {
    /// A map row by row from the top: 0 (obstructed) to 1 (clear), `None` where nothing is known, which is
    /// taken as clear. `max_theta_deg` is the angle from the zenith to its edge.
    ///
    /// `None` for a map that is none: without pixels, or not as many as it says.
    pub fn new(rows: u32, columns: u32, clear: &[Option<f32>], max_theta_deg: f64) -> Option<Self> {
        let (rows, columns) = (usize::try_from(rows).ok()?, usize::try_from(columns).ok()?);
        let is_map = rows > 1 && columns > 1 && rows.checked_mul(columns)? == clear.len();
        let is_scaled = max_theta_deg > 0.0 && max_theta_deg <= 180.0;
        (is_map && is_scaled).then(|| Self {
            rows,
            columns,
            scale: max_theta_deg / (rows.min(columns) as f64 / 2.0),
            blocked: clear.iter().map(|pixel| pixel.is_some_and(|clear| clear < CLEAR)).collect(),
        })
    }

    /// Whether the map says that something is in the way in a direction, which is east, north and up.
    pub(super) fn blocks(&self, direction: &Vector) -> bool {
        let theta = direction[2].clamp(-1.0, 1.0).acos().to_degrees() / self.scale;
        let flat = direction[0].hypot(direction[1]).max(f64::MIN_POSITIVE);
        let column = (self.columns as f64 - 1.0) / 2.0 + theta * direction[0] / flat;
        let row = (self.rows as f64 - 1.0) / 2.0 - theta * direction[1] / flat;
        let (column, row) = (column.round(), row.round());
        // Outside the map nothing is known.
        let is_inside = column >= 0.0 && row >= 0.0 && column < self.columns as f64 && row < self.rows as f64;
        is_inside && self.blocked[row as usize * self.columns + column as usize]
    }
}

#[cfg(test)]
mod tests;
