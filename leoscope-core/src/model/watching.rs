//! What a node watches, as it tells people who look at it.

use serde::{Deserialize, Serialize};

use crate::ids::JobId;
use crate::time::Timestamp;
use crate::trigger::Verdict;

/// What a node watches and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// When this was written down.
    pub at: Timestamp,
    /// What reads, by name.
    pub monitors: Vec<MonitorStatus>,
    /// The triggers of jobs, by job.
    pub triggers: Vec<TriggerStatus>,
}

/// How reading one part of the world goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorStatus {
    /// Its name.
    pub name: String,
    /// When it read something last.
    pub last: Option<Timestamp>,
    /// Since when it fails, if it does.
    pub failing_since: Option<Timestamp>,
    /// Why it fails.
    pub error: Option<String>,
}

impl MonitorStatus {
    /// That of a monitor that has not read yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), last: None, failing_since: None, error: None }
    }
}

/// How the trigger of a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerStatus {
    /// The job.
    pub job: JobId,
    /// The trigger as written.
    pub trigger: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Since when it holds, if it does.
    pub met_since: Option<Timestamp>,
}
