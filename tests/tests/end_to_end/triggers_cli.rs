//! `leoscope trigger` as people and scripts see it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::lab::{Lab, Process, binary, eventually};

/// Runs `leoscope trigger` where there is neither a testbed nor an account.
fn trigger(args: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(binary("leoscope"));
    command.arg("trigger").args(args).current_dir(dir).env_clear().env("HOME", dir);
    command.output().expect("run leoscope")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn wrong_input_is_told_on_standard_error_with_the_exit_code_of_a_wrong_value() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("link.csv"), "time,dish.latency\n1,x\n").expect("write");
    let cases: [(&[&str], &str); 11] = [
        (&["check", "dish.latncy > 1"], "help: did you mean dish.latency?"),
        (&["check"], "required arguments were not provided"),
        (&["check", "-dish.latency < 1"], "'-- -d'"),
        (&["eval", "dish.latency >", "--set=dish.latency=1"], "^ the end stands where a value is expected"),
        (&["eval", "true", "--set=dish.latncy=1"], "did you mean dish.latency?"),
        (&["eval", "true", "--set=dish.latency=x"], "give a number in ms"),
        (&["watch", "true"], "--nodeid <NODEID>"),
        (&["watch", "true", "--nodeid=n", "--timeout=soon"], "\"soon\" is not a length of time"),
        (&["backtest", "true"], "<FILE>..."),
        (
            &["backtest", "dish.latency < 1", "link.csv"],
            "error: link.csv line 2: dish.latency is a number, \"x\" is not",
        ),
        (&["backtest", "true", "none.csv"], "error: none.csv cannot be read: No such file or directory"),
    ];
    for (args, expected) in cases {
        let output = trigger(args, dir.path());
        assert_eq!(output.status.code(), Some(64), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    let unknown = trigger(&["fields", "--nodeid=n"], dir.path());
    assert!(text(&unknown.stderr).contains("no user id is given"), "{unknown:?}");
}

#[test]
fn for_programs_all_of_it_is_json() {
    let dir = tempfile::tempdir().expect("directory");
    let json = |args: &[&str], code: i32| -> Value {
        let output = trigger(&[args, &["--output=json"]].concat(), dir.path());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        assert_eq!(text(&output.stderr), "", "{args:?}");
        serde_json::from_slice(&output.stdout).expect("json")
    };
    assert_eq!(json(&["check", "pop_ping_latency_ms<4"], 0)["canonical"], "dish.latency < 4");
    let mistakes = json(&["check", "dish.latncy < 4 and 1"], 64);
    assert_eq!(mistakes["mistakes"].as_array().map(Vec::len), Some(2), "{mistakes:#}");
    assert_eq!(mistakes["mistakes"][0]["span"], serde_json::json!({ "start": 0, "end": 11 }));
    assert_eq!(json(&["eval", "dish.latency < 4", "--set=dish.latency=3"], 0)["verdict"], "MET");
    assert_eq!(json(&["eval", "dish.latency < 4"], 0)["verdict"], "UNKNOWN");
    assert_eq!(json(&["eval", "dish.latency <"], 64)["mistakes"][0]["character"], 15);
    fs::write(dir.path().join("link.csv"), "time,dish.latency\n0,3\n1,5\n").expect("write");
    let found = json(&["backtest", "dish.latency < 4", "link.csv"], 0);
    assert_eq!(found["starts"], serde_json::json!(["1970-01-01T00:00:00Z"]), "{found:#}");
    assert_eq!(found["met"]["share"], 0.5, "{found:#}");
}

#[test]
fn a_trigger_is_watched_on_a_node() {
    let lab = Lab::start("process");
    let node = format!("--nodeid={}", lab.node_id);
    let node = node.as_str();
    let watch = |more: &[&str]| lab.cli(&[&["trigger", "watch"], more, &[node]].concat());
    let met =
        watch(&["time.hour >= 0 and node.jobs_running == 0", "--until-met", "--timeout=60", "--output=json"]);
    assert!(met.success, "{met:?}");
    let last: Value = serde_json::from_str(met.stdout.lines().last().expect("a line")).expect("json");
    assert_eq!((&last["verdict"], &last["readings"][1]["value"]), (&"MET".into(), &0.0.into()), "{last:#}");

    let line = ["trigger", "watch", "time.hour < 0", "--until-met", "--timeout=3", node];
    let late = lab.cli_by(lab.port, &line).output().expect("run leoscope");
    assert_eq!(late.status.code(), Some(3), "{late:?}");
    let said = text(&late.stdout);
    assert!(said.contains("NOT_MET") && said.contains("time.hour < 0 does not hold"), "{said}");

    let unknown = watch(&["satellite.visible > 0", "--timeout=3"]);
    assert!(unknown.success, "nothing was waited for: {unknown:?}");
    assert!(unknown.stdout.contains("satellite.visible has not been read"), "{unknown:?}");
    let nobody = lab.cli(&["trigger", "watch", "true", "--nodeid=nobody"]);
    assert!(!nobody.success && nobody.stdout.is_empty(), "{nobody:?}");

    let fields = lab.cli_ok(&["trigger", "fields", node]);
    assert!(fields.contains("time.hour") && fields.contains("node.memory_free"), "{fields}");
}

#[test]
fn ctrl_c_ends_watching() {
    let lab = Lab::start("process");
    let log = lab.dir.path().join("watch.log");
    let script = format!(
        "exec {} trigger watch 'time.utc > 0' --nodeid={} --all >&2",
        binary("leoscope").display(),
        lab.node_id
    );
    let command = lab.cli_by(lab.port, &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(lab.dir.path()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut watching = Process::spawn(&mut shell, log.clone());
    eventually("two lines", || {
        let said = fs::read_to_string(&log).unwrap_or_default();
        (said.matches("  MET  ").count() >= 2).then_some(())
    });
    watching.signal("-INT");
    assert_eq!(watching.wait().code(), Some(0));
}

/// The scripts of the manual, each with what it prints where that is written there.
fn examples(docs: &str) -> Vec<(String, Option<String>)> {
    let mut examples = Vec::new();
    let mut blocks = docs.split("```").skip(1).step_by(2).peekable();
    while let Some(block) = blocks.next() {
        let script = block.strip_prefix("sh\n").unwrap_or_else(|| panic!("no script: {block}"));
        let printed = blocks.next_if(|next| next.starts_with("text\n"));
        examples.push((script.to_owned(), printed.map(|text| text["text\n".len()..].to_owned())));
    }
    examples
}

#[test]
fn the_commands_of_the_manual_work_as_written() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/trigger-commands.md");
    let examples = examples(&fs::read_to_string(docs).expect("docs"));
    assert!(examples.iter().filter(|(_, printed)| printed.is_some()).count() >= 5);
    let lab = Lab::start("process");
    let node = format!("--nodeid={}", lab.node_id);
    for (script, printed) in examples {
        let script = script.replace("--nodeid=node-seattle", &node);
        let outcome = lab.shell(&format!("exec 2>&1\n{script}"));
        assert!(outcome.success, "{script}{}", outcome.stdout);
        if let Some(printed) = printed {
            assert_eq!(outcome.stdout, printed, "{script}");
        }
    }
}
