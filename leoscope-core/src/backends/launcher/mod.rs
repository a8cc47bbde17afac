//! Implementations of the launcher ports.

mod crontab;
mod timer;

pub use crontab::{CrontabScheduler, ExecCommand, HostTools, Queued, SystemTools};
pub use timer::TimerLauncher;
