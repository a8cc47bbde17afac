//! How fast experiments and interfaces move data, with a runtime and a meter that are told what to say.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use leoscope_core::backends::monitors::{InterfacesMonitor, ManualMeter, Sights, TrafficMonitor, all};
use leoscope_core::ids::RunId;
use leoscope_core::model::{ExecutorConfig, Exit, Limits, Outcome, Prepared, RuntimeState, Traffic};
use leoscope_core::ports::{Monitor, RunSpec, Runtime, RuntimeInfo};
use leoscope_core::time::Timestamp;
use leoscope_core::trigger::{Field, Source};
use leoscope_core::{Error, Result};
use tokio::time::Instant;

use super::{after, around, number};

/// How a run is, and what it has moved.
type Known = (RuntimeState, Option<Traffic>);

/// A runtime that knows of these runs, and how long it takes to list them.
#[derive(Debug, Default, Clone)]
struct Told(Arc<Mutex<BTreeMap<RunId, Known>>>, Arc<Mutex<Duration>>);

impl Told {
    fn set(&self, run: &str, state: RuntimeState, moved: Option<Traffic>) {
        self.0.lock().expect("lock").insert(run_id(run), (state, moved));
    }

    fn slow(&self, takes: Duration) {
        *self.1.lock().expect("lock") = takes;
    }

    fn runs(&self, run: &str, received: u64, sent: u64) {
        self.set(run, RuntimeState::Running(after(0)), Some(Traffic { received, sent }));
    }

    fn forget(&self, run: &str) {
        self.0.lock().expect("lock").remove(&run_id(run));
    }

    fn get(&self, run: &RunId) -> Option<Known> {
        self.0.lock().expect("lock").get(run).cloned()
    }
}

fn run_id(text: &str) -> RunId {
    RunId::parse(text).expect("run id")
}

#[async_trait]
impl Runtime for Told {
    async fn info(&self) -> Result<RuntimeInfo> {
        unreachable!("not asked for")
    }
    fn can_keep(&self, _: &Limits) -> Result<()> {
        Ok(())
    }
    async fn prepare(&self, _: &RunSpec) -> Result<Prepared, Outcome> {
        unreachable!("a monitor changes nothing")
    }
    async fn start(&self, _: &RunId) -> Result<Timestamp, Outcome> {
        unreachable!("a monitor changes nothing")
    }
    async fn wait(&self, _: &RunId) -> Result<Exit> {
        unreachable!("a monitor waits for nothing")
    }
    async fn stop(&self, _: &RunId, _: Duration) -> Result<()> {
        unreachable!("a monitor changes nothing")
    }
    async fn state(&self, run: &RunId) -> Result<RuntimeState> {
        Ok(self.get(run).map_or(RuntimeState::Absent, |(state, _)| state))
    }
    async fn save_output(&self, _: &RunId, _: &Path, _: &Path) -> Result<()> {
        unreachable!("not asked for")
    }
    async fn output_size(&self, _: &RunId) -> Result<u64> {
        unreachable!("not asked for")
    }
    async fn remove(&self, _: &RunId) -> Result<()> {
        unreachable!("a monitor changes nothing")
    }
    async fn traffic(&self, run: &RunId) -> Result<Option<Traffic>> {
        if run.as_str() == "broken+1" {
            return Err(Error::unavailable("the engine does not answer"));
        }
        Ok(self.get(run).and_then(|(_, moved)| moved))
    }
    async fn list(&self) -> Result<Vec<RunId>> {
        let takes = *self.1.lock().expect("lock");
        if !takes.is_zero() {
            tokio::time::advance(takes).await;
        }
        Ok(self.0.lock().expect("lock").keys().cloned().collect())
    }
}

/// The clock by which rates are, from the beginning of a test on.
struct Watch(Instant);

impl Watch {
    fn begin() -> Self {
        Self(Instant::now())
    }

    /// Lets it be that many seconds.
    async fn show(&self, second: i64) {
        let at = self.0 + Duration::from_secs(second.try_into().expect("after the beginning"));
        tokio::time::advance(at - Instant::now()).await;
    }
}

/// What is received and sent in bits per second.
async fn rates(watch: &Watch, monitor: &dyn Monitor, second: i64) -> (Option<f64>, Option<f64>) {
    watch.show(second).await;
    let read = monitor.read(&around(second)).await.expect("read");
    match monitor.source() {
        Source::Containers => (number(&read, Field::NETWORK_RX_RATE), number(&read, Field::NETWORK_TX_RATE)),
        _ => (number(&read, Field::NODE_RX_RATE), number(&read, Field::NODE_TX_RATE)),
    }
}

#[tokio::test(start_paused = true)]
async fn experiments_together_move_the_sum_and_none_moves_nothing() {
    let watch = Watch::begin();
    let told = Told::default();
    let monitor = TrafficMonitor::new(Arc::new(told.clone()));
    assert_eq!(rates(&watch, &monitor, 0).await, (None, None), "nothing is known of before");
    assert_eq!(rates(&watch, &monitor, 2).await, (Some(0.0), Some(0.0)));
    told.runs("a+1", 100, 10);
    assert_eq!(rates(&watch, &monitor, 4).await, (Some(400.0), Some(40.0)), "it has begun meanwhile");
    told.runs("a+1", 1100, 10);
    told.runs("b+1", 0, 500);
    assert_eq!(rates(&watch, &monitor, 6).await, (Some(4000.0), Some(2000.0)));
    told.forget("a+1");
    assert_eq!(
        rates(&watch, &monitor, 8).await,
        (Some(0.0), Some(0.0)),
        "what it moved at last is not known"
    );
    told.runs("b+1", 0, 400);
    assert_eq!(rates(&watch, &monitor, 10).await, (None, None), "its counter was set anew");
    told.runs("b+1", 0, 800);
    assert_eq!(rates(&watch, &monitor, 14).await, (Some(0.0), Some(800.0)));
    assert_eq!(rates(&watch, &monitor, 14).await, (None, None), "no time has passed");
    told.runs("b+1", 0, 900);
    watch.show(15).await;
    let set_back = monitor.read(&around(-3600)).await.expect("read");
    assert_eq!(number(&set_back, Field::NETWORK_TX_RATE), Some(800.0), "the time of day does not matter");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_takes_its_time_does_not_change_the_rate() {
    let (watch, told) = (Watch::begin(), Told::default());
    told.runs("a+1", 0, 0);
    let monitor = TrafficMonitor::new(Arc::new(told.clone()));
    rates(&watch, &monitor, 0).await;
    // A thousand bytes a second, told a second after the reading began.
    told.runs("a+1", 2000, 0);
    told.slow(Duration::from_secs(1));
    assert_eq!(rates(&watch, &monitor, 1).await, (Some(8000.0), Some(0.0)));
    told.slow(Duration::ZERO);
    told.runs("a+1", 4000, 0);
    assert_eq!(rates(&watch, &monitor, 4).await, (Some(8000.0), Some(0.0)));
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_told_from_the_host_leaves_no_value() {
    let watch = Watch::begin();
    let told = Told::default();
    let monitor = TrafficMonitor::new(Arc::new(told.clone()));
    told.runs("a+1", 0, 0);
    rates(&watch, &monitor, 0).await;
    told.set("host+1", RuntimeState::Prepared, None);
    assert_eq!(rates(&watch, &monitor, 1).await, (Some(0.0), Some(0.0)), "it does not run yet");
    told.set("host+1", RuntimeState::Running(after(2)), None);
    assert_eq!(rates(&watch, &monitor, 2).await, (None, None));
    told.runs("a+1", 10_000, 0);
    let exit = Exit { at: after(3), code: Some(0), out_of_memory: false };
    told.set("host+1", RuntimeState::Exited(exit), None);
    assert_eq!(rates(&watch, &monitor, 3).await, (None, None), "nothing is known of before");
    told.runs("a+1", 11_000, 0);
    assert_eq!(rates(&watch, &monitor, 4).await, (Some(8000.0), Some(0.0)));
    told.runs("broken+1", 0, 0);
    let error = monitor.read(&around(5)).await.expect_err("a fault of the engine");
    assert_eq!(error.message(), "the engine does not answer");
    told.forget("broken+1");
    told.runs("a+1", 99_000, 0);
    assert_eq!(rates(&watch, &monitor, 6).await, (None, None), "after a fault it starts anew");
}

#[tokio::test(start_paused = true)]
async fn the_operators_interfaces_together_move_the_sum() {
    let watch = Watch::begin();
    let meter = ManualMeter::default();
    let names = vec!["eth0".to_owned(), "wlan0".to_owned()];
    let monitor = InterfacesMonitor::new(names, Arc::new(meter.clone()));
    let set = |name: &str, received, sent| meter.set(name, Some(Traffic { received, sent }));
    assert_eq!(rates(&watch, &monitor, 0).await, (None, None));
    assert_eq!(rates(&watch, &monitor, 1).await, (None, None), "none of them is there");
    set("eth0", 1_000_000, 500);
    set("lo", 0, 0);
    assert_eq!(rates(&watch, &monitor, 2).await, (None, None));
    set("eth0", 1_000_100, 550);
    set("lo", 7_000_000, 0);
    assert_eq!(rates(&watch, &monitor, 4).await, (Some(400.0), Some(200.0)));
    set("wlan0", 5_000_000, 5_000_000);
    assert_eq!(rates(&watch, &monitor, 6).await, (Some(0.0), Some(0.0)), "it began to count at any number");
    set("wlan0", 5_000_100, 5_000_000);
    assert_eq!(rates(&watch, &monitor, 8).await, (Some(400.0), Some(0.0)));
    meter.set("wlan0", None);
    assert_eq!(rates(&watch, &monitor, 10).await, (Some(0.0), Some(0.0)));
    set("eth0", 5, 5);
    assert_eq!(rates(&watch, &monitor, 12).await, (None, None), "set anew");
    meter.set("eth0", None);
    assert_eq!(rates(&watch, &monitor, 14).await, (None, None));
}

#[tokio::test]
async fn a_node_has_the_monitors_that_its_config_names() {
    let sources = |monitors: &str| {
        let config = ExecutorConfig::parse(&format!("monitors: {monitors}")).expect("config").monitors;
        let (runtime, meter) = (Arc::new(Told::default()), Arc::new(ManualMeter::default()));
        let monitors = all(&config, Sights { runtime, meter, work_dir: "/".into() }).expect("monitors");
        monitors.iter().map(|monitor| monitor.source()).collect::<Vec<_>>()
    };
    let (node, custom) = (Source::Node, Source::Custom);
    assert_eq!(sources("{}"), [node, Source::Containers, Source::Orbit]);
    let more = "{interfaces: [lo], dish: {}, weather: {}, latency: {target: localhost}, \
                custom: [{name: a, file: /a}, {name: b, command: b}]}";
    let expected = [
        node,
        Source::Containers,
        Source::Orbit,
        node,
        Source::Dish,
        Source::Weather,
        Source::Probe,
        custom,
        custom,
    ];
    assert_eq!(sources(more), expected);
}
