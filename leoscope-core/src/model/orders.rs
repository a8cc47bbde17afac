//! What a node is asked to do.

use serde::{Deserialize, Serialize};

use super::{Job, Standby};
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
    /// What people said that keeps the node from experiments; it may have ended by itself since.
    #[serde(flatten, with = "super::standby::in_orders")]
    pub standby: Option<Standby>,
}
