//! The `docker` section of the executor config: how the node uses its container engine.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::named::named;
use super::secret::Secret;

/// How a node uses its container engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfig {
    /// The address of the engine (`unix://PATH`); its usual socket when `None`.
    pub host: Option<String>,
    /// When images are fetched.
    pub pull: PullPolicy,
    /// How to log in at registries, by the registry's host as it stands in image names.
    pub registries: BTreeMap<String, Registry>,
    /// What experiments may do beyond what every program may.
    pub capabilities: Vec<Capability>,
    /// The user that experiments run as; the image's own when `None`.
    pub user: Option<String>,
    /// Hosts that experiments find by name besides those of the name service.
    pub extra_hosts: Vec<HostEntry>,
}

impl Default for DockerConfig {
    fn default() -> Self {
        Self {
            host: None,
            pull: PullPolicy::default(),
            registries: BTreeMap::new(),
            capabilities: vec![Capability::NetRaw],
            user: None,
            extra_hosts: Vec::new(),
        }
    }
}

/// When an image is fetched from its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullPolicy {
    /// When the engine does not have it.
    #[default]
    Missing,
    /// Before every run.
    Always,
    /// Never: only what the engine has is run.
    Never,
}

named!(
    /// A capability that measurements need and an operator may grant; there are no others.
    Capability {
        /// Raw packets: `ping`, `traceroute`.
        NetRaw = "NET_RAW",
        /// Interfaces, routes and queues of the experiment's network.
        NetAdmin = "NET_ADMIN",
        /// Ports below 1024.
        NetBindService = "NET_BIND_SERVICE",
        /// Scheduling priorities, for exact timing.
        SysNice = "SYS_NICE",
        /// Memory that is not swapped out.
        IpcLock = "IPC_LOCK",
    }
);

/// How to log in at a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The user there.
    pub username: String,
    /// The password or access token.
    pub password: Password,
}

/// Where a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// In the configuration itself.
    Given(Secret),
    /// In a file, which is read whenever it is needed.
    File(PathBuf),
}

/// A name and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// The name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
}

impl fmt::Display for HostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.address)
    }
}

/// The section as it is written.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct DockerText {
    host: Option<String>,
    pull: Option<String>,
    registries: BTreeMap<String, RegistryText>,
    capabilities: Option<Vec<String>>,
    user: Option<UserText>,
    extra_hosts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum UserText {
    Id(u32),
    Name(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RegistryText {
    Login(LoginText),
    /// Told without showing it: there may be a password in it.
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginText {
    username: String,
    password: Option<String>,
    password_file: Option<PathBuf>,
}

impl DockerText {
    /// What the section means; the error names the key and what is wrong with it.
    pub(super) fn check(self) -> Result<DockerConfig, String> {
        let Self { host, pull, registries, capabilities, user, extra_hosts } = self;
        let default = DockerConfig::default();
        let pull = match pull.as_deref() {
            None => default.pull,
            Some("missing") => PullPolicy::Missing,
            Some("always") => PullPolicy::Always,
            Some("never") => PullPolicy::Never,
            Some(other) => return Err(format!("docker.pull {other:?} is not missing, always or never")),
        };
        let host = host.map(|host| match host.strip_prefix("unix://") {
            Some(path) if path.starts_with('/') => Ok(host),
            _ => Err(format!("docker.host {host:?} is not like unix:///var/run/docker.sock")),
        });
        let capabilities = match capabilities {
            None => default.capabilities,
            Some(names) => names.iter().map(|name| capability(name)).collect::<Result<_, _>>()?,
        };
        let registries = registries.into_iter().map(|(host, text)| Ok((host.clone(), text.check(&host)?)));
        let user = user.map(|user| match user {
            UserText::Id(id) => id.to_string(),
            UserText::Name(name) => name,
        });
        if let Some(user) = user.as_deref().filter(|user| !is_user(user)) {
            return Err(format!("docker.user {user:?} is not like 1000, 1000:1000 or a name"));
        }
        Ok(DockerConfig {
            host: host.transpose()?,
            pull,
            registries: registries.collect::<Result<_, String>>()?,
            capabilities,
            user,
            extra_hosts: extra_hosts.iter().map(|text| host_entry(text)).collect::<Result<_, _>>()?,
        })
    }
}

impl RegistryText {
    fn check(self, host: &str) -> Result<Registry, String> {
        let fault = |what: &str| format!("docker.registries.{host} {what}");
        let wanted = "is not {username: TEXT, password_file: PATH} or {username: TEXT, password: TEXT}";
        if host.is_empty() || host.contains(['/', '@']) || host.contains(char::is_whitespace) {
            return Err(format!(
                "docker.registries has {host:?}, which is not a host like registry.example.org"
            ));
        }
        let Self::Login(LoginText { username, password, password_file }) = self else {
            return Err(fault(wanted));
        };
        let password = match (password, password_file) {
            (Some(password), None) => Password::Given(Secret::new(password)),
            (None, Some(file)) if file.is_absolute() => Password::File(file),
            (None, Some(file)) => {
                return Err(fault(&format!(
                    "has password_file {}, which is not an absolute path",
                    file.display()
                )));
            }
            (Some(_), Some(_)) => return Err(fault("has both password and password_file")),
            (None, None) => return Err(fault(wanted)),
        };
        Ok(Registry { username, password })
    }
}

fn capability(name: &str) -> Result<Capability, String> {
    let upper = name.to_ascii_uppercase();
    Capability::from_name(upper.strip_prefix("CAP_").unwrap_or(&upper)).ok_or_else(|| {
        let names: Vec<_> = Capability::ALL.iter().map(|capability| capability.name()).collect();
        format!(
            "docker.capabilities has {name:?}; experiments may be given {} and nothing else",
            names.join(", ")
        )
    })
}

/// `1000`, `1000:1000`, `name` or `name:group`.
fn is_user(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    part(user) && part(group)
}

fn host_entry(text: &str) -> Result<HostEntry, String> {
    let fault = || format!("docker.extra_hosts has {text:?}, which is not like iperf.example:192.0.2.7");
    let (name, address) = text.split_once(':').ok_or_else(fault)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(fault());
    }
    let address = address.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| fault())?;
    Ok(HostEntry { name: name.to_owned(), address })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ExecutorConfig;

    fn read(docker: &str) -> Result<DockerConfig, String> {
        let parsed = ExecutorConfig::parse(&format!("docker: {docker}"));
        parsed.map(|config| config.docker).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn every_key_is_read_and_keys_of_others_are_let_be() {
        let config = read(
            "{host: 'unix:///run/podman.sock', pull: always, user: 1000, capabilities: [CAP_NET_ADMIN, net_raw], \
             extra_hosts: ['iperf.example:192.0.2.7', 'six.example:2001:db8::7'], of_others: {x: 1}, registries: \
             {'registry.example:5000': {username: lab, password: hunter2}, quay.io: {username: a, password_file: /p}}}",
        )
        .expect("config");
        assert_eq!(config.host.as_deref(), Some("unix:///run/podman.sock"));
        assert_eq!((config.pull, config.user.as_deref()), (PullPolicy::Always, Some("1000")));
        assert_eq!(config.capabilities, [Capability::NetAdmin, Capability::NetRaw]);
        let hosts: Vec<_> = config.extra_hosts.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["iperf.example:192.0.2.7", "six.example:2001:db8::7"]);
        assert_eq!(config.registries["quay.io"].password, Password::File("/p".into()));
        let login = &config.registries["registry.example:5000"];
        assert_eq!(login.password, Password::Given(Secret::new("hunter2")));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(read("{}").expect("empty"), DockerConfig::default());
        assert_eq!(read("{capabilities: []}").expect("none").capabilities, []);
    }

    #[test]
    fn what_an_operator_cannot_mean_is_refused_by_name() {
        let allowed = "NET_RAW, NET_ADMIN, NET_BIND_SERVICE, SYS_NICE, IPC_LOCK and nothing else";
        for (docker, expected) in [
            (
                "{capabilities: [NET_RAW, SYS_ADMIN]}",
                format!("docker.capabilities has \"SYS_ADMIN\"; experiments may be given {allowed}"),
            ),
            (
                "{capabilities: [all]}",
                format!("docker.capabilities has \"all\"; experiments may be given {allowed}"),
            ),
            ("{pull: sometimes}", "docker.pull \"sometimes\" is not missing, always or never".into()),
            (
                "{host: 'tcp://192.0.2.1:2375'}",
                "docker.host \"tcp://192.0.2.1:2375\" is not like unix:///var/run/docker.sock".into(),
            ),
            ("{user: 'a b'}", "docker.user \"a b\" is not like 1000, 1000:1000 or a name".into()),
            (
                "{extra_hosts: ['a:b']}",
                "docker.extra_hosts has \"a:b\", which is not like iperf.example:192.0.2.7".into(),
            ),
            (
                "{registries: {'https://r': {username: a, password: b}}}",
                "docker.registries has \"https://r\", which is not a host like registry.example.org".into(),
            ),
            (
                "{registries: {r: {username: a, password: b, password_file: /c}}}",
                "docker.registries.r has both password and password_file".into(),
            ),
            (
                "{registries: {r: {username: a, password_file: c}}}",
                "docker.registries.r has password_file c, which is not an absolute path".into(),
            ),
        ] {
            assert_eq!(read(docker).expect_err(docker), format!("executor config {expected}"));
        }
    }

    #[test]
    fn a_password_in_the_wrong_place_is_not_shown() {
        for docker in [
            "{registries: {r: hunter2}}",
            "{registries: {r: {username: a, password: 4711}}}",
            "{registries: {r: {username: a, password: [hunter2]}}}",
            "{registries: {r: {username: a, pasword: hunter2}}}",
            "{registries: hunter2}",
        ] {
            let error = read(docker).expect_err(docker);
            assert!(!error.contains("hunter2") && !error.contains("4711"), "{error}");
        }
    }
}
