//! What a node is asked to do.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::ids::NodeId;

/// The whole desired state of a node. The node applies the difference to what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// The node they are for.
    pub node: NodeId,
    /// Grows with every change; equal revisions of one orchestrator are equal orders.
    pub revision: u64,
    /// The jobs that measure or serve on the node and have not ended.
    pub jobs: Vec<Job>,
    /// Whether the owner of the node wants its link for other things.
    #[serde(default)]
    pub scavenger_mode: bool,
    /// The node's clock minus true time in microseconds, as the node told it, where that is
    /// [too much](super::is_clock_off).
    #[serde(default)]
    pub clock_offset_us: Option<i64>,
}
