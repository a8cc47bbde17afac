//! The orders of a node.

use super::standby::standbys;
use super::v1;
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::{Orders, Standby};

impl From<Orders> for v1::Orders {
    fn from(orders: Orders) -> Self {
        let Orders { node, revision, jobs, standby, clock_offset_us } = orders;
        let jobs = jobs.into_iter().map(Into::into).collect();
        // All that earlier versions know of standby.
        let scavenger_mode = standby.as_ref().is_some_and(Standby::is_scavenger);
        Self {
            nodeid: node.into(),
            revision,
            jobs,
            scavenger_mode,
            standby: standby.map(Into::into),
            clock_offset_us,
        }
    }
}

impl TryFrom<v1::Orders> for Orders {
    type Error = Error;
    fn try_from(orders: v1::Orders) -> Result<Self> {
        let v1::Orders { nodeid, revision, jobs, scavenger_mode, standby, clock_offset_us } = orders;
        let jobs = super::job::jobs_from_wire(jobs)?;
        let standby = standbys(scavenger_mode, standby, None)?.by_person;
        Ok(Self { node: NodeId::parse(&nodeid)?, revision, jobs, standby, clock_offset_us })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StandbyKind;

    #[test]
    fn orders_come_back_as_they_went() {
        let drain = Standby { kind: StandbyKind::Drain, reason: Some("moving".into()), until: None };
        for standby in [None, Some(Standby::SCAVENGER), Some(drain)] {
            let node = "n".parse().expect("id");
            let orders = Orders {
                node,
                revision: u64::MAX,
                jobs: Vec::new(),
                standby,
                clock_offset_us: Some(-2_000_000),
            };
            assert_eq!(Orders::try_from(v1::Orders::from(orders.clone())).expect("orders"), orders);
        }
        let earlier = v1::Orders { nodeid: "n".into(), scavenger_mode: true, ..Default::default() };
        assert_eq!(Orders::try_from(earlier).expect("orders").standby, Some(Standby::SCAVENGER));
    }
}
