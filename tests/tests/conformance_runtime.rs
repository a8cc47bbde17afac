//! The cases of the runtime port, over every runtime, and what each runtime does besides.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
use leoscope_tests::skipped;
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
                output_is_followed_until_the_end,
                the_last_lines_come_first,
                what_has_ended_is_followed_as_well,
                a_follower_that_does_not_read_holds_nothing_up,
                following_ends_when_the_run_is_removed,
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
                what_an_experiment_has_moved_never_shrinks,
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
cases!(podman, all);

#[path = "conformance_runtime/docker.rs"]
mod docker_only;

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
        what_an_experiment_has_moved_never_shrinks,
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
    ExperimentConfig { docker: None, process: None, environment, limits, cloud: None }
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
    let Some(runtime) = connect(scratch, None).await else {
        skipped("docker", "no container engine");
        return None;
    };
    let image = "leoscope-test/busybox:2";
    runtime.import_image(image, busybox()).await.expect("build an image");
    Some((runtime, image.to_owned()))
}

async fn connect(scratch: &Path, host: Option<&str>) -> Option<DockerRuntime> {
    let unique = scratch.file_name().expect("name").to_string_lossy();
    let node = NodeId::parse(&format!("node-{}", unique.trim_start_matches('.'))).expect("node id");
    let runtime = DockerRuntime::connect(node, host).await.ok()?;
    Some(runtime.holding(&scratch.join("gates")).expect("directory for gates"))
}

/// Podman's service of the Docker interface, for one test.
struct Podman {
    service: Child,
    address: String,
}

impl Podman {
    fn start(scratch: &Path) -> std::io::Result<Self> {
        let address = format!("unix://{}/podman.sock", scratch.display());
        let mut service = Command::new("podman");
        service
            .args(["system", "service", "--time", "0", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Ok(Self { service: service.spawn()?, address })
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

async fn podman(scratch: &TempDir) -> Option<Harness> {
    let scratch = scratch.path().to_owned();
    let Ok(service) = Podman::start(&scratch) else {
        skipped("podman", "no podman");
        return None;
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    let runtime = loop {
        match connect(&scratch, Some(&service.address)).await {
            Some(runtime) => break runtime,
            None => assert!(tokio::time::Instant::now() < deadline, "podman does not answer"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let image = "localhost/leoscope-test/busybox:1";
    runtime.import_image(image, busybox()).await.expect("build an image");
    let results = scratch.clone();
    let service = Arc::new(service);
    Some(Harness {
        open: Box::new(move || {
            // It runs as long as this harness does.
            let _service = Arc::clone(&service);
            let runtime: Box<dyn Runtime> = Box::new(runtime.clone());
            async { runtime }.boxed()
        }),
        spec: Box::new(move |run, script| spec(&results, run, in_container(image, shell(script)))),
        scratch,
    })
}

/// The context of an image with a static shell and its programs.
fn busybox() -> Bytes {
    image_context("")
}

/// The same with more lines in its `Dockerfile`.
fn image_context(lines: &str) -> Bytes {
    let program = std::fs::read("/bin/busybox").expect("install the package busybox-static");
    let mut context = tar::Builder::new(Vec::new());
    let mut add = |path: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        context.append_data(&mut header, path, content).expect("append");
    };
    add("Dockerfile", format!("FROM scratch\nCOPY bin /bin\n{lines}").as_bytes());
    add("bin/busybox", &program);
    for name in ["cat", "env", "head", "ls", "setsid", "sh", "sleep", "tail"] {
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
