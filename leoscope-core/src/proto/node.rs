//! Nodes.

use jiff::SignedDuration;

use super::standby::standbys;
use super::{given, optional, time, unary};
use crate::error::{Error, Result};
use crate::ids::{NodeId, UserId};
use crate::model::{Coordinates, Node, NodeFilter, NodeUpdate, PortalNotes, Standbys};
use crate::schedule::Zone;
use crate::time::{Timestamp, wire_time};

/// How recently a node must have called to be listed as active, where the request does not say.
const ACTIVE_SECS: i32 = 600;

/// The place of a node of which none is known: existing programs read two numbers.
const NOWHERE: &str = "0,0";

fn notes(bandwidth_limits_json: Option<String>, availability_history_json: Option<String>) -> PortalNotes {
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    PortalNotes {
        bandwidth_limits_json: text(bandwidth_limits_json),
        availability_history_json: text(availability_history_json),
    }
}

fn coords(text: Option<&str>) -> Result<Option<Coordinates>> {
    optional(text, str::parse::<Coordinates>).map_err(|error| error.context("coords"))
}

fn owner(text: Option<&str>) -> Result<Option<UserId>> {
    optional(text, UserId::parse).map_err(|error| error.context("owner"))
}

impl From<Node> for unary::Node {
    fn from(node: Node) -> Self {
        let Node {
            id,
            name,
            description,
            coords,
            location,
            provider,
            public_ip,
            owner,
            scheduling_enabled,
            standby,
            time_zone,
            clock_offset_us,
            portal,
            registered,
            last_active,
            contact_since,
        } = node;
        let PortalNotes { bandwidth_limits_json, availability_history_json } = portal;
        let scavenger_mode_active = standby.is_scavenger();
        let Standbys { by_person, by_host } = standby;
        Self {
            nodeid: id.into(),
            name,
            description,
            last_active: last_active.map(wire_time),
            coords_unknown: coords.is_none(),
            coords: coords.map_or_else(|| NOWHERE.to_owned(), String::from),
            location,
            provider,
            public_ip,
            owner: owner.map(String::from).unwrap_or_default(),
            scheduling_enabled,
            scavenger_mode_active,
            bandwidth_limits_json,
            availability_history_json,
            registered_at: Some(wire_time(registered)),
            last_status_change: contact_since.map(wire_time),
            timezone: time_zone.map(String::from).unwrap_or_default(),
            standby: by_person.map(Into::into),
            host_standby: by_host.map(Into::into),
            clock_offset_us,
            ..Self::default()
        }
    }
}

impl TryFrom<unary::Node> for Node {
    type Error = Error;
    fn try_from(node: unary::Node) -> Result<Self> {
        let unary::Node {
            nodeid,
            name,
            description,
            last_active,
            coords: place,
            location,
            provider,
            jobs: _,
            scavenger_mode_active,
            public_ip,
            owner: owned_by,
            scheduling_enabled,
            registered_at,
            last_status_change,
            bandwidth_limits_json,
            availability_history_json,
            scheduling_off: _,
            timezone,
            coords_unknown,
            standby: by_person,
            host_standby: by_host,
            clock_offset_us,
        } = node;
        let registered = optional(registered_at.as_deref(), |text| time("registered_at", text))?;
        Ok(Self {
            id: NodeId::parse(&nodeid)?,
            name,
            description,
            coords: coords(Some(&place).filter(|_| !coords_unknown).map(String::as_str))?,
            location,
            provider,
            public_ip,
            owner: owner(Some(&owned_by))?,
            scheduling_enabled,
            standby: standbys(scavenger_mode_active, by_person, by_host)?,
            portal: notes(bandwidth_limits_json, availability_history_json),
            // For people to read; one that this program does not know is no reason to lose the node.
            time_zone: given(&timezone).and_then(|name| Zone::parse(name).ok()),
            clock_offset_us,
            // Orchestrators of another make may not tell; nothing is decided by it.
            registered: registered.unwrap_or(Timestamp::UNIX_EPOCH),
            last_active: optional(last_active.as_deref(), |text| time("last_active", text))?,
            contact_since: optional(last_status_change.as_deref(), |text| time("last_status_change", text))?,
        })
    }
}

/// A request to register `id` with `details`.
pub fn register_request(id: NodeId, details: NodeUpdate) -> unary::RegisterNodeRequest {
    let NodeUpdate {
        name,
        description,
        coords,
        location,
        provider,
        public_ip,
        owner,
        scheduling_enabled,
        portal,
    } = details;
    let PortalNotes { bandwidth_limits_json, availability_history_json } = portal;
    let node = unary::Node {
        nodeid: id.into(),
        name: name.unwrap_or_default(),
        description: description.unwrap_or_default(),
        coords: coords.map(String::from).unwrap_or_default(),
        location: location.unwrap_or_default(),
        provider: provider.unwrap_or_default(),
        public_ip: public_ip.unwrap_or_default(),
        owner: owner.map(String::from).unwrap_or_default(),
        scheduling_enabled: scheduling_enabled.unwrap_or(true),
        scheduling_off: scheduling_enabled == Some(false),
        bandwidth_limits_json,
        availability_history_json,
        ..unary::Node::default()
    };
    unary::RegisterNodeRequest { node: Some(node) }
}

impl TryFrom<unary::RegisterNodeRequest> for (NodeId, NodeUpdate) {
    type Error = Error;
    fn try_from(request: unary::RegisterNodeRequest) -> Result<Self> {
        let unary::Node {
            nodeid,
            name,
            description,
            last_active: _,
            coords: place,
            location,
            provider,
            jobs: _,
            scavenger_mode_active: _,
            public_ip,
            owner: owned_by,
            // False also when a client that does not know the field left it out.
            scheduling_enabled: _,
            registered_at: _,
            last_status_change: _,
            bandwidth_limits_json,
            availability_history_json,
            scheduling_off,
            timezone: _,
            coords_unknown: _,
            standby: _,
            host_standby: _,
            clock_offset_us: _,
        } = super::present("node", request.node)?;
        let text = |text: String| given(&text).map(str::to_owned);
        let details = NodeUpdate {
            name: text(name),
            description: text(description),
            coords: coords(Some(&place))?,
            location: text(location),
            provider: text(provider),
            public_ip: text(public_ip),
            owner: owner(Some(&owned_by))?,
            scheduling_enabled: scheduling_off.then_some(false),
            portal: notes(bandwidth_limits_json, availability_history_json),
        };
        Ok((NodeId::parse(&nodeid)?, details))
    }
}

/// A request to change `id`.
pub fn update_request(id: &NodeId, update: NodeUpdate) -> unary::UpdateNodeRequest {
    let NodeUpdate {
        name,
        description,
        coords,
        location,
        provider,
        public_ip,
        owner,
        scheduling_enabled,
        portal,
    } = update;
    let PortalNotes { bandwidth_limits_json, availability_history_json } = portal;
    unary::UpdateNodeRequest {
        nodeid: id.to_string(),
        name,
        description,
        coords: coords.map(String::from),
        location,
        provider,
        public_ip,
        owner: owner.map(String::from),
        scheduling_enabled,
        bandwidth_limits_json,
        availability_history_json,
        ..unary::UpdateNodeRequest::default()
    }
}

impl TryFrom<unary::UpdateNodeRequest> for (NodeId, NodeUpdate) {
    type Error = Error;
    fn try_from(request: unary::UpdateNodeRequest) -> Result<Self> {
        let unary::UpdateNodeRequest {
            nodeid,
            name,
            description,
            // The orchestrator notes these itself.
            last_active: _,
            coords: place,
            location,
            provider,
            public_ip,
            owner: owned_by,
            scheduling_enabled,
            registered_at: _,
            last_status_change: _,
            bandwidth_limits_json,
            availability_history_json,
        } = request;
        let update = NodeUpdate {
            name,
            description,
            coords: coords(place.as_deref())?,
            location,
            provider,
            public_ip,
            owner: owner(owned_by.as_deref())?,
            scheduling_enabled,
            portal: notes(bandwidth_limits_json, availability_history_json),
        };
        Ok((NodeId::parse(&nodeid)?, update))
    }
}

impl From<&NodeFilter> for unary::GetNodesRequest {
    fn from(filter: &NodeFilter) -> Self {
        let NodeFilter { id, location, name, provider, owner, active_within } = filter.clone();
        let secs = |within: SignedDuration| i32::try_from(within.as_secs().max(1)).unwrap_or(i32::MAX);
        Self {
            nodeid: id.map(String::from),
            location,
            name,
            provider,
            active: active_within.map(|_| true),
            active_thres: active_within.map(secs),
            owner: owner.map(String::from),
        }
    }
}

impl TryFrom<unary::GetNodesRequest> for NodeFilter {
    type Error = Error;
    fn try_from(request: unary::GetNodesRequest) -> Result<Self> {
        let unary::GetNodesRequest { nodeid, location, name, provider, active, active_thres, owner: by } =
            request;
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        let secs = active_thres.filter(|secs| *secs > 0).unwrap_or(ACTIVE_SECS);
        Ok(Self {
            id: optional(nodeid.as_deref(), NodeId::parse)?,
            location: text(location),
            name: text(name),
            provider: text(provider),
            owner: owner(by.as_deref())?,
            active_within: (active == Some(true)).then(|| SignedDuration::from_secs(secs.into())),
        })
    }
}

#[cfg(test)]
mod tests;
