//! The orders of a node.

use super::v1;
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::Orders;

impl From<Orders> for v1::Orders {
    fn from(orders: Orders) -> Self {
        let Orders { node, revision, jobs, scavenger_mode, clock_offset_us } = orders;
        let jobs = jobs.into_iter().map(Into::into).collect();
        Self { nodeid: node.into(), revision, jobs, scavenger_mode, clock_offset_us }
    }
}

impl TryFrom<v1::Orders> for Orders {
    type Error = Error;
    fn try_from(orders: v1::Orders) -> Result<Self> {
        let v1::Orders { nodeid, revision, jobs, scavenger_mode, clock_offset_us } = orders;
        let jobs = super::job::jobs_from_wire(jobs)?;
        Ok(Self { node: NodeId::parse(&nodeid)?, revision, jobs, scavenger_mode, clock_offset_us })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_back_as_they_went() {
        let orders = Orders {
            node: "n".parse().expect("id"),
            revision: u64::MAX,
            jobs: Vec::new(),
            scavenger_mode: true,
            clock_offset_us: Some(-2_000_000),
        };
        assert_eq!(Orders::try_from(v1::Orders::from(orders.clone())).expect("orders"), orders);
    }
}
