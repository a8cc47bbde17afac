//! The binary as people and scripts see it.

use std::process::{Command, Output};

/// Runs `leoscope` with `args` in an empty environment and directory, and gives what it printed.
fn leoscope(args: &[&str], env: &[(&str, &str)]) -> (Output, String) {
    let dir = tempfile::tempdir().expect("directory");
    let output = Command::new(env!("CARGO_BIN_EXE_leoscope"))
        .args(args)
        .env_clear()
        .env("HOME", dir.path())
        .envs(env.iter().copied())
        .current_dir(dir.path())
        .output()
        .expect("the binary runs");
    let text = format!(
        "exit: {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().expect("an exit code"),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    (output, text)
}

fn shown(line: &str) -> String {
    leoscope(&line.split(' ').skip(1).collect::<Vec<_>>(), &[]).1
}

#[test]
fn help() {
    insta::assert_snapshot!("help", shown("leoscope --help"));
    insta::assert_snapshot!("help_job", shown("leoscope job --help"));
    insta::assert_snapshot!("help_job_schedule", shown("leoscope job schedule --help"));
}

#[test]
fn usage_errors() {
    let lines = [
        "leoscope jobs",
        "leoscope job",
        "leoscope job get --wrong",
        "leoscope job schedule",
        "leoscope job get --jobid=a --nodeid=b",
        "leoscope run get --limit=x",
        "leoscope job --action=explode",
    ];
    let all: Vec<_> = lines.iter().map(|line| format!("$ {line}\n{}", shown(line))).collect();
    insta::assert_snapshot!("usage_errors", all.join("\n"));
}

#[test]
fn wrong_values() {
    let schedule = ["job", "schedule", "--nodeid=n", "--start-date=2026-12-01T00:00:00"];
    let cases: [&[&str]; 8] = [
        &["--length=0"],
        &["--length=-5"],
        &["--length=soon"],
        &["--length=5", "--schedule=* * * *"],
        &["--length=5", "--schedule=61 * * * *"],
        &["--length=5", "--jobid=../x"],
        &["--length=5", "--end-date=tomorrow"],
        &["--length=5"],
    ];
    let all: Vec<_> = cases
        .iter()
        .map(|options| {
            let (output, text) = leoscope(&[&schedule[..], options].concat(), &[]);
            assert!(output.stdout.is_empty(), "messages belong on standard error");
            format!("$ job schedule … {}\n{text}", options.join(" "))
        })
        .collect();
    insta::assert_snapshot!("wrong_values", all.join("\n"));
}

#[test]
fn missing_credentials_and_a_wrong_environment() {
    let cases: [&[(&str, &str)]; 3] = [
        &[],
        &[("LEOSCOPE_USERID", "researcher-1")],
        &[("LEOSCOPE_USERID", "a b"), ("LEOSCOPE_ACCESS_TOKEN", "x")],
    ];
    let all: Vec<_> = cases.iter().map(|env| leoscope(&["job", "get"], env).1).collect();
    insta::assert_snapshot!("missing_credentials", all.join("\n"));
}

#[test]
fn the_older_form_and_flags_on_either_side_mean_the_same() {
    let login = ["--userid=me", "--access-token=t", "--grpc-host=127.0.0.1", "--grpc-port=1"];
    let older = ["job", "--action=get", "--jobid=x"];
    let newer = ["job", "get", "--jobid=x"];
    let before = leoscope(&[&login[..], &older].concat(), &[]).1;
    let after = leoscope(&[&newer[..], &login].concat(), &[]).1;
    assert_eq!(before, after);
    insta::assert_snapshot!("not_reachable", before);
}

#[test]
fn version_goes_to_standard_output() {
    let (output, _) = leoscope(&["--version"], &[("LEOSCOPE_GRPC_PORT", "x")]);
    assert!(output.status.success());
    assert_eq!(output.stdout, format!("leoscope {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
}

#[test]
fn the_commands_of_the_manual_are_there_with_their_options() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    let manual = std::fs::read_to_string(manual).expect("docs/cli.md");
    let mut lines = 0;
    for block in manual.split("```sh\n").skip(1) {
        let block = block.split("```").next().expect("block").replace("\\\n", " ");
        for line in block.lines().filter(|line| line.starts_with("leoscope ")) {
            // What is left out there: a value, or more options.
            let line = line.replace("=…", "=x").replace(" …", "");
            let words: Vec<&str> = line.split_whitespace().skip(1).chain(["--help"]).collect();
            let (output, text) = leoscope(&words, &[]);
            assert!(output.status.success(), "{line}\n{text}");
            lines += 1;
        }
    }
    assert!(lines > 12, "{lines}");
}
