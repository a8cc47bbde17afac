//! What an experiment may use on a node without an engine.

use std::fs;
use std::process::Command;

use leoscope_tests::skipped;

use crate::lab::{Lab, binary};

#[test]
fn results_and_output_together_stay_within_the_disk_limit() {
    let lab = Lab::start("process");
    let config = "process: {command: 'echo begun >kept; while :; do head -c 300000 /dev/zero; sleep 0.1; done'}\n\
                  limits: {disk: 1m}";
    lab.schedule("chatty", config, 2, 60);
    let run = lab.wait_for_run("chatty", "to end with its results", |run| run["results"] == true);
    assert_eq!((&run["status"], &run["stage"]), (&"FAILED".into(), &"EXECUTE".into()), "{run:#}");
    assert_eq!(run["reason"], "DISK_LIMIT_REACHED", "{run:#}");
    assert!(run["message"].to_string().contains("limits.disk of 1m"), "{run:#}");
    let results = lab.download("chatty");
    assert_eq!(fs::read_to_string(results.join("kept")).expect("kept"), "begun\n");
    assert!(results.join("manifest.json").exists());
    // The output is a file of its own, which the system lets grow no further.
    assert!(fs::metadata(results.join("stdout.log")).expect("stdout.log").len() <= 1 << 20);
}

#[test]
fn a_rate_without_a_container_engine_is_refused_to_the_operator_and_to_experiments() {
    let lab = Lab::start("process");
    lab.schedule("slow", "{process: {command: 'true'}, limits: {rate: 1mbit}}", 2, 10);
    let run = lab.wait_for_run("slow", "to end with its results", |run| run["results"] == true);
    assert_eq!(
        (&run["status"], &run["stage"], &run["reason"]),
        (&"FAILED".into(), &"CONFIG".into(), &"CONFIG_INVALID".into()),
        "{run:#}"
    );
    let config = lab.write("rate.yaml", "docker: {execute: {network: bridge}}\nlimits: {rate: 10mbit}");
    let output = Command::new(binary("leoscope-node"))
        .args(["--nodeid=node-1", "--runtime=process", "--executor-config", &config, "--state-dir"])
        .arg(lab.dir.path().join("other"))
        .env("LEOSCOPE_ACCESS_TOKEN", "token")
        .output()
        .expect("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("limits.rate"), "{said}");
}

/// A file system of its own, gone with its owner.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this user may make none.
    fn of(mebibytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("directory");
        let options = format!("size={mebibytes}m");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(dir.path())
            .output()
            .expect("mount");
        if !mount.status.success() {
            skipped("mount", &String::from_utf8_lossy(&mount.stderr));
            return None;
        }
        Some(Self(dir))
    }

    fn executor_config(&self) -> String {
        format!("docker: {{execute: {{volume: {{source: {}}}}}}}", self.0.path().display())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: nothing is to be kept of it.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_node_without_room_begins_nothing() {
    let Some(disk) = SmallDisk::of(32) else { return };
    let lab = Lab::start_with("process", &disk.executor_config());
    lab.schedule("exp", "process: {command: 'true'}", 2, 10);
    let run = lab.wait_for_run("exp", "to end with its results", |run| run["results"] == true);
    assert_eq!(
        (&run["status"], &run["stage"], &run["reason"]),
        (&"FAILED".into(), &"DEPLOY".into(), &"DISK_FULL".into()),
        "{run:#}"
    );
}

#[test]
fn a_run_that_takes_the_last_room_is_stopped_and_keeps_its_results() {
    let Some(disk) = SmallDisk::of(80) else { return };
    let lab = Lab::start_with("process", &disk.executor_config());
    lab.schedule("exp", "process: {command: 'head -c 20000000 /dev/zero >large; sleep 60'}", 2, 60);
    let run = lab.wait_for_run("exp", "to end with its results", |run| run["results"] == true);
    assert_eq!(
        (&run["status"], &run["stage"], &run["reason"]),
        (&"FAILED".into(), &"EXECUTE".into(), &"DISK_FULL".into()),
        "{run:#}"
    );
    assert_eq!(fs::metadata(lab.download("exp").join("large")).expect("large").len(), 20_000_000);
}
