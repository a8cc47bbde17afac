use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::Traffic;

/// What counts the traffic of the host.
///
/// Guarantees:
/// - What an interface has moved grows while it is there, and may begin at any number.
/// - An interface that is not there is no error.
#[async_trait]
pub trait TrafficMeter: Debug + Send + Sync {
    /// What a network interface has received and sent so far; `None` where there is none of that
    /// name.
    async fn bytes(&self, interface: &str) -> Result<Option<Traffic>>;
}
