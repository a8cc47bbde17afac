//! `leoscope-node doctor` and `status`, as an operator runs them.

use std::path::Path;
use std::process::{Command, Output};

use leoscope_tests::free_port;
use serde_json::Value;

use super::lab::{Lab, binary, eventually};

/// Runs `leoscope-node` with nothing in its environment but this.
fn node(args: &[&str], env: &[(&str, &str)]) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(binary("leoscope-node"));
    command.args(args).env_clear().env("PATH", path).envs(env.iter().copied());
    command.output().expect("run leoscope-node")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Examines the node of a lab with other options; the verdict of each check.
fn doctor(lab: &Lab, change: &[&str], token: &str) -> (bool, Vec<Value>) {
    let port = lab.port.to_string();
    let (cert, dir) = (lab.dir.path().join("orchestrator/certs/server.crt"), lab.dir.path().join("node"));
    let (cert, dir) = (cert.display().to_string(), dir.display().to_string());
    let mut args = vec!["doctor", "--output=json", "--runtime=process", "--dish=127.0.0.1:1"];
    let given =
        [("--nodeid", &lab.node_id), ("--grpc-port", &port), ("--tls-cert", &cert), ("--state-dir", &dir)];
    for (option, value) in given.iter().filter(|(option, _)| !change.contains(option)) {
        args.extend([*option, value.as_str()]);
    }
    args.extend(change);
    let output = node(&args, &[("LEOSCOPE_ACCESS_TOKEN", token)]);
    let made: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {} {}", text(&output.stdout), text(&output.stderr)));
    assert!(!text(&output.stdout).contains(token), "the token is told");
    (output.status.success(), made)
}

fn of<'a>(made: &'a [Value], name: &str) -> &'a Value {
    made.iter().find(|made| made["name"] == name).unwrap_or_else(|| panic!("no check {name}: {made:?}"))
}

/// The names of the checks that failed.
fn failed(made: &[Value]) -> Vec<&str> {
    let failed = made.iter().filter(|made| made["verdict"] == "fail");
    failed.filter_map(|made| made["name"].as_str()).collect()
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let mut lab = Lab::start("process");
    let token = lab.node_token().to_owned();
    let (is_well, made) = doctor(&lab, &[], &token);
    assert!(is_well && failed(&made).is_empty(), "{made:#?}");
    for (name, verdict) in [
        ("settings", "ok"),
        ("permissions", "ok"),
        ("orchestrator", "ok"),
        ("artifact store", "ok"),
        ("dish", "warn"),
    ] {
        assert_eq!(of(&made, name)["verdict"], verdict, "{made:#?}");
    }

    let (is_well, made) = doctor(&lab, &[], "a-wrong-token");
    assert!(!is_well);
    assert_eq!(failed(&made), ["orchestrator", "artifact store"], "{made:#?}");
    let seen = of(&made, "orchestrator")["seen"].as_str().expect("text");
    assert!(seen.contains("does not take the access token"), "{seen}");

    let other = another_certificate(lab.dir.path());
    let (_, made) = doctor(&lab, &["--tls-cert", &other], &token);
    let found = of(&made, "orchestrator");
    assert_eq!(found["verdict"], "fail", "{made:#?}");
    assert!(found["advice"].as_str().is_some_and(|advice| advice.contains("server.crt")), "{found:#}");

    let (is_well, made) = doctor(&lab, &["--nodeid", "node-nowhere"], &token);
    assert!(!is_well && failed(&made).contains(&"orchestrator"), "{made:#?}");

    // Also the superuser can write nothing below a file.
    let file = lab.write("file", "");
    let (is_well, made) = doctor(&lab, &["--state-dir", &format!("{file}/state")], &token);
    assert!(!is_well);
    assert_eq!(failed(&made), ["permissions"], "{made:#?}");

    lab.orchestrator.terminate();
    let (is_well, made) = doctor(&lab, &[], &token);
    assert!(!is_well);
    assert_eq!(failed(&made), ["orchestrator", "artifact store"], "{made:#?}");
    let seen = of(&made, "orchestrator")["seen"].as_str().expect("text");
    assert_eq!(seen, format!("nothing listens at localhost:{}", lab.port));

    let (_, made) = doctor(&lab, &["--grpc-host", "no-such-host.invalid"], &token);
    let seen = of(&made, "orchestrator")["seen"].as_str().expect("text");
    assert!(seen.contains("cannot be resolved"), "{seen}");
}

/// A certificate that is not the one of the lab's orchestrator.
fn another_certificate(dir: &Path) -> String {
    let port = free_port();
    let state = dir.join("another");
    let mut process = super::lab::Process::spawn(
        Command::new(binary("leoscope-orchestrator"))
            .env("LEOSCOPE_ELEMENTS", "none")
            .args(["--grpc-port", &port.to_string(), "--state-dir"])
            .arg(&state),
        dir.join("another.log"),
    );
    process.wait_for_log("orchestrator is listening");
    process.terminate();
    state.join("certs/server.crt").display().to_string()
}

#[test]
fn without_any_settings_the_doctor_makes_all_its_checks() {
    let dir = tempfile::tempdir().expect("directory");
    let state = dir.path().display().to_string();
    let output = node(&["doctor", "--state-dir", &state, "--runtime=process", "--dish=127.0.0.1:1"], &[]);
    assert!(!output.status.success());
    let told = text(&output.stdout);
    for line in [
        "fail  settings        no node id\n      give --nodeid",
        "ok    engine ",
        "fail  orchestrator    no access token",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert_eq!(told.lines().filter(|line| !line.starts_with(' ')).count(), 9, "{told}");
}

#[test]
fn the_status_of_a_running_node_is_read_from_its_directory() {
    let mut lab = Lab::start("process");
    let dir = lab.dir.path().join("node").display().to_string();
    let status = || -> Value {
        let output = node(&["status", "--output=json"], &[("LEOSCOPE_STATE_DIR", &dir)]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("json")
    };
    eventually("the clock to be measured", || (!status()["clock"].is_null()).then_some(()));
    lab.schedule("later", "process: {command: 'true'}", 3600, 60);
    lab.schedule("soon", "process: {command: 'sleep 8'}", 3, 30);
    let seen = eventually("both jobs to be known", || {
        Some(status()).filter(|status| status["orders"]["jobs"] == 2 && status["next"][0]["job"] == "soon")
    });
    assert_eq!(seen["next"][1]["job"], "later", "{seen:#}");
    eventually("the run to be told", || {
        let status = status();
        let running = &status["running"][0];
        (running["job"] == "soon" && running["phase"] == "EXECUTE").then_some(())
    });
    // It needs neither the node nor the orchestrator.
    lab.orchestrator.terminate();
    lab.node.kill();
    let output = node(&["status", "--state-dir", &dir], &[]);
    let told = text(&output.stdout);
    assert!(output.status.success() && told.contains("EXECUTE") && told.contains("job later"), "{told}");
    lab.start_node();
    lab.node.wait_for_log("run ended");
    let kept = eventually("the results to wait", || {
        Some(status()).filter(|status| status["outbox"][0]["results_bytes"].is_u64())
    });
    assert_eq!(kept["outbox"][0]["record"], true, "{kept:#}");

    let empty = lab.dir.path().join("empty").display().to_string();
    let output = node(&["status", "--state-dir", &empty], &[]);
    assert!(!output.status.success());
    let told = text(&output.stderr);
    assert_eq!(told, format!("error: no node has worked in {empty}\nhint: give its --state-dir\n"));
    assert!(!Path::new(&empty).exists(), "looking makes nothing");
}
