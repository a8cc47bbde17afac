//! Implementations of the [`Kernel`](crate::ports::Kernel) port.

mod memory;
mod procfs;

pub use memory::MemoryKernel;
pub use procfs::ProcKernel;
