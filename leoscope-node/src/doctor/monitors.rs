//! What the node watches.

use std::time::Duration;

use async_trait::async_trait;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::monitors::{CustomMonitor, DishMonitor, KernelMeter, LatencyMonitor};
use leoscope_core::model::{DishConfig, MonitorsConfig};
use leoscope_core::ports::{Around, Clock as _, Monitor, Observation, TrafficMeter as _};
use leoscope_core::trigger::{Field, Key};
use leoscope_core::{Error, Result};
use tokio::net::TcpStream;

use super::network::PATIENCE;
use super::{Check, Finding};

/// Where the interface of a Starlink dish is, where nothing else is said.
const DISH: &str = "192.168.100.1:9200";

/// How long one monitor may take.
const LONGEST: Duration = Duration::from_secs(20);

/// Reads once, as a node does that does not know its place.
async fn read(monitor: &dyn Monitor) -> Result<Observation> {
    let around = Around {
        now: SystemClock.now(),
        site: None,
        weather_key: None,
        elements: None,
        satellites: Vec::new(),
        obstruction: None,
        all: false,
    };
    match tokio::time::timeout(LONGEST, monitor.read(&around)).await {
        Ok(read) => read,
        Err(_) => Err(Error::unavailable(format!("it did not answer within {} s", LONGEST.as_secs()))),
    }
}

/// The satellite dish, where there is one.
pub(super) struct Dish {
    address: String,
    /// How the node watches it, if it does.
    watched: Option<DishConfig>,
}

impl Dish {
    /// The one at `address`, or that the node watches.
    pub(super) fn new(address: Option<String>, watched: Option<&DishConfig>) -> Self {
        let watched = watched.cloned().map(|config| match &address {
            Some(address) => DishConfig { address: address.clone(), ..config },
            None => config,
        });
        let of_config = watched.as_ref().map(|config| config.address.clone());
        Self { address: address.or(of_config).unwrap_or_else(|| DISH.to_owned()), watched }
    }

    async fn read(config: &DishConfig) -> Result<()> {
        read(&DishMonitor::new(config)?).await.map(drop)
    }
}

#[async_trait]
impl Check for Dish {
    fn name(&self) -> &'static str {
        "dish"
    }

    async fn look(&self) -> Finding {
        let address = &self.address;
        if let Some(config) = &self.watched {
            return match Self::read(config).await {
                Ok(()) => Finding::ok(format!("{address} tells its status")),
                Err(error) => Finding::warn(
                    error.message(),
                    "check the cable and the route to it, and monitors.dish of the executor config; jobs whose trigger names a field of the dish are skipped meanwhile",
                ),
            };
        }
        match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => Finding::ok(format!("{address} answers")),
            Ok(Err(_)) | Err(_) => Finding::warn(
                format!("no dish answers at {address}"),
                "nothing, unless this node is on a Starlink dish: then check the cable and the route to it, or give another --dish",
            ),
        }
    }
}

/// What else the executor config says to watch; the weather is known to the node alone, which knows its
/// place.
pub(super) struct Monitors {
    pub(super) config: MonitorsConfig,
}

impl Monitors {
    /// What cannot be read, and why.
    async fn faults(&self) -> (usize, Vec<String>) {
        let MonitorsConfig { dish: _, weather: _, satellite: _, latency, interfaces, custom, mqtt } =
            &self.config;
        let mut faults = Vec::new();
        for interface in interfaces {
            match KernelMeter.bytes(interface).await {
                Ok(Some(_)) => {}
                Ok(None) => faults.push(format!("there is no interface {interface}")),
                Err(error) => faults.push(format!("interface {interface}: {}", error.message())),
            }
        }
        if let Some(config) = latency {
            let target = &config.target;
            match read(&LatencyMonitor::new(config)).await {
                Ok(seen) if answered(&seen) => {}
                Ok(_) => faults.push(format!("{target} does not answer probes")),
                Err(error) => faults.push(format!("latency of {target}: {}", error.message())),
            }
        }
        for config in custom {
            let read = async { read(&CustomMonitor::new(config)?).await };
            if let Err(error) = read.await {
                faults.push(error.message().to_owned());
            }
        }
        if let Some(broker) = mqtt {
            let address = (broker.host.as_str(), broker.port);
            let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await;
            if !matches!(connected, Ok(Ok(_))) {
                faults.push(format!("no broker listens at {}:{}", broker.host, broker.port));
            }
        }
        let count = interfaces.len() + usize::from(latency.is_some()) + custom.len();
        (count + usize::from(mqtt.is_some()), faults)
    }
}

/// Whether a probe was answered.
fn answered(seen: &Observation) -> bool {
    let key = Key::Field(Field::NETWORK_LATENCY);
    seen.samples.iter().any(|sample| sample.key == key && sample.value.is_some())
}

#[async_trait]
impl Check for Monitors {
    fn name(&self) -> &'static str {
        "monitors"
    }

    async fn look(&self) -> Finding {
        let looked = tokio::time::timeout(LONGEST, self.faults()).await;
        match looked {
            Err(_) => Finding::warn(
                format!("they take more than {} s to be read", LONGEST.as_secs()),
                "look for the slow one in the output of leoscope-node status",
            ),
            Ok((0, _)) => Finding::ok("no others are configured"),
            Ok((count, faults)) if faults.is_empty() => Finding::ok(format!("{count} can be read")),
            Ok((_, faults)) => Finding::warn(
                faults.join("; "),
                "check monitors in the executor config; jobs whose trigger names a field that cannot be read are skipped meanwhile",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use leoscope_core::model::ExecutorConfig;

    use super::*;
    use crate::doctor::Verdict;

    fn config(text: &str) -> MonitorsConfig {
        ExecutorConfig::parse(&format!("monitors: {text}\n")).expect("config").monitors
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_by_name() {
        let text = "{interfaces: [lo, nosuch0], mqtt: 'mqtt://127.0.0.1:1', \
                    custom: [{name: up, file: /proc/uptime}, {name: fan, file: /no/such/fan}]}";
        let found = Monitors { config: config(text) }.look().await;
        assert_eq!(found.verdict, Verdict::Warn);
        let expected = "there is no interface nosuch0; cannot read custom.fan: /no/such/fan is not there; \
                        no broker listens at 127.0.0.1:1";
        assert_eq!(found.seen, expected);
        let well =
            Monitors { config: config("{interfaces: [lo], custom: [{name: up, file: /proc/uptime}]}") };
        assert_eq!(well.look().await, Finding::ok("2 can be read"));
        let none = Monitors { config: MonitorsConfig::default() };
        assert_eq!(none.look().await, Finding::ok("no others are configured"));
    }

    #[tokio::test]
    async fn a_dish_that_is_watched_is_read_and_another_only_looked_for() {
        let watched = config("{dish: {address: '127.0.0.1:1'}}").dish.expect("dish");
        let found = Dish::new(None, Some(&watched)).look().await;
        assert_eq!(found.verdict, Verdict::Warn);
        assert!(found.advice.expect("advice").contains("monitors.dish"));
        let given = Dish::new(Some("127.0.0.1:2".into()), Some(&watched));
        assert_eq!(given.watched.expect("watched").address, "127.0.0.1:2");
        let found = Dish::new(Some("127.0.0.1:1".into()), None).look().await;
        assert_eq!(found.seen, "no dish answers at 127.0.0.1:1");
        assert_eq!(Dish::new(None, None).address, DISH);
    }
}
