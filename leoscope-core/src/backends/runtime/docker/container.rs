//! What a run's container looks like, made and found.

use std::collections::HashMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, HealthConfig,
    HostConfig, HostConfigLogConfig, Mount, MountType, PortBinding, PortMap, ResourcesUlimits,
};
use nix::sys::resource::{Resource, getrlimit};

use super::DockerRuntime;
use super::gate::{BOX, Gate};
use super::image::Image;
use crate::backends::runtime::RESULTS_VARIABLE;
use crate::ids::RunId;
use crate::model::{DockerExperiment, Exit, Limits, Network, PortMapping, RuntimeState};
use crate::ports::RunSpec;
use crate::time::{Timestamp, parse_time, to_micros};

/// The label of every container of the testbed; its value is `true`.
pub(super) const LABEL: &str = "leotest";
/// The label with the run id.
pub(super) const RUN_LABEL: &str = "runid";
/// The label with the node id.
pub(super) const NODE_LABEL: &str = "nodeid";
/// The label of containers that are held by a gate; its value is `armed`.
const START_LABEL: &str = "leotest.start";
const ARMED: &str = "armed";

/// The label with the bits per second that it may send, where there is such a limit.
const RATE_LABEL: &str = "rate";

/// How much of the output the engine keeps: two files of this size.
const OUTPUT_FILE_SIZE: &str = "64m";

/// The name of a run's container.
pub(super) fn name(run: &RunId) -> String {
    // The two characters that an id may have and a container's name may not. Should two ids come
    // out as one name, the label tells them apart.
    format!("leotest-{}", run.as_str().replace(['@', '+'], "-"))
}

/// A run's container as the engine shows it.
#[derive(Debug)]
pub(super) struct Found {
    /// The engine's own id of it: unlike the name it is never given to another.
    pub(super) id: String,
    /// The engine's own id of its image.
    pub(super) image: String,
    /// Whether its first program is the gate.
    pub(super) armed: bool,
    /// Whether its first program runs.
    pub(super) alive: bool,
    /// When the experiment was started, if it was.
    pub(super) started: Option<Timestamp>,
    /// How many bits per second it may send, if that is limited.
    pub(super) rate: Option<u64>,
    /// Its first process, as the host numbers it, while it runs.
    pub(super) pid: Option<i64>,
    /// How it ended, if it has.
    exit: Option<Exit>,
}

impl Found {
    /// Reads what the engine says, and for one with a gate what is known of that; `None` for a
    /// container that is not of `run`.
    pub(super) fn of(
        run: &RunId,
        gate: Option<&Gate>,
        inspected: ContainerInspectResponse,
    ) -> io::Result<Option<Self>> {
        let labels = inspected.config.and_then(|config| config.labels).unwrap_or_default();
        if labels.get(RUN_LABEL).map(String::as_str) != Some(run.as_str()) {
            return Ok(None);
        }
        let ContainerState { status, exit_code, oom_killed, started_at, finished_at, pid, .. } =
            inspected.state.unwrap_or_default();
        let armed = labels.get(START_LABEL).map(String::as_str) == Some(ARMED);
        let begun = instant(started_at);
        let started = match (armed, gate) {
            (false, _) => begun,
            (true, Some(gate)) => gate.released()?,
            (true, None) => None,
        };
        let over = matches!(status, Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD));
        let exit = started.filter(|_| over).map(|started| Exit {
            code: exit_code.and_then(|code| i32::try_from(code).ok()),
            out_of_memory: oom_killed.unwrap_or_default(),
            // The engine notes the start of a short experiment later than its end.
            at: instant(finished_at).unwrap_or(started).max(started),
        });
        let rate = labels.get(RATE_LABEL).and_then(|rate| rate.parse().ok());
        // The engine says 0 for what does not run.
        let pid = pid.filter(|pid| *pid > 0);
        let id = inspected.id.unwrap_or_else(|| name(run));
        let image = inspected.image.unwrap_or_default();
        Ok(Some(Self { id, image, armed, alive: begun.is_some() && !over, started, rate, pid, exit }))
    }

    pub(super) fn state(&self) -> RuntimeState {
        match (self.started, self.exit) {
            // Its gate has been killed, or has not been started: it is made ready anew.
            (None, _) if self.armed && !self.alive => RuntimeState::Absent,
            (None, _) => RuntimeState::Prepared,
            (Some(started), None) => RuntimeState::Running(started),
            (Some(_), Some(exit)) => RuntimeState::Exited(exit),
        }
    }
}

/// Reads an instant of the engine, which gives the year 1 for what has not happened.
fn instant(text: Option<String>) -> Option<Timestamp> {
    let at = parse_time(&text?).ok()?;
    (at > Timestamp::UNIX_EPOCH).then(|| to_micros(at))
}

/// Lets every user of the container write to the results directory: root in a container without
/// capabilities can do no more with the files of another user than anybody else.
pub(super) async fn open_results(results: &Path) {
    if let Err(e) = tokio::fs::set_permissions(results, Permissions::from_mode(0o777)).await {
        tracing::debug!(results = %results.display(), error = %e, "results directory keeps its permissions");
    }
}

impl DockerRuntime {
    /// What to ask the engine for; with a gate where the container is to be held by it.
    pub(super) fn body(
        &self,
        spec: &RunSpec,
        experiment: &DockerExperiment,
        image: &Image,
        gate: Option<&Gate>,
    ) -> ContainerCreateBody {
        let RunSpec { run, experiment: _, environment, labels, .. } = spec;
        let RunSpec { results, results_dest, network, limits, until, .. } = spec;
        let DockerExperiment { image: _, name: _, command, ports } = experiment;
        let mut labels: HashMap<_, _> = labels.clone().into_iter().collect();
        for (label, value) in [(LABEL, "true"), (RUN_LABEL, run.as_str()), (NODE_LABEL, self.node.as_str())] {
            labels.insert(label.into(), value.into());
        }
        let mut environment = environment.clone();
        environment.insert(RESULTS_VARIABLE.into(), results_dest.clone());
        // Without a network of its own, or without any, a container has no ports to publish.
        let ports = match network {
            Network::Host | Network::None => &[],
            Network::Bridge | Network::Named(_) => ports.as_slice(),
        };
        let mut mounts = vec![bind(results, results_dest)];
        let (entrypoint, cmd) = match gate {
            None => (None, command.clone()),
            Some(gate) => {
                labels.insert(START_LABEL.into(), ARMED.into());
                mounts.push(Mount { read_only: Some(true), ..bind(&gate.box_path(), BOX) });
                let until = until.map_or_else(|| "-".into(), |until| until.as_microsecond().to_string());
                (Some(vec![format!("{BOX}/gate"), BOX.into(), until]), Some(image.words(command.as_deref())))
            }
        };
        let own = if self.podman { podman_limits() } else { Vec::new() };
        labels.extend(limits.rate.map(|rate| (RATE_LABEL.into(), rate.to_string())));
        ContainerCreateBody {
            // What was found under the image's name, whatever that name stands for later.
            image: Some(image.id.clone()),
            entrypoint,
            cmd,
            user: self.config.user.clone(),
            env: Some(environment.into_iter().map(|(key, value)| format!("{key}={value}")).collect()),
            labels: Some(labels),
            exposed_ports: Some(ports.iter().map(container_port).collect()),
            // A check of the image would use the link while the experiment is held, and after.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..Default::default() }),
            host_config: Some(HostConfig {
                mounts: Some(mounts),
                network_mode: Some(network.name().to_owned()),
                port_bindings: Some(bindings(ports)),
                extra_hosts: Some(self.config.extra_hosts.iter().map(ToString::to_string).collect()),
                cap_add: Some(self.config.capabilities.iter().map(|cap| cap.name().to_owned()).collect()),
                ulimits: Some(limits_of_files(limits.disk).chain(own).collect()),
                ..confined(limits)
            }),
            ..Default::default()
        }
    }
}

fn bind(source: &Path, target: &str) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_string_lossy().into_owned()),
        target: Some(target.to_owned()),
        ..Default::default()
    }
}

/// That no single file outgrows what may be kept, whatever is found when the results are measured.
fn limits_of_files(disk: u64) -> impl Iterator<Item = ResourcesUlimits> {
    let most = i64::try_from(disk).unwrap_or(i64::MAX);
    std::iter::once(ResourcesUlimits { name: Some("fsize".into()), soft: Some(most), hard: Some(most) })
}

/// Limits that podman may set: unless it is told it asks for more than it has itself where it is
/// confined, and it confines itself to as many processes as small systems have ids for.
fn podman_limits() -> Vec<ResourcesUlimits> {
    let limits = [("nofile", Resource::RLIMIT_NOFILE, u64::MAX), ("nproc", Resource::RLIMIT_NPROC, 32768)];
    let limit = |(name, resource, most): (&str, Resource, u64)| {
        let (soft, hard) = getrlimit(resource).ok()?;
        // Without a limit it is -1 to an engine.
        let [soft, hard] = [soft, hard].map(|limit| i64::try_from(limit.min(most)).unwrap_or(-1));
        Some(ResourcesUlimits { name: Some(name.into()), soft: Some(soft), hard: Some(hard) })
    };
    limits.into_iter().filter_map(limit).collect()
}

/// What no experiment gets past.
fn confined(limits: &Limits) -> HostConfig {
    // The length of files is limited beside these, the rate once there is a network.
    let Limits { memory, cpus, pids, disk: _, rate: _ } = *limits;
    let memory = i64::try_from(memory).unwrap_or(i64::MAX);
    let logs = [("max-size", OUTPUT_FILE_SIZE), ("max-file", "2")];
    HostConfig {
        memory: Some(memory),
        // Memory and swap together: otherwise as much again could be swapped.
        memory_swap: Some(memory),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "casts saturate, and the engine refuses absurd values"
        )]
        nano_cpus: Some((cpus * 1e9) as i64),
        pids_limit: Some(i64::from(pids)),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        privileged: Some(false),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(logs.map(|(key, value)| (key.into(), value.into())).into()),
        }),
        ..Default::default()
    }
}

fn container_port(port: &PortMapping) -> String {
    format!("{}/{}", port.container, port.protocol)
}

fn bindings(ports: &[PortMapping]) -> PortMap {
    let mut bindings = PortMap::new();
    for port in ports {
        let binding = PortBinding { host_ip: None, host_port: Some(port.host.to_string()) };
        bindings.entry(container_port(port)).or_default().get_or_insert_default().push(binding);
    }
    bindings
}
