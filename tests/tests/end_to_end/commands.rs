//! Every command of the CLI against a real testbed: what it prints, where, and its exit code.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::lab::{Lab, binary};
use crate::shown::{Shown, redacted};

/// All commands that do something, as `job schedule`.
fn leaves() -> BTreeSet<String> {
    fn below(path: &[String], found: &mut BTreeSet<String>) {
        let help =
            Command::new(binary("leoscope")).args(path).arg("--help").env_clear().output().expect("help");
        let help = String::from_utf8(help.stdout).expect("text");
        let listed = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
        let Some(listed) = listed else {
            found.insert(path.join(" "));
            return;
        };
        for line in listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
            let name = line.split_whitespace().next().expect("name").to_owned();
            below(&[path, &[name]].concat(), found);
        }
    }
    let mut found = BTreeSet::new();
    below(&[], &mut found);
    found
}

/// What is shown elsewhere: it does not end by itself, or is a testbed of its own.
const ELSEWHERE: [&str; 3] = ["demo", "dev", "probe"];

/// A command and its typical failure, in the order in which they are run. `NODE` stands for the node, `RUN`
/// for a run that has ended, `DIR` for the directory. Lines that begin with `admin:` are the
/// administrator's.
const LINES: &str = include_str!("commands.txt");

#[test]
fn every_command_and_its_typical_failure() {
    let lab = Lab::start("process");
    let config = lab.write("experiment.yaml", "process: {command: [\"/bin/sh\", \"-c\", \"echo hello\"]}\n");
    // It lasts long enough for its steps to have times of their own.
    lab.schedule("done", "process: {command: [\"/bin/sh\", \"-c\", \"echo hello; sleep 1\"]}\n", 4, 5);
    let run = lab.completed("done");
    fs::create_dir_all(lab.dir.path().join("work")).expect("directory");
    let named = [
        (lab.dir.path().display().to_string(), "DIR"),
        (run.clone(), "RUN"),
        (lab.node_id.clone(), "NODE"),
        (lab.port.to_string(), "PORT"),
    ];
    let mut shown = Vec::new();
    let all: BTreeSet<String> =
        leaves().into_iter().filter(|leaf| !ELSEWHERE.contains(&leaf.as_str())).collect();
    let (mut done, mut failed) = (BTreeSet::new(), BTreeSet::new());
    for line in LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (admin, command) = match line.strip_prefix("admin: ") {
            Some(command) => (true, command),
            None => (false, line),
        };
        let script = command.replace("NODE", &lab.node_id).replace("RUN", &run).replace("CONFIG", &config);
        let Shown { code, stdout, stderr } = lab.show(&script, admin);
        // Of several in a line all have succeeded, or the last has failed.
        for one in command.split([';', '&', '|']).map(str::trim).filter(|one| one.starts_with("leoscope ")) {
            let words: Vec<&str> = one.split_whitespace().skip(1).collect();
            let leaf = (1..=words.len()).map(|n| words[..n].join(" ")).find(|path| all.contains(path));
            if let Some(leaf) = leaf {
                if code == 0 { &mut done } else { &mut failed }.insert(leaf);
            }
        }
        let text = |stream: &str| -> String {
            let text = redacted(stream, &named);
            // Steps that follow each other fast may be told as one.
            let lines = text.lines().filter(|line| !line.contains("  the run is "));
            lines.map(|line| format!("{line}\n")).collect()
        };
        shown.push(format!(
            "$ {line}\nexit: {code}\n--- stdout\n{}--- stderr\n{}",
            text(&stdout),
            text(&stderr)
        ));
    }
    insta::assert_snapshot!("every_command", shown.join("\n"));
    let untried: Vec<_> = all.difference(&done).collect();
    assert!(untried.is_empty(), "commands of which no success is shown: {untried:?}");
    let unfailed: Vec<_> = all.difference(&failed).collect();
    assert!(unfailed.is_empty(), "commands of which no failure is shown: {unfailed:?}");
}
