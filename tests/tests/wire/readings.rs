//! What a node reads, from it to those who watch it, over the real protocol.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use leoscope_core::ErrorKind;
use leoscope_core::model::{NodeReadings, Reading};
use leoscope_core::ports::{ControlPlane as _, ReadersStream, ReadingsStream};
use leoscope_core::time::Timestamp;
use leoscope_core::trigger::{Field, Key, Sample};
use tokio::time::timeout;

use crate::world::{World, id, kind};

/// How long what is bound to happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("time")
}

/// One reading of each kind.
fn readings(second: i64) -> NodeReadings {
    let at = at(second);
    let samples = [
        Sample::number(Field::DISH_LATENCY, 40.25, at),
        Sample::flag(Field::DISH_OBSTRUCTED, false, at),
        Sample::text(Key::custom("fan").expect("key"), "on", at),
        Sample::none(Field::WEATHER_RAIN_1H, at),
    ];
    NodeReadings { at, readings: samples.into_iter().map(Reading::from).collect() }
}

async fn told(readers: &mut ReadersStream) -> bool {
    timeout(PATIENCE, readers.next()).await.expect("in time").expect("open").expect("no error")
}

async fn shown(stream: &mut ReadingsStream) -> NodeReadings {
    timeout(PATIENCE, stream.next()).await.expect("in time").expect("open").expect("no error")
}

#[tokio::test]
async fn readings_arrive_as_they_went_while_somebody_watches() {
    let world = World::start().await;
    let (node, researcher) = (world.node("node-seattle").await, world.researcher("researcher-1").await);
    let seattle = id("node-seattle");
    let mut readers = node.watch_readers(&seattle).await.expect("watch");
    assert!(!told(&mut readers).await);
    let mut first = researcher.watch_readings(&seattle).await.expect("watch");
    assert!(told(&mut readers).await);
    node.send_readings(&seattle, readings(1)).await.expect("sent");
    let expected = readings(1);
    assert_eq!(shown(&mut first).await, expected);
    let mut second = researcher.watch_readings(&seattle).await.expect("watch");
    assert_eq!(shown(&mut second).await, expected, "who comes later sees what is there");
    assert!(readers.next().now_or_never().is_none(), "that somebody watches is said once");
    node.send_readings(&seattle, readings(2)).await.expect("sent");
    assert_eq!((shown(&mut first).await.at, shown(&mut second).await.at), (at(2), at(2)));
    drop((first, second));
    assert!(!told(&mut readers).await, "the last has gone");
}

#[tokio::test]
async fn a_node_that_is_not_there_cannot_be_watched_and_one_that_goes_ends_it() {
    let world = World::start().await;
    let (node, researcher) = (world.node("node-seattle").await, world.researcher("researcher-1").await);
    let seattle = id("node-seattle");
    let error = researcher.watch_readings(&seattle).await.err().expect("not connected");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "node node-seattle is not connected to this orchestrator");
    assert!(error.what_to_do().is_some_and(|hint| hint.contains("--grpc-host")), "{error:?}");
    assert_eq!(kind(researcher.watch_readings(&id("unknown")).await.map(drop)), ErrorKind::NotFound);
    let mut readers = node.watch_readers(&seattle).await.expect("watch");
    told(&mut readers).await;
    let mut watching = researcher.watch_readings(&seattle).await.expect("watch");
    drop(readers);
    let last = timeout(PATIENCE, watching.next()).await.expect("in time").expect("an end that is told");
    assert_eq!(kind(last), ErrorKind::Unavailable);
    assert!(watching.next().await.is_none());
}

#[tokio::test]
async fn another_node_sends_nothing_and_watches_nothing_and_too_much_is_refused() {
    let world = World::start().await;
    let (node, other) = (world.node("node-seattle").await, world.node("node-oslo").await);
    let researcher = world.researcher("researcher-1").await;
    let seattle = id("node-seattle");
    let mut readers = node.watch_readers(&seattle).await.expect("watch");
    told(&mut readers).await;
    let mut watching = researcher.watch_readings(&seattle).await.expect("watch");
    for forger in [&other, &researcher] {
        assert_eq!(kind(forger.send_readings(&seattle, readings(1)).await), ErrorKind::PermissionDenied);
        assert_eq!(kind(forger.watch_readers(&seattle).await.map(drop)), ErrorKind::PermissionDenied);
    }
    assert_eq!(kind(other.watch_readings(&seattle).await.map(drop)), ErrorKind::PermissionDenied);
    let one = readings(1).readings.remove(0);
    let many = NodeReadings { at: at(1), readings: vec![one.clone(); 513] };
    assert_eq!(kind(node.send_readings(&seattle, many).await), ErrorKind::InvalidArgument);
    let long = Reading { field: "x".repeat(200 << 10), ..one };
    let long = NodeReadings { at: at(1), readings: vec![long] };
    assert_eq!(kind(node.send_readings(&seattle, long).await), ErrorKind::InvalidArgument);
    assert!(watching.next().now_or_never().is_none(), "nothing of it was shown");
    node.send_readings(&seattle, readings(2)).await.expect("sent");
    assert_eq!(shown(&mut watching).await.at, at(2));
}
