//! Implementations of the launcher port.

mod timer;

pub use timer::TimerLauncher;
