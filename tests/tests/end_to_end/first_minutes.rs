//! The transcript in docs/first-five-minutes.md, run again.
//!
//! With `LEOSCOPE_DOCS=write` what is printed now is written there.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use leoscope_tests::free_port;

use crate::lab::{Process, binary, eventually};
use crate::shown::redacted;

#[test]
fn the_first_five_minutes_go_as_they_are_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/first-five-minutes.md");
    let docs = fs::read_to_string(&path).expect("docs");
    let dir = tempfile::tempdir().expect("directory");
    let programs = binary("leoscope").parent().expect("directory").display().to_string();
    let port = free_port().to_string();
    let shell = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-uc", script]).current_dir(dir.path()).env_clear();
        command.env("PATH", format!("{programs}:/usr/bin:/bin")).env("HOME", dir.path());
        command.env("LEOSCOPE_GRPC_PORT", &port);
        command
    };
    let mut blocks = docs.split("```").enumerate();
    let mut written = blocks.next().expect("a beginning").1.to_owned();
    let (mut exports, mut testbed, mut last) = (String::new(), None, String::new());
    let mut compared = 0;
    for (place, block) in blocks {
        if place % 2 == 0 {
            written += block;
            continue;
        }
        let mut block = block.to_owned();
        if let Some(script) = block.strip_prefix("sh\n") {
            if script.starts_with("leoscope dev") {
                let process =
                    Process::spawn(&mut shell(&format!("exec {script}")), dir.path().join("dev.log"));
                eventually("the testbed to be up", || {
                    let log = fs::read_to_string(dir.path().join("dev.log")).unwrap_or_default();
                    log.contains("testbed is up").then_some(())
                });
                testbed = Some(process);
            } else if script.starts_with("export ") {
                exports += script;
            } else {
                let output = shell(&format!("exec 2>&1\n{exports}{script}")).output().expect("bash");
                let all = String::from_utf8(output.stdout).expect("text");
                // The record of a run may be there already or not.
                let told = all.lines().filter(|line| !line.starts_with("note: the next run of job"));
                last = told.map(|line| format!("{line}\n")).collect();
            }
        } else if let Some(printed) = block.strip_prefix("text\n") {
            let named = [(port.clone(), "50051"), (dir.path().display().to_string(), ".")];
            if std::env::var_os("LEOSCOPE_DOCS").is_some() {
                let mut shown = String::from("text\n");
                let last = named.iter().fold(last.clone(), |text, (what, name)| text.replace(what, name));
                write!(shown, "{last}").expect("text");
                block = shown;
            } else {
                assert_eq!(redacted(&last, &named), redacted(printed, &named), "before: {written}");
            }
            compared += 1;
        }
        written += "```";
        written += &block;
        written += "```";
    }
    assert!(testbed.is_some() && compared > 8, "{compared}");
    if std::env::var_os("LEOSCOPE_DOCS").is_some() {
        fs::write(path, written).expect("docs");
    }
}
