//! What the operator of a node looks at: its clock, and whether results would be kept.

use bytes::Bytes;
use leoscope_core::ErrorKind;
use leoscope_core::agent::measure;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::timekeeping::LocalMeter;
use leoscope_core::model::{ClockSource, Heartbeat, NodeFilter};
use leoscope_core::ports::{ControlPlane, MAX_PROBE_BYTES};

use crate::world::{World, id, kind};

#[tokio::test]
async fn a_clock_is_compared_with_the_orchestrator_s() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    // No chronyd is there, and most machines that test have no other time service either.
    let meter = LocalMeter::with_chronyd_at(world.dir().join("none").display().to_string());
    let reading = measure(&meter, &node, &SystemClock).await.expect("reading");
    if reading.source == ClockSource::Orchestrator {
        // It is the same clock: the way is all there is of uncertainty.
        assert!(reading.offset_us.unsigned_abs() <= reading.uncertainty_us + 1, "{reading:?}");
    }
}

#[tokio::test]
async fn an_offset_that_is_too_much_is_kept_with_the_node_and_in_its_orders() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let beat = |clock_offset_us| Heartbeat { clock_offset_us, ..Heartbeat::of(id("node-seattle")) };
    let read = async || {
        let nodes = researcher.nodes(&NodeFilter::default()).await.expect("nodes");
        let orders = node.orders(&id("node-seattle")).await.expect("orders");
        (nodes[0].clock_offset_us, orders.clock_offset_us, orders.revision)
    };
    assert_eq!(read().await, (None, None, 0));
    node.heartbeat(beat(Some(-900_000))).await.expect("heartbeat");
    assert_eq!(read().await, (Some(-900_000), None, 0), "nobody is woken for it");
    node.heartbeat(beat(Some(-1_000_001))).await.expect("heartbeat");
    let told = read().await;
    assert_eq!((told.0, told.1), (Some(-1_000_001), Some(-1_000_001)));
    assert!(told.2 > 0, "those who have the orders hear of it");
    node.heartbeat(beat(None)).await.expect("heartbeat");
    node.heartbeat(beat(Some(-1_000_001))).await.expect("heartbeat");
    assert_eq!(read().await, told, "one that knows nothing better changes nothing");
    let booked = researcher.schedule_job(world.spec("exp")).await.expect("booked");
    let warning = "the clock of node node-seattle is 1.000 s slow: its runs start late by that much";
    assert!(booked.warnings.iter().any(|told| told == warning), "{:?}", booked.warnings);
    node.heartbeat(beat(Some(5))).await.expect("heartbeat");
    let (kept, ordered, revision) = read().await;
    assert_eq!((kept, ordered), (Some(5), None));
    assert!(revision > told.2);
}

#[tokio::test]
async fn the_artifact_store_gives_a_probe_back_and_keeps_nothing_of_it() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    for content in [Bytes::new(), Bytes::from(vec![7; MAX_PROBE_BYTES])] {
        assert_eq!(node.probe_artifacts(content.clone()).await.expect("probe"), content);
    }
    let too_much = Bytes::from(vec![7; MAX_PROBE_BYTES + 1]);
    assert_eq!(kind(node.probe_artifacts(too_much).await), ErrorKind::InvalidArgument);
    let mut places = vec![world.dir().join("artifacts")];
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(&place).into_iter().flatten().flatten() {
            assert!(entry.path().is_dir(), "{} is left", entry.path().display());
            places.push(entry.path());
        }
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_told() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let artifacts = world.dir().join("artifacts");
    std::fs::remove_dir_all(&artifacts).expect("remove");
    std::fs::write(&artifacts, b"a file is in the way").expect("write");
    let error = node.probe_artifacts(Bytes::from_static(b"probe")).await.expect_err("no store");
    assert_eq!(error.kind(), ErrorKind::Internal);
}
