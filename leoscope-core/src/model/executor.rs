//! The executor config: how a node's operator lets experiments run.

use serde::Deserialize;

use super::docker::{DockerConfig, DockerText};
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
            docker: Docker { execute: Execute { volume: Volume { source, dest }, network }, engine },
            limits,
        } = document;
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
        let docker = engine.check().map_err(fault)?;
        Ok(Self { results_source: source, results_dest, network, limits, docker })
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
}
