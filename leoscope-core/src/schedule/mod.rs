//! When a job runs: cron expressions, one-time starts, and the planned windows of both.

mod cron;
mod occurrences;

pub use cron::CronExpr;
pub use occurrences::{Occurrences, occurrences};

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
