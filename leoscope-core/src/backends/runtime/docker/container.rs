//! What a run's container looks like, made and found.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, HostConfig,
    HostConfigLogConfig, Mount, MountType, PortBinding, PortMap, ResourcesUlimits,
};

use crate::backends::runtime::RESULTS_VARIABLE;
use crate::ids::{NodeId, RunId};
use crate::model::{DockerExperiment, Exit, Limits, Network, PortMapping, RuntimeState};
use crate::ports::RunSpec;
use crate::time::{Timestamp, parse_time, to_micros};

/// The label of every container of the testbed; its value is `true`.
pub(super) const LABEL: &str = "leotest";
/// The label with the run id.
pub(super) const RUN_LABEL: &str = "runid";
/// The label with the node id.
pub(super) const NODE_LABEL: &str = "nodeid";

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
    /// When it was started, if it was.
    pub(super) started: Option<Timestamp>,
    /// How many bits per second it may send, if that is limited.
    pub(super) rate: Option<u64>,
    /// Its first process, as the host numbers it, while it runs.
    pub(super) pid: Option<i64>,
    /// How it ended, if it has.
    exit: Option<Exit>,
}

impl Found {
    /// Reads what the engine says; `None` for a container that is not of `run`.
    pub(super) fn of(run: &RunId, inspected: ContainerInspectResponse) -> Option<Self> {
        let labels = inspected.config.and_then(|config| config.labels).unwrap_or_default();
        if labels.get(RUN_LABEL).map(String::as_str) != Some(run.as_str()) {
            return None;
        }
        let ContainerState { status, exit_code, oom_killed, started_at, finished_at, pid, .. } =
            inspected.state.unwrap_or_default();
        let started = instant(started_at);
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
        Some(Self { id: inspected.id.unwrap_or_else(|| name(run)), started, rate, pid, exit })
    }

    pub(super) fn state(&self) -> RuntimeState {
        match (self.started, self.exit) {
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

/// What to ask the engine for.
pub(super) fn body(spec: &RunSpec, experiment: &DockerExperiment, node: &NodeId) -> ContainerCreateBody {
    let RunSpec { run, experiment: _, environment, labels, results, results_dest, network, limits, until: _ } =
        spec;
    let DockerExperiment { image, name: _, command, ports } = experiment;
    let mut labels: HashMap<_, _> = labels.clone().into_iter().collect();
    for (label, value) in [(LABEL, "true"), (RUN_LABEL, run.as_str()), (NODE_LABEL, node.as_str())] {
        labels.insert(label.into(), value.into());
    }
    labels.extend(limits.rate.map(|rate| (RATE_LABEL.into(), rate.to_string())));
    let mut environment = environment.clone();
    environment.insert(RESULTS_VARIABLE.into(), results_dest.clone());
    // Without a network of its own, or without any, a container has no ports to publish.
    let ports = match network {
        Network::Host | Network::None => &[],
        Network::Bridge | Network::Named(_) => ports.as_slice(),
    };
    let mount = Mount {
        typ: Some(MountType::BIND),
        source: Some(results.to_string_lossy().into_owned()),
        target: Some(results_dest.clone()),
        ..Default::default()
    };
    ContainerCreateBody {
        image: Some(image.clone()),
        cmd: command.clone(),
        env: Some(environment.into_iter().map(|(key, value)| format!("{key}={value}")).collect()),
        labels: Some(labels),
        exposed_ports: Some(ports.iter().map(container_port).collect()),
        host_config: Some(HostConfig {
            mounts: Some(vec![mount]),
            network_mode: Some(network.name().to_owned()),
            port_bindings: Some(bindings(ports)),
            ..confined(limits)
        }),
        ..Default::default()
    }
}

/// What no experiment gets past.
fn confined(limits: &Limits) -> HostConfig {
    let Limits { memory, cpus, pids, disk, rate: _ } = *limits;
    let [memory, disk] = [memory, disk].map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
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
        // The length of one file: all of them together are measured now and then by the node.
        ulimits: Some(vec![ResourcesUlimits {
            name: Some("fsize".into()),
            soft: Some(disk),
            hard: Some(disk),
        }]),
        cap_drop: Some(vec!["ALL".into()]),
        cap_add: Some(vec!["NET_RAW".into()]),
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
