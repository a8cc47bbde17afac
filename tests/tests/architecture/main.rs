//! The rules of ARCHITECTURE.md, checked against the sources.
//!
//! Each rule is also shown a small sample that breaks it, so that a rule that sees nothing fails.

mod manifests;
mod rules;
mod source;

use source::Source;

fn check(rule: impl Fn(&[Source]) -> Vec<String>) {
    let faults = rule(&Source::load_all());
    assert!(faults.is_empty(), "\n{}\nsee ARCHITECTURE.md", faults.join("\n"));
}

/// The rule must find exactly this in the sample, a file of leoscope-core unless it is written
/// `package:file`.
fn must_see(rule: impl Fn(&[Source]) -> Vec<String>, (file, text): (&str, &str), expected: &[&str]) {
    let (package, file) = file.split_once(':').unwrap_or(("leoscope-core", file));
    assert_eq!(rule(&[Source::new(package, file, text)]), expected, "{text}");
}

#[test]
fn each_layer_names_only_what_it_may() {
    check(rules::layers);
}

#[test]
fn nothing_below_the_ports_waits_or_reads_clock_environment_or_files() {
    check(rules::pure_below_ports);
}

#[test]
fn drivers_are_named_by_their_adapters_alone() {
    check(rules::drivers_behind_ports);
}

#[test]
fn protocol_messages_stay_at_the_edge() {
    check(rules::messages_stay_at_the_edge);
}

#[test]
fn backends_do_not_know_each_other() {
    check(rules::backends_are_strangers);
}

#[test]
fn frontends_hold_no_rule_of_the_domain() {
    check(rules::frontends_hold_no_rules);
}

#[test]
fn only_main_logs_reads_the_environment_and_exits() {
    check(rules::only_main_touches_the_process);
}

#[test]
fn source_files_are_short() {
    check(rules::files_are_short);
}

#[test]
fn the_page_shows_every_module_in_its_layer() {
    let page = include_str!("../../../ARCHITECTURE.md");
    for (name, modules) in rules::layer_table() {
        let row = page.lines().find(|line| line.starts_with(&format!("| {name} |")));
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for {name}"));
        for module in modules {
            assert!(row.contains(&format!("`{module}`")), "{module} is missing in: {row}");
        }
    }
}

#[test]
fn the_layer_rule_sees_upward_and_sideward_names() {
    let see = |sample, expected: &[&str]| must_see(rules::layers, sample, expected);
    see(
        ("src/model/job.rs", "use crate::ports::Clock;"),
        &["leoscope-core/src/model/job.rs:1 model names ports"],
    );
    see(
        ("src/ids.rs", "\nuse crate::{error::Error, schedule::{CronExpr}};"),
        &["leoscope-core/src/ids.rs:2 ids names schedule"],
    );
    see(
        ("src/agent/sync.rs", "fn f() { super::super::control::x() }"),
        &["leoscope-core/src/agent/sync.rs:1 agent names control"],
    );
    see(
        ("src/agent/sync.rs", "use crate::client::GrpcClient;"),
        &["leoscope-core/src/agent/sync.rs:1 agent names client"],
    );
    see(
        ("src/control/jobs.rs", "use crate::proto::unary;"),
        &["leoscope-core/src/control/jobs.rs:1 control names proto"],
    );
    see(
        ("src/horoscope.rs", ""),
        &[
            "leoscope-core/src/horoscope.rs:1 module horoscope has no layer: give it one in rules.rs and ARCHITECTURE.md",
        ],
    );
    see(
        ("src/agent/sync.rs", "use super::Inner; use crate::{plan, ports::Clock, Result}; // crate::control"),
        &[],
    );
    see(("src/ids.rs", "#[cfg(test)] mod tests { use crate::schedule::CronExpr; }"), &[]);
}

#[test]
fn the_purity_rule_sees_waiting_clocks_environment_and_files() {
    let seen = |text| rules::pure_below_ports(&[Source::new("leoscope-core", "src/plan.rs", text)]).len();
    for text in [
        "async fn f() {}",
        "fn f() { Timestamp::now(); }",
        "fn f() { std::fs::read(\"x\"); }",
        "use std::{env, fmt};",
        "use std::time::{Duration, Instant};",
        "fn f() { tokio::spawn(x); }",
    ] {
        assert_eq!(seen(text), 1, "{text}");
    }
    for text in [
        "// async Timestamp::now()",
        "const A: &str = \"std::fs\";",
        "const B: &str = r#\"a\" .await\"#;",
        "fn f<'a>(x: &'a str) { let c = '\\''; }",
    ] {
        assert_eq!(seen(text), 0, "{text}");
    }
    let port =
        Source::new("leoscope-core", "src/ports/clock.rs", "#[async_trait] trait Clock { async fn f(); }");
    assert_eq!(rules::pure_below_ports(&[port]), [""; 0]);
}

#[test]
fn the_driver_rule_sees_drivers_in_ports_errors_and_frontends() {
    let see = |sample, expected: &[&str]| must_see(rules::drivers_behind_ports, sample, expected);
    see(
        ("src/ports/store.rs", "fn f() -> Result<(), rusqlite::Error>;"),
        &["leoscope-core/src/ports/store.rs:1 names rusqlite::Error"],
    );
    see(
        ("src/error.rs", "impl From<tonic::Status> for Error {}"),
        &["leoscope-core/src/error.rs:1 names tonic::Status"],
    );
    see(
        ("leoscope-cli:src/testbed.rs", "use bollard::Docker;"),
        &["leoscope-cli/src/testbed.rs:1 names bollard::Docker"],
    );
    see(
        ("src/backends/store/memory.rs", "use tonic::Status;"),
        &["leoscope-core/src/backends/store/memory.rs:1 names tonic::Status"],
    );
    see(("src/backends/monitors/dish/wire.rs", "use tonic::Status;"), &[]);
    see(("src/backends/runtime/docker.rs", "use bollard::Docker;"), &[]);
    see(("leoscope-orchestrator:src/auth.rs", "use tonic::Status;"), &[]);
}

#[test]
fn the_message_rule_sees_messages_outside_the_edge() {
    let see = |sample, expected: &[&str]| must_see(rules::messages_stay_at_the_edge, sample, expected);
    see(
        ("leoscope-cli:src/run.rs", "use leoscope_core::{Error, proto::unary::Job};"),
        &["leoscope-cli/src/run.rs:1 names leoscope_core::proto::unary::Job"],
    );
    see(
        ("leoscope-orchestrator:src/auth.rs", "use leoscope_core::proto::v1;"),
        &["leoscope-orchestrator/src/auth.rs:1 names leoscope_core::proto::v1"],
    );
    see(("leoscope-orchestrator:src/rpc/jobs.rs", "use leoscope_core::proto::unary;"), &[]);
    see(("leoscope-orchestrator:src/app.rs", "use leoscope_core::proto::v1::feed_server::FeedServer;"), &[]);
}

#[test]
fn the_backend_rule_sees_acquaintances() {
    let faults = |text| {
        let memory = Source::new("leoscope-core", "src/backends/store/memory.rs", "");
        let clock = Source::new("leoscope-core", "src/backends/clock/system.rs", "");
        let sqlite = Source::new("leoscope-core", "src/backends/store/sqlite/mod.rs", text);
        rules::backends_are_strangers(&[memory, clock, sqlite])
    };
    for text in [
        "use super::memory::Memory;",
        "use crate::backends::store::memory;",
        "use crate::backends::clock::SystemClock;",
        "use super::super::clock;",
    ] {
        assert_eq!(faults(text).len(), 1, "{text}");
    }
    for text in ["use super::super::database;", "mod jobs; use self::jobs::Jobs;", "use crate::ports::Clock;"]
    {
        assert_eq!(faults(text), [""; 0], "{text}");
    }
}

#[test]
fn the_frontend_rule_sees_rules_and_the_process_rule_sees_exits() {
    must_see(
        rules::frontends_hold_no_rules,
        ("leoscope-cli:src/job.rs", "use leoscope_core::{conflict::conflicts, ids::JobId};"),
        &["leoscope-cli/src/job.rs:1 names leoscope_core::conflict::conflicts"],
    );
    must_see(
        rules::frontends_hold_no_rules,
        ("leoscope-cli:src/output.rs", "use leoscope_core::conflict::Conflict;"),
        &[],
    );
    let see = |sample, expected: &[&str]| must_see(rules::only_main_touches_the_process, sample, expected);
    see(
        ("leoscope-node:src/lib.rs", "use std::env; fn f() { env::var(\"A\"); std::process::exit(1) }"),
        &["leoscope-node/src/lib.rs:1 uses env::var", "leoscope-node/src/lib.rs:1 uses std::process::exit"],
    );
    see(
        ("src/agent/mod.rs", "fn f() { tracing_subscriber::fmt().init() }"),
        &["leoscope-core/src/agent/mod.rs:1 uses tracing_subscriber::fmt"],
    );
    see(("leoscope-node:src/main.rs", "fn main() { std::env::vars(); }"), &[]);
    see(("leoscope-node:src/lib.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");"), &[]);
    let long = "\n".repeat(rules::MAX_LINES + 1);
    must_see(
        rules::files_are_short,
        ("src/ids.rs", &long),
        &["leoscope-core/src/ids.rs:1 is 401 lines long, at most 400 are wanted"],
    );
    must_see(rules::files_are_short, ("src/plan/tests.rs", &long), &[]);
}
