//! The orders of a node.

use super::standby::standbys;
use super::v1;
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::{Coordinates, Orders, Site, Standby};

impl From<Orders> for v1::Orders {
    fn from(orders: Orders) -> Self {
        let Orders { node, revision, jobs, standby, clock_offset_us, site } = orders;
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
            site: site.map(Into::into),
        }
    }
}

impl From<Site> for v1::Site {
    fn from(site: Site) -> Self {
        let Site { name, coords, location, provider, public_address } = site;
        Self { name, coords: coords.map(String::from), location, provider, public_address }
    }
}

impl TryFrom<v1::Site> for Site {
    type Error = Error;
    fn try_from(site: v1::Site) -> Result<Self> {
        let v1::Site { name, coords, location, provider, public_address } = site;
        let coords = super::optional(coords.as_deref(), str::parse::<Coordinates>);
        Ok(Self {
            name,
            coords: coords.map_err(|error| error.context("coords"))?,
            location,
            provider,
            public_address,
        })
    }
}

impl TryFrom<v1::Orders> for Orders {
    type Error = Error;
    fn try_from(orders: v1::Orders) -> Result<Self> {
        let v1::Orders { nodeid, revision, jobs, scavenger_mode, standby, clock_offset_us, site } = orders;
        let jobs = super::job::jobs_from_wire(jobs)?;
        let standby = standbys(scavenger_mode, standby, None)?.by_person;
        let site = site.map(Site::try_from).transpose()?;
        Ok(Self { node: NodeId::parse(&nodeid)?, revision, jobs, standby, clock_offset_us, site })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StandbyKind;

    #[test]
    fn orders_come_back_as_they_went() {
        let drain = Standby { kind: StandbyKind::Drain, reason: Some("moving".into()), until: None };
        let site = Site {
            coords: Some("47.6,-122.3".parse().expect("coordinates")),
            public_address: Some("192.0.2.1".into()),
            ..Site::default()
        };
        for standby in [None, Some(Standby::SCAVENGER), Some(drain)] {
            let node = "n".parse().expect("id");
            let orders = Orders {
                node,
                revision: u64::MAX,
                jobs: Vec::new(),
                standby,
                clock_offset_us: Some(-2_000_000),
                site: Some(site.clone()),
            };
            assert_eq!(Orders::try_from(v1::Orders::from(orders.clone())).expect("orders"), orders);
        }
        let earlier = v1::Orders { nodeid: "n".into(), scavenger_mode: true, ..Default::default() };
        let read = Orders::try_from(earlier).expect("orders");
        assert_eq!((read.standby, read.site), (Some(Standby::SCAVENGER), None));
    }
}
