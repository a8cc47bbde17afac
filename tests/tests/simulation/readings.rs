//! Watching what a node reads.

use futures_util::StreamExt as _;
use leoscope_core::ErrorKind;
use leoscope_core::backends::runtime::Behaviour;
use leoscope_core::model::{NodeReadings, Role};
use leoscope_core::ports::ReadingsStream;
use leoscope_core::time::SignedDuration;

use super::{World, job};

async fn shown(stream: &mut ReadingsStream) -> NodeReadings {
    stream.next().await.expect("open").expect("no error")
}

/// The time between the next two that are shown.
async fn gap(stream: &mut ReadingsStream) -> SignedDuration {
    let first = shown(stream).await.at;
    shown(stream).await.at.duration_since(first)
}

#[tokio::test(start_paused = true)]
async fn a_node_sends_each_second_while_it_is_watched_and_less_while_an_experiment_needs_the_link() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    world.boot(&mut node).await;
    world.until(5).await;
    let researcher = world.as_user("researcher", Role::User);
    let mut watching = researcher.watch_readings(&node.id).await.expect("watch");
    let first = shown(&mut watching).await;
    assert!(world.clock.now().duration_since(first.at) < SignedDuration::from_secs(1), "at once");
    assert_eq!(gap(&mut watching).await, SignedDuration::from_secs(1));
    researcher.schedule_job(job("exp", &node.id, None, (100, 200), 60)).await.expect("booked");
    world.until(105).await;
    shown(&mut watching).await;
    assert_eq!(gap(&mut watching).await, SignedDuration::from_secs(10));
    // Who comes and goes does not make it more often.
    let last = shown(&mut watching).await.at;
    for later in [3, 6] {
        drop(watching);
        world.clock.sleep_until(last + SignedDuration::from_secs(later)).await;
        watching = researcher.watch_readings(&node.id).await.expect("watch");
    }
    let next = shown(&mut watching).await.at;
    assert_eq!(next.duration_since(last), SignedDuration::from_secs(10));
    world.until(250).await;
    shown(&mut watching).await;
    assert_eq!(gap(&mut watching).await, SignedDuration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_link_was_cut_can_be_watched_again_when_it_is_back() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    world.until(5).await;
    let researcher = world.as_user("researcher", Role::User);
    let mut watching = researcher.watch_readings(&node.id).await.expect("watch");
    shown(&mut watching).await;
    node.cut.send_replace(true);
    let last = loop {
        if let Err(error) = watching.next().await.expect("an end that is told") {
            break error;
        }
    };
    assert_eq!(last.kind(), ErrorKind::Unavailable);
    assert!(researcher.watch_readings(&node.id).await.is_err());
    world.until(600).await;
    node.cut.send_replace(false);
    // However long it was cut, the node looks again within a minute.
    world.until(661).await;
    let mut again = researcher.watch_readings(&node.id).await.expect("watch");
    assert!(world.clock.now().duration_since(shown(&mut again).await.at) < SignedDuration::from_secs(1));
}

/// A node that hangs is not waited for without end.
#[tokio::test(start_paused = true)]
async fn a_node_that_sends_nothing_for_a_minute_ends_it() {
    let world = World::new().await;
    let node = world.node("node").await;
    let plane = world.as_user("node", Role::Node);
    let _connected = plane.watch_readers(&node.id).await.expect("watch");
    let researcher = world.as_user("researcher", Role::User);
    let mut watching = researcher.watch_readings(&node.id).await.expect("watch");
    let last = watching.next().await.expect("an end that is told").expect_err("silent");
    assert_eq!(last.message(), "node node has sent nothing for 60 seconds");
    assert!(watching.next().await.is_none());
}
