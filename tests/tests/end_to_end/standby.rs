//! Nodes that do not take (all) experiments for a while.

use std::net::UdpSocket;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leoscope_tests::skipped;
use serde_json::Value;

use crate::docker::{IMAGE, docker, make_image};
use crate::lab::{Lab, eventually};

fn container(script: &str) -> String {
    format!("docker: {{image: {IMAGE}, command: ['/bin/sh', '-c', '{script}']}}")
}

/// What keeps a node from experiments, as `node get` tells it.
fn standby(lab: &Lab, node: &str) -> Value {
    let text = lab.cli_ok(&["node", "get", &format!("--nodeid={node}"), "--output=json"]);
    let nodes: Value = serde_json::from_str(&text).expect("json");
    nodes[0]["standby"].clone()
}

/// Two runs that need a link for themselves are never at the same time on one node, whoever books
/// them: here each is on a node of its own, both are its owner's, and the third run shares the link
/// of one of them.
#[test]
fn all_runs_that_need_the_link_are_stopped_also_stubborn_ones_and_the_other_goes_on() {
    make_image();
    let mut lab = Lab::start("docker");
    let (_beside, second) = lab.node_beside("second", "docker", &[]);
    let stubborn = "trap \"\" TERM; while true; do busybox sleep 1; done";
    lab.schedule_with("stubborn", &container(stubborn), 4, 120, &["--end-date=+1h", "--overhead"]);
    lab.schedule_with("shared", &container("busybox sleep 15"), 4, 120, &["--no-overhead"]);
    let first = std::mem::replace(&mut lab.node_id, second.clone());
    lab.schedule_with("alone", &container("busybox sleep 110"), 4, 120, &["--end-date=+1h", "--overhead"]);
    for job in ["stubborn", "shared", "alone"] {
        lab.wait_for_run(job, "to be executing", |run| run["phase"] == "EXECUTE");
    }
    for node in [&first, &second] {
        lab.as_admin(&[
            "node",
            "scavenger-set",
            &format!("--nodeid={node}"),
            "--reason=a video call",
            "--for=2h",
        ]);
    }
    for job in ["stubborn", "alone"] {
        let run = lab.wait_for_run(job, "to be stopped", |run| run["status"] == "ABORTED");
        assert_eq!(run["reason"], "SCAVENGER_MODE", "{run:#}");
        assert!(run["message"].as_str().expect("text").ends_with(": a video call"), "{run:#}");
        assert_eq!(run["exit_code"], 137, "neither shell ends on SIGTERM: {run:#}");
    }
    let left = |job: &str| {
        let (job, node) = (format!("label=jobid={job}"), format!("label=nodeid={first}"));
        docker(&["ps", "-q", "--filter", &job, "--filter", &node])
    };
    assert_eq!(left("stubborn"), "");
    let whole = lab.wait_for_run("shared", "to go on to its end", |run| run["results"] == true);
    assert_eq!((&whole["status"], &whole["exit_code"]), (&"COMPLETED".into(), &0.into()), "{whole:#}");
    let told = standby(&lab, &first);
    assert_eq!((&told[0]["kind"], &told[0]["by"]), (&"SCAVENGER".into(), &"PERSON".into()), "{told:#}");
    assert_eq!(told[0]["reason"], "a video call");
    let table = lab.cli_ok(&["node", "get", &format!("--nodeid={first}")]);
    assert!(table.contains("scavenger mode until 2"), "{table}");
    // In an hour there is no time at which the node is free of it.
    let kept = eventually("the job to be found to have no other time", || {
        let id = format!("--runid={}", lab.runs("stubborn")[0]["id"].as_str().expect("id"));
        let timeline = lab.cli_ok(&["run", "timeline", &id]);
        timeline.contains("RESCHEDULE_FAILED").then_some(timeline)
    });
    assert!(kept.contains("no free slot"), "{kept}");
}

#[test]
fn a_node_that_is_drained_finishes_what_runs_and_begins_nothing_until_it_is_resumed() {
    let lab = Lab::start("process");
    let slow = "process: {command: 'echo begun; sleep 6; echo whole > done.txt'}";
    lab.schedule_with("alone", slow, 2, 20, &["--overhead"]);
    lab.schedule_with("shared", slow, 2, 20, &["--no-overhead"]);
    for job in ["alone", "shared"] {
        lab.wait_for_run(job, "to be executing", |run| run["phase"] == "EXECUTE");
    }
    let node = format!("--nodeid={}", lab.node_id);
    let denied = lab.cli(&["node", "drain", &node]);
    assert!(!denied.success && denied.stderr.contains("permission denied"), "{denied:?}");
    lab.as_admin(&["node", "drain", &node, "--reason=the roof is repaired"]);
    lab.schedule_with("next", slow, 25, 20, &["--no-overhead"]);
    let next = lab.wait_for_run("next", "to be skipped", |run| run["status"] == "SKIPPED");
    assert_eq!(next["reason"], "NODE_DRAINING", "{next:#}");
    for job in ["alone", "shared"] {
        let run = lab.wait_for_run(job, "to end with its results", |run| run["results"] == true);
        assert_eq!((&run["status"], &run["exit_code"]), (&"COMPLETED".into(), &0.into()), "{run:#}");
    }
    let told = standby(&lab, &lab.node_id);
    assert_eq!((&told[0]["kind"], &told[0]["until"]), (&"DRAIN".into(), &Value::Null), "{told:#}");
    lab.as_admin(&["node", "resume", &node]);
    assert_eq!(standby(&lab, &lab.node_id), Value::Array(Vec::new()));
    lab.schedule_with("after", "process: {command: 'true'}", 2, 5, &["--no-overhead"]);
    let run = lab.wait_for_run("after", "to end", |run| run["results"] == true);
    assert_eq!(run["status"], "COMPLETED", "{run:#}");
}

/// A network interface that leads nowhere, gone with its owner.
struct Nowhere(String);

impl Nowhere {
    const NETWORK: &str = "198.18.77";

    fn new() -> Option<Self> {
        let name = format!("leo{}", std::process::id());
        let (peer, next) = (format!("{name}p"), format!("{}.2", Self::NETWORK));
        let ip = |args: &[&str]| Command::new("ip").args(args).status().is_ok_and(|status| status.success());
        if !ip(&["link", "add", &name, "type", "veth", "peer", "name", &peer]) {
            return None;
        }
        let made = Self(name);
        let address = format!("{}.1/24", Self::NETWORK);
        assert!(ip(&["addr", "add", &address, "dev", &made.0]));
        assert!(ip(&["link", "set", &made.0, "up"]) && ip(&["link", "set", &peer, "up"]));
        assert!(ip(&["neigh", "add", &next, "lladdr", "02:00:00:00:00:02", "dev", &made.0]));
        Some(made)
    }
}

impl Drop for Nowhere {
    fn drop(&mut self) {
        // It goes with its network namespace at the latest.
        let _ = Command::new("ip").args(["link", "del", &self.0]).status();
    }
}

#[test]
fn a_host_that_uses_its_link_stops_what_needs_it_and_gives_it_back_when_it_is_quiet() {
    let Some(interface) = Nowhere::new() else {
        return skipped("interfaces", "a network interface cannot be made here");
    };
    make_image();
    let mut lab = Lab::start("docker");
    let config = format!(
        "docker: {{execute: {{network: bridge}}}}\nscavenger: {{interface: {}, above: 1mbit, for: 2s, quiet: 2s}}\n",
        interface.0
    );
    let config = lab.write("executor.yaml", &config);
    let (_node, id) = lab.node_beside("busy", "docker", &["--executor-config", &config]);
    lab.node_id = id.clone();
    lab.schedule_with("alone", &container("busybox sleep 110"), 4, 120, &["--overhead"]);
    lab.wait_for_run("alone", "to be executing", |run| run["phase"] == "EXECUTE");
    assert_eq!(standby(&lab, &id), Value::Array(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let traffic = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            let socket = UdpSocket::bind((format!("{}.1", Nowhere::NETWORK), 0)).expect("socket");
            while !stop.load(Ordering::SeqCst) {
                for _ in 0..50 {
                    // Where it is too much for the interface, it is enough.
                    let _ = socket.send_to(&[0; 1400], (format!("{}.2", Nowhere::NETWORK), 9));
                }
                std::thread::park_timeout(Duration::from_millis(10));
            }
        }
    });
    let stopped = lab.wait_for_run("alone", "to be stopped", |run| run["status"] == "ABORTED");
    assert_eq!(stopped["reason"], "SCAVENGER_MODE", "{stopped:#}");
    let told =
        eventually("people to be told", || Some(standby(&lab, &id)).filter(|told| told[0]["by"] == "HOST"));
    assert!(told[0]["reason"].as_str().expect("text").contains(&interface.0), "{told:#}");
    stop.store(true, Ordering::SeqCst);
    traffic.join().expect("traffic");
    eventually("the link to be given back", || {
        (standby(&lab, &id) == Value::Array(Vec::new())).then_some(())
    });
}
