//! Satellites as people meet them: the manual's commands, and the demo.

use std::fs;
use std::path::Path;
use std::process::Command;

use leoscope_tests::free_port;
use serde_json::Value;

use crate::lab::{Process, binary, eventually};

/// The shell commands of a text from one of its headings on to the next of that kind.
fn blocks(file: &str, heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = fs::read_to_string(path).expect(file);
    let section = text.split(&format!("\n## {heading}\n")).nth(1).expect(heading);
    let section = section.split("\n## ").next().expect("section");
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().expect("block"));
    blocks.collect()
}

#[test]
fn what_the_manual_and_the_readme_say_of_the_sky_works_as_written() {
    let dir = tempfile::tempdir().expect("directory");
    let programs = binary("leoscope").parent().expect("directory").display().to_string();
    let port = free_port().to_string();
    let shell = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-euc", script]).current_dir(dir.path()).env_clear();
        command.env("PATH", format!("{programs}:/usr/bin:/bin")).env("HOME", dir.path());
        command.env("LEOSCOPE_GRPC_PORT", &port);
        command
    };
    let dev = "exec leoscope dev --state-dir=./testbed";
    let _testbed = Process::spawn(&mut shell(dev), dir.path().join("dev.log"));
    let tokens = dir.path().join("testbed/tokens/researcher-1");
    eventually("the testbed to be up", || {
        let log = fs::read_to_string(dir.path().join("dev.log")).unwrap_or_default();
        (tokens.exists() && log.contains("testbed is up")).then_some(())
    });
    let who = "export LEOSCOPE_USERID=researcher-1
export LEOSCOPE_ACCESS_TOKEN=$(cat ./testbed/tokens/researcher-1)
export LEOSCOPE_TLS_CERT=./testbed/certs/server.crt
";
    let run = |script: String| -> String {
        let output = shell(&format!("{who}{script}")).output().expect("bash");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{script}\n{said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let sky = run(blocks("docs/orbit.md", "Looking at the sky"));
    assert!(sky.contains("satellite.elevation") && sky.contains("WALKER-0"), "{sky}");
    run(blocks("docs/orbit.md", "When a trigger will hold"));
    let conditions = run(blocks("README.md", "When the conditions are right"));
    assert!(conditions.contains("dish.latency"), "{conditions}");
    // The node has the elements of the orchestrator, and reads the sky.
    let read = eventually("the node to read the sky", || {
        let json = run("leoscope trigger fields --nodeid=node-seattle --output=json".into());
        let fields: Value = serde_json::from_str(&json).expect("json");
        let all = fields.as_array().expect("a list").clone();
        all.into_iter().find(|field| field["field"] == "satellite.elevation")
    });
    assert!(read["value"].is_number() && read["unit"] == "°", "{read:#}");
}

#[test]
fn the_demo_shows_a_run_that_is_made_and_one_that_is_skipped() {
    let dir = tempfile::tempdir().expect("directory");
    let mut demo = Command::new(binary("leoscope"));
    demo.args(["demo", "--runtime=process", "--state-dir=./demo", "--output=json"]).current_dir(dir.path());
    let output = demo.env_clear().env("HOME", dir.path()).output().expect("run the demo");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let runs: Value = serde_json::from_slice(&output.stdout).expect("json");
    let cron: Vec<(&str, &str)> = runs
        .as_array()
        .expect("a list")
        .iter()
        .filter(|run| run["job"] == "latency-every-minute")
        .map(|run| (run["status"].as_str().expect("status"), run["trigger"].as_str().expect("trigger")))
        .collect();
    let [(first, holds), (second, does_not)] = cron[..] else { panic!("{runs:#}") };
    assert_eq!((first, second), ("COMPLETED", "SKIPPED"), "{runs:#}");
    assert!(holds.contains("satellite.elevation > 30 holds"), "{runs:#}");
    assert!(does_not.contains("satellite.elevation > 30 does not hold"), "{runs:#}");
    assert!(said.contains("is expected to hold in"), "{said}");
}
