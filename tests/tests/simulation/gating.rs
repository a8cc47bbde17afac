//! Runs that start when their trigger lets them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use leoscope_core::model::{Standby, StandbyBy, StandbyKind, TriggerDecision};
use leoscope_core::ports::{Around, Observation, TelemetryLine};
use leoscope_core::time::wire_time;
use leoscope_core::trigger::{Field, Sample, Source, Verdict};
use serde_json::Value;

use super::*;

/// The condition of all jobs here.
const TRIGGER: &str = "dish.latency < 40";

fn secs(secs: i64) -> Timestamp {
    start_of_world().checked_add(SignedDuration::from_secs(secs)).expect("time")
}

fn second(at: Timestamp) -> i64 {
    at.duration_since(start_of_world()).as_secs()
}

/// A dish that has a latency from each of these seconds on; with `None` it does not answer.
#[derive(Debug)]
struct Script {
    name: &'static str,
    latencies: Vec<(i64, Option<f64>)>,
}

fn script(latencies: &[(i64, Option<f64>)]) -> Arc<dyn Monitor> {
    Arc::new(Script { name: "dish", latencies: latencies.to_vec() })
}

#[async_trait]
impl Monitor for Script {
    fn source(&self) -> Source {
        Source::Dish
    }

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn interval(&self) -> SignedDuration {
        SignedDuration::from_secs(1)
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        let now = around.now;
        let latency = self.latencies.iter().rev().find(|(from, _)| secs(*from) <= now);
        let Some((_, Some(latency))) = latency else { return Err(Error::unavailable("it is away")) };
        let line = format!("{},{latency}", wire_time(now));
        Ok(Observation {
            samples: vec![Sample::number(Field::DISH_LATENCY, *latency, now)],
            telemetry: vec![TelemetryLine { file: "dish.csv", header: "at,latency", at: now, line }],
            findings: Vec::new(),
        })
    }
}

/// What was told by the publisher, in order.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(Timestamp, String, String)>>, Option<Arc<dyn Clock>>);

#[async_trait]
impl Publisher for Heard {
    async fn publish(&self, topic: &str, payload: &str) -> Result<()> {
        let now = self.1.as_ref().expect("clock").now();
        self.0.lock().expect("heard").push((now, topic.to_owned(), payload.to_owned()));
        Ok(())
    }
}

/// A world with one node, whose experiments take as long as they may.
async fn with(latencies: &[(i64, Option<f64>)]) -> (World, NodeState) {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.monitors.push(script(latencies));
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    world.boot(&mut node).await;
    world.until(1).await;
    (world, node)
}

/// A job with the trigger.
fn gated(spec: JobSpec, policies: Policies) -> JobSpec {
    JobSpec { trigger: Some(TRIGGER.into()), policies, ..spec }
}

fn holding(met_for: i64, at_least: i64) -> Policies {
    let (met_for, at_least) = (SignedDuration::from_secs(met_for), SignedDuration::from_secs(at_least));
    Policies { hold: Some(Hold { met_for, at_least }), ..Policies::default() }
}

/// Books a one-time job from 100 to 160 s.
async fn book(world: &World, node: &NodeState, policies: Policies) {
    let spec = gated(job("exp", &node.id, None, (100, 160), 60), policies);
    world.as_user("researcher", Role::User).schedule_job(spec).await.expect("booked");
}

/// The one run of the job.
async fn run(world: &World) -> Run {
    let mut runs: Vec<_> = world.runs().await;
    runs.retain(|run| run.job.as_str() == "exp");
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs.remove(0)
}

fn decision(run: &Run) -> &TriggerDecision {
    run.facts.trigger.as_ref().unwrap_or_else(|| panic!("no decision: {run:#?}"))
}

/// The latency that a run was decided on.
fn latency(run: &Run) -> Option<f64> {
    let [reading] = &decision(run).readings[..] else { panic!("one reading: {run:#?}") };
    assert_eq!((reading.field.as_str(), reading.unit.as_deref()), ("dish.latency", Some("ms")));
    match reading.value {
        Some(leoscope_core::trigger::Value::Number(number)) => Some(number),
        _ => None,
    }
}

/// How a run ended, and the second in which it was started.
async fn ended(world: &World) -> (String, Option<i64>) {
    let run = run(world).await;
    (format!("{} {}", run.status, run.reason.as_deref().unwrap_or_default()), run.started.map(second))
}

/// Whether the node has nothing left of runs.
async fn assert_is_clean(world: &World, node: &NodeState) {
    assert_eq!(node.runtime.list().await.expect("list"), []);
    let left: Vec<_> = std::fs::read_dir(work_dir(world.dir.path(), &node.id).join("runs"))
        .map(|found| found.flatten().collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

/// The file in the results directory of the one run on the node.
fn told(world: &World, node: &NodeState) -> (PathBuf, Value) {
    let runs = std::fs::read_dir(work_dir(world.dir.path(), &node.id).join("runs")).expect("runs");
    let run = runs.flatten().next().expect("a run").path();
    let file = run.join("results/trigger.json");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    (file, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test(start_paused = true)]
async fn a_run_starts_when_its_trigger_holds_and_is_skipped_with_its_readings_when_not() {
    let script = [(0, Some(50.0)), (250, Some(30.5)), (400, Some(41.0)), (800, None)];
    let (world, node) = with(&script).await;
    let spec = gated(job("exp", &node.id, Some("*/5 * * * *"), (200, 1000), 60), Policies::default());
    world.as_user("researcher", Role::User).schedule_job(spec).await.expect("booked");
    world.until(1100).await;
    let expected = [
        (300, "COMPLETED LENGTH_REACHED".to_owned()),
        (600, "SKIPPED TRIGGER_NOT_MET".to_owned()),
        (900, "SKIPPED TRIGGER_UNKNOWN".to_owned()),
    ];
    assert_eq!(record(&world, "exp").await, expected);
    let mut runs = world.runs().await;
    runs.sort_by_key(|run| run.planned);
    for (run, verdict, read) in [
        (&runs[0], Verdict::Met, 30.5),
        (&runs[1], Verdict::NotMet, 41.0),
        (&runs[2], Verdict::Unknown, 41.0),
    ] {
        assert_eq!((decision(run).verdict, latency(run)), (verdict, Some(read)), "{run:#?}");
        assert_eq!(run.trigger_verdict.as_deref(), Some(verdict.name()));
        let planned = run.planned.expect("planned").start();
        assert_eq!(decision(run).at, planned, "decided at its instant");
        assert_eq!(run.started, (verdict == Verdict::Met).then_some(planned), "{run:#?}");
        assert_eq!(run.artifact.is_some(), verdict == Verdict::Met, "{run:#?}");
    }
    assert!(runs[1].message.contains("41"), "{}", runs[1].message);
    assert!(runs[2].message.contains("dish.latency"), "{}", runs[2].message);
    assert_eq!(node.runtime.stays().len(), 1, "nothing else was started");
    assert_is_clean(&world, &node).await;

    let manifests = leoscope_tests::manifest::all_below(&world.dir.path().join("artifacts"));
    let [manifest] = &manifests[..] else { panic!("one bundle: {manifests:#?}") };
    let trigger = &manifest["trigger"];
    assert_eq!((&trigger["text"], &trigger["verdict"]), (&TRIGGER.into(), &"MET".into()), "{trigger:#}");
    assert_eq!(trigger["readings"][0]["field"], "dish.latency", "{trigger:#}");
    assert_eq!(trigger["readings"][0]["value"], 30.5, "{trigger:#}");
    assert_eq!(trigger["readings"][0]["source"], "dish", "{trigger:#}");
}

#[tokio::test(start_paused = true)]
async fn a_field_that_the_node_does_not_watch_is_not_known() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    world.until(1).await;
    book(&world, &node, Policies::default()).await;
    world.until(300).await;
    assert_eq!(ended(&world).await, ("SKIPPED TRIGGER_UNKNOWN".into(), None));
    let run = run(&world).await;
    assert_eq!(latency(&run), None);
    assert!(run.message.contains("dish.latency"), "{}", run.message);
    assert_is_clean(&world, &node).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_node_knows_by_itself_needs_no_monitor() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    world.until(1).await;
    let spec = job("exp", &node.id, None, (100, 160), 60);
    let trigger = Some("time.hour < 1 and node.jobs_running == 0".to_owned());
    let spec = JobSpec { trigger, ..spec };
    world.as_user("researcher", Role::User).schedule_job(spec).await.expect("booked");
    world.until(300).await;
    assert_eq!(ended(&world).await, ("COMPLETED EXPERIMENT_ENDED".into(), Some(100)));
}

#[tokio::test(start_paused = true)]
async fn a_held_run_waits_and_then_runs_what_is_left_of_its_length() {
    let (world, node) = with(&[(0, Some(50.0)), (130, Some(30.0))]).await;
    book(&world, &node, holding(0, 1)).await;
    world.until(300).await;
    assert_eq!(ended(&world).await, ("COMPLETED LENGTH_REACHED".into(), Some(130)));
    let run = run(&world).await;
    assert_eq!(run.ended, Some(secs(160)), "its window stays as it was");
    assert_eq!((decision(&run).verdict, latency(&run)), (Verdict::Met, Some(30.0)));
    let late = decision(&run).at.duration_since(secs(130));
    assert!((SignedDuration::ZERO..=SignedDuration::from_secs(1)).contains(&late), "{run:#?}");
    assert_is_clean(&world, &node).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_trigger_holds_is_not_held() {
    let (world, node) = with(&[(0, Some(30.0))]).await;
    book(&world, &node, holding(20, 1)).await;
    world.until(300).await;
    assert_eq!(ended(&world).await, ("COMPLETED LENGTH_REACHED".into(), Some(100)));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_held_until_too_little_is_left_is_skipped_with_the_reason() {
    let (world, node) = with(&[(0, Some(50.0)), (155, Some(30.0))]).await;
    book(&world, &node, holding(0, 10)).await;
    world.until(152).await;
    assert_eq!(ended(&world).await, ("SKIPPED TRIGGER_NOT_MET".into(), None));
    let run = run(&world).await;
    assert!(run.message.ends_with("held until less than 10 s of its length were left"), "{}", run.message);
    assert_eq!((latency(&run), run.ended.map(second)), (Some(50.0), Some(150)));
    world.until(300).await;
    assert_eq!(node.runtime.stays(), []);
    assert_is_clean(&world, &node).await;
}

#[tokio::test(start_paused = true)]
async fn a_dish_that_falls_silent_while_a_run_is_held_is_not_known() {
    let (world, node) = with(&[(0, Some(50.0)), (120, None)]).await;
    book(&world, &node, holding(0, 1)).await;
    world.until(300).await;
    assert_eq!(ended(&world).await, ("SKIPPED TRIGGER_UNKNOWN".into(), None));
}

#[tokio::test(start_paused = true)]
async fn a_held_run_starts_only_when_its_trigger_has_held_for_long_without_a_break() {
    let flapping = [(0, Some(50.0)), (110, Some(30.0)), (118, Some(50.0)), (121, Some(30.0))];
    let (world, node) = with(&flapping).await;
    book(&world, &node, holding(10, 1)).await;
    world.until(300).await;
    assert_eq!(ended(&world).await, ("COMPLETED LENGTH_REACHED".into(), Some(131)));
    drop(node);

    let always_flapping: Vec<_> =
        (0..200).map(|index| (index * 5, Some(if index % 2 == 0 { 30.0 } else { 50.0 }))).collect();
    let (world, node) = with(&always_flapping).await;
    book(&world, &node, holding(10, 1)).await;
    world.until(300).await;
    assert_eq!(ended(&world).await, ("SKIPPED TRIGGER_NOT_MET".into(), None));
    drop(node);
}

#[tokio::test(start_paused = true)]
async fn after_a_run_the_next_starts_only_when_the_cooldown_is_over() {
    let (world, node) = with(&[(0, Some(30.0))]).await;
    let policies = Policies { cooldown: SignedDuration::from_secs(400), ..Policies::default() };
    let spec = gated(job("exp", &node.id, Some("*/5 * * * *"), (200, 1000), 60), policies);
    world.as_user("researcher", Role::User).schedule_job(spec).await.expect("booked");
    world.until(1100).await;
    let ran = |secs| (secs, "COMPLETED LENGTH_REACHED".to_owned());
    let skipped = (600, "SKIPPED TRIGGER_COOLDOWN".to_owned());
    assert_eq!(record(&world, "exp").await, [ran(300), skipped, ran(900)]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_killed_while_it_holds_a_run_goes_on_holding_it() {
    let (world, mut node) = with(&[(0, Some(50.0)), (140, Some(30.0))]).await;
    book(&world, &node, holding(5, 1)).await;
    for second in [99, 101, 120] {
        world.until(second).await;
        World::crash(&mut node).await;
        world.until(second + 1).await;
        world.boot(&mut node).await;
    }
    world.until(300).await;
    let (how, started) = ended(&world).await;
    assert_eq!(how, "COMPLETED LENGTH_REACHED");
    assert!(started.is_some_and(|started| (145..=146).contains(&started)), "{started:?}");
    assert_eq!(node.runtime.stays().len(), 1, "once");
    assert_is_clean(&world, &node).await;
}

/// Back when too little of the length is left.
#[tokio::test(start_paused = true)]
async fn a_node_that_is_back_too_late_does_not_start_what_it_held() {
    let (world, mut node) = with(&[(0, Some(50.0)), (140, Some(30.0))]).await;
    book(&world, &node, holding(0, 10)).await;
    world.until(120).await;
    World::crash(&mut node).await;
    world.until(155).await;
    world.boot(&mut node).await;
    world.until(300).await;
    assert_eq!(ended(&world).await, ("MISSED START_MISSED".into(), None));
    assert_eq!(node.runtime.stays(), []);
    assert_is_clean(&world, &node).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_wanted_back_holds_nothing() {
    for (kind, expected) in
        [(StandbyKind::Scavenger, "ABORTED SCAVENGER_MODE"), (StandbyKind::Drain, "SKIPPED NODE_DRAINING")]
    {
        let (world, node) = with(&[(0, Some(50.0)), (140, Some(30.0))]).await;
        book(&world, &node, holding(0, 1)).await;
        world.until(120).await;
        let standby = Standby { kind, reason: None, until: None };
        let admin = world.as_user("admin", Role::Admin);
        admin.set_standby(&node.id, StandbyBy::Person, Some(standby)).await.expect("set");
        world.until(300).await;
        assert_eq!(ended(&world).await, (expected.to_owned(), None));
        assert_eq!(node.runtime.stays(), []);
        assert_eq!(node.runtime.list().await.expect("list"), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_deleted_while_it_is_held_is_let_go() {
    let (world, node) = with(&[(0, Some(50.0)), (140, Some(30.0))]).await;
    book(&world, &node, holding(0, 1)).await;
    world.until(120).await;
    let researcher = world.as_user("researcher", Role::User);
    researcher.delete_job(&JobId::parse("exp").expect("id")).await.expect("deleted");
    world.until(300).await;
    assert_eq!(ended(&world).await, ("ABORTED JOB_REMOVED".into(), None));
    assert_eq!(node.runtime.stays(), []);
}

/// Another job that needs the link for itself may not have it meanwhile.
#[tokio::test(start_paused = true)]
async fn a_held_run_keeps_its_time() {
    let (world, node) = with(&[(0, Some(50.0)), (140, Some(30.0))]).await;
    book(&world, &node, holding(0, 1)).await;
    let other = job("other", &node.id, None, (120, 180), 30);
    let refused = world.as_user("researcher", Role::User).schedule_job(other).await.expect_err("taken");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn an_experiment_reads_how_its_trigger_stands_before_it_starts_and_while_it_runs() {
    let (world, node) = with(&[(0, Some(50.0)), (120, Some(30.0)), (140, Some(60.0))]).await;
    book(&world, &node, holding(0, 1)).await;
    world.until(110).await;
    let (file, held) = told(&world, &node);
    assert_eq!((&held["verdict"], &held["met"]), (&"NOT_MET".into(), &false.into()), "{held:#}");
    assert_eq!((&held["trigger"], &held["met_since"]), (&TRIGGER.into(), &Value::Null), "{held:#}");
    let mode = std::fs::metadata(&file).expect("file").permissions().mode();
    assert_eq!(mode & 0o777, 0o444, "to be read, and nothing else");
    world.until(130).await;
    let (_, met) = told(&world, &node);
    assert_eq!((&met["verdict"], &met["met"]), (&"MET".into(), &true.into()), "{met:#}");
    let since: Timestamp = met["met_since"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(second(since), 120, "{met:#}");
    let reading = &met["readings"][0];
    assert_eq!((&reading["field"], &reading["value"]), (&"dish.latency".into(), &30.0.into()), "{met:#}");
    let at: Timestamp = met["at"].as_str().expect("a time").parse().expect("a time");
    assert!((127..=130).contains(&second(at)), "it is written again and again: {met:#}");
    world.until(145).await;
    let (_, over) = told(&world, &node);
    assert_eq!((&over["verdict"], &over["met"]), (&"NOT_MET".into(), &false.into()), "{over:#}");
    assert!(over["why"].as_str().is_some_and(|why| why.contains("60")), "{over:#}");

    // The results tell how it stood at the end, and all that was read while the experiment ran.
    world.until(300).await;
    let run = run(&world).await;
    let bundle = bundles::fetch(&*world.as_user("researcher", Role::User), &run.id).await.expect("results");
    let into = world.dir.path().join("unpacked");
    leoscope_core::bundle::unpack(bundle.as_slice(), &into).expect("unpack");
    assert!(into.join("trigger.json").exists());
    let csv = std::fs::read_to_string(into.join("dish.csv")).expect("dish.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "at,latency");
    let of_second = |line: &&str| second(parse_time(line.split(',').next().expect("time")).expect("time"));
    let seconds: Vec<i64> = lines[1..].iter().map(of_second).collect();
    // What was read at the instant of its start was read before it.
    assert_eq!(seconds, (121..160).collect::<Vec<_>>(), "once each, while it ran");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_killed_writes_telemetry_once_and_goes_on_telling() {
    let (world, mut node) = with(&[(0, Some(30.0)), (140, Some(60.0))]).await;
    book(&world, &node, Policies::default()).await;
    world.until(130).await;
    World::crash(&mut node).await;
    world.boot(&mut node).await;
    world.until(145).await;
    assert_eq!(told(&world, &node).1["met"], false);
    let runs = std::fs::read_dir(work_dir(world.dir.path(), &node.id).join("runs")).expect("runs");
    let dir = runs.flatten().next().expect("a run").path();
    let csv = std::fs::read_to_string(dir.join("telemetry/dish.csv")).expect("dish.csv");
    let mut lines: Vec<&str> = csv.lines().collect();
    let count = lines.len();
    lines.dedup();
    assert_eq!(lines.len(), count, "{csv}");
    assert!(count >= 44, "{csv}");
}

#[tokio::test(start_paused = true)]
async fn who_listens_hears_how_each_trigger_stands_as_existing_experiments_read_it() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.monitors.push(script(&[(0, Some(50.0)), (60, Some(30.0)), (70, None)]));
    let heard = Arc::new(Heard(Mutex::default(), Some(Arc::clone(&world.clock))));
    node.publisher = Some(Arc::clone(&heard) as Arc<dyn Publisher>);
    world.boot(&mut node).await;
    world.until(1).await;
    let spec = gated(job("exp", &node.id, None, (3000, 3060), 60), Policies::default());
    world.as_user("researcher", Role::User).schedule_job(spec).await.expect("booked");
    world.until(100).await;
    let messages = heard.0.lock().expect("heard").clone();
    assert!(messages.iter().all(|(_, topic, _)| topic == "leotest/triggers/exp"), "{messages:?}");
    let payload_at = |secs: i64| {
        let last = messages.iter().rev().find(|(at, _, _)| second(*at) <= secs);
        last.map(|(_, _, payload)| payload.as_str())
    };
    assert_eq!(
        [50, 62, 69, 90].map(payload_at),
        [Some("False"), Some("True"), Some("True"), Some("False")],
        "not known is not met: {messages:?}"
    );
    // Who comes later hears it soon.
    for pair in messages.windows(2) {
        assert!(pair[1].0.duration_since(pair[0].0) <= SignedDuration::from_secs(3), "{pair:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn monitors_of_one_source_are_told_apart_and_each_says_how_it_is() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    for (name, latencies) in [("first", vec![(0, Some(1.0))]), ("second", vec![(0, None)])] {
        node.monitors.push(Arc::new(Script { name, latencies }));
    }
    world.boot(&mut node).await;
    world.until(100).await;
    let watching = node.ledger.watching().await.expect("ledger").expect("watching");
    let told: Vec<_> =
        watching.monitors.iter().map(|told| (told.name.as_str(), told.error.as_deref())).collect();
    assert_eq!(told, [("first", None), ("second", Some("it is away"))]);
    assert!(watching.monitors[1].failing_since.is_some_and(|since| second(since) < 2), "{watching:?}");
}
