//! The container's contract, in a real container.

mod failures;

use std::collections::BTreeMap;
use std::process::Command;

use leoscope_core::backends::runtime::DockerRuntime;
use leoscope_core::ids::NodeId;
use leoscope_core::time::parse_time;
use serde_json::Value;

use crate::lab::{Lab, eventually};

pub(crate) const IMAGE: &str = "leoscope-test-busybox:1";

/// Makes an image of the static busybox, so that no registry is needed.
pub(crate) fn make_image() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        let engine = DockerRuntime::connect(NodeId::parse("node-1").expect("id"), None)
            .await
            .expect("the tests need a container engine");
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_path_with_name("/bin/busybox", "busybox").expect("busybox-static");
        let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(dockerfile.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).expect("dockerfile");
        engine.import_image(IMAGE, tar.into_inner().expect("tar").into()).await.expect("image");
    });
}

pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("docker");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_container_has_the_labels_environment_and_files_of_the_contract() {
    make_image();
    let lab = Lab::start("docker");
    let script = "busybox env > /artifacts/env.txt; busybox ls /artifacts > /artifacts/ls.txt; \
                  echo to stdout; echo to stderr >&2; busybox sleep 3";
    let config = format!(
        "experiment:\n  docker:\n    image: {IMAGE}\n    command: ['/bin/sh', '-c', '{script}']\n  environment: {{MINE: 1}}\n  own: kept\n"
    );
    lab.schedule("exp", &config, 3, 10);
    let container = eventually("the container", || {
        Some(docker(&[
            "ps",
            "-q",
            "--filter",
            "label=jobid=exp",
            "--filter",
            &format!("label=nodeid={}", lab.node_id),
        ]))
        .filter(|id| !id.is_empty())
    });
    let inspected: Value = serde_json::from_str(&docker(&["inspect", &container])).expect("inspect");
    let labels = &inspected[0]["Config"]["Labels"];
    for (label, value) in [
        ("leotest", "true"),
        ("jobid", "exp"),
        ("nodeid", &lab.node_id),
        ("userid", "researcher-1"),
        ("overhead", "true"),
        ("type", "ATQ"),
        ("server", ""),
    ] {
        assert_eq!(labels[label], value, "{labels:#}");
    }
    let host = &inspected[0]["HostConfig"];
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["SecurityOpt"][0], "no-new-privileges", "{host:#}");

    let run = lab.wait_for_run("exp", "to end with its results", |run| run["results"] == true);
    assert_eq!(run["status"], "COMPLETED", "{run:#}");
    assert_eq!(labels["runid"], run["id"]);
    // The same instant; JSON leaves zeros at its end out.
    let time = |value: &Value| parse_time(value.as_str().expect("a time")).expect("a time");
    assert_eq!(time(&labels["start_date"]), time(&run["planned_start"]));
    let results = lab.download("exp");
    let read =
        |name: &str| std::fs::read_to_string(results.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let env_text = read("env.txt");
    let env: BTreeMap<_, _> = env_text.lines().filter_map(|line| line.split_once('=')).collect();
    for (name, value) in [
        ("LEOTEST_SERVER", "0"),
        ("LEOTEST_LENGTH", "10"),
        ("LEOTEST_JOBID", "exp"),
        ("LEOTEST_NODEID", &lab.node_id),
        ("LEOTEST_SERVERIP", ""),
        ("LEOTEST_SERVER_NODEID", ""),
        ("MINE", "1"),
    ] {
        assert_eq!(env.get(name), Some(&value), "{name} in {env:#?}");
    }
    assert_eq!(env.get("LEOTEST_RUNID").copied(), run["id"].as_str());
    assert!(env.contains_key("LEOTEST_START_TIME"));
    assert!(read("ls.txt").contains("experiment-config.yaml"), "the inputs are there at the start");
    assert_eq!((read("stdout.log"), read("stderr.log")), ("to stdout\n".into(), "to stderr\n".into()));
    assert_eq!(read("experiment-config.yaml"), config);
    let arguments: Value = serde_json::from_str(&read("experiment-args.json")).expect("json");
    for key in ["id", "nodeid", "userid", "type", "startDate", "endDate", "schedule", "lengthSecs"] {
        assert!(arguments.get(key).is_some(), "{key} in {arguments:#}");
    }
    let manifest = leoscope_tests::manifest::checked(&results);
    assert_eq!(manifest["format_version"], 2);
    assert!(manifest["node"]["kernel"].as_str().expect("kernel").starts_with("Linux "), "{manifest:#}");
    assert!(manifest["node"]["congestion_control"].is_string(), "{manifest:#}");
    assert_eq!(manifest["runtime"]["name"], "docker");
    assert_eq!(
        docker(&[
            "ps",
            "-aq",
            "--filter",
            "label=jobid=exp",
            "--filter",
            &format!("label=nodeid={}", lab.node_id)
        ]),
        ""
    );
}
