//! Starts that the host of a node is asked to make.

use super::RunLength;
use crate::ids::{JobId, NodeId, RunId};
use crate::schedule::CronExpr;
use crate::time::{Timestamp, Window};

/// When the host starts a process. The host knows whole minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostTime {
    /// In every minute that the expression names, read in UTC.
    Every(CronExpr),
    /// Once, at the beginning of a minute.
    At(Timestamp),
}

/// A process that the host is to start ahead of a run, or of each run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStart {
    /// The node whose run it is.
    pub node: NodeId,
    /// The job.
    pub job: JobId,
    /// The run; `None` for the one that is next when the process starts.
    pub run: Option<RunId>,
    /// When the process starts.
    pub time: HostTime,
    /// The time in which the run, or every run, lies.
    pub range: Window,
    /// The length of one run.
    pub length: RunLength,
}
