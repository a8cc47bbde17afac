use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::Coordinates;
use crate::time::Timestamp;
use crate::trigger::Sample;

/// What tells the weather before its time.
///
/// Guarantees:
/// - [`hourly`](WeatherForecaster::hourly) answers or fails within half a minute, with readings of the
///   weather's fields in the order of time, at full hours from before `now` on.
#[async_trait]
pub trait WeatherForecaster: Debug + Send + Sync {
    /// The weather at a place, hour by hour.
    async fn hourly(&self, site: &Coordinates, now: Timestamp) -> Result<Vec<Sample>>;
}
