use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::time::Timestamp;

/// How a node wakes up when something is due.
///
/// Guarantees:
/// - After [`set`](Launcher::set), [`wait`](Launcher::wait) returns no earlier than the instant
///   set, and promptly after it; an instant in the past returns at once.
/// - A later `set` replaces the instant, also for a `wait` in progress; `None` waits for ever.
/// - One `set` is answered by one return of `wait`.
#[async_trait]
pub trait Launcher: Debug + Send + Sync {
    /// Asks to be woken at `at`, and no longer at what was asked before.
    async fn set(&self, at: Option<Timestamp>) -> Result<()>;

    /// Waits for the instant that was asked for.
    async fn wait(&self);
}
