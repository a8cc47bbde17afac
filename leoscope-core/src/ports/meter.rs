use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::ClockReading;

/// What knows how far this machine's clock is off.
///
/// Guarantees:
/// - [`measure`](ClockMeter::measure) answers within seconds and leaves the clock as it is.
/// - Nothing that is known to be wrong is told as a reading: where no source of true time is there,
///   or none is synchronised, it fails with [`Unavailable`](crate::ErrorKind::Unavailable).
#[async_trait]
pub trait ClockMeter: Debug + Send + Sync {
    /// Measures the clock.
    async fn measure(&self) -> Result<ClockReading>;
}
