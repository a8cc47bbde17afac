use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{CongestionControl, KernelSetting};

/// Whose network a setting is read from or written to, where each network has its own value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The network of the node itself.
    Host,
    /// The network that the process with this id is on.
    Process(u32),
}

/// The kernel settings that experiments may change.
///
/// Guarantees:
/// - What [`write`](Kernel::write) has written is what [`read`](Kernel::read) gives then.
/// - A value that the kernel refuses changes nothing.
/// - A setting that this kernel does not have is [`NotFound`](crate::ErrorKind::NotFound).
/// - Where the kernel has one value for all networks, every [`Place`] is the same.
#[async_trait]
pub trait Kernel: Debug + Send + Sync {
    /// The congestion controls that can be chosen at once.
    async fn available(&self) -> Result<Vec<CongestionControl>>;

    /// The value of a setting, without white space around it.
    async fn read(&self, place: Place, setting: &KernelSetting) -> Result<String>;

    /// Sets a setting.
    async fn write(&self, place: Place, setting: &KernelSetting, value: &str) -> Result<()>;
}
