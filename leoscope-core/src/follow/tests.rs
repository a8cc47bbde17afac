use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::*;
use crate::backends::artifacts::DirectoryStore;
use crate::backends::clock::SystemClock;
use crate::backends::store::MemoryStore;
use crate::bundle::{Contents, pack};
use crate::control::{Service, Session};
use crate::error::ErrorKind;
use crate::ids::{NodeId, UserId};
use crate::model::*;
use crate::ports::{ArtifactStore, FollowerStream, OutputStream, RunStore as _};
use crate::schedule::{Policies, Schedule};
use crate::time::{SignedDuration, Window, parse_time};

const ALL: OutputScope = OutputScope { tail: Tail::All, follow: true };

/// An orchestrator with a node and a job of one run at the end of the century.
struct World {
    store: Arc<MemoryStore>,
    artifacts: Arc<DirectoryStore>,
    admin: Arc<Session>,
    node: Session,
    /// Those who follow a run of the node, which is connected for as long as this is here.
    followers: tokio::sync::Mutex<FollowerStream>,
    dir: tempfile::TempDir,
}

/// Notes what is seen and told.
#[derive(Debug, Default)]
struct Witness(Mutex<Vec<String>>);

impl Onlooker for Witness {
    fn seen(&self, run: &Run) {
        self.0.lock().expect("seen").push(run.status.to_string());
    }
    fn note(&self, text: &str) {
        self.0.lock().expect("seen").push(text.to_owned());
    }
}

impl Witness {
    fn told(&self) -> Vec<String> {
        let mut told = self.0.lock().expect("seen").clone();
        told.dedup();
        told
    }
}

/// The same work, which may go on on any thread: runtimes with several need that.
fn sendable<T: Send>(work: T) -> T {
    work
}

fn job_id() -> JobId {
    JobId::parse("exp").expect("id")
}

fn node_id() -> NodeId {
    NodeId::parse("n").expect("id")
}

fn id(text: &str) -> RunId {
    RunId::parse(text).expect("id")
}

fn planned() -> Window {
    let start = parse_time("2099-12-01T00:00:00").expect("time");
    Window::lasting(start, SignedDuration::from_secs(60)).expect("window")
}

fn run(status: RunStatus) -> Run {
    let owner = UserId::parse("me").expect("id");
    Run { status, ..Run::planned(id("r1"), job_id(), node_id(), owner, planned()) }
}

fn piece(text: &str) -> OutputPiece {
    OutputPiece { source: OutputSource::Stdout, bytes: text.to_owned().into() }
}

async fn text(mut output: OutputStream) -> Result<String> {
    let mut text = String::new();
    while let Some(OutputPiece { bytes, .. }) = output.try_next().await? {
        text += std::str::from_utf8(&bytes).expect("text");
    }
    assert!(output.next().await.is_none(), "the end stays the end");
    Ok(text)
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let store = Arc::new(MemoryStore::default());
        let artifacts = Arc::new(DirectoryStore::new(dir.path().join("kept")).await.expect("directory"));
        let service = Service::new(store.clone(), artifacts.clone(), Arc::new(SystemClock));
        let session = |id: &str, role| service.session(Caller { id: UserId::parse(id).expect("id"), role });
        let admin = session("admin", Role::Admin);
        admin.register_node(node_id(), NodeUpdate::default()).await.expect("node");
        let spec = JobSpec {
            id: Some(job_id()),
            node: node_id(),
            server: None,
            schedule: Schedule::Once,
            window: planned(),
            length: RunLength::from_secs(60).expect("length"),
            overhead: true,
            trigger: None,
            config: "docker: {image: a}".into(),
            params: JobParams::default(),
            policies: Policies::default(),
        };
        admin.schedule_job(spec).await.expect("job");
        let node = session("n", Role::Node);
        let followers = node.watch_followers(&node_id()).await.expect("followers").into();
        Self { store, artifacts, admin: Arc::new(admin), node, followers, dir }
    }

    async fn put(&self, run: &Run) {
        let seen = self.store.run(&run.id).await.expect("store").map(|(_, revision)| revision);
        self.store.put_run(run, seen).await.expect("store");
    }

    /// The run as it has completed, with a bundle that says what it printed.
    async fn complete(&self, printed: &str) -> Run {
        let (results, file) = (self.dir.path().join("results"), self.dir.path().join("stdout.log"));
        std::fs::create_dir_all(&results).expect("directory");
        std::fs::write(&file, printed).expect("file");
        let bundle = self.dir.path().join("bundle.tar.gz");
        pack(&Contents { results, files: vec![file], manifest: manifest_for_tests() }, &bundle)
            .expect("pack");
        let bytes = std::fs::read(&bundle).expect("bundle");
        let key = ArtifactKey { node: node_id(), job: job_id(), run: id("r1") };
        let pieces: Vec<_> = bytes.chunks(100).map(|piece| Ok(piece.to_vec().into())).collect();
        self.artifacts.put(&key, Box::pin(stream::iter(pieces))).await.expect("put");
        let run = Run { artifact: Some(self.artifacts.place(&key)), ..run(RunStatus::Completed) };
        self.put(&run).await;
        run
    }

    /// Sends the next follower these pieces, as the node does.
    async fn send(&self, pieces: Vec<Result<OutputPiece>>) {
        let follower = self.followers.lock().await.next().await.expect("one").expect("follower");
        self.node.send_output(&follower.id, Box::pin(stream::iter(pieces))).await.expect("sent");
    }

    async fn output(&self, run: &Run, scope: OutputScope) -> Result<String> {
        let plane = Arc::clone(&self.admin) as Arc<dyn ControlPlane>;
        text(sendable(output(plane, None, run.clone(), scope)).await?).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_is_seen_on_its_way_until_it_is_as_awaited() {
    let world = World::new().await;
    let (witness, mut seen) = (Witness::default(), None);
    world.put(&run(RunStatus::Scheduled)).await;
    let going = async {
        for status in [RunStatus::Running, RunStatus::Completed] {
            tokio::time::sleep(Duration::from_secs(15)).await;
            world.put(&run(status)).await;
        }
    };
    let waiting =
        sendable(until(&*world.admin, Followed::Run(id("r1")), Awaited::Ended, &witness, &mut seen));
    let (arrival, ()) = tokio::join!(waiting, going);
    assert_eq!(arrival.expect("no error"), Arrival::Reached);
    assert_eq!(witness.told(), ["SCHEDULED", "RUNNING", "COMPLETED"]);
    assert_eq!(seen.map(|run| run.status), Some(RunStatus::Completed));
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_still_knows_what_was_seen() {
    let world = World::new().await;
    world.put(&run(RunStatus::Running)).await;
    let mut seen = None;
    let waiting = until(&*world.admin, Followed::Job(job_id()), Awaited::Ended, &(), &mut seen);
    tokio::time::timeout(Duration::from_secs(90), waiting).await.expect_err("goes on");
    assert_eq!(seen.map(|run| run.status), Some(RunStatus::Running));
}

#[tokio::test(start_paused = true)]
async fn the_next_run_of_a_job_is_waited_for_and_told() {
    let world = World::new().await;
    let (witness, mut seen) = (Witness::default(), None);
    let begins = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        world.put(&run(RunStatus::Running)).await;
    };
    let waiting = sendable(until(
        &*world.admin,
        Followed::Job(job_id()),
        Awaited::Status(RunStatus::Running),
        &witness,
        &mut seen,
    ));
    let (arrival, ()) = tokio::join!(waiting, begins);
    assert_eq!(arrival.expect("no error"), Arrival::Reached);
    let next = "the next run of job exp is to start at 2099-12-01T00:00:00";
    assert_eq!(witness.told(), [next, "RUNNING"]);

    let unknown = Followed::Job(JobId::parse("other").expect("id"));
    assert_eq!(unknown.to_string(), "job other");
    let error = until(&*world.admin, unknown, Awaited::Ended, &(), &mut None).await.expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn how_a_run_has_ended_is_waited_for_a_minute() {
    let world = World::new().await;
    world.put(&run(RunStatus::Running)).await;
    let later = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        world.put(&run(RunStatus::Failed)).await;
    };
    let plane = &*world.admin;
    let (known, ()) = tokio::join!(sendable(ended(plane, run(RunStatus::Running))), later);
    assert_eq!(known.expect("run").status, RunStatus::Failed);

    world.put(&Run { id: id("r2"), ..run(RunStatus::Running) }).await;
    let begun = tokio::time::Instant::now();
    let known = ended(plane, Run { id: id("r2"), ..run(RunStatus::Running) }).await.expect("run");
    assert_eq!((known.status, begun.elapsed().as_secs()), (RunStatus::Running, 60));
}

#[tokio::test]
async fn what_a_run_printed_comes_from_its_node_while_it_goes_on() {
    let world = World::new().await;
    world.put(&run(RunStatus::Running)).await;
    let going = run(RunStatus::Running);
    let (printed, ()) =
        tokio::join!(world.output(&going, ALL), world.send(vec![Ok(piece("one\n")), Ok(piece("two\n"))]));
    assert_eq!(printed.expect("no error"), "one\ntwo\n");
    // What breaks is told, and so is that there is nothing of a run that goes on.
    for error in [Error::unavailable("away"), Error::not_found("not here")] {
        let last = OutputScope { follow: false, ..ALL };
        let (printed, ()) = tokio::join!(world.output(&going, last), world.send(vec![Err(error.clone())]));
        assert_eq!(printed.expect_err("no more").kind(), error.kind());
    }
}

#[tokio::test]
async fn what_a_run_printed_comes_out_of_its_results_once_it_has_ended() {
    let world = World::new().await;
    let long = "line\n".repeat(50_000);
    let completed = world.complete(&long).await;
    assert_eq!(world.output(&completed, ALL).await.expect("no error"), long);
    let last = OutputScope { tail: Tail::Lines(2), follow: false };
    assert_eq!(world.output(&completed, last).await.expect("no error"), "line\nline\n");
    // One that has ended since it was looked at.
    for scope in [ALL, OutputScope { follow: false, ..ALL }] {
        assert_eq!(world.output(&run(RunStatus::Running), scope).await.expect("no error"), long);
    }
    let missing = Run { artifact: None, ..completed };
    let error = world.output(&missing, ALL).await.expect_err("not there");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Unavailable, "the results of run r1 are not there")
    );
}

#[tokio::test]
async fn a_run_that_ends_before_its_node_begins_to_send_is_read_out_of_its_results() {
    let world = World::new().await;
    world.put(&run(RunStatus::Running)).await;
    let plane = Arc::clone(&world.admin) as Arc<dyn ControlPlane>;
    let mut printing = Printing::begin(plane, None, run(RunStatus::Running), ALL).await.expect("begun");
    assert_eq!(printing.ended(), None);
    world.complete("all of it\n").await;
    let gone = vec![Err(Error::not_found("its container is gone"))];
    let (printed, ()) = tokio::join!(printing.next(), world.send(gone));
    assert_eq!(printed.expect("a piece").expect("no error"), piece("all of it\n"));
    assert_eq!(printing.ended().map(|run| run.status), Some(RunStatus::Completed));
    assert!(printing.next().await.is_none() && printing.next().await.is_none());
}

#[tokio::test]
async fn results_that_are_damaged_are_not_the_callers_mistake() {
    let world = World::new().await;
    let completed = world.complete("all of it\n").await;
    let key = ArtifactKey { node: node_id(), job: job_id(), run: id("r1") };
    let nothing = stream::iter([Ok("nothing".into())]);
    world.artifacts.put(&key, Box::pin(nothing)).await.expect("put");
    let error = world.output(&completed, ALL).await.expect_err("damaged");
    assert_eq!((error.kind(), error.what_to_do()), (ErrorKind::Internal, Some("try again")));
}

#[tokio::test]
async fn a_node_is_asked_for_a_day_around() {
    let world = World::new().await;
    world.put(&run(RunStatus::Running)).await;
    let node = world.admin.nodes(&NodeFilter::default()).await.expect("nodes").remove(0);
    let status = async |before: SignedDuration| {
        let at = planned().start().checked_sub(before).expect("time");
        let (status, is_whole) =
            sendable(node_status(&*world.admin, node.clone(), at)).await.expect("status");
        assert!(is_whole);
        (status.now.len(), status.next.len(), status.due.len())
    };
    assert_eq!(status(SignedDuration::from_hours(25)).await, (1, 0, 0));
    assert_eq!(status(SignedDuration::from_hours(23)).await, (1, 1, 0));
    assert_eq!(status(SignedDuration::from_secs(-30)).await, (1, 0, 1));
}
