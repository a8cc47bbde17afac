//! A node without its orchestrator.

use super::*;

/// A day of runs with the link cut, the node's process restarted in the middle of one: all of them are
/// on time and handed over afterwards.
#[tokio::test(start_paused = true)]
async fn a_node_works_through_a_day_without_its_orchestrator() {
    const HOUR: i64 = 3_600;
    let world = World::new().await;
    let keeper = tokio::spawn({
        let service = Arc::clone(&world.service);
        async move { service.keep(None, None).await }
    });
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    researcher
        .schedule_job(job("hourly", &node.id, Some("0 * * * *"), (0, 26 * HOUR), 600))
        .await
        .expect("booked");
    researcher
        .schedule_job(job("once", &node.id, None, (20 * HOUR, 26 * HOUR), 900))
        .await
        .expect_err("taken");
    let once = job("once", &node.id, None, (20 * HOUR + 1_200, 26 * HOUR), 900);
    researcher.schedule_job(once).await.expect("booked");
    world.until(60).await;
    node.cut.send_replace(true);
    // Half of the way through the run of 12:00.
    world.until(12 * HOUR + 300).await;
    World::crash(&mut node).await;
    world.until(12 * HOUR + 360).await;
    world.boot(&mut node).await;
    world.until(24 * HOUR + 60).await;
    assert_eq!(world.runs().await, [], "nothing has come through, and nobody has been given up");
    node.cut.send_replace(false);
    world.until(24 * HOUR + 500).await;
    let ran = |secs| (secs, "COMPLETED LENGTH_REACHED".to_owned());
    let day: Vec<_> = (1..24).map(|hour| ran(hour * HOUR)).collect();
    assert_eq!(record(&world, "hourly").await, [day, vec![(24 * HOUR, "RUNNING ".to_owned())]].concat());
    assert_eq!(record(&world, "once").await, [ran(20 * HOUR + 1_200)]);
    for run in world.runs().await.iter().filter(|run| run.status.is_terminal()) {
        assert_eq!(run.started, run.planned.map(|window| window.start()), "{run:?}");
        assert_eq!(run.artifact, None, "the run of 24:00 measures with the link for itself: {run:?}");
    }
    world.until(24 * HOUR + 1_200).await;
    for run in world.runs().await {
        assert!(run.artifact.is_some(), "{run:?}");
    }
    assert_eq!(node.runtime.stays().len(), 25, "none ran twice");
    keeper.abort();
}
