use std::fmt::Debug;

use async_trait::async_trait;

use crate::time::Timestamp;

/// The time of day.
///
/// Guarantees:
/// - [`now`](Clock::now) has microsecond resolution.
/// - [`sleep_until`](Clock::sleep_until) returns once `now() >= at`, at once for the past, and
///   follows the clock when it is set anew while it sleeps.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;

    /// Waits until `at`.
    async fn sleep_until(&self, at: Timestamp);

    /// Waits until `at`, and spends more on being there at that very instant than
    /// [`sleep_until`](Clock::sleep_until): for the start of an experiment.
    async fn meet(&self, at: Timestamp) {
        self.sleep_until(at).await;
    }
}
