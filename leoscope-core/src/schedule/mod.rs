//! When a job runs: cron expressions, one-time starts, policies, and the planned windows of all.

mod change;
mod cron;
mod days;
mod pattern;
mod policies;
mod timeline;
mod zone;

pub use change::{Alignment, PolicyChange};
pub use cron::CronExpr;
pub use policies::{ALLOWED_LATENESS, Hold, LEAD_TIME, Overlap, PUNCTUAL, Policies, SlotOffset};
pub use timeline::{Occurrence, Occurrences, Timeline, Timing, alignment_wait};
pub use zone::Zone;

pub(crate) use days::Day;
pub(crate) use pattern::{DAY, Days, MINUTE_US, Minute, Pattern};

use serde::{Deserialize, Serialize};

/// How the starts of a job follow from its date range.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// At every minute the expression names.
    Cron(CronExpr),
    /// Once, at the first instant of the date range.
    Once,
}
