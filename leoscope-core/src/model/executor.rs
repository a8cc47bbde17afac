//! The executor config: how a node's operator lets experiments run.

mod scavenger;

use serde::Deserialize;

pub use self::scavenger::AutoScavenger;
use super::docker::{DockerConfig, DockerText};
use super::kernel::{KernelService, KernelText};
use super::limits::{AskedLimits, Limits, LimitsText};
use super::monitors::{MonitorsConfig, MonitorsText};
use super::outbox::{OutboxConfig, OutboxText};
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
    /// Whether the manifests of bundles may tell the node's address on the internet.
    pub public_address: bool,
    /// When the node goes on standby by itself; never when `None`.
    pub scavenger: Option<AutoScavenger>,
    /// How the container engine is used.
    pub docker: DockerConfig,
    /// How results are handed over.
    pub outbox: OutboxConfig,
    /// What the node watches.
    pub monitors: MonitorsConfig,
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

    /// Whether what a container sends passes a device of its own, where it can be slowed.
    fn can_be_slowed(&self) -> bool {
        match self {
            Self::Host | Self::None => false,
            Self::Bridge | Self::Named(_) => true,
        }
    }
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
            public_address: false,
            scavenger: None,
            docker: DockerConfig::default(),
            outbox: OutboxConfig::default(),
            monitors: MonitorsConfig::default(),
        }
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
    #[serde(default)]
    manifest: ManifestText,
    scavenger: Option<scavenger::Text>,
    outbox: Option<OutboxText>,
    monitors: Option<MonitorsText>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ManifestText {
    #[serde(default)]
    public_address: bool,
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
                let said = e.to_string();
                fault(format!("is not valid: {}", without_text(said.lines().next().unwrap_or_default())))
            })?
        };
        let Document {
            docker: Docker { execute: Execute { volume: Volume { source, dest }, network, route }, engine },
            limits,
            route: outer_route,
            kernel,
            manifest: ManifestText { public_address },
            scavenger,
            outbox,
            monitors,
        } = document;
        let of_key = |e: Error| {
            let said = fault(e.to_string());
            match e.what_to_do() {
                Some(hint) => said.hint(hint),
                None => said,
            }
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
        let limits = limits.check().map_err(&fault)?.or(default.limits);
        if limits.rate.is_some() && !network.can_be_slowed() {
            return Err(fault(format!("limits.rate cannot be kept on network {:?}", network.name()))
                .hint("give docker.execute.network: bridge, or the name of a network of the engine"));
        }
        let scavenger = scavenger.map(AutoScavenger::try_from).transpose();
        let scavenger = scavenger.map_err(|error| fault(error.message().to_owned()))?;
        let outbox = outbox.map(OutboxText::check).transpose().map_err(&fault)?.unwrap_or_default();
        let monitors = monitors.map(MonitorsText::check).transpose().map_err(of_key)?.unwrap_or_default();
        let docker = engine.check().map_err(fault)?;
        Ok(Self {
            results_source: source,
            results_dest,
            network,
            limits,
            route,
            kernel,
            scavenger,
            docker,
            outbox,
            monitors,
            public_address,
        })
    }

    /// The limits of an experiment that asks for `asked`.
    ///
    /// # Errors
    /// Those of [`Limits::narrowed`]; a rate where the network is not the container's own.
    pub fn limits_for(&self, asked: AskedLimits) -> Result<Limits, Error> {
        let limits = self.limits.narrowed(asked)?;
        if limits.rate.is_some() && !self.network.can_be_slowed() {
            return Err(Error::invalid(format!(
                "experiment config asks for limits.rate, which this node cannot keep on network {:?}",
                self.network.name()
            ))
            .hint("leave limits.rate out, or choose a node whose experiments have a network of their own"));
        }
        Ok(limits)
    }
}

/// What a reader says of a value of the wrong type, without the value: it may be a password.
pub(super) fn without_text(said: &str) -> String {
    const KINDS: [&str; 2] = ["string \"", "integer `"];
    let Some((kind, at)) = KINDS.iter().find_map(|kind| Some((*kind, said.find(kind)?))) else {
        return said.to_owned();
    };
    let word = kind.split(' ').next().unwrap_or_default();
    let quote = if kind.ends_with('"') { '"' } else { '`' };
    let rest =
        said.get(at + kind.len()..).and_then(|rest| rest.rsplit_once(quote)).map_or("", |(_, rest)| rest);
    format!("{}{word}{rest}", said.get(..at).unwrap_or_default())
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
            "limits: {disk: 1}",
            "[",
        ] {
            assert!(ExecutorConfig::parse(bad).is_err(), "{bad}");
        }
    }
    #[test]
    fn a_public_address_is_told_only_where_the_operator_says_so() {
        let told = |text: &str| ExecutorConfig::parse(text).map(|config| config.public_address);
        assert!(!told("").expect("default"));
        assert!(told("manifest: {public_address: true}").expect("allowed"));
        assert!(told("manifest: {public_adress: true}").is_err());
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

    #[test]
    fn a_rate_needs_a_network_of_the_container_s_own() {
        let read = |network: &str, rate: &str| {
            ExecutorConfig::parse(&format!("docker: {{execute: {{network: {network}}}}}\nlimits: {{{rate}}}"))
        };
        for network in ["host", "none"] {
            let error = read(network, "rate: 10mbit").expect_err(network);
            let expected = format!("executor config limits.rate cannot be kept on network {network:?}");
            assert_eq!(error.message(), expected);
            assert!(error.what_to_do().expect("a hint").contains("bridge"), "{error:?}");
            let asked = AskedLimits { rate: Some(1_000_000), ..AskedLimits::default() };
            let error = read(network, "").expect("no rate").limits_for(asked).expect_err(network);
            assert!(error.message().contains(network), "{error}");
        }
        for network in ["bridge", "lab"] {
            let config = read(network, "rate: 10mbit").expect(network);
            let limits = config.limits_for(AskedLimits::default()).expect(network);
            assert_eq!(limits.rate, Some(10_000_000));
        }
    }
}
