//! Measurement nodes.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Standbys;
use crate::error::Error;
use crate::ids::{NodeId, UserId};
use crate::schedule::Zone;
use crate::time::Timestamp;

/// A place on Earth, in degrees (WGS 84); on the wire `lat,lon`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

impl Coordinates {
    /// Degrees north, −90 to 90.
    pub fn latitude(&self) -> f64 {
        self.latitude
    }

    /// Degrees east, −180 to 180.
    pub fn longitude(&self) -> f64 {
        self.longitude
    }
}

impl FromStr for Coordinates {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let fault = || {
            Error::invalid(format!("{text:?} are not coordinates"))
                .hint("write latitude,longitude in degrees, for example 47.6062,-122.3321")
        };
        let (latitude, longitude) = text.split_once(',').ok_or_else(fault)?;
        let degrees = |part: &str, limit: f64| {
            part.trim().parse::<f64>().ok().filter(|value| value.abs() <= limit).ok_or_else(fault)
        };
        Ok(Self { latitude: degrees(latitude, 90.0)?, longitude: degrees(longitude, 180.0)? })
    }
}

impl TryFrom<String> for Coordinates {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Coordinates> for String {
    fn from(coordinates: Coordinates) -> String {
        coordinates.to_string()
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.latitude, self.longitude)
    }
}

/// A registered measurement node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its id, which is also its user id.
    pub id: NodeId,
    /// A name for people to read.
    pub name: String,
    /// What else there is to say about it.
    pub description: String,
    /// Where its antenna stands.
    pub coords: Option<Coordinates>,
    /// The place's name.
    pub location: String,
    /// The satellite network it is on, for example `starlink`.
    pub provider: String,
    /// Its address on the internet, as its operator gave it.
    pub public_ip: String,
    /// The user who owns it.
    pub owner: Option<UserId>,
    /// Whether new jobs may be booked on it.
    pub scheduling_enabled: bool,
    /// What keeps it from experiments.
    #[serde(flatten)]
    pub standby: Standbys,
    /// The time zone of the place, as the node tells it.
    #[serde(default)]
    pub time_zone: Option<Zone>,
    /// The node's clock minus true time in microseconds, as the node told it last.
    #[serde(default)]
    pub clock_offset_us: Option<i64>,
    /// What the web portal keeps with the node.
    #[serde(default)]
    pub portal: PortalNotes,
    /// When it was registered.
    pub registered: Timestamp,
    /// When it last called.
    pub last_active: Option<Timestamp>,
    /// Since when it has called without a silence longer than [`Node::LONGEST_SILENCE`].
    #[serde(default)]
    pub contact_since: Option<Timestamp>,
}

impl Node {
    /// The longest time between two calls of a node that is in contact. Nodes call every few
    /// seconds; a link over satellites may be gone for a minute.
    pub const LONGEST_SILENCE: SignedDuration = SignedDuration::from_secs(90);

    /// Notes that the node calls at `at`.
    pub fn touch(&mut self, at: Timestamp) {
        let silence = self.last_active.map(|seen| at.duration_since(seen));
        if silence.is_none_or(|silence| silence > Self::LONGEST_SILENCE) {
            self.contact_since = Some(at);
        }
        self.last_active = self.last_active.max(Some(at));
    }
}

/// What the record of a node says of the place, for the node itself; each is absent where the record
/// does not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Site {
    /// See [`Node::name`].
    pub name: Option<String>,
    /// See [`Node::coords`].
    pub coords: Option<Coordinates>,
    /// See [`Node::location`].
    pub location: Option<String>,
    /// See [`Node::provider`].
    pub provider: Option<String>,
    /// See [`Node::public_ip`].
    pub public_address: Option<String>,
}

impl Node {
    /// What its record says of the place.
    pub fn site(&self) -> Site {
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Site {
            name: given(&self.name),
            coords: self.coords,
            location: given(&self.location),
            provider: given(&self.provider),
            public_address: given(&self.public_ip),
        }
    }
}

/// JSON that the web portal keeps with a node; nothing here reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalNotes {
    /// How much of its link experiments may use.
    pub bandwidth_limits_json: Option<String>,
    /// When it could be reached.
    pub availability_history_json: Option<String>,
}

/// A change to a node; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeUpdate {
    /// See [`Node::name`].
    pub name: Option<String>,
    /// See [`Node::description`].
    pub description: Option<String>,
    /// See [`Node::coords`].
    pub coords: Option<Coordinates>,
    /// See [`Node::location`].
    pub location: Option<String>,
    /// See [`Node::provider`].
    pub provider: Option<String>,
    /// See [`Node::public_ip`].
    pub public_ip: Option<String>,
    /// See [`Node::owner`].
    pub owner: Option<UserId>,
    /// See [`Node::scheduling_enabled`].
    pub scheduling_enabled: Option<bool>,
    /// See [`Node::portal`]; each of them stays where it is `None`.
    pub portal: PortalNotes,
}

impl NodeUpdate {
    /// `node` with this change made.
    #[must_use]
    pub fn apply(self, mut node: Node) -> Node {
        let Self {
            name,
            description,
            coords,
            location,
            provider,
            public_ip,
            owner,
            scheduling_enabled,
            portal,
        } = self;
        let PortalNotes { bandwidth_limits_json, availability_history_json } = portal;
        node.name = name.unwrap_or(node.name);
        node.description = description.unwrap_or(node.description);
        node.coords = coords.or(node.coords);
        node.location = location.unwrap_or(node.location);
        node.provider = provider.unwrap_or(node.provider);
        node.public_ip = public_ip.unwrap_or(node.public_ip);
        node.owner = owner.or(node.owner);
        node.scheduling_enabled = scheduling_enabled.unwrap_or(node.scheduling_enabled);
        let portal = &mut node.portal;
        portal.bandwidth_limits_json = bandwidth_limits_json.or(portal.bandwidth_limits_json.take());
        portal.availability_history_json =
            availability_history_json.or(portal.availability_history_json.take());
        node
    }
}

/// Which nodes to list; a default filter lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFilter {
    /// Only this node.
    pub id: Option<NodeId>,
    /// Only at this location.
    pub location: Option<String>,
    /// Only of this name.
    pub name: Option<String>,
    /// Only on this satellite network.
    pub provider: Option<String>,
    /// Only of this owner.
    pub owner: Option<UserId>,
    /// Only nodes that called within this time.
    pub active_within: Option<SignedDuration>,
}

impl NodeFilter {
    /// Whether `node` belongs in the list at `now`.
    pub fn matches(&self, node: &Node, now: Timestamp) -> bool {
        let Self { id, location, name, provider, owner, active_within } = self;
        id.as_ref().is_none_or(|id| *id == node.id)
            && location.as_ref().is_none_or(|location| *location == node.location)
            && name.as_ref().is_none_or(|name| *name == node.name)
            && provider.as_ref().is_none_or(|provider| *provider == node.provider)
            && owner.as_ref().is_none_or(|owner| Some(owner) == node.owner.as_ref())
            && active_within
                .is_none_or(|within| node.last_active.is_some_and(|seen| now.duration_since(seen) <= within))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_checked_and_print_as_they_came() {
        let seattle: Coordinates = "47.6062,-122.3321".parse().expect("coordinates");
        assert_eq!(seattle.to_string(), "47.6062,-122.3321");
        for bad in ["", "47", "91,0", "0,181", "a,b", "NaN,0", "1,2,3"] {
            assert!(bad.parse::<Coordinates>().is_err(), "{bad}");
        }
    }
}
