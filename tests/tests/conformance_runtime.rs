//! The cases of the runtime port, over every runtime, and what each runtime does besides.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::runtime::{Behaviour, DockerRuntime, ProcessRuntime, SimulatedRuntime};
use leoscope_core::conformance::runtime::{CASES, GREETING, Harness};
use leoscope_core::ids::{NodeId, RunId};
use leoscope_core::model::{
    AskedLimits, DockerExperiment, ExperimentConfig, Limits, Network, Reason, RuntimeState, Stage,
};
use leoscope_core::ports::{RunSpec, Runtime};
use tempfile::TempDir;

/// One test for each case, and where all are run, a test that none is forgotten.
macro_rules! cases {
    ($backend:ident { $($case:ident),* $(,)? }) => {
        $(#[tokio::test]
        async fn $case() {
            let scratch = tempfile::tempdir().expect("directory");
            if let Some(harness) = super::$backend(&scratch).await {
                super::check(stringify!($case), &harness).await;
            }
        })*
    };
    ($backend:ident, all) => {
        mod $backend {
            cases!(@listed $backend {
                an_experiment_runs_and_its_output_is_kept,
                an_exit_code_is_passed_on,
                an_end_lies_after_its_start,
                the_environment_is_complete_and_nothing_is_inherited,
                output_can_be_saved_while_it_runs,
                starting_again_gives_the_first_start,
                starting_again_runs_nothing_again,
                starts_at_the_same_time_run_it_once,
                every_call_may_be_repeated,
                stopping_asks_before_it_kills,
                stopping_kills_what_ignores_it,
                stopping_kills_children,
                stopping_kills_what_left_for_another_session,
                children_do_not_outlive_the_experiment,
                a_wait_ends_when_it_is_stopped,
                a_new_runtime_finds_what_was_prepared,
                a_new_runtime_finds_what_runs,
                a_new_runtime_learns_the_exit_code,
                a_new_runtime_stops_what_another_started,
                runs_are_listed_until_they_are_removed,
                removing_forgets,
                an_unknown_run_is_not_found,
                what_was_not_prepared_does_not_start,
                an_experiment_for_another_runtime_is_refused,
            });
        }
    };
    (@listed $backend:ident { $($case:ident),* $(,)? }) => {
        #[test]
        fn every_case_is_run() {
            let names: Vec<_> = super::CASES.iter().map(|(name, _)| *name).collect();
            assert_eq!([$(stringify!($case)),*], *names);
        }

        cases!($backend { $($case),* });
    };
}

cases!(process, all);
cases!(docker, all);

mod simulated {
    // What does not depend on what a script does.
    cases!(simulated {
        an_exit_code_is_passed_on,
        an_end_lies_after_its_start,
        starting_again_gives_the_first_start,
        every_call_may_be_repeated,
        a_wait_ends_when_it_is_stopped,
        a_new_runtime_finds_what_was_prepared,
        a_new_runtime_finds_what_runs,
        runs_are_listed_until_they_are_removed,
        removing_forgets,
        an_unknown_run_is_not_found,
        what_was_not_prepared_does_not_start,
    });
}

async fn check(name: &str, harness: &Harness) {
    let (_, case) = CASES.iter().find(|(case, _)| *case == name).expect("case");
    let checked = AssertUnwindSafe(case(harness)).catch_unwind().await;
    // Nothing is left running, whatever the case found.
    let runtime = (harness.open)().await;
    for run in runtime.list().await.expect("list") {
        runtime.remove(&run).await.expect("remove");
    }
    if let Err(panic) = checked {
        resume_unwind(panic);
    }
}

fn spec(scratch: &Path, run: &RunId, experiment: ExperimentConfig) -> RunSpec {
    let results = scratch.join(format!("results-{run}"));
    std::fs::create_dir_all(&results).expect("results directory");
    RunSpec {
        run: run.clone(),
        experiment,
        environment: BTreeMap::from([("GREETING".into(), GREETING.into())]),
        labels: BTreeMap::from([("jobid".into(), "job-1".into())]),
        results,
        results_dest: "/artifacts".into(),
        network: Network::Host,
        limits: Limits { memory: 64 << 20, ..Limits::default() },
        until: None,
    }
}

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

fn nothing() -> ExperimentConfig {
    let (environment, limits) = (BTreeMap::new(), AskedLimits::default());
    ExperimentConfig { docker: None, process: None, environment, limits }
}

fn as_process(script: &str) -> ExperimentConfig {
    ExperimentConfig { process: Some(shell(script)), ..nothing() }
}

fn in_container(image: &str, command: Vec<String>) -> ExperimentConfig {
    let docker = DockerExperiment { image: image.into(), name: None, command: Some(command), ports: vec![] };
    ExperimentConfig { docker: Some(docker), ..nothing() }
}

async fn process(scratch: &TempDir) -> Option<Harness> {
    let scratch = scratch.path().to_owned();
    let (runs, results) = (scratch.join("runs"), scratch.clone());
    Some(Harness {
        open: Box::new(move || {
            let runs = runs.clone();
            async move {
                let runtime: Box<dyn Runtime> = Box::new(ProcessRuntime::new(runs).expect("runtime"));
                runtime
            }
            .boxed()
        }),
        spec: Box::new(move |run, script| spec(&results, run, as_process(script))),
        scratch,
    })
}

async fn simulated(scratch: &TempDir) -> Option<Harness> {
    let scratch = scratch.path().to_owned();
    let runtime = SimulatedRuntime::new(Arc::new(SystemClock));
    let (machine, results) = (runtime.clone(), scratch.clone());
    Some(Harness {
        open: Box::new(move || {
            let runtime: Box<dyn Runtime> = Box::new(runtime.clone());
            async { runtime }.boxed()
        }),
        spec: Box::new(move |run, script| {
            let code = script.strip_prefix("exit ").map(|code| code.parse().expect("exit code"));
            let behaviour = Behaviour {
                duration: code.map(|_| Duration::from_millis(20)),
                exit_code: code.unwrap_or_default(),
                ..Behaviour::default()
            };
            machine.set_behaviour(Some(run.clone()), behaviour);
            spec(&results, run, as_process(script))
        }),
        scratch,
    })
}

async fn docker(scratch: &TempDir) -> Option<Harness> {
    let scratch = scratch.path().to_owned();
    let (runtime, image) = engine(&scratch).await?;
    let results = scratch.clone();
    Some(Harness {
        open: Box::new(move || {
            let runtime: Box<dyn Runtime> = Box::new(runtime.clone());
            async { runtime }.boxed()
        }),
        spec: Box::new(move |run, script| spec(&results, run, in_container(&image, shell(script)))),
        scratch,
    })
}

/// A runtime of a node of its own on this machine's engine, and an image with a shell.
async fn engine(scratch: &Path) -> Option<(DockerRuntime, String)> {
    let unique = scratch.file_name().expect("name").to_string_lossy();
    let node = NodeId::parse(&format!("node-{}", unique.trim_start_matches('.'))).expect("node id");
    let runtime = match DockerRuntime::connect(node, None).await {
        Ok(runtime) => runtime,
        Err(error) => {
            let required = std::env::var("LEOSCOPE_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|name| name.trim() == "docker"), "{error}");
            note("skipped: no container engine");
            return None;
        }
    };
    let image = "leoscope-test/busybox:2";
    runtime.import_image(image, busybox()).await.expect("build an image");
    Some((runtime, image.to_owned()))
}

#[expect(clippy::print_stderr, reason = "a test that did nothing must not look like one that passed")]
fn note(text: &str) {
    eprintln!("{text}");
}

/// The context of an image with a static shell and its programs.
fn busybox() -> Bytes {
    let program = std::fs::read("/bin/busybox").expect("install the package busybox-static");
    let mut context = tar::Builder::new(Vec::new());
    let mut add = |path: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        context.append_data(&mut header, path, content).expect("append");
    };
    add("Dockerfile", b"FROM scratch\nCOPY bin /bin\n");
    add("bin/busybox", &program);
    for name in ["cat", "env", "head", "setsid", "sh", "sleep", "tail"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        context.append_link(&mut header, format!("bin/{name}"), "busybox").expect("append");
    }
    context.into_inner().expect("archive").into()
}

fn run_id(text: &str) -> RunId {
    RunId::parse(text).expect("run id")
}

#[tokio::test]
async fn process_killed_from_outside_has_no_exit_code_and_leaves_nothing() {
    let scratch = tempfile::tempdir().expect("directory");
    let runtime = ProcessRuntime::new(scratch.path().join("runs")).expect("runtime");
    let script = "(trap '' TERM; while :; do sleep 600; done) & echo $PPID; kill -9 $PPID; wait";
    let spec = spec(scratch.path(), &run_id("run-1"), as_process(script));
    runtime.prepare(&spec).await.expect("prepare");
    runtime.start(&spec.run).await.expect("start");
    let exit = runtime.wait(&spec.run).await.expect("wait");
    assert_eq!(exit.code, None);
    runtime.stop(&spec.run, Duration::ZERO).await.expect("stop");
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Exited(exit));
    let marker = format!("LEOTEST_RESULTS={}", spec.results.display());
    let left = std::fs::read_dir("/proc").expect("processes").filter_map(|entry| {
        let environment = std::fs::read(entry.ok()?.path().join("environ")).ok()?;
        String::from_utf8_lossy(&environment).contains(&marker).then_some(())
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn process_of_a_program_that_is_not_there_is_refused() {
    let scratch = tempfile::tempdir().expect("directory");
    let runtime = ProcessRuntime::new(scratch.path().join("runs")).expect("runtime");
    let mut spec = spec(scratch.path(), &run_id("run-1"), as_process(""));
    // To the shell that runs it, it would be a word of its own.
    spec.experiment.process = Some(vec!["exec".into(), "true".into()]);
    let outcome = runtime.prepare(&spec).await.expect_err("prepare");
    assert_eq!((outcome.stage, outcome.reason), (Stage::Container, Reason::StartFailed));
    assert!(outcome.message.contains("\"exec\""), "{}", outcome.message);
}

#[tokio::test]
async fn process_arguments_arrive_as_they_were_given() {
    let scratch = tempfile::tempdir().expect("directory");
    let runtime = ProcessRuntime::new(scratch.path().join("runs")).expect("runtime");
    let mut spec = spec(scratch.path(), &run_id("run-1"), as_process(""));
    let words = ["printf", "%s|", "two words", "$HOME", "", "'\"\\", "-n"];
    spec.experiment.process = Some(words.map(str::to_owned).to_vec());
    runtime.prepare(&spec).await.expect("prepare");
    runtime.start(&spec.run).await.expect("start");
    runtime.wait(&spec.run).await.expect("wait");
    let (stdout, stderr) = (scratch.path().join("out"), scratch.path().join("err"));
    runtime.save_output(&spec.run, &stdout, &stderr).await.expect("output");
    assert_eq!(std::fs::read_to_string(stdout).expect("output"), "two words|$HOME||'\"\\|-n|");
}

/// Runs an experiment in a container to its end and gives its exit and what it printed.
async fn in_docker(
    runtime: &DockerRuntime,
    spec: &RunSpec,
    scratch: &Path,
) -> (leoscope_core::model::Exit, String) {
    runtime.prepare(spec).await.expect("prepare");
    runtime.start(&spec.run).await.expect("start");
    let exit = runtime.wait(&spec.run).await.expect("wait");
    let stdout: PathBuf = scratch.join("out");
    runtime.save_output(&spec.run, &stdout, &scratch.join("err")).await.expect("output");
    runtime.remove(&spec.run).await.expect("remove");
    (exit, std::fs::read_to_string(stdout).expect("output"))
}

#[tokio::test]
async fn docker_confines_experiments() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let command = shell("cat /proc/self/status; echo results in $LEOTEST_RESULTS");
    let spec = spec(scratch.path(), &run_id("confined+1"), in_container(&image, command));
    let (exit, output) = in_docker(&runtime, &spec, scratch.path()).await;
    assert_eq!(exit.code, Some(0));
    // Raw packets (bit 13 of capabilities(7)) and nothing else, for good.
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert!(output.contains(&format!("{set}:\t0000000000002000")), "{output}");
    }
    assert!(output.contains("NoNewPrivs:\t1"), "{output}");
    assert!(output.contains("results in /artifacts"), "{output}");
}

#[tokio::test]
async fn docker_notices_too_much_memory() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let command = shell("exec tail /dev/zero");
    let spec = spec(scratch.path(), &run_id("hungry@1"), in_container(&image, command));
    let (exit, _) = in_docker(&runtime, &spec, scratch.path()).await;
    assert!(exit.out_of_memory, "{exit:?}");
    assert_ne!(exit.code, Some(0));
}

#[tokio::test]
async fn docker_lets_no_file_grow_beyond_the_disk_limit() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let command = shell("head -c 3000000 /dev/zero >$LEOTEST_RESULTS/file; exit $?");
    let mut spec = spec(scratch.path(), &run_id("large+1"), in_container(&image, command));
    spec.limits.disk = 1 << 20;
    let (exit, _) = in_docker(&runtime, &spec, scratch.path()).await;
    // 128 and the signal that says so; a container's first process gets an error instead.
    assert_eq!(exit.code, Some(128 + 25), "{exit:?}");
    assert_eq!(std::fs::metadata(spec.results.join("file")).expect("file").len(), 1 << 20);
}

#[tokio::test]
async fn docker_limits_the_outgoing_rate_on_a_network_of_the_container_s_own() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    let mut spec = spec(scratch.path(), &run_id("slow+1"), in_container(&image, shell("sleep 600")));
    (spec.network, spec.limits.rate) = (Network::Bridge, Some(3_000_000));
    runtime.prepare(&spec).await.expect("prepare");
    let started = runtime.start(&spec.run).await;
    let pid = output("docker", &["inspect", "--format", "{{.State.Pid}}", "leotest-slow-1"]);
    let queues = output("nsenter", &["-t", &pid, "-n", "tc", "-s", "qdisc", "show", "dev", "eth0"]);
    runtime.remove(&spec.run).await.expect("remove");
    if let Err(outcome) = started {
        // Rather not at all than without the limit.
        assert_eq!((outcome.stage, outcome.reason), (Stage::Container, Reason::StartFailed));
        leoscope_tests::skipped("tc", &outcome.message);
        return;
    }
    assert!(queues.contains("qdisc tbf") && queues.contains("rate 3Mbit"), "{queues}");
}

fn output(program: &str, args: &[&str]) -> String {
    let output = std::process::Command::new(program).args(args).output().expect(program);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn docker_says_which_image_or_program_is_missing() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, image)) = engine(scratch.path()).await else { return };
    // Nobody listens on port 1: the image is neither here nor to be had.
    let nowhere = in_container("localhost:1/lab/ping:1", vec![]);
    let outcome =
        runtime.prepare(&spec(scratch.path(), &run_id("no-image"), nowhere)).await.expect_err("prepare");
    assert_eq!((outcome.stage, outcome.reason), (Stage::ImagePull, Reason::ImageNotFound));
    assert!(outcome.message.contains("localhost:1/lab/ping:1"), "{}", outcome.message);

    let spec = spec(scratch.path(), &run_id("no-program"), in_container(&image, vec!["/nothing".into()]));
    runtime.prepare(&spec).await.expect("prepare");
    let outcome = runtime.start(&spec.run).await.expect_err("start");
    runtime.remove(&spec.run).await.expect("remove");
    assert_eq!((outcome.stage, outcome.reason), (Stage::Container, Reason::StartFailed));
    assert!(outcome.message.contains("/nothing"), "{}", outcome.message);
}

#[tokio::test]
async fn docker_image_that_cannot_be_built_is_told_in_the_builders_words() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some((runtime, _)) = engine(scratch.path()).await else { return };
    let mut context = tar::Builder::new(Vec::new());
    let content = b"FROM scratch\nCOPY nothing /\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    context.append_data(&mut header, "Dockerfile", &content[..]).expect("append");
    let context = context.into_inner().expect("archive").into();
    let error = runtime.import_image("leoscope-test/broken:1", context).await.expect_err("build");
    assert!(error.message().contains("leoscope-test/broken:1"), "{error}");
    assert!(error.message().contains("COPY failed"), "{error}");
    assert!(!runtime.has_image("leoscope-test/broken:1").await.expect("look"));
}

#[tokio::test]
async fn docker_engine_that_is_not_there_is_unavailable() {
    let node = NodeId::parse("node-1").expect("id");
    let error = DockerRuntime::connect(node.clone(), Some("unix:///nowhere/docker.sock")).await;
    let error = error.expect_err("connect");
    assert_eq!(error.kind(), leoscope_core::ErrorKind::Unavailable);
    assert!(error.what_to_do().is_some());
    let error = DockerRuntime::connect(node, Some("tcp://127.0.0.1:1")).await.expect_err("connect");
    assert_eq!(error.kind(), leoscope_core::ErrorKind::InvalidArgument);
}
