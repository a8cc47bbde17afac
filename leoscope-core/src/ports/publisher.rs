use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;

/// What tells experiments on the node of what is watched, besides the file they have.
///
/// Guarantees:
/// - A message is told to those who listen at the time, once at most; none is kept for others.
/// - [`publish`](Publisher::publish) answers or fails within seconds. A later call tries anew.
#[async_trait]
pub trait Publisher: Debug + Send + Sync {
    /// Tells `payload` under `topic`.
    async fn publish(&self, topic: &str, payload: &str) -> Result<()>;
}
