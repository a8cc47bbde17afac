//! Cases for the runtime port.
//!
//! Experiments of the cases are shell scripts that find their results directory in
//! `LEOTEST_RESULTS`. No case waits for a time to pass: it waits for what the script does.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use nix::sys::stat::Mode;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep, timeout};

use crate::error::ErrorKind;
use crate::ids::RunId;
use crate::model::{
    Exit, OutputPiece, OutputScope, OutputSource, Reason, RunStatus, RuntimeState, Stage, Tail,
};
use crate::ports::{OutputStream, RunSpec, Runtime};
use crate::time::Timestamp;

/// Opens a runtime over state that outlives it.
pub type Open = dyn Fn() -> BoxFuture<'static, Box<dyn Runtime>> + Send + Sync;

/// Makes a run of a shell script.
pub type MakeSpec = dyn Fn(&RunId, &str) -> RunSpec + Send + Sync;

/// What the cases need of a backend.
pub struct Harness {
    /// Opens a runtime; each opened after the first stands for a node that was started anew.
    pub open: Box<Open>,
    /// A run of a shell script, with a results directory that exists and an environment of
    /// `GREETING`.
    pub spec: Box<MakeSpec>,
    /// A directory for files of the case.
    pub scratch: PathBuf,
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness").field("scratch", &self.scratch).finish_non_exhaustive()
    }
}

/// A case: it panics where the runtime breaks a guarantee.
pub type Case = for<'a> fn(&'a Harness) -> BoxFuture<'a, ()>;

/// The value of `GREETING` in the environment of every run.
pub const GREETING: &str = "good \"morning\" $HOME";

macro_rules! cases {
    ($($name:ident)*) => {
        /// Every case with its name.
        pub const CASES: &[(&str, Case)] = &[$((stringify!($name), |h| $name(h).boxed()),)*];
    };
}

cases! {
    an_experiment_runs_and_its_output_is_kept an_exit_code_is_passed_on
    an_end_lies_after_its_start the_environment_is_complete_and_nothing_is_inherited
    output_can_be_saved_while_it_runs output_is_followed_until_the_end
    the_last_lines_come_first what_has_ended_is_followed_as_well
    a_follower_that_does_not_read_holds_nothing_up following_ends_when_the_run_is_removed
    starting_again_gives_the_first_start
    starting_again_runs_nothing_again starts_at_the_same_time_run_it_once
    every_call_may_be_repeated stopping_asks_before_it_kills
    stopping_kills_what_ignores_it stopping_kills_children
    stopping_kills_what_left_for_another_session
    children_do_not_outlive_the_experiment a_wait_ends_when_it_is_stopped
    a_new_runtime_finds_what_was_prepared a_new_runtime_finds_what_runs
    a_new_runtime_learns_the_exit_code a_new_runtime_stops_what_another_started
    runs_are_listed_until_they_are_removed removing_forgets
    an_unknown_run_is_not_found what_was_not_prepared_does_not_start
    an_experiment_for_another_runtime_is_refused
    what_an_experiment_has_moved_never_shrinks
}

/// A script that ends when it is stopped.
const ENDLESS: &str = "while :; do sleep 600; done";

/// How long something that is bound to happen may take.
const PATIENCE: Duration = Duration::from_secs(60);

const GRACE: Duration = Duration::from_secs(1);

fn fresh() -> RunId {
    let random = getrandom::u64().expect("randomness");
    RunId::parse(&format!("case+{random:016x}")).expect("run id")
}

impl Harness {
    /// A run of `script`, prepared.
    async fn prepared(&self, runtime: &dyn Runtime, script: &str) -> RunSpec {
        let spec = (self.spec)(&fresh(), script);
        runtime.prepare(&spec).await.expect("prepare");
        spec
    }

    /// A run of `script`, started.
    async fn started(&self, runtime: &dyn Runtime, script: &str) -> (RunSpec, Timestamp) {
        let spec = self.prepared(runtime, script).await;
        let at = runtime.start(&spec.run).await.expect("start");
        (spec, at)
    }

    /// What a run has written to its standard output and standard error.
    async fn output(&self, runtime: &dyn Runtime, run: &RunId) -> (String, String) {
        let (stdout, stderr) = (self.scratch.join("stdout"), self.scratch.join("stderr"));
        runtime.save_output(run, &stdout, &stderr).await.expect("save output");
        (text(&stdout), text(&stderr))
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("output file")
}

/// Waits until an experiment has made a file in its results directory.
async fn made(spec: &RunSpec, name: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !spec.results.join(name).exists() {
        assert!(Instant::now() < deadline, "the experiment has not made {name}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn end(runtime: &dyn Runtime, run: &RunId) -> Exit {
    timeout(PATIENCE, runtime.wait(run)).await.expect("the experiment ends").expect("wait")
}

/// A pipe in the results directory that an experiment's processes hold open for writing: it ends
/// when the last of them is gone.
fn lifeline(spec: &RunSpec) -> pipe::Receiver {
    let path = spec.results.join("lifeline");
    nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o666)).expect("make a pipe");
    pipe::OpenOptions::new().open_receiver(path).expect("open the pipe")
}

/// Waits until nobody holds the other end.
async fn cut(mut lifeline: pipe::Receiver) {
    let mut content = Vec::new();
    let read = timeout(PATIENCE, lifeline.read_to_end(&mut content)).await;
    read.expect("a process of the experiment still runs").expect("read the pipe");
}

/// A process in the background that cannot be asked to end.
const STUBBORN_CHILD: &str = "(trap '' TERM; exec 9>$LEOTEST_RESULTS/lifeline; >$LEOTEST_RESULTS/ready; while :; do sleep 600; done) & ";

/// One that has left for a session of its own, and cannot be asked to end there.
const STUBBORN_STRANGER: &str = "setsid sh -c 'trap \"\" TERM; exec 9>$LEOTEST_RESULTS/lifeline; >$LEOTEST_RESULTS/ready; while :; do sleep 600; done' & ";

async fn an_experiment_runs_and_its_output_is_kept(h: &Harness) {
    let runtime = (h.open)().await;
    let script = "echo to stdout; echo to stderr >&2; echo data >$LEOTEST_RESULTS/data";
    let (spec, _) = h.started(&*runtime, script).await;
    let exit = end(&*runtime, &spec.run).await;
    assert_eq!((exit.code, exit.out_of_memory), (Some(0), false));
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Exited(exit));
    assert_eq!(h.output(&*runtime, &spec.run).await, ("to stdout\n".into(), "to stderr\n".into()));
    assert_eq!(text(&spec.results.join("data")), "data\n");
}

async fn an_exit_code_is_passed_on(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, _) = h.started(&*runtime, "exit 3").await;
    assert_eq!(end(&*runtime, &spec.run).await.code, Some(3));
}

async fn an_end_lies_after_its_start(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, started) = h.started(&*runtime, "exit 0").await;
    let exit = end(&*runtime, &spec.run).await;
    assert!(started <= exit.at, "started at {started}, ended at {}", exit.at);
    assert_eq!(end(&*runtime, &spec.run).await, exit, "the end stays as it was");
}

async fn the_environment_is_complete_and_nothing_is_inherited(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, _) = h.started(&*runtime, "env; test \"$PWD\" && test -d \"$LEOTEST_RESULTS\"").await;
    assert_eq!(end(&*runtime, &spec.run).await.code, Some(0));
    let (output, _) = h.output(&*runtime, &spec.run).await;
    assert!(output.lines().any(|line| line == format!("GREETING={GREETING}")), "{output}");
    let names: BTreeSet<&str> = output.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // What a shell or a container has by itself.
    let own =
        ["HOME", "HOSTNAME", "LEOTEST_RESULTS", "OLDPWD", "PATH", "PWD", "SHLVL", "TERM", "_", "container"];
    let inherited: Vec<_> =
        names.iter().filter(|name| !own.contains(name) && !spec.environment.contains_key(**name)).collect();
    assert!(inherited.is_empty(), "inherited {inherited:?}");
}

async fn output_can_be_saved_while_it_runs(h: &Harness) {
    let runtime = (h.open)().await;
    let script = format!("echo early; echo fault >&2; >$LEOTEST_RESULTS/ready; {ENDLESS}");
    let (spec, _) = h.started(&*runtime, &script).await;
    made(&spec, "ready").await;
    // The engine takes over the output in its own time.
    let deadline = Instant::now() + PATIENCE;
    while h.output(&*runtime, &spec.run).await != ("early\n".into(), "fault\n".into()) {
        assert!(Instant::now() < deadline, "{:?}", h.output(&*runtime, &spec.run).await);
    }
    runtime.stop(&spec.run, Duration::ZERO).await.expect("stop");
    assert_eq!(h.output(&*runtime, &spec.run).await.0, "early\n");
}

const FOLLOW_ALL: OutputScope = OutputScope { tail: Tail::All, follow: true };

/// What is read of a stream of output.
#[derive(Default)]
struct Followed {
    stdout: String,
    stderr: String,
}

impl Followed {
    /// Reads the next piece; whether there was one.
    async fn read(&mut self, output: &mut OutputStream) -> bool {
        let piece = timeout(PATIENCE, output.next()).await.expect("output, or its end");
        let Some(piece) = piece else { return false };
        let OutputPiece { source, bytes } = piece.expect("a piece");
        assert!(!bytes.is_empty() && bytes.len() <= crate::model::MAX_PIECE_BYTES);
        let text = std::str::from_utf8(&bytes).expect("text");
        match source {
            OutputSource::Stdout => self.stdout.push_str(text),
            OutputSource::Stderr => self.stderr.push_str(text),
        }
        true
    }

    async fn read_to_end(mut self, output: &mut OutputStream) -> (String, String) {
        while self.read(output).await {}
        (self.stdout, self.stderr)
    }
}

async fn output_is_followed_until_the_end(h: &Harness) {
    let runtime = (h.open)().await;
    let script =
        "echo one; echo fault >&2; until test -e $LEOTEST_RESULTS/go; do sleep 0.05; done; echo two; exit 2";
    let (spec, _) = h.started(&*runtime, script).await;
    let mut output = runtime.follow(&spec.run, FOLLOW_ALL).await.expect("follow");
    let mut others = (h.open)().await.follow(&spec.run, FOLLOW_ALL).await.expect("follow by another");
    let mut followed = Followed::default();
    while (followed.stdout.as_str(), followed.stderr.as_str()) != ("one\n", "fault\n") {
        assert!(followed.read(&mut output).await, "it is still running");
    }
    std::fs::write(spec.results.join("go"), "").expect("write");
    let expected = ("one\ntwo\n".to_owned(), "fault\n".to_owned());
    assert_eq!(followed.read_to_end(&mut output).await, expected);
    assert_eq!(Followed::default().read_to_end(&mut others).await, expected);
    assert_eq!(end(&*runtime, &spec.run).await.code, Some(2));
}

async fn the_last_lines_come_first(h: &Harness) {
    let runtime = (h.open)().await;
    let script = format!("for line in 1 2 3 4 5; do echo $line; done; {ENDLESS}");
    let (spec, _) = h.started(&*runtime, &script).await;
    let deadline = Instant::now() + PATIENCE;
    while h.output(&*runtime, &spec.run).await.0 != "1\n2\n3\n4\n5\n" {
        assert!(Instant::now() < deadline, "nothing is printed");
    }
    for (tail, expected) in [
        (Tail::Lines(0), ""),
        (Tail::Lines(2), "4\n5\n"),
        (Tail::Lines(99), "1\n2\n3\n4\n5\n"),
        (Tail::All, "1\n2\n3\n4\n5\n"),
    ] {
        let scope = OutputScope { tail, follow: false };
        let mut output = runtime.follow(&spec.run, scope).await.expect("follow");
        let (stdout, stderr) = Followed::default().read_to_end(&mut output).await;
        assert_eq!((stdout.as_str(), stderr.as_str()), (expected, ""), "{tail}");
    }
}

async fn what_has_ended_is_followed_as_well(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, _) = h.started(&*runtime, "echo out; echo fault >&2").await;
    end(&*runtime, &spec.run).await;
    let mut output = runtime.follow(&spec.run, FOLLOW_ALL).await.expect("follow");
    let followed = Followed::default().read_to_end(&mut output).await;
    assert_eq!(followed, ("out\n".into(), "fault\n".into()));
}

/// A script that prints so many lines of a thousand bytes: far more than fits into any pipe.
const LINES: usize = 8_000;

async fn a_follower_that_does_not_read_holds_nothing_up(h: &Harness) {
    let runtime = (h.open)().await;
    let script = format!(
        "until test -e $LEOTEST_RESULTS/go; do sleep 0.05; done; line=$(printf '%0999d' 7); i=0; \
         while test $i -lt {LINES}; do echo $line; i=$((i+1)); done"
    );
    let (spec, _) = h.started(&*runtime, &script).await;
    let mut unread = runtime.follow(&spec.run, FOLLOW_ALL).await.expect("follow");
    let mut read = runtime.follow(&spec.run, FOLLOW_ALL).await.expect("follow");
    // It has begun, and reads no more then.
    assert!(unread.next().now_or_never().is_none(), "nothing has been printed");
    std::fs::write(spec.results.join("go"), "").expect("write");
    let (stdout, _) = Followed::default().read_to_end(&mut read).await;
    assert_eq!(stdout.len(), 1_000 * LINES, "one that reads has everything");
    assert_eq!(end(&*runtime, &spec.run).await.code, Some(0), "the experiment ends as if alone");
    let (late, _) = Followed::default().read_to_end(&mut unread).await;
    assert_eq!(late.len(), 1_000 * LINES, "what is still kept is not lost");
}

async fn following_ends_when_the_run_is_removed(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, _) = h.started(&*runtime, &format!("echo out; {ENDLESS}")).await;
    let mut output = runtime.follow(&spec.run, FOLLOW_ALL).await.expect("follow");
    let mut followed = Followed::default();
    assert!(followed.read(&mut output).await);
    runtime.stop(&spec.run, Duration::ZERO).await.expect("stop");
    runtime.remove(&spec.run).await.expect("remove");
    // Where it cannot be told whether that was all, that is told.
    while let Some(piece) = timeout(PATIENCE, output.next()).await.expect("an end") {
        assert_eq!(piece.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
    }
    let gone = runtime.follow(&spec.run, FOLLOW_ALL).await.err().map(|error| error.kind());
    assert_eq!(gone, Some(ErrorKind::NotFound));
}

async fn starting_again_gives_the_first_start(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, first) = h.started(&*runtime, "exit 0").await;
    assert_eq!(runtime.start(&spec.run).await.expect("start again"), first);
    let exit = end(&*runtime, &spec.run).await;
    assert_eq!(runtime.start(&spec.run).await.expect("start what has ended"), first);
    assert_eq!(end(&*runtime, &spec.run).await, exit);
    let another = (h.open)().await;
    assert_eq!(another.start(&spec.run).await.expect("start by another"), first);
}

async fn starting_again_runs_nothing_again(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, _) = h.started(&*runtime, "echo once >>$LEOTEST_RESULTS/starts").await;
    end(&*runtime, &spec.run).await;
    runtime.prepare(&spec).await.expect("prepare again");
    runtime.start(&spec.run).await.expect("start again");
    end(&*runtime, &spec.run).await;
    assert_eq!(text(&spec.results.join("starts")), "once\n");
}

async fn starts_at_the_same_time_run_it_once(h: &Harness) {
    let (one, two) = tokio::join!((h.open)(), (h.open)());
    let script = format!("echo once >>$LEOTEST_RESULTS/starts; >$LEOTEST_RESULTS/ready; {ENDLESS}");
    let spec = h.prepared(&*one, &script).await;
    let (a, b) = tokio::join!(one.start(&spec.run), two.start(&spec.run));
    assert_eq!(a.expect("start"), b.expect("start"));
    made(&spec, "ready").await;
    one.stop(&spec.run, Duration::ZERO).await.expect("stop");
    assert_eq!(text(&spec.results.join("starts")), "once\n");
}

async fn every_call_may_be_repeated(h: &Harness) {
    let runtime = (h.open)().await;
    let spec = h.prepared(&*runtime, ENDLESS).await;
    let run = &spec.run;
    runtime.prepare(&spec).await.expect("prepare again");
    runtime.stop(run, GRACE).await.expect("stop what has not started");
    assert_eq!(runtime.state(run).await.expect("state"), RuntimeState::Prepared);
    let started = runtime.start(run).await.expect("start");
    assert_eq!(runtime.state(run).await.expect("state"), RuntimeState::Running(started));
    runtime.prepare(&spec).await.expect("prepare what runs");
    assert_eq!(runtime.state(run).await.expect("state"), RuntimeState::Running(started));
    runtime.stop(run, Duration::ZERO).await.expect("stop");
    runtime.stop(run, GRACE).await.expect("stop again");
    runtime.prepare(&spec).await.expect("prepare what has ended");
    assert!(matches!(runtime.state(run).await.expect("state"), RuntimeState::Exited(_)));
    runtime.remove(run).await.expect("remove");
    runtime.remove(run).await.expect("remove again");
    runtime.stop(run, GRACE).await.expect("stop what is gone");
    assert_eq!(runtime.state(run).await.expect("state"), RuntimeState::Absent);
}

async fn stopping_asks_before_it_kills(h: &Harness) {
    let runtime = (h.open)().await;
    let script = "trap 'echo asked; exit 7' TERM; >$LEOTEST_RESULTS/ready; while :; do sleep 0.05; done";
    let (spec, _) = h.started(&*runtime, script).await;
    made(&spec, "ready").await;
    runtime.stop(&spec.run, PATIENCE).await.expect("stop");
    assert_eq!(end(&*runtime, &spec.run).await.code, Some(7));
    assert_eq!(h.output(&*runtime, &spec.run).await.0, "asked\n");
}

async fn stopping_kills_what_ignores_it(h: &Harness) {
    let runtime = (h.open)().await;
    let script = format!("trap '' TERM; >$LEOTEST_RESULTS/ready; {ENDLESS}");
    let (spec, _) = h.started(&*runtime, &script).await;
    made(&spec, "ready").await;
    let before = Instant::now();
    timeout(PATIENCE, runtime.stop(&spec.run, GRACE)).await.expect("in time").expect("stop");
    assert!(before.elapsed() >= GRACE, "killed before the grace period was over");
    let RuntimeState::Exited(exit) = runtime.state(&spec.run).await.expect("state") else {
        panic!("it still runs")
    };
    assert_ne!(exit.code, Some(0));
    assert_eq!(end(&*runtime, &spec.run).await, exit);
}

async fn stopping_kills_children(h: &Harness) {
    let runtime = (h.open)().await;
    let spec = h.prepared(&*runtime, &format!("{STUBBORN_CHILD} {ENDLESS}")).await;
    let lifeline = lifeline(&spec);
    runtime.start(&spec.run).await.expect("start");
    made(&spec, "ready").await;
    runtime.stop(&spec.run, GRACE).await.expect("stop");
    cut(lifeline).await;
}

async fn stopping_kills_what_left_for_another_session(h: &Harness) {
    let runtime = (h.open)().await;
    let spec = h.prepared(&*runtime, &format!("{STUBBORN_STRANGER} {ENDLESS}")).await;
    let lifeline = lifeline(&spec);
    runtime.start(&spec.run).await.expect("start");
    made(&spec, "ready").await;
    runtime.stop(&spec.run, GRACE).await.expect("stop");
    cut(lifeline).await;
}

async fn children_do_not_outlive_the_experiment(h: &Harness) {
    let runtime = (h.open)().await;
    let script =
        format!("{STUBBORN_CHILD} until test -e $LEOTEST_RESULTS/ready; do sleep 0.05; done; exit 4");
    let spec = h.prepared(&*runtime, &script).await;
    let lifeline = lifeline(&spec);
    runtime.start(&spec.run).await.expect("start");
    made(&spec, "ready").await;
    assert_eq!(end(&*runtime, &spec.run).await.code, Some(4));
    cut(lifeline).await;
}

async fn a_wait_ends_when_it_is_stopped(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, _) = h.started(&*runtime, ENDLESS).await;
    let (first, second, stopped) =
        tokio::join!(end(&*runtime, &spec.run), end(&*runtime, &spec.run), runtime.stop(&spec.run, GRACE));
    stopped.expect("stop");
    assert_eq!(first, second);
}

async fn a_new_runtime_finds_what_was_prepared(h: &Harness) {
    let spec = h.prepared(&*(h.open)().await, "exit 0").await;
    let runtime = (h.open)().await;
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Prepared);
    runtime.start(&spec.run).await.expect("start");
    assert_eq!(end(&*runtime, &spec.run).await.code, Some(0));
}

async fn a_new_runtime_finds_what_runs(h: &Harness) {
    let (spec, started) = h.started(&*(h.open)().await, ENDLESS).await;
    let runtime = (h.open)().await;
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Running(started));
    assert!(runtime.list().await.expect("list").contains(&spec.run));
    runtime.stop(&spec.run, Duration::ZERO).await.expect("stop");
    assert!(matches!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Exited(_)));
}

async fn a_new_runtime_learns_the_exit_code(h: &Harness) {
    let script = "echo out; until test -e $LEOTEST_RESULTS/go; do sleep 0.05; done; exit 5";
    let (spec, _) = h.started(&*(h.open)().await, script).await;
    let runtime = (h.open)().await;
    let waiting = end(&*runtime, &spec.run);
    let going = async { std::fs::write(spec.results.join("go"), "").expect("write") };
    let (exit, ()) = tokio::join!(waiting, going);
    assert_eq!(exit.code, Some(5));
    assert_eq!(h.output(&*runtime, &spec.run).await.0, "out\n");
    assert_eq!(end(&*(h.open)().await, &spec.run).await, exit, "also after the end");
}

async fn a_new_runtime_stops_what_another_started(h: &Harness) {
    let first = (h.open)().await;
    let spec = h.prepared(&*first, &format!("{STUBBORN_CHILD} {ENDLESS}")).await;
    let lifeline = lifeline(&spec);
    first.start(&spec.run).await.expect("start");
    made(&spec, "ready").await;
    drop(first);
    (h.open)().await.stop(&spec.run, GRACE).await.expect("stop");
    cut(lifeline).await;
}

async fn runs_are_listed_until_they_are_removed(h: &Harness) {
    let runtime = (h.open)().await;
    assert_eq!(runtime.list().await.expect("list"), []);
    let one = h.prepared(&*runtime, "exit 0").await.run;
    let (two, _) = h.started(&*runtime, "exit 0").await;
    let listed: BTreeSet<RunId> = runtime.list().await.expect("list").into_iter().collect();
    assert_eq!(listed, BTreeSet::from([one.clone(), two.run.clone()]));
    end(&*runtime, &two.run).await;
    runtime.remove(&two.run).await.expect("remove");
    assert_eq!(runtime.list().await.expect("list"), [one]);
}

async fn removing_forgets(h: &Harness) {
    let runtime = (h.open)().await;
    let (spec, first) = h.started(&*runtime, "exit 3").await;
    end(&*runtime, &spec.run).await;
    runtime.remove(&spec.run).await.expect("remove");
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Absent);
    runtime.prepare(&spec).await.expect("prepare anew");
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Prepared);
    assert!(runtime.start(&spec.run).await.expect("start anew") > first);
    assert_eq!(end(&*runtime, &spec.run).await.code, Some(3));
}

async fn an_unknown_run_is_not_found(h: &Harness) {
    let runtime = (h.open)().await;
    let run = fresh();
    assert_eq!(runtime.state(&run).await.expect("state"), RuntimeState::Absent);
    assert_eq!(runtime.wait(&run).await.expect_err("wait").kind(), ErrorKind::NotFound);
    let followed = runtime.follow(&run, FOLLOW_ALL).await.err().map(|error| error.kind());
    assert_eq!(followed, Some(ErrorKind::NotFound));
    let target = h.scratch.join("output");
    let error = runtime.save_output(&run, &target, &target).await.expect_err("save output");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn what_was_not_prepared_does_not_start(h: &Harness) {
    let outcome = (h.open)().await.start(&fresh()).await.expect_err("start");
    assert_eq!(outcome.status, RunStatus::Failed);
    assert_eq!((outcome.stage, outcome.reason), (Stage::Container, Reason::StartFailed));
}

async fn what_an_experiment_has_moved_never_shrinks(h: &Harness) {
    let runtime = (h.open)().await;
    assert_eq!(runtime.traffic(&fresh()).await.expect("traffic"), None);
    let (spec, _) = h.started(&*runtime, ENDLESS).await;
    let before = runtime.traffic(&spec.run).await.expect("traffic");
    let after = runtime.traffic(&spec.run).await.expect("traffic");
    assert_eq!(before.is_some(), after.is_some(), "whether it can be told does not change");
    if let Some((before, after)) = before.zip(after) {
        assert!(after.since(before).is_some(), "{before:?} became {after:?}");
    }
    runtime.stop(&spec.run, Duration::ZERO).await.expect("stop");
}

async fn an_experiment_for_another_runtime_is_refused(h: &Harness) {
    let runtime = (h.open)().await;
    let mut spec = (h.spec)(&fresh(), "exit 0");
    (spec.experiment.docker, spec.experiment.process) = (None, None);
    let outcome = runtime.prepare(&spec).await.expect_err("prepare");
    assert_eq!((outcome.stage, outcome.reason), (Stage::Config, Reason::ConfigInvalid));
    assert_eq!(runtime.state(&spec.run).await.expect("state"), RuntimeState::Absent);
}
