use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::HostStart;
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

/// What of the host starts a process for each run, also while the node's own process is not there.
///
/// Guarantees:
/// - After [`arrange`](HostScheduler::arrange) exactly the `starts` given are arranged of those
///   that belong to this node. What others have arranged stays as it is, to the byte.
/// - Arranging the same again changes nothing.
#[async_trait]
pub trait HostScheduler: Debug + Send + Sync {
    /// Whether cron expressions are read in UTC.
    fn reads_utc(&self) -> bool;

    /// Arranges `starts`, and none that was arranged before and is not among them. One whose
    /// instant is not after `now` is left out: the host would not start it any more.
    async fn arrange(&self, starts: &[HostStart], now: Timestamp) -> Result<()>;
}
