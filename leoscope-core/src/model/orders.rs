//! What a node is asked to do.

use serde::{Deserialize, Serialize};

use super::{Job, Site, Standby};
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
    /// The node's clock minus true time in microseconds, as the node told it, where that is
    /// [too much](super::is_clock_off).
    #[serde(default)]
    pub clock_offset_us: Option<i64>,
    /// What the node's record says of the place; `None` from orchestrators that do not tell.
    #[serde(default)]
    pub site: Option<Site>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StandbyKind;

    #[test]
    fn orders_of_earlier_versions_are_read_and_read_ours() {
        let read = |text: &str| serde_json::from_str::<Orders>(text).expect(text);
        let plain = r#"{"node": "n", "revision": 7, "jobs": []}"#;
        assert_eq!((read(plain).standby, read(plain).site), (None, None));
        let earlier = r#"{"node": "n", "revision": 7, "jobs": [], "scavenger_mode": true}"#;
        assert_eq!(read(earlier).standby, Some(Standby::SCAVENGER));
        let drain = Standby { kind: StandbyKind::Drain, reason: Some("a".into()), until: None };
        for (standby, flag) in [(None, false), (Some(Standby::SCAVENGER), true), (Some(drain), false)] {
            let orders = Orders { standby, ..read(plain) };
            let stored = serde_json::to_value(&orders).expect("json");
            assert_eq!(stored["scavenger_mode"], flag);
            assert_eq!(serde_json::from_value::<Orders>(stored).expect("orders"), orders);
        }
    }
}
