//! The executor config: how a node's operator lets experiments run.

mod scavenger;

use serde::Deserialize;

pub use self::scavenger::AutoScavenger;
use super::docker::{DockerConfig, DockerText};
use super::kernel::{KernelService, KernelText};
use super::route::{Route, RouteText};
use crate::error::Error;

/// How experiments run on a node.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutorConfig {
    /// Directory on the host under which each run's results directory is made; the node's state
    /// directory when `None`.
    pub results_source: Option<String>,
    /// Where the results directory appears in the container.
    pub results_dest: String,
    /// The network of the container.
    pub network: Network,
    /// What one experiment may use.
    pub limits: Limits,
    /// A route that stands while experiments are under way.
    pub route: Option<Route>,
    /// Where experiments may ask for other kernel settings; nowhere when `None`.
    pub kernel: Option<KernelService>,
    /// When the node goes on standby by itself; never when `None`.
    pub scavenger: Option<AutoScavenger>,
    /// How the container engine is used.
    pub docker: DockerConfig,
}

/// The network an experiment's container is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// The host's own.
    Host,
    /// The engine's default bridge.
    Bridge,
    /// None.
    None,
    /// A network of that name.
    Named(String),
}

impl Network {
    /// The name the engine knows it by.
    pub fn name(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::Bridge => "bridge",
            Self::None => "none",
            Self::Named(name) => name,
        }
    }
}

/// What one experiment may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Memory in bytes.
    pub memory: u64,
    /// Processors, in units of one.
    pub cpus: f64,
    /// Processes and threads.
    pub pids: u32,
}

impl Default for ExecutorConfig {
    fn default() -> Self {
        Self {
            results_source: None,
            results_dest: "/artifacts".into(),
            network: Network::Host,
            limits: Limits::default(),
            route: None,
            kernel: None,
            scavenger: None,
            docker: DockerConfig::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 1 << 30, cpus: 1.0, pids: 512 }
    }
}

#[derive(Deserialize, Default)]
struct Document {
    #[serde(default)]
    docker: Docker,
    #[serde(default)]
    limits: LimitsText,
    route: Option<RouteText>,
    kernel: Option<KernelText>,
    scavenger: Option<scavenger::Text>,
}

#[derive(Deserialize, Default)]
struct Docker {
    #[serde(default)]
    execute: Execute,
    #[serde(flatten)]
    engine: DockerText,
}

#[derive(Deserialize, Default)]
struct Execute {
    #[serde(default)]
    volume: Volume,
    network: Option<String>,
    route: Option<RouteText>,
}

#[derive(Deserialize, Default)]
struct Volume {
    source: Option<String>,
    dest: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct LimitsText {
    memory: Option<MemoryText>,
    cpus: Option<f64>,
    pids: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MemoryText {
    Bytes(u64),
    Text(String),
}

impl ExecutorConfig {
    /// Reads the YAML of an executor config; what it leaves out has the default's value.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the value.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fault = |message: String| {
            Error::invalid(format!("executor config {message}"))
                .hint("see docs/operating-a-node.md for its keys")
        };
        let document: Document = if text.trim().is_empty() {
            Document::default()
        } else {
            serde_saphyr::from_str(text).map_err(|e| {
                fault(format!("is not valid: {}", e.to_string().lines().next().unwrap_or_default()))
            })?
        };
        let Document {
            docker: Docker { execute: Execute { volume: Volume { source, dest }, network, route }, engine },
            limits,
            route: outer_route,
            kernel,
            scavenger,
        } = document;
        let of_key = |e: Error| {
            let hint = e.what_to_do().unwrap_or("see docs/operating-a-node.md for its keys").to_owned();
            e.context("executor config").hint(hint)
        };
        // Configs of existing nodes have it in either place.
        let route = match (route, outer_route) {
            (Some(_), Some(_)) => return Err(fault("has both route and docker.execute.route".into())),
            (Some(route), None) | (None, Some(route)) => Some(route.parse().map_err(of_key)?),
            (None, None) => None,
        };
        let kernel = kernel.map(KernelText::parse).transpose().map_err(of_key)?;
        let default = Self::default();
        let results_dest = dest.unwrap_or(default.results_dest);
        if !results_dest.starts_with('/') || results_dest.contains("..") || results_dest == "/" {
            return Err(fault(format!(
                "docker.execute.volume.dest {results_dest:?} is not an absolute directory"
            )));
        }
        let network = match network.as_deref() {
            None => default.network,
            Some("host") => Network::Host,
            Some("bridge") => Network::Bridge,
            Some("none") => Network::None,
            Some(name) => Network::Named(name.to_owned()),
        };
        let LimitsText { memory, cpus, pids } = limits;
        let memory = match memory {
            None => default.limits.memory,
            Some(MemoryText::Bytes(bytes)) => bytes,
            Some(MemoryText::Text(text)) => parse_bytes(&text)
                .ok_or_else(|| fault(format!("limits.memory {text:?} is not a size like 512m")))?,
        };
        let limits = Limits {
            memory,
            cpus: cpus.unwrap_or(default.limits.cpus),
            pids: pids.unwrap_or(default.limits.pids),
        };
        if limits.memory < 1 << 20 || limits.cpus.is_nan() || limits.cpus <= 0.0 || limits.pids == 0 {
            return Err(fault(format!("limits leave nothing to run with: {limits:?}")));
        }
        let scavenger = scavenger.map(AutoScavenger::try_from).transpose();
        let scavenger = scavenger.map_err(|error| fault(error.message().to_owned()))?;
        let docker = engine.check().map_err(fault)?;
        Ok(Self { results_source: source, results_dest, network, limits, route, kernel, scavenger, docker })
    }
}

/// Reads `512m`, `1g`, `1048576`: binary multiples, as container engines write them.
fn parse_bytes(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match lower.get(digits.len()..)? {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_keys_are_read_and_the_rest_has_defaults() {
        let config = ExecutorConfig::parse(
            "docker:\n  execute:\n    volume: {source: /data, dest: /results}\n    network: bridge\nlimits: {memory: 256m, cpus: 0.5}\n",
        )
        .expect("config");
        assert_eq!(config.results_source.as_deref(), Some("/data"));
        assert_eq!((config.results_dest.as_str(), &config.network), ("/results", &Network::Bridge));
        assert_eq!((config.limits.memory, config.limits.pids), (256 << 20, 512));
        assert_eq!(ExecutorConfig::parse("").expect("empty"), ExecutorConfig::default());
        for bad in [
            "limits: {memory: lots}",
            "limits: {pids: 0}",
            "docker: {execute: {volume: {dest: x}}}",
            "limits: {cpu: 1}",
            "[",
        ] {
            assert!(ExecutorConfig::parse(bad).is_err(), "{bad}");
        }
    }
    #[test]
    fn a_route_is_read_in_either_place_but_not_in_both() {
        let route = "{ip: 192.0.2.0/24, gateway: 198.51.100.1, dev: eth0}";
        let inner = ExecutorConfig::parse(&format!("docker: {{execute: {{route: {route}}}}}"));
        let outer = ExecutorConfig::parse(&format!("route: {route}"));
        let (inner, outer) = (inner.expect("inner").route, outer.expect("outer").route);
        assert_eq!(inner.expect("route").to_string(), "192.0.2.0/24 via 198.51.100.1 dev eth0");
        assert!(outer.is_some());
        let empty = ExecutorConfig::parse("route: {ip: 192.0.2.7, gateway: '', dev: eth0}").expect("empty");
        assert_eq!(empty.route.expect("route").gateway(), None);
        assert_eq!(ExecutorConfig::parse("docker: {execute: {route: }}").expect("nothing").route, None);
        for bad in [
            format!("route: {route}\ndocker: {{execute: {{route: {route}}}}}"),
            "route: {ip: 192.0.2.1/24, dev: eth0}".into(),
            "route: {ip: 192.0.2.0/24}".into(),
            "route: {ip: 192.0.2.0/24, dev: eth0, metric: 1}".into(),
        ] {
            let error = ExecutorConfig::parse(&bad).expect_err(&bad);
            assert!(error.message().starts_with("executor config "), "{error}");
        }
    }

    #[test]
    fn the_kernel_service_listens_everywhere_only_when_told_so() {
        let listens = |text: &str| ExecutorConfig::parse(text).map(|config| config.kernel.map(|k| k.listen));
        let bridge = listens("kernel: {listen: '172.18.0.1:9000'}").expect("bridge").expect("on");
        assert_eq!(bridge.to_string(), "172.18.0.1:9000");
        assert!(listens("kernel: {listen: '0.0.0.0:9000', all_addresses: true}").is_ok());
        assert_eq!(listens("").expect("off"), None);
        for bad in [
            "kernel: {listen: '0.0.0.0:9000'}",
            "kernel: {listen: '[::]:9000'}",
            "kernel: {listen: '172.18.0.1'}",
            "kernel: {listen: '172.18.0.1:0'}",
            "kernel: {listen: 9000}",
            "kernel: {address: '172.18.0.1:9000'}",
        ] {
            let error = listens(bad).expect_err(bad);
            assert!(error.what_to_do().is_some(), "{error}");
        }
    }
}
