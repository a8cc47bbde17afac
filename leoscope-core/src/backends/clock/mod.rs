//! Implementations of the clock port.

mod system;
mod virtual_time;

pub use system::SystemClock;
pub use virtual_time::VirtualClock;
