//! What watches the world around a node.

mod traffic;

pub use traffic::{KernelMeter, ManualMeter};
