//! What the process runtime does besides the cases of its port: limits, whom it kills, and what a
//! power cut leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use leoscope_core::ErrorKind;
use leoscope_core::backends::runtime::ProcessRuntime;
use leoscope_core::ids::RunId;
use leoscope_core::model::{
    AskedLimits, ExperimentConfig, Limits, Network, Reason, RunStatus, RuntimeState, Stage,
};
use leoscope_core::ports::{RunSpec, Runtime};
use tempfile::TempDir;

const GRACE: Duration = Duration::from_millis(200);

/// A runtime, the directory it keeps its runs in, and a run of `script`.
fn run_of(script: &str) -> (TempDir, ProcessRuntime, RunSpec) {
    let scratch = tempfile::tempdir().expect("directory");
    let results = scratch.path().join("results");
    fs::create_dir(&results).expect("results directory");
    let spec = RunSpec {
        run: RunId::parse("run-1").expect("id"),
        experiment: ExperimentConfig {
            docker: None,
            process: Some(["/bin/sh", "-c", script].map(str::to_owned).to_vec()),
            environment: BTreeMap::new(),
            limits: AskedLimits::default(),
            cloud: None,
        },
        environment: BTreeMap::new(),
        labels: BTreeMap::new(),
        results,
        results_dest: "/artifacts".into(),
        network: Network::Host,
        limits: Limits::default(),
        until: None,
    };
    let runtime = ProcessRuntime::new(scratch.path().join("runs")).expect("runtime");
    (scratch, runtime, spec)
}

/// Runs it to its end and gives the exit code and what it printed.
async fn to_the_end(runtime: &ProcessRuntime, spec: &RunSpec) -> (Option<i32>, String) {
    runtime.prepare(spec).await.expect("prepare");
    runtime.start(&spec.run).await.expect("start");
    let exit = runtime.wait(&spec.run).await.expect("wait");
    let target = spec.results.join("saved");
    runtime.save_output(&spec.run, &target, &spec.results.join("saved-errors")).await.expect("output");
    (exit.code, fs::read_to_string(target).expect("output"))
}

#[tokio::test]
async fn memory_and_files_are_limited_in_every_process() {
    let (_scratch, runtime, mut spec) = run_of("cat /proc/self/limits");
    spec.limits = Limits { memory: 64 << 20, disk: 2 << 20, pids: 100, ..Limits::default() };
    let (code, limits) = to_the_end(&runtime, &spec).await;
    assert_eq!(code, Some(0));
    let of = |name: &str| {
        let line =
            limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{limits}"));
        line.split_ascii_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of("Max address space"), [(64 << 20).to_string(), (64 << 20).to_string()], "bytes");
    assert_eq!(of("Max file size"), [(2 << 20).to_string(), (2 << 20).to_string()], "bytes");
    if !nix::unistd::geteuid().is_root() {
        let processes: u64 = of("Max processes")[0].parse().expect("a number");
        assert!(processes > 100, "those that the user has anyway are added: {processes}");
    }
}

#[tokio::test]
async fn a_file_that_grows_too_long_ends_its_program_and_keeps_what_fits() {
    let (_scratch, runtime, mut spec) = run_of("exec head -c 3000000 /dev/zero >file");
    spec.limits.disk = 1 << 20;
    let (code, _) = to_the_end(&runtime, &spec).await;
    assert_eq!(code, Some(128 + 25), "128 and SIGXFSZ");
    assert_eq!(fs::metadata(spec.results.join("file")).expect("file").len(), 1 << 20);
}

#[tokio::test]
async fn output_counts_as_it_is_kept() {
    let (_scratch, runtime, spec) = run_of("echo 12345; echo 678 >&2");
    assert_eq!(runtime.output_size(&spec.run).await.expect("size"), 0, "of a run that is not there");
    to_the_end(&runtime, &spec).await;
    assert_eq!(runtime.output_size(&spec.run).await.expect("size"), 10);
}

#[tokio::test]
async fn a_rate_is_refused() {
    let (_scratch, runtime, mut spec) = run_of("exit 0");
    spec.limits.rate = Some(1_000_000);
    let error = runtime.can_keep(&spec.limits).expect_err("no rate");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.what_to_do().is_some());
    let outcome = runtime.prepare(&spec).await.expect_err("prepare");
    assert_eq!((outcome.stage, outcome.reason), (Stage::Config, Reason::ConfigInvalid));
    assert_eq!(outcome.message, error.message());
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Absent);
}

/// How many processes have `word` as an argument.
fn with_argument(word: &str) -> usize {
    let lines = fs::read_dir("/proc").expect("processes").flatten();
    lines
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes()))
        .count()
}

#[tokio::test]
async fn whoever_left_group_session_or_environment_is_killed_as_well() {
    let word = format!("{}", 8_000_000 + std::process::id());
    // A session of its own; one without the environment whose parent is found; and one that
    // forgot its environment, in the group.
    let script = format!(
        "setsid sleep {word} & setsid sh -c 'env -i sleep {word}; true' & env -i sleep {word} & >ready; wait"
    );
    let (_scratch, runtime, spec) = run_of(&script);
    runtime.prepare(&spec).await.expect("prepare");
    runtime.start(&spec.run).await.expect("start");
    while with_argument(&word) < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    runtime.stop(&spec.run, GRACE).await.expect("stop");
    assert_eq!(with_argument(&word), 0);
}

#[tokio::test]
async fn what_outlives_its_experiment_in_another_session_is_ended_by_a_stop() {
    let word = format!("{}", 9_000_000 + std::process::id());
    let (_scratch, runtime, spec) = run_of(&format!(
        "setsid sh -c '>ready; exec sleep {word}' & until test -e ready; do sleep 0.01; done; exit 3"
    ));
    let (code, _) = to_the_end(&runtime, &spec).await;
    assert_eq!(code, Some(3));
    while with_argument(&word) < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    runtime.stop(&spec.run, GRACE).await.expect("stop");
    assert_eq!(with_argument(&word), 0);
    let RuntimeState::Exited(exit) = runtime.state(&spec.run).await.expect("state") else { panic!("runs") };
    assert_eq!(exit.code, Some(3), "the end stays as it was");
}

/// Makes `root` hold the run's directory as `whole` has it, but with `file` only `length` long.
fn cut(whole: &Path, root: &Path, run: &RunId, file: &str, length: usize) {
    let target = root.join(run.as_str());
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target).expect("directory");
    for entry in fs::read_dir(whole).expect("directory").flatten() {
        let mut content = fs::read(entry.path()).expect("file");
        if entry.file_name() == file {
            content.truncate(length);
        }
        fs::write(target.join(entry.file_name()), content).expect("file");
    }
}

#[tokio::test]
async fn files_cut_off_by_a_power_cut_give_a_state_and_never_run_it_twice() {
    let (scratch, runtime, spec) = run_of("echo once >>starts; echo printed; exit 3");
    to_the_end(&runtime, &spec).await;
    let run = &spec.run;
    let whole = scratch.path().join("runs").join(run.as_str());
    let root = scratch.path().join("after");
    let after = ProcessRuntime::new(root.clone()).expect("runtime");
    for file in ["spec.json", "birth", "exit", "stdout", "stderr"] {
        let length = fs::metadata(whole.join(file)).expect(file).len();
        for length in 0..=usize::try_from(length).expect("short") {
            let at = format!("{file} of {length} bytes");
            cut(&whole, &root, run, file, length);
            let state = after.state(run).await.expect(&at);
            let torn_birth = file == "birth" && !whole_line(&whole, file, length);
            match state {
                RuntimeState::Prepared => assert!(torn_birth, "{at}"),
                RuntimeState::Exited(exit) => {
                    let torn_exit = file == "exit" && !whole_line(&whole, file, length);
                    assert_eq!(exit.code, (!torn_exit).then_some(3), "{at}");
                    assert_eq!(after.wait(run).await.expect(&at), exit);
                }
                RuntimeState::Absent | RuntimeState::Running(_) => panic!("{at}: {state:?}"),
            }
            assert_eq!(after.list().await.expect(&at), std::slice::from_ref(run));
            assert_eq!(after.state(run).await.expect(&at), state, "{at}: it stays so");
            let (out, err) = (scratch.path().join("out"), scratch.path().join("err"));
            after.save_output(run, &out, &err).await.expect(&at);
            after.stop(run, GRACE).await.expect(&at);
            after.prepare(&spec).await.expect(&at);
            // A shell for each length would take long; the ends and the middle show it.
            if !torn_birth || length % 40 == 0 {
                match after.start(run).await {
                    Ok(_) => assert!(!torn_birth, "{at}"),
                    Err(outcome) => {
                        assert!(torn_birth, "{at}: {outcome:?}");
                        assert_eq!(
                            (outcome.status, outcome.reason),
                            (RunStatus::Failed, Reason::StartFailed)
                        );
                        assert!(outcome.message.contains("cut off"), "{}", outcome.message);
                    }
                }
            }
            after.remove(run).await.expect(&at);
            assert_eq!(after.state(run).await.expect(&at), RuntimeState::Absent, "{at}");
            assert_eq!(after.list().await.expect(&at), []);
        }
    }
    assert_eq!(fs::read_to_string(spec.results.join("starts")).expect("starts"), "once\n");
}

fn whole_line(whole: &Path, file: &str, length: usize) -> bool {
    fs::metadata(whole.join(file)).expect(file).len() == u64::try_from(length).expect("short")
}

#[tokio::test]
async fn files_that_hold_anything_else_give_a_state_as_well() {
    let (scratch, runtime, spec) = run_of("exit 0");
    to_the_end(&runtime, &spec).await;
    let directory = scratch.path().join("runs").join(spec.run.as_str());
    let contents: [&[u8]; 5] = [b"\0\0\0\0\0\0", b"\n", b"\xff\xfe\n", b"1 2 3\n", b"{}"];
    for file in ["exit", "birth", "spec.json"] {
        for content in contents {
            fs::write(directory.join(file), content).expect("write");
            runtime.state(&spec.run).await.expect(file);
            runtime.stop(&spec.run, GRACE).await.expect(file);
        }
    }
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Absent, "neither is readable");
    runtime.prepare(&spec).await.expect("prepare anew");
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Prepared);
    runtime.remove(&spec.run).await.expect("remove");
}
