//! What a run prints, followed with the command line while it runs in a real container.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::docker::{IMAGE, make_image};
use crate::lab::{Lab, eventually, within};

/// How much is printed on standard output: so many lines of this length.
const LINES: usize = 100_000;
const LINE: usize = 1_000;

/// How long a hundred megabytes may take on a busy machine.
const LONG: Duration = Duration::from_secs(240);

/// A config whose experiment waits until it is told to, by a file, and prints a hundred megabytes then.
fn config() -> String {
    let lines = format!("BEGIN {{ for (i = 1; i <= {LINES}; i++) printf \"%0{}d\\n\", i }}", LINE - 1);
    let script = format!(
        "echo ready >&2; until busybox test -e /artifacts/go; do busybox sleep 0.1; done; \
         busybox awk '{lines}'; for n in 1 2 3; do echo fault $n >&2; done"
    );
    format!("docker:\n  image: {IMAGE}\n  command: [/bin/sh, -c, {script:?}]\n")
}

/// What the config has printed on standard output.
fn expected() -> impl Iterator<Item = String> {
    (1..=LINES).map(|number| format!("{number:0width$}\n", width = LINE - 1))
}

fn assert_is_whole(stdout: &Path, stderr: &Path) {
    let text = fs::read(stdout).expect("stdout");
    assert_eq!(text.len(), LINES * LINE, "every byte arrives, and once");
    for (line, expected) in text.chunks(LINE).zip(expected()) {
        assert_eq!(String::from_utf8_lossy(line), expected, "in order");
    }
    let text = fs::read_to_string(stderr).expect("stderr");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("note: ")).collect();
    assert_eq!(lines, ["ready", "fault 1", "fault 2", "fault 3"]);
}

/// A `leoscope run logs` that goes on beside the test.
struct Following {
    child: Child,
}

impl Following {
    fn start(lab: &Lab, run: &str, stdout: Stdio, stderr: Stdio) -> Self {
        let runid = format!("--runid={run}");
        let mut command = lab.cli_by(lab.port, &["run", "logs", "--follow", "--tail=all", &runid]);
        Self { child: command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().expect("spawn") }
    }

    /// Waits for its end, which must be a good one.
    fn finish(&mut self) {
        let status = within(LONG, "the end of a follow session", || self.child.try_wait().expect("wait"));
        assert!(status.success(), "{status:?}");
    }

    fn pipe(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("a pipe")
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the experiment of `job`, gives its run and what lets it print.
fn begun(lab: &Lab, length: i64) -> (String, impl Fn() + '_) {
    lab.schedule_with("exp", &config(), 3, length, &["--no-overhead"]);
    let run = lab.wait_for_run("exp", "to be executing", |run| run["phase"] == "EXECUTE");
    let id = run["id"].as_str().expect("id").to_owned();
    let go = move || {
        let inputs = find(&lab.dir.path().join("node")).expect("results directory");
        fs::write(inputs.join("go"), "").expect("go");
    };
    (id, go)
}

/// The directory below `dir` that holds the inputs of the experiment.
fn find(dir: &Path) -> Option<std::path::PathBuf> {
    if dir.join("experiment-config.yaml").exists() {
        return Some(dir.to_owned());
    }
    let entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir()).find_map(|path| find(&path))
}

#[test]
fn a_hundred_megabytes_are_followed_to_the_last_byte_while_another_follower_does_not_read() {
    make_image();
    let lab = Lab::start("docker");
    let (run, go) = begun(&lab, 300);
    let [stdout, stderr] = ["followed.out", "followed.err"].map(|name| lab.dir.path().join(name));
    let file = |path: &Path| File::create(path).expect("file");
    let mut reading = Following::start(&lab, &run, file(&stdout).into(), file(&stderr).into());
    let mut stuck = Following::start(&lab, &run, Stdio::piped(), Stdio::null());
    let mut pipe = stuck.pipe();
    eventually("the back-log", || {
        fs::read_to_string(&stderr).is_ok_and(|text| text == "ready\n").then_some(())
    });
    go();
    let mut first = [0; LINE];
    pipe.read_exact(&mut first).expect("it has begun, and reads no more");

    reading.finish();
    let ended = lab.wait_long_for_run("exp", LONG, |run| run["results"] == true);
    assert_eq!((&ended["status"], &ended["exit_code"]), (&"COMPLETED".into(), &0.into()), "{ended:#}");
    assert_is_whole(&stdout, &stderr);
    let told = fs::read_to_string(&stderr).expect("stderr");
    assert!(told.contains(&format!("note: run {run} is COMPLETED, EXPERIMENT_ENDED")), "{told}");
    assert!(stuck.child.try_wait().expect("wait").is_none(), "it waits for its reader");
    drop((pipe, stuck));

    // Afterwards the same comes out of the bundle.
    let results = lab.download("exp");
    assert_is_whole(&results.join("stdout.log"), &results.join("stderr.log"));
    let last = lab.cli(&["run", "logs", &format!("--runid={run}"), "--tail=1"]);
    assert!(last.success, "{last:?}");
    assert_eq!(last.stdout, expected().last().expect("a line"));
    assert!(last.stderr.starts_with("fault 3\n"), "{}", last.stderr);
}

#[test]
fn a_run_is_followed_from_before_its_start_and_looked_at_without_waiting() {
    let lab = Lab::start("process");
    let script = "echo one; until test -e go; do sleep 0.05; done; echo two";
    lab.schedule_with("exp", &format!("process: {{command: '{script}'}}"), 4, 60, &["--no-overhead"]);
    let known = lab.wait_for_run("exp", "to be known", |_| true);
    let run = known["id"].as_str().expect("id").to_owned();
    let mut file = tempfile::tempfile().expect("file");
    let output = file.try_clone().expect("file");
    let mut following = Following::start(&lab, &run, output.into(), Stdio::null());
    lab.wait_for_run("exp", "to be executing", |run| run["phase"] == "EXECUTE");
    let runid = format!("--runid={run}");
    // Not waited for: what is there by now.
    let line = eventually("the first line", || {
        let text = lab.cli_ok(&["run", "logs", &runid, "--output=json"]);
        (!text.is_empty()).then_some(text)
    });
    let line: Value = serde_json::from_str(&line).expect("one line of JSON");
    assert_eq!((&line["stream"], &line["text"]), (&"stdout".into(), &"one\n".into()));
    let inputs = find(&lab.dir.path().join("node")).expect("results directory");
    fs::write(inputs.join("go"), "").expect("go");
    following.finish();
    let mut text = String::new();
    file.rewind().expect("rewind");
    file.read_to_string(&mut text).expect("text");
    assert_eq!(text, "one\ntwo\n");

    let stranger = lab.cli(&["run", "logs", "--runid=unknown"]);
    assert!(!stranger.success && stranger.stderr.contains("there is no run unknown"), "{stranger:?}");
}
