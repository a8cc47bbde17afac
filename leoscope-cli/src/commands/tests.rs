//! The commands against a control plane that records what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use clap::Parser as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;
use leoscope_core::ids::{FollowerId, JobId, NodeId, RunId, TaskId, UserId};
use leoscope_core::model::*;
use leoscope_core::orbit::Walker;
use leoscope_core::ports::{
    ByteStream, Calendar, ControlPlane, Download, FollowerStream, Handover, OrdersStream, OutputStream,
    ReadersStream, ReadingsStream, Scheduled, Source,
};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};
use leoscope_core::trigger::Field;
use leoscope_core::{Error, ErrorKind, Result};

use crate::cli::{Cli, Command, Format};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

mod account;
mod booking;
mod fetching;
mod following;
mod nodes;
mod orbit;
mod triggers;

#[derive(Debug, Default)]
struct Plane {
    calls: Mutex<Vec<String>>,
    /// What is answered about runs at first, call by call; `runs` is it from then on.
    first_runs: Mutex<VecDeque<Result<Vec<Run>>>>,
    nodes: Vec<Node>,
    planned: Vec<CalendarEvent>,
    /// Nodes on which nothing can be booked, and those that are taken between a plan and a booking.
    taken: Vec<NodeId>,
    taken_later: Vec<NodeId>,
    slots: Vec<Window>,
    /// Whether nobody may log in.
    refuses: bool,
    /// Whether the caller may ask what users may do.
    may_ask: bool,
    runs: Vec<Run>,
    booked: Vec<Job>,
    /// In order of time.
    noted: Vec<JobEvent>,
    bundles: BTreeMap<RunId, Vec<u8>>,
    printed: Vec<OutputPiece>,
    readings: Vec<Result<NodeReadings>>,
    /// Whether nothing comes after them, instead of the end.
    is_silent: bool,
}

impl Plane {
    fn called<T>(&self, call: String, answer: T) -> Result<T> {
        self.calls.lock().expect("calls").push(call);
        Ok(answer)
    }
}

fn unused<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "not part of the command line"))
}

#[async_trait]
impl ControlPlane for Plane {
    async fn register_user(&self, user: NewUser) -> Result<Secret> {
        self.called(format!("register_user {user:?}"), Secret::new("t0ken"))
    }
    async fn user(&self, id: &UserId) -> Result<Option<NewUser>> {
        if self.refuses {
            return Err(Error::new(ErrorKind::Unauthenticated, "Invalid token"));
        }
        let user = NewUser { id: id.clone(), name: "Old".into(), role: Role::User, team: "t".into() };
        self.called(format!("user {id}"), Some(user))
    }
    async fn modify_user(&self, user: NewUser) -> Result<()> {
        self.called(format!("modify_user {user:?}"), ())
    }
    async fn delete_user(&self, id: &UserId) -> Result<()> {
        self.called(format!("delete_user {id}"), ())
    }
    async fn rotate_token(&self, id: &UserId) -> Result<Secret> {
        self.called(format!("rotate_token {id}"), Secret::new("t0ken"))
    }
    async fn revoke_token(&self, id: &UserId) -> Result<()> {
        self.called(format!("revoke_token {id}"), ())
    }
    async fn register_node(&self, id: NodeId, details: NodeUpdate) -> Result<Secret> {
        self.called(format!("register_node {id} {details:?}"), Secret::new("t0ken"))
    }
    async fn nodes(&self, filter: &NodeFilter) -> Result<Vec<Node>> {
        let wanted = |node: &&Node| filter.id.as_ref().is_none_or(|id| *id == node.id);
        self.called(format!("nodes {filter:?}"), self.nodes.iter().filter(wanted).cloned().collect())
    }
    async fn update_node(&self, id: &NodeId, update: NodeUpdate) -> Result<()> {
        self.called(format!("update_node {id} {update:?}"), ())
    }
    async fn delete_node(&self, id: &NodeId, with_jobs: bool) -> Result<()> {
        self.called(format!("delete_node {id} {with_jobs}"), ())
    }
    async fn heartbeat(&self, _: Heartbeat) -> Result<()> {
        unused()
    }
    async fn time(&self) -> Result<Timestamp> {
        self.called("time".into(), Timestamp::now())
    }
    async fn probe_artifacts(&self, _: Bytes) -> Result<Bytes> {
        unused()
    }
    async fn elements(&self, node: &NodeId, _: Option<Checksum>) -> Result<Option<Constellation>> {
        let walker = Walker {
            name: "TEST".into(),
            first_number: 90_001,
            altitude_km: 550.0,
            inclination_deg: 53.0,
            planes: 6,
            per_plane: 8,
            phasing: 1,
            first_node_deg: 0.0,
            first_anomaly_deg: 0.0,
        };
        let set = Constellation::read(walker.omm(parse_time("2026-12-01T00:00:00")?)?.into(), None, None)?;
        self.called(format!("elements {node}"), Some(set))
    }
    async fn forecast(&self, node: &NodeId, trigger: &str, span: Window) -> Result<Forecast> {
        let part = |from: i64, to: i64| {
            let at = |secs: i64| span.start().checked_add(SignedDuration::from_secs(secs)).expect("time");
            Window::new(at(from), at(to)).expect("window")
        };
        let expected = Expected {
            window: part(600, 780),
            sigma_s: 0.123,
            element_age: Some(SignedDuration::from_mins(90)),
        };
        let reach = match trigger.contains("dish") {
            false => Reach::Exact,
            true => Reach::Necessary {
                part: "satellite.elevation > 40".into(),
                unforeseen: vec![Field::DISH_LATENCY.into()],
            },
        };
        let found = Forecast { span, reach, windows: vec![expected], unknown: vec![part(1_000, 1_060)] };
        self.called(format!("forecast {node} {trigger} {span}"), found)
    }
    async fn schedule_job(&self, spec: JobSpec) -> Result<Scheduled> {
        let id = spec.id.clone().map_or_else(|| JobId::parse("made"), Ok)?;
        self.called(format!("schedule_job {spec:?}"), ())?;
        if self.taken.contains(&spec.node) || self.taken_later.contains(&spec.node) {
            return Err(booking::conflict(&spec));
        }
        Ok(Scheduled { id, warnings: Vec::new() })
    }
    async fn plan_job(&self, spec: JobSpec, runs: u32) -> Result<JobPlan> {
        let now = parse_time("2026-11-30T00:00:00")?;
        let job = spec.clone().check(UserId::parse("me")?, now)?;
        let plan = JobPlan {
            job,
            warnings: Vec::new(),
            runs: Vec::new(),
            refusal: self.taken.contains(&spec.node).then(|| booking::conflict(&spec)),
            expected: Vec::new(),
            unforeseen: None,
        };
        self.called(format!("plan_job {runs} {spec:?}"), plan)
    }
    async fn modify_job(&self, id: &JobId, change: JobChange) -> Result<Vec<String>> {
        self.called(format!("modify_job {id} {change:?}"), Vec::new())
    }
    async fn reschedule_job(&self, id: &JobId, within: Window) -> Result<Window> {
        self.called(format!("reschedule_job {id} {within}"), within)
    }
    async fn free_slots(&self, request: &SlotRequest) -> Result<Vec<Window>> {
        self.called(format!("free_slots {request:?}"), self.slots.clone())
    }
    async fn calendar(&self, node: &NodeId, within: Window) -> Result<Calendar> {
        let is_here = |event: &&CalendarEvent| event.node == *node || event.server.as_ref() == Some(node);
        let is_inside = |event: &&CalendarEvent| within.contains(event.window.start());
        let events = self.planned.iter().filter(is_here).filter(is_inside).cloned().collect();
        let calendar = Calendar { events, complete: node.as_str() != "busy" };
        self.called(format!("calendar {node} {within}"), calendar)
    }
    async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        self.called(format!("job {id}"), self.booked.iter().find(|job| job.id == *id).cloned())
    }
    async fn jobs_of_user(&self, user: &UserId) -> Result<Vec<Job>> {
        self.called(format!("jobs_of_user {user}"), Vec::new())
    }
    async fn jobs_on_node(&self, node: &NodeId) -> Result<Vec<Job>> {
        self.called(format!("jobs_on_node {node}"), Vec::new())
    }
    async fn delete_job(&self, id: &JobId) -> Result<()> {
        self.called(format!("delete_job {id}"), ())
    }
    async fn delete_jobs_on_node(&self, node: &NodeId) -> Result<u32> {
        self.called(format!("delete_jobs_on_node {node}"), 2)
    }
    async fn report_run(&self, _: Run) -> Result<()> {
        unused()
    }
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        let first = self.first_runs.lock().expect("runs").pop_front();
        let runs = first.unwrap_or_else(|| Ok(self.runs.clone()))?;
        let matching = runs.into_iter().filter(|run| filter.matches(run)).collect();
        self.called(format!("runs limit {:?}", filter.limit), matching)
    }
    async fn report_event(&self, _: NewEvent) -> Result<()> {
        unused()
    }
    async fn events(&self, scope: &EventScope, limit: Option<u32>) -> Result<Vec<JobEvent>> {
        let noted = self.noted.iter().rev().filter(|event| scope.contains(event)).cloned().collect();
        self.called(format!("events {scope:?} {limit:?}"), noted)
    }
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        self.called(format!("audit {filter:?}"), Vec::new())
    }
    async fn schedule_task(&self, _: NewTask) -> Result<()> {
        unused()
    }
    async fn tasks(&self, _: &TaskFilter) -> Result<Vec<Task>> {
        unused()
    }
    async fn update_task(&self, _: &TaskId, _: TaskStatus, _: Option<IpAddr>) -> Result<()> {
        unused()
    }
    async fn kernel_access(&self, user: &UserId) -> Result<()> {
        self.called(format!("kernel_access {user}"), ())?;
        match user.as_str() {
            "trusted" => Ok(()),
            _ => {
                let who = if self.may_ask { user.as_str() } else { "me" };
                let message = format!("permission denied: userid={who} and role=USER");
                Err(Error::new(ErrorKind::PermissionDenied, message))
            }
        }
    }
    async fn set_standby(&self, node: &NodeId, by: StandbyBy, standby: Option<Standby>) -> Result<()> {
        let standby = standby.map_or_else(|| "none".to_owned(), |standby| standby.to_string());
        self.called(format!("set_standby {node} {by} {standby}"), ())
    }
    async fn standby(&self, _: &NodeId) -> Result<Option<Standby>> {
        unused()
    }
    async fn settings(&self) -> Result<Settings> {
        self.called("settings".into(), Settings::default())
    }
    async fn update_settings(&self, _: Settings) -> Result<()> {
        unused()
    }
    async fn orders(&self, _: &NodeId) -> Result<Orders> {
        unused()
    }
    async fn watch_orders(&self, _: &NodeId) -> Result<OrdersStream> {
        unused()
    }
    async fn begin_upload(&self, _: &RunId, _: &BundleFacts) -> Result<Handover> {
        unused()
    }
    async fn upload(&self, _: &RunId, _: &BundleFacts, _: u64, _: ByteStream) -> Result<()> {
        unused()
    }
    async fn finish_upload(&self, _: &RunId, _: &BundleFacts) -> Result<()> {
        unused()
    }
    async fn download(&self, run: &RunId, from: u64) -> Result<Download> {
        let bytes = self.bundles.get(run).ok_or_else(|| Error::not_found("no such bundle"))?;
        let rest = &bytes[usize::try_from(from).expect("within memory")..];
        let pieces: Vec<_> = rest.chunks(6).map(piece).collect();
        let source = Source::Stream(Box::pin(futures_util::stream::iter(pieces)));
        self.called(format!("download {run}"), Download { bundle: None, source })
    }
    async fn follow_output(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        let printed = self.printed.clone().into_iter().map(Ok);
        let output: OutputStream = Box::pin(futures_util::stream::iter(printed));
        self.called(format!("follow_output {run} {} {}", scope.tail, scope.follow), output)
    }
    async fn watch_followers(&self, _: &NodeId) -> Result<FollowerStream> {
        unused()
    }
    async fn send_output(&self, _: &FollowerId, _: OutputStream) -> Result<()> {
        unused()
    }
    async fn watch_readings(&self, node: &NodeId) -> Result<ReadingsStream> {
        let shown = futures_util::stream::iter(self.readings.clone());
        let rest = futures_util::stream::pending().take(if self.is_silent { 1 } else { 0 });
        let readings: ReadingsStream = Box::pin(shown.chain(rest));
        self.called(format!("watch_readings {node}"), readings)
    }
    async fn watch_readers(&self, _: &NodeId) -> Result<ReadersStream> {
        unused()
    }
    async fn send_readings(&self, _: &NodeId, _: NodeReadings) -> Result<()> {
        unused()
    }
    async fn experiment_files(&self, _: &NodeId, _: &JobId) -> Result<ExperimentFiles> {
        unused()
    }
}

/// A piece of a transfer, which may break.
fn piece(bytes: &[u8]) -> Result<Bytes> {
    if bytes == b"BREAK" {
        return Err(Error::unavailable("the connection broke"));
    }
    Ok(Bytes::copy_from_slice(bytes))
}

async fn execute(line: &[&str], plane: &Arc<Plane>) -> Result<ExitStatus> {
    let out = Output::into_writers(Format::Table, false, std::io::sink(), std::io::sink());
    execute_into(line, plane, &out).await
}

async fn execute_into(line: &[&str], plane: &Arc<Plane>, out: &Output) -> Result<ExitStatus> {
    let words = ["leoscope"].iter().chain(line);
    let cli = Cli::try_parse_from(words).expect("command line");
    let session = Session::given("me", Arc::clone(plane) as Arc<dyn ControlPlane>);
    match cli.command {
        Command::Audit(command) => command.run(&session, out).await,
        Command::Services(command) => super::services::run(command, &session, out).await,
        Command::User(command) => super::user::run(command, &session, out).await,
        Command::Node(command) => super::node::run(command, &session, out).await,
        Command::Job(command) => super::job::run(command, &session, out).await,
        Command::Run(command) => super::run::run(command, &session, out).await,
        Command::Orbit(command) => super::orbit::run(command, &session, out).await,
        Command::Trigger(command) => super::trigger::run(command, &session, out).await,
        Command::Config(command) => super::config::run(command, &session, out).await,
        Command::Demo(_) | Command::Dev(_) | Command::Probe(_) => panic!("calls no orchestrator"),
        Command::Login(_) | Command::Logout | Command::Profile(_) | Command::Doctor => {
            panic!("makes its own session")
        }
        Command::Completions(_) | Command::Man(_) => panic!("calls nobody"),
    }
}

/// The last call a command line led to.
async fn call(line: &str) -> String {
    let plane = Arc::new(Plane::default());
    execute(&line.split(' ').collect::<Vec<_>>(), &plane).await.expect(line);
    let mut calls = plane.calls.lock().expect("calls");
    calls.pop().expect("a call")
}

async fn refusal(line: &[&str]) -> Error {
    let plane = Arc::new(Plane::default());
    let error = execute(line, &plane).await.expect_err("must be refused");
    assert!(plane.calls.lock().expect("calls").is_empty(), "nothing may be asked of the orchestrator");
    error
}

#[tokio::test]
async fn each_command_makes_its_call() {
    assert_eq!(
        call("user register --id=a").await,
        "register_user NewUser { id: \"a\", name: \"a\", role: User, team: \"\" }"
    );
    assert_eq!(
        call("user modify --id=a --role=node_owner").await,
        "modify_user NewUser { id: \"a\", name: \"Old\", role: NodeOwner, team: \"t\" }"
    );
    assert_eq!(call("user get").await, "user me");
    assert_eq!(call("user delete --id a").await, "delete_user a");
    assert_eq!(call("user token rotate --id a").await, "rotate_token a");
    assert_eq!(call("user token rotate").await, "rotate_token me");
    assert_eq!(call("user token revoke --id a").await, "revoke_token a");
    assert_eq!(call("node delete --nodeid=n").await, "delete_node n false");
    assert_eq!(call("node delete --nodeid=n --delete-jobs").await, "delete_node n true");
    assert_eq!(call("node delete --nodeid=n --delete-jobs --no-delete-jobs").await, "delete_node n false");
    assert!(call("node get --active").await.contains("active_within: Some(10m)"));
    assert!(call("node get").await.contains("active_within: None"));
    let update = call("node update --nodeid=n --coords -33.87,151.21 --scheduling=false").await;
    assert!(update.contains("latitude: -33.87, longitude: 151.21"), "{update}");
    assert!(update.contains("scheduling_enabled: Some(false)"), "{update}");
    assert_eq!(call("node scavenger-set --nodeid=n").await, "set_standby n PERSON scavenger mode");
    let until = "2099-12-01T12:00:00";
    assert_eq!(
        call(&format!("node scavenger-set --nodeid=n --until={until} --reason=talk")).await,
        format!("set_standby n PERSON scavenger mode until {until} (talk)")
    );
    assert_eq!(
        call(&format!("node drain --nodeid=n --until {until}")).await,
        format!("set_standby n PERSON draining until {until}")
    );
    assert!(
        call("node drain --nodeid=n --for=2h").await.starts_with("set_standby n PERSON draining until 2")
    );
    for end in ["resume", "scavenger-unset"] {
        assert_eq!(call(&format!("node {end} --nodeid=n")).await, "set_standby n PERSON none");
    }
    assert_eq!(call("job get").await, "jobs_of_user me");
    assert_eq!(call("job get --of-user=you").await, "jobs_of_user you");
    assert_eq!(call("job get --nodeid=n").await, "jobs_on_node n");
    assert_eq!(call("job delete --jobid=j").await, "delete_job j");
    assert_eq!(call("job delete --nodeid=n").await, "delete_jobs_on_node n");
    assert_eq!(call("run get").await, "runs limit Some(20)");
    assert_eq!(call("run get --limit=0").await, "runs limit None");
    assert_eq!(call("run timeline --runid=r").await, "events Run(\"r\") None");
    let audit = call("audit --by=someone --did=delete-job --object=j").await;
    assert!(
        audit.contains("caller: Some(\"someone\"), action: Some(DeleteJob), object: Some(\"j\")"),
        "{audit}"
    );
    assert_eq!(call("config get").await, "settings");
}

/// What `job schedule` books with these further options.
async fn booked(options: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("directory");
    let config = dir.path().join("experiment-config.yaml");
    std::fs::write(&config, "docker: {image: a}").expect("config");
    let config = format!("--exp-config={}", config.display());
    let line = ["job", "schedule", "--nodeid=n", "--start-date=2026-12-01T00:00", "--length=60", &config];
    let plane = Arc::new(Plane::default());
    match execute(&[&line[..], options].concat(), &plane).await {
        Ok(_) => plane.calls.lock().expect("calls").pop().expect("a call"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_job_with_a_schedule_repeats_and_one_without_runs_once() {
    let once = booked(&[]).await;
    assert!(once.contains("schedule: Once, window: [2026-12-01T00:00:00, 2026-12-01T00:01:00)"), "{once}");
    assert!(once.contains("overhead: true") && once.contains("config: \"docker: {image: a}\""), "{once}");
    let cron = booked(&["--schedule=*/5 * * * *", "--end-date=2026-12-02 00:00", "--no-overhead"]).await;
    assert!(cron.contains("Cron(\"*/5 * * * *\")") && cron.contains("overhead: false"), "{cron}");
    assert!(booked(&["--no-overhead", "--overhead"]).await.contains("overhead: true"));
    assert!(booked(&["--type=ATQ", "--params_mode=docker"]).await.contains("mode: \"docker\""));
    let cases: [(&[&str], &str); 4] = [
        (&["--type=cron"], "a job of type cron needs a schedule"),
        (
            &["--type=atq", "--schedule=* * * * *"],
            "a job of type atq runs once, schedule '* * * * *' does not",
        ),
        (&["--schedule=* * * * *"], "a job with a schedule needs an end date"),
        (&["--end-date=2026-11-30T00:00"], "end 2026-11-30T00:00:00 is before start 2026-12-01T00:00:00"),
    ];
    for (options, expected) in cases {
        assert_eq!(booked(options).await, expected);
    }
}

#[tokio::test]
async fn what_is_missing_is_told_before_anybody_is_asked() {
    let cases: [(&[&str], &str); 5] = [
        (&["job", "delete"], "no job to delete is named"),
        (&["run", "download"], "no runs to download are named"),
        (&["user", "modify", "--id=a"], "nothing to change of user a"),
        (&["node", "update", "--nodeid=n"], "nothing to change of node n"),
        (
            &["config", "update", "--path=/nowhere"],
            "configuration /nowhere cannot be read: No such file or directory (os error 2)",
        ),
    ];
    for (line, expected) in cases {
        let error = refusal(line).await;
        assert_eq!(error.message(), expected);
        assert!(error.what_to_do().is_some());
    }
}

fn bundle(content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "latency.csv", content).expect("append");
    tar.into_inner().expect("tar").finish().expect("gzip")
}

fn run(id: &str, artifact: bool) -> Run {
    let at = |text| parse_time(text).expect("time");
    let planned = Window::new(at("2026-12-01T00:00:00"), at("2026-12-01T00:01:00")).expect("window");
    let (job, node) = (JobId::parse("exp").expect("id"), NodeId::parse("n").expect("id"));
    let owner = UserId::parse("me").expect("id");
    let mut run = Run::planned(RunId::parse(id).expect("id"), job, node, owner, planned);
    run.status = RunStatus::Completed;
    run.artifact = artifact.then(|| "somewhere".to_owned());
    run
}

/// The files below `dir`, sorted.
fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in std::fs::read_dir(next).expect("list") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                todo.push(path);
            } else {
                found.push(path.strip_prefix(dir).expect("below").display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn download_unpacks_what_is_ready_once_and_goes_on_after_a_bad_bundle() {
    let mut broken = bundle(b"b");
    broken.truncate(20);
    let id = |text| RunId::parse(text).expect("id");
    let plane = Arc::new(Plane {
        runs: vec![run("r1", true), run("r2", true), run("r3", false), run("r4", true)],
        bundles: BTreeMap::from([(id("r1"), broken), (id("r2"), bundle(b"1,2\n")), (id("r4"), bundle(b""))]),
        ..Plane::default()
    });
    let dir = tempfile::tempdir().expect("directory");
    let path = format!("--local-path={}", dir.path().join("results").display());
    let line = ["run", "download", "--jobid=exp", &path];
    let status = execute(&line, &plane).await.expect("goes on");
    assert_eq!(status, ExitStatus::Failed);
    let unpacked = ["results/exp/r2/latency.csv", "results/exp/r4/latency.csv"];
    assert_eq!(files(dir.path()), unpacked);

    // A second time only what is missing is fetched.
    plane.calls.lock().expect("calls").clear();
    execute(&line, &plane).await.expect("again");
    assert_eq!(*plane.calls.lock().expect("calls"), ["runs limit None", "download r1"]);

    let line = ["run", "download", "--runid=r2", "--keep-archive", "--local-path", "."];
    let other = tempfile::tempdir().expect("directory");
    let other_path = other.path().display().to_string();
    let line = [&line[..5], &[other_path.as_str()]].concat();
    assert_eq!(execute(&line, &plane).await.expect("one"), ExitStatus::Done);
    assert_eq!(files(other.path()), ["exp-r2.tar.gz", "exp/r2/latency.csv"]);
    let missing = execute(&["run", "download", "--runid=r9"], &plane).await.expect_err("missing");
    assert_eq!(missing.message(), "there is no run r9 that matches");
}

#[tokio::test]
async fn logs_come_from_the_node_while_a_run_goes_on_and_from_its_results_afterwards() {
    let started = run("r1", true).planned.map(|planned| planned.start());
    let going = Run { status: RunStatus::Running, started, ..run("r1", false) };
    let waiting = Run { status: RunStatus::Running, ..run("r2", false) };
    let printed = vec![OutputPiece { source: OutputSource::Stdout, bytes: "a".into() }];
    let runs = vec![going, waiting, run("r3", true), run("r4", false)];
    let bundles = BTreeMap::from([(RunId::parse("r3").expect("id"), bundle(b"1,2\n"))]);
    let plane = Arc::new(Plane { runs, bundles, printed, ..Plane::default() });
    let calls = async |line: &str| {
        plane.calls.lock().expect("calls").clear();
        let words: Vec<&str> = line.split(' ').collect();
        let outcome = execute(&words, &plane).await.map_err(|error| error.kind());
        (outcome, plane.calls.lock().expect("calls").join(", "))
    };
    let done = |calls: &str| (Ok(ExitStatus::Done), calls.to_owned());
    let look = "runs limit Some(1)";
    assert_eq!(calls("run logs --runid=r1").await, done(&format!("{look}, follow_output r1 1000 false")));
    assert_eq!(
        calls("run logs --runid=r1 --tail=all").await.1,
        format!("{look}, follow_output r1 all false")
    );
    // Not to be waited for unless that is asked.
    assert_eq!(calls("run logs --runid=r2").await, done(look));
    assert_eq!(calls("run logs --runid=r3 --follow").await, done(&format!("{look}, download r3")));
    assert_eq!(calls("run logs --runid=r4").await, (Err(ErrorKind::Unavailable), look.to_owned()));
    assert_eq!(calls("run logs --runid=r5").await, (Err(ErrorKind::NotFound), look.to_owned()));
    let bad = Cli::try_parse_from(["leoscope", "run", "logs", "--runid=r", "--tail=some"]);
    assert!(bad.is_err_and(|error| error.to_string().contains("is not a number of lines")));
}
