//! The README's walk-through, as it is written there.

use std::fs;
use std::path::Path;
use std::process::Command;

use leoscope_tests::free_port;

use crate::lab::{Process, binary, eventually};

/// The shell commands of a section, block by block.
fn blocks(section: &str) -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("README.md");
    let text = readme.split(&format!("\n## {section}\n")).nth(1).expect(section);
    let text = text.split("\n## ").next().expect("section");
    text.split("```sh\n").skip(1).map(|block| block.split("```").next().expect("block").to_owned()).collect()
}

#[test]
fn the_walk_through_of_the_readme_works_as_written() {
    let blocks = blocks("Walk-through");
    let [build, dev, rest @ ..] = blocks.as_slice() else {
        panic!("the walk-through begins with building and starting a testbed");
    };
    assert!(build.contains("cargo build --release"), "{build}");
    assert!(dev.starts_with("leoscope dev "), "{dev}");
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
    let _testbed = Process::spawn(&mut shell(&format!("exec {dev}")), dir.path().join("dev.log"));
    let tokens = dir.path().join("testbed/tokens/researcher-1");
    eventually("the testbed to be up", || {
        let log = fs::read_to_string(dir.path().join("dev.log")).unwrap_or_default();
        (tokens.exists() && log.contains("testbed is up")).then_some(())
    });
    // One shell after the other would forget what was exported.
    let output = shell(&rest.join("\n")).output().expect("bash");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let data = String::from_utf8_lossy(&output.stdout).into_owned();
    for expected in ["node-seattle", "exp-001", "researcher-2", "\"datastore\""] {
        assert!(data.contains(expected), "{expected} is missing in: {data}\n{said}");
    }
}
