use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;

/// Whose something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It belongs to who asked.
    Ours,
    /// It belongs to the holder of that name.
    Theirs(String),
}

/// What processes that work side by side know of each other: who has claimed what.
///
/// A claim ends by itself, so that nothing stays claimed by a process that was killed.
///
/// Guarantees:
/// - Of many that claim the same key at once exactly one gets it, until it releases it or the time
///   to live is over.
/// - Claiming again as the same holder renews the time to live.
/// - [`release`](Sessions::release) by anybody but the holder changes nothing.
/// - Every text is a key, and different keys are different claims.
/// - A store that cannot be asked answers with [`Unavailable`](crate::ErrorKind::Unavailable),
///   within seconds; whether the claim was made is not known then, and asking again tells.
#[async_trait]
pub trait Sessions: Debug + Send + Sync {
    /// Claims `key` for `holder` for the next `ttl`, in whole seconds and at least one.
    async fn claim(&self, key: &str, holder: &str, ttl: Duration) -> Result<Claim>;

    /// Gives `key` back, if it is `holder`'s.
    async fn release(&self, key: &str, holder: &str) -> Result<()>;
}
