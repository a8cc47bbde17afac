//! Experiments that fail, hang, or take more than they may: each has its record and its bundle,
//! and nothing of them is left behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{IMAGE, docker, make_image};
use crate::lab::{Lab, eventually, within};

/// How long after its booking a run begins: all are booked by then.
const AHEAD: i64 = 10;

/// An experiment of a shell script.
fn experiment(script: &str, limits: &str) -> String {
    let lines: String = script.lines().map(|line| format!("    {}\n", line.trim())).collect();
    format!("docker:\n  image: {IMAGE}\n  command: |\n{lines}limits: {{{limits}}}\n")
}

/// Checks that the manifest tells every file of a bundle, and tells it right.
fn manifest_of(results: &Path) -> Value {
    let manifest = leoscope_tests::manifest::checked(results);
    let files = manifest["files"].as_array().expect("files");
    for file in files {
        let path = file["path"].as_str().expect("path");
        let content = fs::read(results.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(file["size"].as_u64(), Some(u64::try_from(content.len()).expect("size")), "{path}");
        let sum: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file["sha256"], sum.as_str(), "{path}");
    }
    let named = |name: &str| files.iter().any(|file| file["path"] == name);
    for name in ["experiment-config.yaml", "experiment-args.json", "executor.log"] {
        assert!(named(name), "{name} in {files:#?}");
    }
    manifest
}

/// That a node has nothing more of any run.
fn nothing_is_left(lab: &Lab) {
    let ours = format!("label=nodeid={}", lab.node_id);
    assert_eq!(docker(&["ps", "-aq", "--filter", &ours]), "", "containers");
    assert_eq!(docker(&["network", "ls", "-q", "--filter", &ours]), "", "networks");
    for name in ["runs", "outbox"] {
        let dir = lab.dir.path().join("node").join(name);
        eventually(&format!("{name} to be empty"), || {
            fs::read_dir(&dir).expect(name).next().is_none().then_some(())
        });
    }
}

/// What is promised of the run of a job.
struct Promise {
    job: &'static str,
    config: String,
    length: i64,
    status: &'static str,
    stage: &'static str,
    reason: &'static str,
    /// `None` where there is none, or any is right.
    exit_code: Option<i64>,
    stdout: Option<&'static str>,
}

fn promises() -> Vec<Promise> {
    let promise = |job, config, length, (status, stage, reason), exit_code, stdout| Promise {
        job,
        config,
        length,
        status,
        stage,
        reason,
        exit_code,
        stdout,
    };
    let ended = ("COMPLETED", "EXECUTE", "EXPERIMENT_ENDED");
    let stopped = ("COMPLETED", "EXECUTE", "LENGTH_REACHED");
    vec![
        promise(
            "success",
            experiment("echo hello\necho data >/artifacts/data.txt", ""),
            20,
            ended,
            Some(0),
            Some("hello\n"),
        ),
        promise(
            "nonzero",
            experiment("echo before\nexit 3", ""),
            20,
            ("FAILED", "EXECUTE", "CONTAINER_EXIT_NONZERO"),
            Some(3),
            Some("before\n"),
        ),
        promise(
            "over-long",
            experiment("trap 'echo asked; exit 4' TERM\nwhile :; do busybox sleep 0.1; done", ""),
            3,
            stopped,
            Some(4),
            Some("asked\n"),
        ),
        promise(
            "stubborn",
            experiment("trap '' TERM\necho begun\nwhile :; do busybox sleep 1; done", ""),
            3,
            stopped,
            Some(128 + 9),
            Some("begun\n"),
        ),
        promise(
            "hungry",
            experiment("echo begun\nexec busybox tail /dev/zero", "memory: 32m"),
            20,
            ("FAILED", "EXECUTE", "OUT_OF_MEMORY"),
            None,
            Some("begun\n"),
        ),
        promise(
            "missing",
            // Nobody listens on port 1: the image is neither here nor to be had.
            "docker: {image: 'localhost:1/lab/missing:1'}".into(),
            20,
            ("FAILED", "IMAGE_PULL", "IMAGE_NOT_FOUND"),
            None,
            None,
        ),
        promise(
            "bomb",
            experiment(
                "bomb() { bomb | bomb & }\nbomb 2>/dev/null\nexec busybox sleep 600",
                "pids: 40, cpus: 0.2",
            ),
            4,
            stopped,
            Some(128 + 9),
            None,
        ),
        promise(
            "full",
            experiment(
                "i=0\nwhile :; do i=$((i+1)); busybox head -c 500000 /dev/zero >/artifacts/$i; busybox sleep 0.2; done",
                "disk: 2m",
            ),
            30,
            ("FAILED", "EXECUTE", "DISK_LIMIT_REACHED"),
            Some(128 + 9),
            None,
        ),
        promise(
            "one-file",
            experiment("exec busybox head -c 5000000 /dev/zero >/artifacts/file", "disk: 2m"),
            30,
            ("FAILED", "EXECUTE", "DISK_LIMIT_REACHED"),
            // The first process of a container gets an error instead of a signal.
            Some(1),
            None,
        ),
        promise(
            "greedy",
            experiment("exit 0", "memory: 64g"),
            20,
            ("FAILED", "CONFIG", "CONFIG_INVALID"),
            None,
            None,
        ),
    ]
}

#[test]
fn whatever_an_experiment_does_its_record_and_its_bundle_are_as_promised_and_nothing_is_left() {
    make_image();
    let lab = Lab::start("docker");
    let promises = promises();
    for Promise { job, config, length, .. } in &promises {
        lab.schedule_with(job, config, AHEAD, *length, &["--no-overhead"]);
    }
    for promise in &promises {
        let Promise { job, config, length: _, status, stage, reason, exit_code, stdout } = promise;
        let run = lab.wait_for_run(job, "to end with its results", |run| run["results"] == true);
        assert_eq!(
            (&run["status"], &run["stage"], &run["reason"]),
            (&(*status).into(), &(*stage).into(), &(*reason).into()),
            "{run:#}"
        );
        if let Some(code) = exit_code {
            assert_eq!(run["exit_code"], *code, "{run:#}");
        }
        let results = lab.download(job);
        let manifest = manifest_of(&results);
        assert_eq!(manifest["run"]["outcome"]["reason"], *reason, "{manifest:#}");
        let read = |name: &str| {
            fs::read_to_string(results.join(name)).unwrap_or_else(|e| panic!("{job}: {name}: {e}"))
        };
        assert_eq!(read("experiment-config.yaml"), *config);
        if let Some(expected) = stdout {
            assert_eq!(read("stdout.log"), *expected, "{job}");
        }
        match *job {
            "success" => assert_eq!(read("data.txt"), "data\n"),
            "missing" => assert!(run["message"].to_string().contains("localhost:1/lab/missing:1"), "{run:#}"),
            "greedy" => {
                let message = run["message"].as_str().expect("message");
                assert!(
                    message.contains("limits.memory of 64g") && message.contains("allows 1g"),
                    "{message}"
                );
            }
            "full" => {
                assert!(results.join("1").exists() && results.join("4").exists(), "what there was is kept");
            }
            "one-file" => {
                let length = fs::metadata(results.join("file")).expect("file").len();
                assert_eq!(length, 2 << 20, "it could not grow beyond");
            }
            _ => {}
        }
    }
    nothing_is_left(&lab);
}

/// The most memory that a process has used, in bytes.
fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[test]
fn two_gigabytes_of_output_leave_their_end_and_take_no_memory() {
    const PATIENCE: Duration = Duration::from_secs(300);
    make_image();
    let lab = Lab::start("docker");
    // Lines of a thousand characters, two million of them.
    let script = "line=x\nwhile [ ${#line} -lt 999 ]; do line=$line$line; done\n\
                  busybox yes ${line:0:999} | busybox head -c 2000000000\necho the end";
    lab.schedule("chatty", &experiment(script, ""), 3, 240);
    let run = within(PATIENCE, "two gigabytes of output", || {
        lab.runs("chatty").into_iter().find(|run| run["results"] == true)
    });
    assert_eq!((&run["status"], &run["exit_code"]), (&"COMPLETED".into(), &0.into()), "{run:#}");
    let results = lab.download("chatty");
    manifest_of(&results);
    let output = fs::read(results.join("stdout.log")).expect("stdout.log");
    assert!(output.len() > 32 << 20, "{} bytes", output.len());
    assert!(output.len() <= 128 << 20, "{} bytes", output.len());
    assert!(output.ends_with(b"the end\n"), "the oldest goes first");
    let peak = peak_memory(lab.node.id());
    assert!(peak < 100 << 20, "the node used {peak} bytes");
    nothing_is_left(&lab);
}
