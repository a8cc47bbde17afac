//! What a manifest says of where and under which conditions a run took place.

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;
use crate::model::{Checksum, CongestionControl, Coordinates, HostDescription, Reading, Site};
use crate::time::Timestamp;

/// A place on Earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl From<Coordinates> for Position {
    fn from(coords: Coordinates) -> Self {
        Self { latitude: coords.latitude(), longitude: coords.longitude() }
    }
}

/// A node, as its record and its machine tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// Its id.
    pub id: NodeId,
    /// Its name for people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where its antenna stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Position>,
    /// The place's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The satellite network it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Its address on the internet, where its operator lets it be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_address: Option<String>,
    /// Its operating system and the version of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<String>,
    /// Its kernel and the release of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// What its processor understands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The congestion control that TCP connections of the host begin with, as it was when the results
    /// were packed: what the experiment had changed was restored before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion_control: Option<CongestionControl>,
}

impl NodeFacts {
    /// What is known of the node `id`. Its public address only where that `may` be told.
    pub fn new(
        id: NodeId,
        site: Site,
        may_tell_address: bool,
        host: HostDescription,
        congestion_control: Option<CongestionControl>,
    ) -> Self {
        let Site { name, coords, location, provider, public_address } = site;
        let HostDescription { operating_system, kernel, architecture } = host;
        Self {
            id,
            name,
            coordinates: coords.map(Into::into),
            location,
            provider,
            public_address: public_address.filter(|_| may_tell_address),
            operating_system,
            kernel,
            architecture,
            congestion_control,
        }
    }
}

/// The condition under which a run starts, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerFacts {
    /// The condition as written.
    pub text: String,
    /// The verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// When it was passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// One line for people to read that says why, with the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it was decided on.
    #[serde(default)]
    pub readings: Vec<Reading>,
}

/// The dish of a node, as it tells of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DishFacts {
    /// When it told.
    pub at: Timestamp,
    /// A hash of its id, which tells dishes apart and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_hash: Option<String>,
    /// Its hardware's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// Its software's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// How long it has been on, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
    /// How much of the sky it sees is obstructed, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obstruction_fraction: Option<f64>,
    /// Where it points, in degrees east of north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azimuth_deg: Option<f64>,
    /// Where it points, in degrees above the horizon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elevation_deg: Option<f64>,
    /// The alerts that are on, by the names the dish gives them.
    #[serde(default)]
    pub alerts: Vec<String>,
}

/// The weather at a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeatherFacts {
    /// Who tells.
    pub provider: String,
    /// When it was observed.
    pub at: Timestamp,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// In degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<f64>,
    /// In hectopascals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pressure_hpa: Option<f64>,
    /// Relative, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub humidity_percent: Option<f64>,
    /// How much of the sky is covered, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clouds_percent: Option<f64>,
    /// Rain of the last hour, in millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rain_1h_mm: Option<f64>,
    /// Snow of the last hour, in millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snow_1h_mm: Option<f64>,
    /// In metres per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wind_speed_m_s: Option<f64>,
    /// Where the wind comes from, in degrees east of north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wind_direction_deg: Option<f64>,
}

/// The orbital elements that a node had of its satellites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementSet {
    /// The SHA-256 of the file.
    pub sha256: Checksum,
    /// The median epoch of its elements.
    pub epoch: Timestamp,
    /// Where it was fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Timestamp>,
    /// Of how many satellites there are elements in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub satellites: Option<u64>,
}
