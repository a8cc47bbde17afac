//! What watches the world around a node, over real connections to servers on this machine.

mod custom;
mod dish;
mod elements;
mod latency;
mod node;
mod traffic;
mod weather;

use std::collections::BTreeMap;
use std::sync::Arc;

use leoscope_core::backends::clock::VirtualClock;
use leoscope_core::backends::monitors::{self, ManualMeter, Sights};
use leoscope_core::backends::runtime::SimulatedRuntime;
use leoscope_core::model::{ExecutorConfig, MonitorsConfig};
use leoscope_core::ports::{Around, Observation};
use leoscope_core::time::{SignedDuration, Timestamp, parse_time};
use leoscope_core::trigger::{Field, Key, Value};

fn after(seconds: i64) -> Timestamp {
    parse_time("2026-12-01T18:20:00").expect("time") + SignedDuration::from_secs(seconds)
}

/// What a monitor is told that many seconds after the test began.
fn around(seconds: i64) -> Around {
    Around {
        now: after(seconds),
        site: None,
        weather_key: None,
        elements: None,
        satellites: Vec::new(),
        obstruction: None,
        all: false,
    }
}

/// The readings, of which each field has one at most.
fn readings(observation: &Observation) -> BTreeMap<Key, Option<Value>> {
    let all = observation.samples.iter().map(|sample| (sample.key.clone(), sample.value.clone()));
    let by_key: BTreeMap<_, _> = all.collect();
    assert_eq!(by_key.len(), observation.samples.len(), "{observation:?}");
    by_key
}

/// What was read of `field`.
fn value(observation: &Observation, field: Field) -> Option<Value> {
    readings(observation).remove(&field.into()).unwrap_or_else(|| panic!("no reading of {field}"))
}

/// The same, a number.
fn number(observation: &Observation, field: Field) -> Option<f64> {
    value(observation, field).map(|value| match value {
        Value::Number(number) => number,
        other => panic!("{field} is {other}"),
    })
}

/// The executor configs in the manual are ones that a node takes.
#[test]
fn every_config_in_the_manual_can_be_used() {
    const MANUAL: &str = include_str!("../../../docs/operating-a-node.md");
    let mut watched = 0;
    for (index, after) in MANUAL.split("```yaml\n").skip(1).enumerate() {
        let (text, _) = after.split_once("```").expect("an end");
        let config = ExecutorConfig::parse(text).unwrap_or_else(|e| panic!("{index}: {e}\n{text}"));
        watched += usize::from(config.monitors != MonitorsConfig::default());
    }
    assert!(watched >= 2, "the monitors have examples");
}

/// The status of a node has a line for each by its name.
#[tokio::test]
async fn no_two_monitors_of_a_node_have_the_same_name() {
    let text = "monitors: {dish: {interval: 120}, weather: {interval: 7200}, interfaces: [lo, eth0], \
                latency: {target: 127.0.0.1, interval: 30}, \
                custom: [{name: fan, file: /run/fan}, {name: door, file: /run/door, interval: 1000}]}";
    let config = ExecutorConfig::parse(text).expect("config").monitors;
    let clock = Arc::new(VirtualClock::starting_at(after(0)));
    let sights = Sights {
        runtime: Arc::new(SimulatedRuntime::new(clock)),
        meter: Arc::new(ManualMeter::default()),
        work_dir: "/".into(),
    };
    let monitors = monitors::all(&config, sights).expect("monitors");
    let names: Vec<String> = monitors.iter().map(|monitor| monitor.name()).collect();
    let expected = [
        "node",
        "traffic",
        "satellite",
        "interfaces",
        "dish",
        "weather",
        "latency",
        "custom.fan",
        "custom.door",
    ];
    assert_eq!(names, expected);
    // What is read seldom says something for longer.
    let stale =
        |name: &str| monitors.iter().find(|monitor| monitor.name() == name).expect(name).stale_after();
    for (name, interval) in
        [("custom.fan", 10), ("custom.door", 1000), ("dish", 120), ("weather", 7200), ("latency", 30)]
    {
        assert_eq!(stale(name), Some(SignedDuration::from_secs(3 * interval)), "{name}");
    }
    assert_eq!(stale("node"), None);
}
