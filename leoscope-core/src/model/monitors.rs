//! What a node watches: the key `monitors` of the executor config.

mod address;
mod text;

use std::fmt;
use std::path::PathBuf;

use jiff::SignedDuration;

use crate::orbit::Mask;

pub(super) use self::text::MonitorsText;

/// What a node watches besides its own machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MonitorsConfig {
    /// The terminal; not watched when `None`.
    pub dish: Option<DishConfig>,
    /// The weather; not watched when `None`.
    pub weather: Option<WeatherConfig>,
    /// The network; not probed when `None`.
    pub latency: Option<LatencyConfig>,
    /// The interfaces of the host whose traffic is told.
    pub interfaces: Vec<String>,
    /// What the operator has added.
    pub custom: Vec<CustomConfig>,
    /// The satellites.
    pub satellite: SatelliteConfig,
    /// Where the verdicts of triggers are told by MQTT; nowhere when `None`.
    pub mqtt: Option<MqttConfig>,
}

/// How satellites are watched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SatelliteConfig {
    /// A file with orbital elements; those of the orchestrator when `None`.
    pub elements: Option<PathBuf>,
    /// From which elevation on satellites are visible.
    pub mask: Mask,
    /// Within how many degrees of the geostationary arc they cannot be used; everywhere they can when
    /// `None`.
    pub gso_exclusion_deg: Option<f64>,
    /// How high the antenna is above the ellipsoid, in metres.
    pub altitude_m: f64,
    /// UT1 − UTC in seconds; that of 2026 when `None`.
    pub dut1_s: Option<f64>,
}

/// How the terminal is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct DishConfig {
    /// Its address, `HOST:PORT`.
    pub address: String,
    /// How often its status is read.
    pub interval: SignedDuration,
}

/// How the weather is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct WeatherConfig {
    /// How often it is asked for.
    pub interval: SignedDuration,
    /// Another address of OpenWeatherMap's interface, `http://…` or `https://…`, without a query.
    pub openweathermap: Option<String>,
    /// Another address of Open-Meteo's interface, likewise.
    pub open_meteo: Option<String>,
}

/// How the network is probed.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyConfig {
    /// What answers.
    pub target: ProbeTarget,
    /// How often it is probed.
    pub interval: SignedDuration,
}

/// What answers probes of the network. Hosts are names or addresses, these without brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeTarget {
    /// A host that answers echo requests (ICMP).
    Echo {
        /// The host.
        host: String,
    },
    /// A port that accepts connections.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// An echo service over UDP (RFC 862), which sends back what it receives.
    Udp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Echo { host } => return f.write_str(host),
            Self::Tcp { host, port } => ("tcp", host, port),
            Self::Udp { host, port } => ("udp", host, port),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// A field that the operator adds.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomConfig {
    /// Its name; conditions write `custom.NAME`.
    pub name: String,
    /// Where its value comes from.
    pub from: CustomSource,
    /// How often it is read.
    pub interval: SignedDuration,
    /// How long reading it may take.
    pub patience: SignedDuration,
}

/// Where the value of an operator's field comes from: its first line, which is a number, `true` or
/// `false`, or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomSource {
    /// A file.
    File(PathBuf),
    /// What a program prints; the program, and its arguments.
    Command(Vec<String>),
}

/// Where the verdicts of triggers are told by MQTT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttConfig {
    /// The broker's host, a name or an address without brackets.
    pub host: String,
    /// The broker's port.
    pub port: u16,
}

#[cfg(test)]
mod tests;
