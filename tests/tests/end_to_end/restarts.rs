//! A node with a real container engine that is killed and comes back.

use std::fs;

use crate::docker::{IMAGE, docker, make_image};
use crate::lab::{Lab, eventually};

/// Starts a container that looks as if the node `node` had started it for the run `run`.
fn stray(node: &str, run: &str) -> String {
    let (node, name, run) = (format!("nodeid={node}"), format!("leotest-{run}"), format!("runid={run}"));
    let labels = ["--name", &name, "--label", "leotest=true", "--label", &node, "--label", &run];
    docker(&[&["run", "-d"][..], &labels, &[IMAGE, "/bin/busybox", "sleep", "600"]].concat())
}

fn is_there(container: &str) -> bool {
    !docker(&["ps", "-aq", "--no-trunc", "--filter", &format!("id={container}")]).is_empty()
}

#[test]
fn a_killed_node_adopts_its_container_and_removes_those_nobody_knows() {
    make_image();
    let mut lab = Lab::start("docker");
    let script = "echo begun; busybox sleep 6; echo whole > /artifacts/done.txt";
    let config = format!("docker: {{image: {IMAGE}, command: ['/bin/sh', '-c', '{script}']}}");
    lab.schedule("exp", &config, 3, 20);
    lab.wait_for_run("exp", "to be executing", |run| run["phase"] == "EXECUTE");
    lab.node.kill();
    let of_node = format!("label=nodeid={}", lab.node_id);
    let adopted = docker(&["ps", "-q", "--no-trunc", "--filter", &of_node]);
    assert_eq!(adopted.lines().count(), 1, "it goes on without its node: {adopted}");
    let unknown = stray(&lab.node_id, &format!("unknown-{}", lab.port));
    let foreign = stray(&format!("{}-neighbour", lab.node_id), &format!("its-{}", lab.port));
    lab.start_node();
    eventually("the unknown container to be removed", || (!is_there(&unknown)).then_some(()));
    let run = lab.wait_for_run("exp", "to end with its results", |run| run["results"] == true);
    let neighbour_is_there = is_there(&foreign);
    docker(&["rm", "-f", &foreign]);
    assert!(neighbour_is_there, "another node's container is not ours to remove");
    assert_eq!((&run["status"], &run["exit_code"]), (&"COMPLETED".into(), &0.into()), "{run:#}");
    assert_eq!(lab.runs("exp").len(), 1, "none lost, none twice");
    let results = lab.download("exp");
    let read = |name: &str| fs::read_to_string(results.join(name)).expect(name);
    assert_eq!((read("stdout.log"), read("done.txt")), ("begun\n".into(), "whole\n".into()), "it ran once");
    assert_eq!(docker(&["ps", "-aq", "--filter", &of_node]), "", "nothing is left");
}
