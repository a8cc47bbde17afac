//! The real binaries: processes, sockets, signals, and a real container engine.

mod blob;
mod commands;
mod cron;
mod docker;
mod download;
mod existing_cli;
mod first_minutes;
mod hostile;
mod json_forms;
mod lab;
mod limits;
mod logs;
mod operator;
mod orbit;
mod paired;
mod planning;
mod readme;
mod restarts;
mod secrets;
mod several;
mod shown;
mod standby;
mod triggers;
mod triggers_cli;

use lab::{Lab, eventually};

/// An experiment that takes a while and leaves a file only when it is allowed to finish.
const SLOW: &str = "process: {command: 'echo begun; sleep 4; echo whole > done.txt'}";

#[test]
fn a_node_killed_in_the_middle_of_a_run_finishes_it_after_its_restart() {
    let mut lab = Lab::start("process");
    lab.schedule("exp", SLOW, 2, 8);
    lab.wait_for_run("exp", "to be executing", |run| run["phase"] == "EXECUTE");
    lab.node.kill();
    lab.start_node();
    let run = lab.wait_for_run("exp", "to end with its results", |run| run["results"] == true);
    assert_eq!(run["status"], "COMPLETED", "{run:#}");
    assert_eq!(run["exit_code"], 0, "{run:#}");
    let results = lab.download("exp");
    assert_eq!(std::fs::read_to_string(results.join("done.txt")).expect("done.txt"), "whole\n");
    assert_eq!(std::fs::read_to_string(results.join("stdout.log")).expect("stdout.log"), "begun\n");
    assert_eq!(lab.runs("exp").len(), 1, "none lost, none twice");
}

#[test]
fn a_run_is_on_time_while_the_orchestrator_is_away_and_its_results_arrive_afterwards() {
    let mut lab = Lab::start("process");
    lab.schedule("exp", "process: {command: 'echo here > file.txt'}", 4, 3);
    lab.node.wait_for_log("jobs=1");
    lab.orchestrator.terminate();
    lab.node.wait_for_log("run ended");
    lab.start_orchestrator();
    let run = lab.wait_for_run("exp", "to arrive with its results", |run| run["results"] == true);
    assert_eq!(run["status"], "COMPLETED", "{run:#}");
    let late = run["lateness_ms"].as_f64().expect("lateness");
    assert!((0.0..5000.0).contains(&late), "{run:#}");
    assert!(lab.download("exp").join("file.txt").exists());
}

#[test]
fn an_orchestrator_killed_keeps_every_acknowledged_booking_and_its_users() {
    let mut lab = Lab::start("process");
    lab.schedule("exp", SLOW, 3600, 60);
    lab.orchestrator.kill();
    lab.start_orchestrator();
    let job = lab.cli_ok(&["job", "get", "--jobid=exp", "--output=json"]);
    assert!(job.contains("\"exp\""), "{job}");
}

#[test]
fn the_owner_s_own_use_of_the_link_stops_what_needs_it_and_moves_what_runs_once() {
    let lab = Lab::start("process");
    lab.schedule_with(
        "alone",
        "process: {command: 'echo begun; sleep 60'}",
        2,
        60,
        &["--end-date=+1h", "--overhead"],
    );
    lab.schedule_with("shared", SLOW, 2, 8, &["--no-overhead"]);
    for job in ["alone", "shared"] {
        lab.wait_for_run(job, "to be executing", |run| run["phase"] == "EXECUTE");
    }
    let node = format!("--nodeid={}", lab.node_id);
    let denied = lab.cli(&["node", "scavenger-set", &node]);
    assert!(!denied.success && denied.stderr.contains("permission denied"), "{denied:?}");
    lab.as_admin(&["node", "--action=scavenger-set", &node]);
    let stopped = lab.wait_for_run("alone", "to be stopped", |run| run["status"] == "ABORTED");
    assert_eq!(stopped["reason"], "SCAVENGER_MODE", "{stopped:#}");
    let whole = lab.wait_for_run("shared", "to go on to its end", |run| run["results"] == true);
    assert_eq!((&whole["status"], &whole["exit_code"]), (&"COMPLETED".into(), &0.into()), "{whole:#}");
    let moved = eventually("the job to be moved", || {
        let id = format!("--runid={}", stopped["id"].as_str().expect("id"));
        let timeline = lab.cli_ok(&["run", "timeline", &id]);
        timeline.contains("RESCHEDULED").then_some(timeline)
    });
    assert!(moved.contains("the job was moved to"), "{moved}");
    let warned = lab.cli(&[
        "job",
        "plan",
        &node,
        "--jobid=more",
        "--schedule=0 0 * * *",
        "--length=10",
        "--start-date=2099-01-01T00:00:00",
        "--end-date=2099-01-03T00:00:00",
        &format!("--exp-config={}", lab.write("more.yaml", SLOW)),
    ]);
    assert!(
        warned.stdout.contains("until its owner says so")
            || warned.stderr.contains("until its owner says so"),
        "{warned:?}"
    );
    lab.as_admin(&["node", "scavenger-unset", &node]);
    lab.schedule("after", "process: {command: 'true'}", 2, 5);
    let run = lab.wait_for_run("after", "to end", |run| run["results"] == true);
    assert_eq!(run["status"], "COMPLETED", "{run:#}");
}

#[test]
fn an_experiment_is_stopped_at_its_length_with_all_its_children() {
    let lab = Lab::start("process");
    let marker = format!("{}", 7_000_000 + std::process::id());
    lab.schedule("exp", &format!("process: {{command: 'sleep {marker} & sleep {marker}'}}"), 2, 2);
    let run = lab.wait_for_run("exp", "to end", |run| run["results"] == true);
    assert_eq!((&run["status"], &run["reason"]), (&"COMPLETED".into(), &"LENGTH_REACHED".into()), "{run:#}");
    let left = std::fs::read_dir("/proc").expect("proc").flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&format!("sleep\0{marker}")))
    });
    assert!(!left, "a child of the experiment still runs");
}

#[test]
fn bad_input_is_refused_in_two_lines_and_stores_nothing() {
    let lab = Lab::start("process");
    let good = lab.write("good.yaml", SLOW);
    let no_image = lab.write("no-image.yaml", "docker: {}");
    let not_yaml = lab.write("not-yaml.yaml", "docker: [");
    let base = |replace: &str| {
        let mut args: Vec<String> = [
            &format!("--nodeid={}", lab.node_id),
            "--jobid=bad",
            "--schedule=* * * * *",
            "--start-date=2099-12-01T00:00:00",
            "--end-date=2099-12-02T00:00:00",
            "--length=60",
        ]
        .map(String::from)
        .to_vec();
        args.push(format!("--exp-config={good}"));
        let name = replace.split('=').next().unwrap_or(replace);
        args.retain(|arg| !arg.starts_with(&format!("{name}=")));
        args.push(replace.to_owned());
        args.splice(0..0, ["job".to_owned(), "schedule".to_owned()]);
        args
    };
    let long_id = format!("--jobid={}", "a".repeat(129));
    let cases = [
        ("--nodeid=nowhere", "node with given id does not exist"),
        ("--schedule=* * * *", "has 4 fields"),
        ("--schedule=* * * * * *", "has 6 fields"),
        ("--schedule=0 0 0 1 1 ? 2026", "has 7 fields"),
        ("--schedule=61 * * * *", "minute 61 is out of range"),
        ("--end-date=2099-11-30T00:00:00", "is before start"),
        ("--end-date=2099-12-01T00:00:00", "is equal to start"),
        ("--length=0", "length of 0 seconds"),
        ("--length=-5", "length of -5 seconds"),
        ("--length=86401", "longer than the window"),
        ("--jobid=a/b", "contains '/'"),
        ("--jobid=..", "does not start with a letter"),
        ("--jobid=a b", "contains ' '"),
        ("--jobid=a\u{7}b", "contains '\\u{7}'"),
        (&long_id, "129 bytes long"),
        ("--access-token=wrong", "Invalid token"),
        ("--grpc-port=1", "cannot reach"),
        (&format!("--exp-config={no_image}"), "names no image"),
        (&format!("--exp-config={not_yaml}"), "is not valid"),
        ("--exp-config=/no/such/file", "/no/such/file"),
    ];
    for (replace, expected) in cases {
        let args = base(replace);
        let outcome = lab.cli(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(!outcome.success, "{replace}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{replace}");
        let mut lines = outcome.stderr.lines();
        let (error, hint) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        assert!(error.starts_with("error: ") && error.contains(expected), "{replace}: {outcome:?}");
        assert!(hint.starts_with("hint: "), "{replace}: {outcome:?}");
    }
    assert_eq!(
        lab.cli_ok(&["job", "get", &format!("--nodeid={}", lab.node_id), "--quiet"]),
        "",
        "nothing was stored"
    );
}

#[test]
fn a_port_that_is_taken_and_a_directory_that_cannot_be_written_are_said() {
    let lab = Lab::start("process");
    let taken = lab.orchestrator_fails(&lab.dir.path().join("other"), lab.port);
    assert!(taken.contains(&lab.port.to_string()) && taken.contains("hint: "), "{taken}");
    let file = lab.write("a-file", "");
    let unwritable = lab.orchestrator_fails(std::path::Path::new(&file), 0);
    assert!(unwritable.contains("a-file") && unwritable.contains("hint: "), "{unwritable}");
}
