//! The key `monitors` as it is written.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::SignedDuration;
use serde::Deserialize;

use super::{
    CustomConfig, CustomSource, DishConfig, LatencyConfig, MonitorsConfig, MqttConfig, ProbeTarget,
    SatelliteConfig, WeatherConfig, address,
};
use crate::error::{Error, Result};
use crate::orbit::Mask;
use crate::trigger::Key;

/// Where a Starlink dish listens.
const DISH: &str = "192.168.100.1:9200";

/// The port of MQTT without TLS, by the registry of IANA.
const MQTT_PORT: u16 = 1883;

/// How often things are read unless the operator says otherwise, and how long reading one of the
/// operator's own fields may take, in seconds.
const DISH_EVERY: f64 = 1.0;
const WEATHER_EVERY: f64 = 600.0;
const LATENCY_EVERY: f64 = 2.0;
const CUSTOM_EVERY: f64 = 10.0;
const CUSTOM_PATIENCE: f64 = 5.0;

/// The shortest and the longest interval, in seconds, and the shortest for a weather service: they
/// observe every few minutes, and count what they are asked.
const LEAST_INTERVAL: f64 = 0.5;
const LEAST_WEATHER_INTERVAL: f64 = 60.0;
const MOST_INTERVAL: f64 = 86_400.0;

/// The bounds of the time that reading one of the operator's own fields may take, in seconds.
const LEAST_PATIENCE: f64 = 0.1;
const MOST_PATIENCE: f64 = 3600.0;

/// The longest name of an interface in bytes: `IFNAMSIZ` without its end.
const MAX_INTERFACE_BYTES: usize = 15;

/// The key `monitors` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::model) struct MonitorsText {
    dish: Option<DishText>,
    weather: Option<WeatherText>,
    latency: Option<LatencyText>,
    interfaces: Option<Vec<String>>,
    custom: Option<Vec<CustomText>>,
    satellite: Option<SatelliteText>,
    mqtt: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DishText {
    address: Option<String>,
    interval: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SatelliteText {
    elements: Option<PathBuf>,
    mask: Option<f64>,
    gso_exclusion: Option<f64>,
    altitude: Option<f64>,
    dut1: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeatherText {
    interval: Option<f64>,
    openweathermap: Option<String>,
    open_meteo: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencyText {
    target: String,
    interval: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomText {
    name: String,
    file: Option<PathBuf>,
    command: Option<CommandText>,
    interval: Option<f64>,
    timeout: Option<f64>,
}

/// A program and its arguments, or a text for the shell.
#[derive(Deserialize)]
#[serde(untagged)]
enum CommandText {
    Words(Vec<String>),
    Shell(String),
}

impl MonitorsText {
    /// Reads the values; the error says which is none.
    pub(in crate::model) fn check(self) -> Result<MonitorsConfig> {
        let Self { dish, weather, latency, interfaces, custom, satellite, mqtt } = self;
        Ok(MonitorsConfig {
            dish: dish.map(DishText::check).transpose()?,
            weather: weather.map(WeatherText::check).transpose()?,
            latency: latency.map(LatencyText::check).transpose()?,
            interfaces: check_interfaces(interfaces.unwrap_or_default())?,
            custom: check_custom(custom.unwrap_or_default())?,
            satellite: satellite.map_or(Ok(SatelliteConfig::default()), SatelliteText::check)?,
            mqtt: mqtt.map(|mqtt| check_mqtt(&mqtt)).transpose()?,
        })
    }
}

impl DishText {
    fn check(self) -> Result<DishConfig> {
        let Self { address, interval } = self;
        let address = address.unwrap_or_else(|| DISH.into());
        if address::host_and_port(&address).is_none() {
            return Err(Error::invalid(format!("monitors.dish.address {address:?} is not HOST:PORT"))
                .hint(format!("a dish usually listens at {DISH}")));
        }
        let interval =
            seconds("monitors.dish.interval", interval.unwrap_or(DISH_EVERY), LEAST_INTERVAL, MOST_INTERVAL)?;
        Ok(DishConfig { address, interval })
    }
}

impl SatelliteText {
    fn check(self) -> Result<SatelliteConfig> {
        let Self { elements, mask, gso_exclusion, altitude, dut1 } = self;
        if let Some(path) = elements.as_ref().filter(|path| !path.is_absolute()) {
            return Err(Error::invalid(format!(
                "monitors.satellite.elements {} is not an absolute path",
                path.display()
            )));
        }
        let within = |name: &str, value: Option<f64>, least: f64, most: f64| match value {
            Some(value) if !(least..=most).contains(&value) => {
                Err(Error::invalid(format!("monitors.satellite.{name} {value} is not possible"))
                    .hint(format!("give a number from {least} to {most}")))
            }
            value => Ok(value),
        };
        Ok(SatelliteConfig {
            elements,
            mask: mask
                .map_or(Ok(Mask::ByAltitude), Mask::fixed)
                .map_err(|error| Error::invalid(format!("monitors.satellite.mask: {}", error.message())))?,
            gso_exclusion_deg: within("gso_exclusion", gso_exclusion, 0.0, 90.0)?,
            altitude_m: within("altitude", altitude, -1_000.0, 10_000.0)?.unwrap_or(0.0),
            dut1_s: within("dut1", dut1, -1.0, 1.0)?,
        })
    }
}

impl WeatherText {
    fn check(self) -> Result<WeatherConfig> {
        let Self { interval, openweathermap, open_meteo } = self;
        let given = interval.unwrap_or(WEATHER_EVERY);
        let interval = seconds("monitors.weather.interval", given, LEAST_WEATHER_INTERVAL, MOST_INTERVAL)?;
        for (name, address) in [("openweathermap", &openweathermap), ("open_meteo", &open_meteo)] {
            if address.as_ref().is_some_and(|address| !address::is_web_address(address)) {
                // It is not repeated: a key may be in its query.
                return Err(Error::invalid(format!(
                    "monitors.weather.{name} is not an address like https://weather.example.net/data"
                ))
                .hint(
                    "leave out user, query and fragment; the key of the weather service is in the testbed's config",
                ));
            }
        }
        Ok(WeatherConfig { interval, openweathermap, open_meteo })
    }
}

impl LatencyText {
    fn check(self) -> Result<LatencyConfig> {
        let Self { target, interval } = self;
        let read = if let Some(rest) = target.strip_prefix("tcp://") {
            address::host_and_port(rest).map(|(host, port)| ProbeTarget::Tcp { host, port })
        } else if let Some(rest) = target.strip_prefix("udp://") {
            address::host_and_port(rest).map(|(host, port)| ProbeTarget::Udp { host, port })
        } else {
            address::host(&target).map(|host| ProbeTarget::Echo { host })
        };
        let target = read.ok_or_else(|| {
            Error::invalid(format!("monitors.latency.target {target:?} is nothing that can be probed")).hint(
                "give HOST, which is sent echo requests, tcp://HOST:PORT, or udp://HOST:PORT of an echo service",
            )
        })?;
        let given = interval.unwrap_or(LATENCY_EVERY);
        let interval = seconds("monitors.latency.interval", given, LEAST_INTERVAL, MOST_INTERVAL)?;
        Ok(LatencyConfig { target, interval })
    }
}

impl CustomText {
    fn check(self) -> Result<CustomConfig> {
        let Self { name, file, command, interval, timeout } = self;
        Key::custom(&name).map_err(|error| {
            let said = Error::invalid(format!("monitors.custom: {}", error.message()));
            said.hint(error.what_to_do().unwrap_or_default())
        })?;
        let of = |key: &str| format!("monitors.custom {name}.{key}");
        let from = match (file, command) {
            (Some(file), None) if file.is_absolute() => CustomSource::File(file),
            (Some(file), None) => {
                return Err(Error::invalid(format!("{} {:?} is not an absolute path", of("file"), file)));
            }
            (None, Some(command)) => CustomSource::Command(command.words().ok_or_else(|| {
                Error::invalid(format!("{} names no program", of("command")))
                    .hint("give a list of words, the program first, or a text for /bin/sh")
            })?),
            (Some(_), Some(_)) => {
                return Err(Error::invalid(format!("monitors.custom {name} has both file and command"))
                    .hint("give one of them"));
            }
            (None, None) => {
                return Err(Error::invalid(format!("monitors.custom {name} has neither file nor command"))
                    .hint("say where its value comes from"));
            }
        };
        let given = interval.unwrap_or(CUSTOM_EVERY);
        let interval = seconds(&of("interval"), given, LEAST_INTERVAL, MOST_INTERVAL)?;
        let given = timeout.unwrap_or(CUSTOM_PATIENCE);
        let patience = seconds(&of("timeout"), given, LEAST_PATIENCE, MOST_PATIENCE)?;
        Ok(CustomConfig { name, from, interval, patience })
    }
}

impl CommandText {
    /// The program and its arguments; `None` where there is none that could be started.
    fn words(self) -> Option<Vec<String>> {
        let words = match self {
            Self::Words(words) => words,
            Self::Shell(text) if text.trim().is_empty() => return None,
            Self::Shell(text) => vec!["/bin/sh".into(), "-c".into(), text],
        };
        let possible = words.first().is_some_and(|program| !program.is_empty())
            && words.iter().all(|word| !word.contains('\0'));
        possible.then_some(words)
    }
}

fn check_interfaces(interfaces: Vec<String>) -> Result<Vec<String>> {
    let mut seen = BTreeSet::new();
    for name in &interfaces {
        // As the kernel checks them.
        let is_name = (1..=MAX_INTERFACE_BYTES).contains(&name.len())
            && !matches!(name.as_str(), "." | "..")
            && !name.contains(|c: char| c == '/' || c == ':' || c == '\0' || c.is_whitespace());
        if !is_name {
            return Err(Error::invalid(format!("monitors.interfaces: {name:?} is no name of an interface"))
                .hint("'ip link' lists them"));
        }
        if !seen.insert(name) {
            return Err(Error::invalid(format!("monitors.interfaces names {name:?} twice")));
        }
    }
    Ok(interfaces)
}

fn check_custom(custom: Vec<CustomText>) -> Result<Vec<CustomConfig>> {
    let custom = custom.into_iter().map(CustomText::check).collect::<Result<Vec<_>>>()?;
    let mut seen = BTreeSet::new();
    match custom.iter().find(|field| !seen.insert(&field.name)) {
        Some(field) => Err(Error::invalid(format!("monitors.custom names {:?} twice", field.name))),
        None => Ok(custom),
    }
}

fn check_mqtt(text: &str) -> Result<MqttConfig> {
    let read = text.strip_prefix("mqtt://").and_then(|rest| {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let without_port = || address::host(rest).filter(|_| !rest.contains(':') || rest.starts_with('['));
        address::host_and_port(rest).or_else(|| Some((without_port()?, MQTT_PORT)))
    });
    let (host, port) = read.ok_or_else(|| {
        // It is not repeated: a password may be in it.
        Error::invalid("monitors.mqtt is not an address like mqtt://127.0.0.1:1883")
            .hint("only brokers without TLS and password are possible, so choose one on this machine")
    })?;
    Ok(MqttConfig { host, port })
}

/// A time from `least` to `most` seconds; fractions are possible.
fn seconds(name: &str, given: f64, least: f64, most: f64) -> Result<SignedDuration> {
    let read = SignedDuration::try_from_secs_f64(given).ok().filter(|_| (least..=most).contains(&given));
    read.ok_or_else(|| {
        Error::invalid(format!("{name} {given} is not possible"))
            .hint(format!("give a number of seconds from {least} to {most}"))
    })
}
