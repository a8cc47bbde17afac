//! Jobs that run when the link is right, on a node that watches a dish.

use std::fs;
use std::path::Path;

use leoscope_core::time::{SignedDuration, Timestamp, parse_time};
use leoscope_tests::dish::{FakeDish, READING, Scene};
use leoscope_tests::mosquitto::Mosquitto;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::docker::{IMAGE, make_image};
use crate::lab::{Lab, eventually};

/// The trigger of the documentation.
const TRIGGER: &str = "--trigger=dish.latency < 40";

/// A dish that has been on for an hour and has this round trip, and what drives it.
struct Dish {
    dish: FakeDish,
    _runtime: Runtime,
}

impl Dish {
    fn start(round_trip: f32) -> Self {
        let runtime = Runtime::new().expect("runtime");
        let started = Timestamp::now() - SignedDuration::from_hours(1);
        let scene = Scene { round_trip: Some(round_trip), ..Scene::started(started) };
        Self { dish: runtime.block_on(FakeDish::live(scene)), _runtime: runtime }
    }

    fn has(&self, round_trip: f32) {
        self.dish.change(|scene| scene.round_trip = Some(round_trip));
    }

    /// The executor config of a node that watches it.
    fn config(&self, more: &str) -> String {
        format!("monitors:\n  dish: {{address: '{}', interval: 0.5}}\n{more}", self.dish.address())
    }

    /// That nothing was asked of it but what only reads.
    fn assert_only_read(&self) {
        let asked = self.dish.requests();
        assert!(!asked.is_empty(), "it was watched");
        assert!(asked.iter().all(|number| READING.contains(number)), "{asked:?}");
    }
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}: {text}", path.display()))
}

/// That the reading of a decision is this round trip.
fn assert_decided_on(decision: &Value, round_trip: f64) {
    let reading = &decision["readings"][0];
    assert_eq!(reading["field"], "dish.latency", "{decision:#}");
    assert_eq!((&reading["value"], &reading["unit"]), (&round_trip.into(), &"ms".into()), "{decision:#}");
}

#[test]
fn a_job_runs_when_its_trigger_holds_and_is_skipped_with_its_readings_when_not() {
    let dish = Dish::start(30.5);
    let lab = Lab::start_with("process", &dish.config(""));
    let config = "process: {command: 'cp trigger.json seen.json; sleep 3'}";
    lab.schedule_with("met", config, 4, 10, &[TRIGGER]);
    let run = lab.wait_for_run("met", "to end with its results", |run| run["results"] == true);
    assert_eq!((&run["status"], &run["trigger_verdict"]), (&"COMPLETED".into(), &"MET".into()), "{run:#}");
    assert_decided_on(&run["trigger"], 30.5);
    let results = lab.download("met");
    let seen = json(&results.join("seen.json"));
    assert_eq!((&seen["met"], &seen["trigger"]), (&true.into(), &"dish.latency < 40".into()), "{seen:#}");
    assert_decided_on(&seen, 30.5);
    let manifest = json(&results.join("manifest.json"));
    assert_decided_on(&manifest["trigger"], 30.5);
    assert_eq!(manifest["dish"]["software"], "2026.06.12.mr81164", "{manifest:#}");
    let csv = fs::read_to_string(results.join("dish.csv")).expect("dish.csv");
    assert!(csv.lines().count() > 4, "two lines a second: {csv}");
    assert!(csv.lines().skip(1).all(|line| line.contains(",30.5,")), "{csv}");
    for file in ["dish-history.csv", "dish-obstruction.json"] {
        assert!(results.join(file).exists(), "{file}");
    }

    dish.has(60.5);
    lab.schedule_with("unmet", config, 4, 10, &[TRIGGER]);
    let run = lab.wait_for_run("unmet", "to be skipped", |run| run["status"] == "SKIPPED");
    assert_eq!((&run["reason"], &run["started"]), (&"TRIGGER_NOT_MET".into(), &Value::Null), "{run:#}");
    assert_decided_on(&run["trigger"], 60.5);
    let story = lab.cli_ok(&["run", "get", &format!("--runid={}", run["id"].as_str().expect("id"))]);
    assert!(story.contains("60.5") && story.contains("dish.latency"), "{story}");

    // The operator sees what the node reads.
    let status = eventually("the node to write down what it watches", || {
        let status = lab.shell("leoscope-node status --state-dir=node").stdout;
        status.contains("dish").then_some(status)
    });
    assert!(status.contains("monitors:") && !status.contains("FAILS"), "{status}");
    dish.assert_only_read();
}

#[test]
fn a_held_run_starts_in_its_container_once_the_dish_is_better_and_is_told_how_it_goes_on() {
    make_image();
    let Some(broker) = Mosquitto::start() else { return };
    let mut listener = broker.listen("leotest/triggers/#");
    let dish = Dish::start(60.5);
    let mqtt = format!("  mqtt: mqtt://127.0.0.1:{}\n", broker.port());
    let lab = Lab::start_with("docker", &dish.config(&mqtt));
    let script = "busybox cp /artifacts/trigger.json /artifacts/first.json; \
                  until busybox grep -q NOT_MET /artifacts/trigger.json; do busybox sleep 0.1; done; \
                  busybox cp /artifacts/trigger.json /artifacts/later.json; \
                  echo mine > /artifacts/trigger.json || echo read-only";
    let config = format!("docker:\n  image: {IMAGE}\n  command: [/bin/sh, -c, {script:?}]\n");
    lab.schedule_with("exp", &config, 4, 120, &[TRIGGER, "--hold=yes", "--at-least=10"]);
    let told = listener.hear();
    assert_eq!((told.topic.as_str(), told.payload.as_str()), ("leotest/triggers/exp", "False"));
    assert!(!told.retained, "{told:?}");
    let known = lab.wait_for_run("exp", "to be made ready", |run| run["status"] == "RUNNING");
    let planned = parse_time(known["planned_start"].as_str().expect("planned")).expect("a time");
    eventually("the instant to pass", || {
        (Timestamp::now() > planned + SignedDuration::from_secs(2)).then_some(())
    });
    let held = &lab.runs("exp")[0];
    assert_eq!((&held["status"], &held["started"]), (&"RUNNING".into(), &Value::Null), "{held:#}");

    dish.has(30.5);
    let run = lab.wait_for_run("exp", "to be executing", |run| run["phase"] == "EXECUTE");
    let started = parse_time(run["started"].as_str().expect("started")).expect("a time");
    assert!(started > planned + SignedDuration::from_secs(2), "{run:#}");
    assert_decided_on(&run["trigger"], 30.5);
    // One after another arrives, so the one that is waited for does.
    while listener.hear().payload != "True" {}

    dish.has(70.5);
    while listener.hear().payload != "False" {}
    let run = lab.wait_for_run("exp", "to end with its results", |run| run["results"] == true);
    let how = (&run["status"], &run["reason"]);
    assert_eq!(how, (&"COMPLETED".into(), &"EXPERIMENT_ENDED".into()), "{run:#}");
    let results = lab.download("exp");
    let [first, later] = ["first.json", "later.json"].map(|name| json(&results.join(name)));
    assert_eq!((&first["met"], &later["met"]), (&true.into(), &false.into()), "{first:#} {later:#}");
    assert_decided_on(&later, 70.5);
    assert!(results.join("dish.csv").exists());
    let stdout = fs::read_to_string(results.join("stdout.log")).expect("stdout");
    assert_eq!(stdout, "read-only\n", "nobody writes there");
    dish.assert_only_read();
}
