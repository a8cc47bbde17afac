//! What of the sky a dish sees.

use serde::{Deserialize, Serialize};

use super::named::named;
use crate::time::Timestamp;

named!(
    /// What the map of a dish is aligned with.
    MapFrame {
        /// The top is true north.
        Earth = "EARTH",
        /// The dish itself: its tilt and azimuth say where the top points.
        Dish = "DISH",
    }
);

/// A dish's map of what obstructs it: the sky seen from above, its zenith in the middle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObstructionMap {
    /// When the dish told it.
    pub at: Timestamp,
    /// How many rows it has.
    pub rows: u32,
    /// How many columns each row has.
    pub columns: u32,
    /// Row by row, from the top: 0 (obstructed) to 1 (clear); `None` where nothing is known.
    pub clear: Vec<Option<f32>>,
    /// The lowest elevation on it in degrees, where the dish tells.
    pub min_elevation_deg: Option<f64>,
    /// The angle from the zenith to its edge in degrees, where the dish tells.
    pub max_theta_deg: Option<f64>,
    /// What it is aligned with, where the dish tells.
    pub frame: Option<MapFrame>,
}
