//! The rules of ARCHITECTURE.md. Each takes sources and lists what breaks it.

use crate::source::{Named, Source};

/// The longest source file outside tests, in lines.
pub(crate) const MAX_LINES: usize = 400;

/// The layers of leoscope-core, lowest first, and the modules in each.
const LAYERS: [(Layer, &[&str]); 6] = [
    (Layer::Values, &["error", "time", "ids", "schedule", "trigger", "orbit"]),
    (Layer::Model, &["model"]),
    (
        Layer::Rules,
        &[
            "conflict",
            "forecast",
            "gate",
            "handover",
            "jwt",
            "kernel",
            "lifecycle",
            "pairing",
            "plan",
            "policy",
            "reconcile",
            "scavenger",
        ],
    ),
    (Layer::Ports, &["ports"]),
    (Layer::UseCases, &["bundle", "control", "agent", "fetch", "follow"]),
    (Layer::Adapters, &["backends", "proto", "client", "conformance"]),
];

/// What may be named beyond what the layers say, and why.
const EXCEPTIONS: [(&str, &str, &str); 7] = [
    ("error", "conflict", "an error lists the bookings that are in the way"),
    ("proto", "conflict", "and so does its form on the wire"),
    ("control", "bundle", "the form of a bundle belongs to the use-cases of both sides"),
    ("agent", "bundle", "the form of a bundle belongs to the use-cases of both sides"),
    ("fetch", "bundle", "and who fetches one unpacks it"),
    ("follow", "bundle", "and what a run has printed is read out of one"),
    ("client", "proto", "the client is the protocol's other end"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Values,
    Model,
    Rules,
    Ports,
    UseCases,
    Adapters,
}

impl Layer {
    fn of(module: &str) -> Option<Self> {
        LAYERS.iter().find(|(_, modules)| modules.contains(&module)).map(|(layer, _)| *layer)
    }

    /// Whether this layer may name `other`, another layer.
    fn may_name(self, other: Self) -> bool {
        match self {
            Self::Values => false,
            Self::Model => other == Self::Values,
            Self::Rules | Self::Ports => other <= Self::Model,
            Self::UseCases => other <= Self::Ports,
            Self::Adapters => matches!(other, Self::Values | Self::Model | Self::Ports),
        }
    }
}

/// The layers by the names that ARCHITECTURE.md gives them, with their modules.
pub(crate) fn layer_table() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    LAYERS.into_iter().map(|(layer, modules)| {
        let name = match layer {
            Layer::Values => "values",
            Layer::Model => "model",
            Layer::Rules => "rules",
            Layer::Ports => "ports",
            Layer::UseCases => "use-cases",
            Layer::Adapters => "adapters",
        };
        (name, modules)
    })
}

/// Whether module `from` of leoscope-core may name module `to`.
fn may_name(from: &str, to: &str) -> bool {
    if EXCEPTIONS.iter().any(|(a, b, _)| (*a, *b) == (from, to)) {
        return true;
    }
    match (Layer::of(from), Layer::of(to)) {
        // Values stand in the order of their list and name each other only downwards.
        (Some(Layer::Values), Some(Layer::Values)) => {
            let place = |module| LAYERS[0].1.iter().position(|other| *other == module);
            place(to) < place(from)
        }
        (Some(a), Some(b)) => a != b && a.may_name(b),
        _ => false,
    }
}

const DRIVERS: [&str; 10] = [
    "rusqlite",
    "bollard",
    "mongodb",
    "bson",
    "azure_core",
    "azure_storage_blob",
    "rtnetlink",
    "rumqttc",
    "tonic",
    "prost",
];
const FRONTENDS: [&str; 6] = [
    "leoscope-cli",
    "leoscope-orchestrator",
    "leoscope-node",
    "leoscope-py",
    "leoscope-settings",
    "leoscope-testbed",
];

fn core(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources
        .iter()
        .filter(|source| source.package == "leoscope-core" && !source.is_test() && source.file != "build.rs")
}

fn frontends(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| FRONTENDS.contains(&source.package.as_str()) && !source.is_test())
}

/// The top module a path of leoscope-core leads to; the root's re-exports count as their origin.
fn target(path: &Named) -> Option<&str> {
    match path.first() {
        "Error" | "ErrorKind" | "Result" => Some("error"),
        // Macros, and names that a module gives to the root, do not occur: everything is a module.
        name if name.starts_with(|c: char| c.is_ascii_lowercase()) => Some(name),
        _ => None,
    }
}

/// Every module belongs to a layer and names only what its layer may.
pub(crate) fn layers(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in core(sources) {
        let module = source.module();
        let Some(own) = module.first() else { continue };
        if Layer::of(own).is_none() {
            faults.push(format!(
                "{} module {own} has no layer: give it one in rules.rs and ARCHITECTURE.md",
                source.at(1)
            ));
            continue;
        }
        for path in source.own_paths() {
            let Some(other) = target(&path).filter(|other| other != own) else { continue };
            if !may_name(own, other) {
                faults.push(format!("{} {own} names {other}", source.at(path.line)));
            }
        }
    }
    faults
}

/// Rule 1: nothing below the ports waits, reads a clock, the environment or a file.
pub(crate) fn pure_below_ports(sources: &[Source]) -> Vec<String> {
    const WAITING: [&str; 3] = ["async", "await", "async_trait"];
    const CRATES: [&str; 4] = ["tokio", "tokio_util", "futures_util", "tracing"];
    // Addresses are values; std::net has what connects to them.
    const CALLS: [&str; 15] = [
        "Timestamp::now",
        "Zoned::now",
        "SystemTime",
        "Instant",
        "std::fs",
        "fs::read",
        "fs::write",
        "File::open",
        "File::create",
        "std::env",
        "env::var",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "std::process",
    ];
    let mut faults = Vec::new();
    let below = |source: &&Source| {
        source.module().first().and_then(|own| Layer::of(own)).is_some_and(|layer| layer < Layer::Ports)
    };
    for source in core(sources).filter(below) {
        for word in WAITING {
            faults.extend(
                source.lines_with(word).into_iter().map(|line| format!("{} uses {word}", source.at(line))),
            );
        }
        for path in source.paths() {
            if CRATES.contains(&path.first()) || CALLS.iter().any(|call| path.contains(call)) {
                faults.push(format!("{} uses {}", source.at(path.line), path.segments.join("::")));
            }
        }
    }
    faults
}

/// Rule 2: drivers are named by the adapters they belong to, never by a port, an error or anything
/// else of leoscope-core, nor by any other package.
pub(crate) fn drivers_behind_ports(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test() && source.file != "build.rs") {
        let module = source.module();
        let own = module.first().copied().unwrap_or_default();
        for path in source.paths() {
            let driver = path.first();
            let allowed = match (driver, source.package.as_str()) {
                ("tonic", "leoscope-orchestrator") => true,
                // The dish speaks a protocol of its own over gRPC.
                ("tonic", "leoscope-core") if module.starts_with(&["backends", "monitors", "dish"]) => true,
                ("tonic" | "prost", "leoscope-core") => matches!(own, "proto" | "client"),
                (_, "leoscope-core") => own == "backends",
                _ => false,
            };
            if DRIVERS.contains(&driver) && path.segments.len() > 1 && !allowed {
                faults.push(format!("{} names {}", source.at(path.line), path.segments.join("::")));
            }
        }
    }
    faults
}

/// Rule 3: messages of the protocol stay in `proto`, `client` and the orchestrator's `rpc`.
///
/// The generated servers (`…_server`), the names of metadata and the table of statuses are no
/// messages. Inside leoscope-core the layers see to it.
pub(crate) fn messages_stay_at_the_edge(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in frontends(sources) {
        let rpc = source.package == "leoscope-orchestrator" && source.module().first() == Some(&"rpc");
        for path in source.paths() {
            let message = ["unary", "v1"]
                .iter()
                .any(|package| path.contains(&format!("leoscope_core::proto::{package}")))
                && !path.segments.iter().any(|segment| segment.ends_with("_server"));
            let foreign = path.contains("leoscope_core::proto") && source.package != "leoscope-orchestrator";
            if !rpc && (message || foreign) {
                faults.push(format!("{} names {}", source.at(path.line), path.segments.join("::")));
            }
        }
    }
    faults
}

/// Rule 4: a backend names no other backend. That the agent knows the control plane only as a
/// trait follows from [`layers`].
///
/// A backend is `backends/<port>/<name>`; files directly under `backends` are helpers of all.
pub(crate) fn backends_are_strangers(sources: &[Source]) -> Vec<String> {
    let backend = |module: &[&str]| match module {
        ["backends", port, name, ..] => Some(((*port).to_owned(), (*name).to_owned())),
        _ => None,
    };
    let all: Vec<(String, String)> = core(sources).filter_map(|source| backend(&source.module())).collect();
    let mut faults = Vec::new();
    for source in core(sources) {
        let Some((port, name)) = backend(&source.module()) else { continue };
        for path in source.own_paths() {
            let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
            let ["backends", other, rest @ ..] = segments.as_slice() else { continue };
            let foreign_port = *other != port && all.iter().any(|(known, _)| known == other);
            let sibling = *other == port
                && rest.first().is_some_and(|first| {
                    *first != name && all.iter().any(|(known, sibling)| *known == port && sibling == first)
                });
            if foreign_port || sibling {
                faults.push(format!("{} {port}/{name} names {}", source.at(path.line), segments.join("::")));
            }
        }
    }
    faults
}

/// Rule 5, as far as names tell: a frontend calls use-cases, never the rules behind them. It may
/// show what they found, so their types are free to name. Only the Python package offers the rules
/// themselves, to notebooks without a testbed.
pub(crate) fn frontends_hold_no_rules(sources: &[Source]) -> Vec<String> {
    let rules = LAYERS[2].1;
    let mut faults = Vec::new();
    for source in frontends(sources).filter(|source| source.package != "leoscope-py") {
        for path in source.paths() {
            let is_type = path.segments.iter().any(|segment| segment.starts_with(char::is_uppercase));
            if !is_type && rules.iter().any(|rule| path.contains(&format!("leoscope_core::{rule}"))) {
                faults.push(format!("{} names {}", source.at(path.line), path.segments.join("::")));
            }
        }
    }
    faults
}

/// Rule 6: only `main.rs` installs a logger, reads the process environment or exits.
pub(crate) fn only_main_touches_the_process(sources: &[Source]) -> Vec<String> {
    const CALLS: [&str; 10] = [
        "env::var",
        "env::var_os",
        "env::vars",
        "env::vars_os",
        "env::args",
        "env::args_os",
        "env::set_var",
        "env::remove_var",
        "process::exit",
        "set_global_default",
    ];
    let mut faults = Vec::new();
    for source in sources {
        if source.is_test() || source.file.ends_with("main.rs") || source.file == "build.rs" {
            continue;
        }
        for path in source.paths() {
            if path.first() == "tracing_subscriber" || CALLS.iter().any(|call| path.contains(call)) {
                faults.push(format!("{} uses {}", source.at(path.line), path.segments.join("::")));
            }
        }
    }
    faults
}

/// A file that does one thing is short; tests, and the cases of the conformance suites, may be longer.
pub(crate) fn files_are_short(sources: &[Source]) -> Vec<String> {
    let cases = |source: &Source| source.module().first() == Some(&"conformance");
    let long =
        sources.iter().filter(|source| !source.is_test() && !cases(source) && source.lines > MAX_LINES);
    long.map(|source| {
        format!("{} is {} lines long, at most {MAX_LINES} are wanted", source.at(1), source.lines)
    })
    .collect()
}
