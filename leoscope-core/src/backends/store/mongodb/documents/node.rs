use serde::{Deserialize, Serialize};

use super::super::schema::FORMAT;
use super::{instant, micros};
use crate::error::Error;
use crate::ids::{NodeId, UserId};
use crate::model::{Coordinates, Node, PortalNotes, Standby, Standbys};
use crate::schedule::Zone;
use crate::time::Timestamp;

/// A node.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct NodeDocument {
    #[serde(rename = "_id")]
    pub(in super::super) key: NodeId,
    format: i32,
    nodeid: NodeId,
    name: String,
    description: String,
    coords: Option<Coordinates>,
    location: String,
    provider: String,
    public_ip: String,
    owner: Option<UserId>,
    scheduling_enabled: bool,
    scavenger_mode_active: bool,
    #[serde(default)]
    standby: Option<Standby>,
    #[serde(default)]
    host_standby: Option<Standby>,
    #[serde(default)]
    timezone: Option<Zone>,
    #[serde(default)]
    clock_offset_us: Option<i64>,
    #[serde(default)]
    bandwidth_limits_json: Option<String>,
    #[serde(default)]
    availability_history_json: Option<String>,
    registered_at: Timestamp,
    last_active: Option<Timestamp>,
    pub(in super::super) last_active_us: Option<i64>,
    pub(in super::super) contact_since_us: Option<i64>,
}

impl From<Node> for NodeDocument {
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
            portal: PortalNotes { bandwidth_limits_json, availability_history_json },
            registered,
            last_active,
            contact_since,
        } = node;
        let Standbys { by_person, by_host } = standby;
        Self {
            key: id.clone(),
            format: FORMAT,
            nodeid: id,
            name,
            description,
            coords,
            location,
            provider,
            public_ip,
            owner,
            scheduling_enabled,
            scavenger_mode_active: by_person.as_ref().is_some_and(Standby::is_scavenger),
            standby: by_person,
            host_standby: by_host,
            timezone: time_zone,
            clock_offset_us,
            bandwidth_limits_json,
            availability_history_json,
            registered_at: registered,
            last_active,
            last_active_us: micros(last_active),
            contact_since_us: micros(contact_since),
        }
    }
}

impl TryFrom<NodeDocument> for Node {
    type Error = Error;
    fn try_from(document: NodeDocument) -> Result<Self, Error> {
        let NodeDocument {
            key: _,
            format: _,
            nodeid,
            name,
            description,
            coords,
            location,
            provider,
            public_ip,
            owner,
            scheduling_enabled,
            scavenger_mode_active,
            standby,
            host_standby,
            timezone,
            clock_offset_us,
            bandwidth_limits_json,
            availability_history_json,
            registered_at,
            last_active: _,
            last_active_us,
            contact_since_us,
        } = document;
        Ok(Self {
            id: nodeid,
            name,
            description,
            coords,
            location,
            provider,
            public_ip,
            owner,
            scheduling_enabled,
            standby: Standbys::read(scavenger_mode_active, standby, host_standby),
            time_zone: timezone,
            clock_offset_us,
            portal: PortalNotes { bandwidth_limits_json, availability_history_json },
            registered: registered_at,
            last_active: last_active_us.map(instant).transpose()?,
            contact_since: contact_since_us.map(instant).transpose()?,
        })
    }
}
