//! Fields that an operator adds, with real files and commands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use leoscope_core::backends::monitors::CustomMonitor;
use leoscope_core::model::{CustomConfig, CustomSource, ExecutorConfig};
use leoscope_core::ports::{Monitor as _, Observation};
use leoscope_core::time::SignedDuration;
use leoscope_core::trigger::{Key, Value};
use leoscope_core::{Error, ErrorKind, Result};
use nix::sys::stat::Mode;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;

use super::{after, around};

/// How long what is bound to happen may take.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

fn monitor(from: CustomSource, patience: SignedDuration) -> CustomMonitor {
    let interval = SignedDuration::from_secs(10);
    CustomMonitor::new(&CustomConfig { name: "field".into(), from, interval, patience }).expect("monitor")
}

fn file(path: &Path) -> CustomMonitor {
    monitor(CustomSource::File(path.to_owned()), PATIENCE)
}

/// A monitor of what the shell prints for `script`, as a config has it.
fn shell(script: &str) -> CustomMonitor {
    let text = format!("monitors: {{custom: [{{name: field, command: {script:?}, timeout: 60}}]}}");
    let config = ExecutorConfig::parse(&text).expect("config").monitors;
    CustomMonitor::new(&config.custom[0]).expect("monitor")
}

fn only(observation: &Observation) -> Option<Value> {
    let [sample] = observation.samples.as_slice() else { panic!("{observation:?}") };
    assert_eq!((&sample.key, sample.at), (&Key::custom("field").expect("key"), after(3)));
    sample.value.clone()
}

async fn read(monitor: &CustomMonitor) -> Result<Option<Value>> {
    monitor.read(&around(3)).await.map(|observation| only(&observation))
}

async fn fault(monitor: &CustomMonitor) -> Error {
    let error = read(monitor).await.expect_err("a fault");
    assert!(error.message().starts_with("cannot read custom.field: "), "{error}");
    error
}

#[tokio::test]
async fn a_file_is_read_anew_each_time_and_may_come_and_go() {
    let scratch = tempfile::tempdir().expect("directory");
    let path = scratch.path().join("fan");
    let monitor = file(&path);
    let error = fault(&monitor).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().ends_with("/fan is not there"), "{error}");
    for (content, expected) in [
        ("1200\n", Some(Value::Number(1200.0))),
        ("true", Some(Value::Flag(true))),
        ("on battery\nsince noon\n", Some(Value::text("on battery"))),
        ("", None),
    ] {
        std::fs::write(&path, content).expect("write");
        assert_eq!(read(&monitor).await.expect(content), expected, "{content:?}");
    }
    std::fs::write(&path, vec![b'7'; 100_000]).expect("write");
    assert!(fault(&monitor).await.message().ends_with("has more than 65536 bytes"));
    std::fs::write(&path, "x".repeat(300)).expect("write");
    assert!(fault(&monitor).await.message().contains("300 bytes, at most 256"));
}

#[tokio::test]
async fn what_is_no_file_holds_nothing_up() {
    let scratch = tempfile::tempdir().expect("directory");
    assert!(fault(&file(scratch.path())).await.message().ends_with(" is no file"));
    // Nobody ever writes into it.
    let pipe = scratch.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::from_bits_truncate(0o600)).expect("pipe");
    assert!(fault(&file(&pipe)).await.message().ends_with("/pipe is no file"));
}

#[tokio::test]
async fn a_command_s_first_line_is_the_value_whatever_else_it_prints() {
    assert_eq!(read(&shell("echo 2.5; echo more")).await.expect("value"), Some(Value::Number(2.5)));
    assert_eq!(read(&shell("echo warning >&2; echo false")).await.expect("value"), Some(Value::Flag(false)));
    assert_eq!(read(&shell("true")).await.expect("value"), None);
    // As much as may be, to each of them: more than fits on the way to who reads them one by one.
    let much = "head -c 65536 /dev/zero >&2; echo 7; head -c 65534 /dev/zero";
    assert_eq!(read(&shell(much)).await.expect("value"), Some(Value::Number(7.0)));
    let words = ["/bin/echo", "$HOME", "; exit 3"].map(str::to_owned).to_vec();
    let monitor = monitor(CustomSource::Command(words), PATIENCE);
    assert_eq!(read(&monitor).await.expect("value"), Some(Value::text("$HOME ; exit 3")));
}

#[tokio::test]
async fn a_command_gets_nothing_of_the_node_s_environment_nor_its_input() {
    // Cargo has given this process some that begin with that.
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")));
    let seen = read(&shell("env | grep -c '^CARGO'; true")).await.expect("value");
    assert_eq!(seen, Some(Value::Number(0.0)));
    assert_eq!(read(&shell("cat; echo end")).await.expect("value"), Some(Value::text("end")));
}

#[tokio::test]
async fn a_command_that_fails_is_told_with_what_it_says() {
    let error = fault(&shell("echo 5; echo >&2; echo no modem >&2; echo more >&2; exit 3")).await;
    assert_eq!(error.message(), "cannot read custom.field: the command ended with 3: no modem");
    assert_eq!(fault(&shell("exit 1")).await.message(), "cannot read custom.field: the command ended with 1");
    let killed = fault(&shell("kill -9 $$")).await;
    assert_eq!(killed.message(), "cannot read custom.field: the command was killed");
    let words = vec!["/nowhere/modem".to_owned()];
    let error = fault(&monitor(CustomSource::Command(words), PATIENCE)).await;
    assert!(error.message().contains("cannot be started"), "{error}");
}

#[tokio::test]
async fn a_command_that_prints_without_end_is_cut_off() {
    for script in ["while :; do echo 1; done", "while :; do echo 1; done >&2"] {
        let error = fault(&shell(script)).await;
        assert!(error.message().ends_with("the command prints more than 65536 bytes"), "{error}");
    }
}

/// A command that holds a pipe open and never ends, with a child that does the same and ignores what asks
/// it to end.
fn endless(pipe: &Path) -> CustomSource {
    let pipe = pipe.display();
    let script =
        format!("exec 9>{pipe}; (trap '' TERM HUP INT; echo >&9; while :; do sleep 600; done) & wait");
    CustomSource::Command(vec!["/bin/sh".into(), "-c".into(), script])
}

/// A pipe that ends when nobody holds it any more.
fn lifeline(scratch: &Path) -> (PathBuf, pipe::Receiver) {
    let path = scratch.join("lifeline");
    nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600)).expect("pipe");
    let receiver = pipe::OpenOptions::new().open_receiver(&path).expect("open");
    (path, receiver)
}

/// What was said until everybody had let go.
async fn ended(mut lifeline: pipe::Receiver) -> Vec<u8> {
    let mut said = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(60), lifeline.read_to_end(&mut said)).await;
    end.expect("a process of the command still runs").expect("read");
    said
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_with_its_children() {
    let scratch = tempfile::tempdir().expect("directory");
    let (path, lifeline) = lifeline(scratch.path());
    let monitor = monitor(endless(&path), SignedDuration::from_secs(2));
    assert!(monitor.patience() > SignedDuration::from_secs(2));
    let error = fault(&monitor).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().ends_with("it took more than 2 s"), "{error}");
    assert_eq!(ended(lifeline).await, b"\n", "it did run");
}

#[tokio::test]
async fn what_a_command_leaves_in_the_background_ends_with_it() {
    // With its output, which would keep that open for ever, and without.
    for output in ["", "exec >/dev/null 2>&1;"] {
        let scratch = tempfile::tempdir().expect("directory");
        let (path, lifeline) = lifeline(scratch.path());
        let path = path.display();
        let left = format!("{output} trap '' TERM HUP INT; while :; do sleep 600; done");
        let seen = read(&shell(&format!("exec 9>{path}; ({left}) & echo 5"))).await;
        assert_eq!(seen.expect("value"), Some(Value::Number(5.0)), "{output}");
        assert_eq!(ended(lifeline).await, b"");
    }
}

#[tokio::test]
async fn a_reading_that_is_given_up_leaves_nothing_running() {
    let scratch = tempfile::tempdir().expect("directory");
    let (path, mut lifeline) = lifeline(scratch.path());
    let monitor = monitor(endless(&path), PATIENCE);
    let around = around(3);
    let mut first = [0];
    {
        let mut reading = monitor.read(&around);
        // A pipe that nobody has opened for writing yet is at its end.
        let begun = async {
            while lifeline.read(&mut first).await.expect("read") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            read = &mut reading => panic!("{read:?}"),
            () = begun => {}
        }
    }
    assert_eq!((first, ended(lifeline).await), (*b"\n", vec![]));
}
