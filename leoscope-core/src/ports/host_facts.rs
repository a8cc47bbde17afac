use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::HostDescription;

/// What tells of the machine that a node is on.
///
/// Guarantees:
/// - What is not known is left out, and is no error.
/// - Two calls give the same as long as the machine is not started anew or its system replaced.
#[async_trait]
pub trait HostFacts: Debug + Send + Sync {
    /// The machine and its system.
    async fn describe(&self) -> Result<HostDescription>;
}
