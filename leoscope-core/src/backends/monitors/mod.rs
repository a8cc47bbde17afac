//! What watches the world around a node.

mod host;
mod traffic;

pub use host::SystemFacts;
pub use traffic::{KernelMeter, ManualMeter};
