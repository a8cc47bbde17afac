//! The experiment config: the YAML a researcher writes.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::executor::without_text;
use super::limits::{AskedLimits, LimitsText};
use super::secret::Secret;
use super::settings::BlobSettings;
use crate::error::Error;

/// The largest config in bytes.
const MAX_CONFIG_BYTES: usize = 256 * 1024;

const HINT: &str = "give at least 'docker: {image: NAME}', or 'process: {command: TEXT}' for nodes without a container engine";

const CLOUD_HINT: &str = "give cloud_config: {connection_string: TEXT, container: NAME}, or leave it out to use the testbed's store";

const LIMITS_HINT: &str = "give limits like {memory: 256m, cpus: 0.5, pids: 100, disk: 200m, rate: 5mbit}";

/// What the testbed reads of an experiment config. The text itself goes to the container
/// unchanged, so keys the testbed does not know reach the experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentConfig {
    /// How to run it in a container.
    pub docker: Option<DockerExperiment>,
    /// How to run it as a plain process: the program and its arguments.
    pub process: Option<Vec<String>>,
    /// Environment variables for the experiment.
    pub environment: BTreeMap<String, String>,
    /// What it asks to be limited to, below what the node allows anyway.
    pub limits: AskedLimits,
    /// Where its results are to go, if not to where the testbed keeps them.
    pub cloud: Option<BlobSettings>,
}

/// The container of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerExperiment {
    /// The image reference.
    pub image: String,
    /// The wished container name.
    pub name: Option<String>,
    /// The program and arguments, where not the image's own.
    pub command: Option<Vec<String>>,
    /// Ports to publish on the host.
    pub ports: Vec<PortMapping>,
}

/// A container port published on a port of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortMapping {
    /// Port of the host.
    pub host: u16,
    /// Port in the container.
    pub container: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// The transport of a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

#[derive(Deserialize)]
struct Document {
    experiment: Option<Body>,
    #[serde(flatten)]
    bare: Body,
}

#[derive(Deserialize, Default)]
struct Body {
    docker: Option<Docker>,
    process: Option<Process>,
    environment: Option<Environment>,
    limits: Option<LimitsText>,
    cloud_config: Option<Cloud>,
}

#[derive(Deserialize)]
struct Cloud {
    connection_string: Option<String>,
    container: Option<String>,
    #[serde(default, alias = "artifactPath")]
    artifact_path: String,
}

#[derive(Deserialize)]
struct Docker {
    image: Option<String>,
    command: Option<Command>,
    #[serde(default)]
    execute: Execute,
}

#[derive(Deserialize, Default)]
struct Execute {
    name: Option<String>,
    ports: Option<Ports>,
}

#[derive(Deserialize)]
struct Process {
    command: Command,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Command {
    Shell(String),
    Words(Vec<Scalar>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Environment {
    Map(BTreeMap<Key, Scalar>),
    List(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A key without a value.
    Nothing(()),
}

/// A key that may be written as a number.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer).map(|key| Self(key.to_string()))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ports {
    List(Vec<Scalar>),
    Map(BTreeMap<Key, Scalar>),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Nothing(()) => Ok(()),
        }
    }
}

impl Command {
    fn words(self) -> Vec<String> {
        match self {
            Self::Shell(line) => vec!["/bin/sh".into(), "-c".into(), line],
            Self::Words(words) => words.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ExperimentConfig {
    /// Reads a config, with or without the outer `experiment:` key.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when it is not YAML, too large, or names neither an image
    /// nor a process command.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fault = |message: String| Error::invalid(format!("experiment config {message}")).hint(HINT);
        if text.len() > MAX_CONFIG_BYTES {
            return Err(fault(format!(
                "is {} bytes long, at most {MAX_CONFIG_BYTES} are allowed",
                text.len()
            )));
        }
        if text.trim().is_empty() {
            return Err(fault("is empty".into()));
        }
        let document: Document = serde_saphyr::from_str(text)
            .map_err(|e| fault(format!("is not valid: {}", told(&e.to_string(), text))))?;
        let Body { docker, process, environment, limits, cloud_config } =
            document.experiment.unwrap_or(document.bare);
        let docker = docker.map(|docker| docker.check(&fault)).transpose()?;
        let process = process.map(|process| process.command.words());
        if process.as_ref().is_some_and(Vec::is_empty) {
            return Err(fault("has an empty process.command".into()));
        }
        if docker.is_none() && process.is_none() {
            return Err(fault("names no image".into()));
        }
        let environment = environment.map_or_else(|| Ok(BTreeMap::new()), |e| e.check(&fault))?;
        let limits =
            limits.unwrap_or_default().check().map_err(|message| fault(message).hint(LIMITS_HINT))?;
        let cloud = cloud_config.map(|cloud| cloud.check(&fault)).transpose()?;
        Ok(Self { docker, process, environment, limits, cloud })
    }
}

impl Cloud {
    fn check(self, fault: &impl Fn(String) -> Error) -> Result<BlobSettings, Error> {
        let Self { connection_string, container, artifact_path } = self;
        let given = |name: &str, text: Option<String>| {
            text.filter(|text| !text.trim().is_empty())
                .ok_or_else(|| fault(format!("has a cloud_config without {name}")).hint(CLOUD_HINT))
        };
        Ok(BlobSettings {
            connection_string: Secret::new(given("connection_string", connection_string)?),
            container: given("container", container)?,
            artifact_path,
        })
    }
}

impl Docker {
    fn check(self, fault: &impl Fn(String) -> Error) -> Result<DockerExperiment, Error> {
        let Self { image, command, execute: Execute { name, ports } } = self;
        let image = image.map(|image| image.trim().to_owned()).filter(|image| !image.is_empty());
        let Some(image) = image else { return Err(fault("names no image".into())) };
        if image.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(fault(format!("names an image that is no reference: {image:?}")));
        }
        let ports = ports.map_or_else(|| Ok(Vec::new()), Ports::check).map_err(fault)?;
        Ok(DockerExperiment { image, name, command: command.map(Command::words), ports })
    }
}

impl Ports {
    fn check(self) -> Result<Vec<PortMapping>, String> {
        match self {
            Self::List(items) => items.iter().map(|item| port(&item.to_string(), None)).collect(),
            Self::Map(items) => {
                items.iter().map(|(Key(inner), outer)| port(inner, Some(&outer.to_string()))).collect()
            }
        }
    }
}

/// Reads `5201`, `5201/udp`, `8080:80`, or the pair of a container port and a host port.
fn port(text: &str, host: Option<&str>) -> Result<PortMapping, String> {
    let fault = || format!("has a port that is none: {text:?}");
    let (ports, protocol) = match text.split_once('/') {
        None => (text, Protocol::Tcp),
        Some((ports, "tcp")) => (ports, Protocol::Tcp),
        Some((ports, "udp")) => (ports, Protocol::Udp),
        Some(_) => return Err(fault()),
    };
    let (outer, inner) = ports.split_once(':').unwrap_or((host.unwrap_or(ports), ports));
    let number = |part: &str| part.trim().parse::<u16>().ok().filter(|n| *n > 0).ok_or_else(fault);
    Ok(PortMapping { host: number(outer)?, container: number(inner)?, protocol })
}

impl Environment {
    fn check(self, fault: &impl Fn(String) -> Error) -> Result<BTreeMap<String, String>, Error> {
        let pairs: Vec<(String, String)> = match self {
            Self::Map(map) => map.into_iter().map(|(Key(key), value)| (key, value.to_string())).collect(),
            Self::List(items) => items
                .into_iter()
                .map(|item| match item.split_once('=') {
                    Some((key, value)) => (key.to_owned(), value.to_owned()),
                    None => (item, String::new()),
                })
                .collect(),
        };
        match pairs
            .iter()
            .find(|(key, value)| key.is_empty() || key.contains(['=', '\0']) || value.contains('\0'))
        {
            Some((key, _)) => Err(fault(format!("has an environment variable that is none: {key:?}"))),
            None => Ok(pairs.into_iter().collect()),
        }
    }
}

/// The first line of what a reader says of `config`; of one with a store without the value it is about,
/// which may be the store's key.
fn told(said: &str, config: &str) -> String {
    let line = said.lines().next().unwrap_or(said);
    if config.contains("cloud_config") { without_text(line) } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_documented_forms_are_the_same() {
        let bare = "docker:\n  image: lab/ping:1\n  execute:\n    name: ping\n    ports: [5201, '5202/udp', '8080:80']\nenvironment:\n  COUNT: 5\n  HOST: example.net\nlimits: {memory: 64m, rate: 2mbit}\nown: {key: kept}\n";
        let wrapped =
            format!("experiment:\n{}", bare.lines().map(|line| format!("  {line}\n")).collect::<String>());
        let config = ExperimentConfig::parse(bare).expect("bare");
        assert_eq!(config, ExperimentConfig::parse(&wrapped).expect("wrapped"));
        let docker = config.docker.expect("docker");
        assert_eq!((docker.image.as_str(), docker.name.as_deref()), ("lab/ping:1", Some("ping")));
        let ports: Vec<_> =
            docker.ports.iter().map(|p| (p.host, p.container, p.protocol.to_string())).collect();
        assert_eq!(ports, [(5201, 5201, "tcp".into()), (5202, 5202, "udp".into()), (8080, 80, "tcp".into())]);
        assert_eq!(config.environment["COUNT"], "5");
        let limits = AskedLimits { memory: Some(64 << 20), rate: Some(2_000_000), ..AskedLimits::default() };
        assert_eq!(config.limits, limits);
    }

    #[test]
    fn words_keys_and_values_may_be_numbers_and_a_variable_empty() {
        let text = "docker: {image: a, command: [ping, -c, 3], execute: {ports: {80: 8080}}}\nenvironment: {A: , 1: 2.5, B: true}";
        let config = ExperimentConfig::parse(text).expect("config");
        let docker = config.docker.expect("docker");
        assert_eq!(docker.command, Some(["ping", "-c", "3"].map(str::to_owned).into()));
        assert_eq!(docker.ports, [PortMapping { host: 8080, container: 80, protocol: Protocol::Tcp }]);
        let environment: Vec<_> =
            config.environment.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(environment, ["1=2.5", "A=", "B=true"]);
    }

    #[test]
    fn a_process_command_is_a_line_or_words() {
        let line = ExperimentConfig::parse("process: {command: 'echo $HOME'}").expect("line");
        assert_eq!(line.process.expect("process"), ["/bin/sh", "-c", "echo $HOME"]);
        let words = ExperimentConfig::parse("process: {command: [ping, -c, '3']}").expect("words");
        assert_eq!(words.process.expect("process"), ["ping", "-c", "3"]);
    }

    #[test]
    fn a_store_s_key_in_the_wrong_place_is_not_told() {
        let text = "{process: {command: a}, cloud_config: 'AccountName=lab;AccountKey=c2VjcmV0IQ=='}";
        let error = ExperimentConfig::parse(text).expect_err(text);
        assert!(error.message().starts_with("experiment config is not valid: "), "{error}");
        assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_name() {
        let cases = [
            ("", "experiment config is empty"),
            ("docker: {}", "experiment config names no image"),
            ("a: 1", "experiment config names no image"),
            ("docker: {image: ''}", "experiment config names no image"),
            ("docker: {image: 'a b'}", "experiment config names an image that is no reference: \"a b\""),
            (
                "docker: {image: a, execute: {ports: [70000]}}",
                "experiment config has a port that is none: \"70000\"",
            ),
            ("{image: a, environment: ['=x']}", "experiment config names no image"),
            (
                "{process: {command: a}, limits: {disk: none}}",
                "experiment config limits.disk \"none\" is not a size like 512m",
            ),
            ("process: {command: []}", "experiment config has an empty process.command"),
        ];
        for (text, expected) in cases {
            assert_eq!(ExperimentConfig::parse(text).expect_err(text).message(), expected);
        }
        for text in [
            "docker: [",
            "- a\n- b",
            "just text",
            "docker: {image: [1, 2]}",
            "{process: {command: a}, limits: {mem: 1g}}",
        ] {
            let error = ExperimentConfig::parse(text).expect_err(text);
            assert!(error.message().starts_with("experiment config is not valid: "), "{error}");
        }
    }
}
