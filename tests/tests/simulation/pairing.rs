//! Runs with a client on one node and a server on another.

use leoscope_core::model::{Outcome, Reason};

use super::*;

/// The records of both sides of the one run of a job, the client's first.
async fn sides(world: &World, job: &str) -> Vec<Run> {
    let mut runs = world.runs().await;
    runs.retain(|run| run.job.as_str() == job);
    runs.sort_by_key(|run| run.id.to_string().len());
    runs
}

/// Two nodes, the second serving the first, and one run from second 100 to 160.
async fn pair(server: &Behaviour, client: &Behaviour) -> (World, NodeState, NodeState) {
    let world = World::new().await;
    let mut nodes = [world.node("client").await, world.node("server").await];
    let researcher = world.as_user("researcher", Role::User);
    for node in &mut nodes {
        world.boot(node).await;
    }
    let [measures, serves] = nodes;
    measures.runtime.set_behaviour(None, client.clone());
    serves.runtime.set_behaviour(None, server.clone());
    let spec = JobSpec { server: Some(serves.id.clone()), ..job("exp", &measures.id, None, (100, 200), 60) };
    let booked = researcher.schedule_job(spec).await.expect("booked");
    assert_eq!(booked.warnings, Vec::<String>::new());
    for node in [&measures, &serves] {
        let update = NodeUpdate { public_ip: Some("192.0.2.1".into()), ..NodeUpdate::default() };
        world.as_user("admin", Role::Admin).update_node(&node.id, update).await.expect("address");
    }
    (world, measures, serves)
}

fn lasting(secs: Option<u64>) -> Behaviour {
    Behaviour { duration: secs.map(Duration::from_secs), ..Behaviour::default() }
}

fn at(secs: i64) -> Timestamp {
    start_of_world().checked_add(SignedDuration::from_secs(secs)).expect("time")
}

#[tokio::test(start_paused = true)]
async fn the_server_is_there_first_and_ends_with_the_client() {
    let (world, client, server) = pair(&lasting(None), &lasting(Some(30))).await;
    world.until(200).await;
    let runs = sides(&world, "exp").await;
    assert_eq!(runs.len(), 2, "{runs:#?}");
    let (measured, served) = (&runs[0], &runs[1]);
    assert_eq!(served.id.as_str(), format!("{}_server", measured.id));
    assert_eq!((&measured.node, &served.node), (&client.id, &server.id));
    assert_eq!((measured.started, served.started), (Some(at(100)), Some(at(95))));
    assert_eq!((measured.status, served.status), (RunStatus::Completed, RunStatus::Completed));
    assert_eq!(served.reason.as_deref(), Some("PEER_ENDED"), "{served:#?}");
    assert!(served.ended.is_some_and(|ended| ended > at(130) && ended < at(135)), "{served:#?}");
    assert!(runs.iter().all(|run| run.artifact.is_some()), "both sides' results are kept: {runs:#?}");
    world.service.reconcile().await.expect("reconciled");
    assert_eq!(sides(&world, "exp").await, runs, "nothing else is planned");
}

#[tokio::test(start_paused = true)]
async fn a_client_does_not_start_without_its_server() {
    let failure = Outcome::failed(Stage::ImagePull, Reason::ImageNotFound, "no such image");
    let broken = Behaviour { prepare_failure: Some(failure), ..Behaviour::default() };
    let (world, client, _server) = pair(&broken, &lasting(Some(30))).await;
    world.until(100).await;
    let runs = sides(&world, "exp").await;
    assert_eq!(runs[0].reason.as_deref(), Some("SERVER_NOT_READY"), "known before the start: {runs:#?}");
    assert!(runs[0].message.contains("server server was not ready"), "{runs:#?}");
    assert_eq!(runs[1].reason.as_deref(), Some("IMAGE_NOT_FOUND"), "{runs:#?}");
    assert_eq!(client.runtime.stays(), []);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_fails_the_run_when_it_would_be_too_late() {
    let (world, client, mut server) = pair(&lasting(None), &lasting(Some(30))).await;
    World::crash(&mut server).await;
    world.until(115).await;
    let runs = sides(&world, "exp").await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(runs[0].reason.as_deref(), Some("SERVER_NOT_READY"), "{runs:#?}");
    assert_eq!(runs[0].status, RunStatus::Failed);
    assert_eq!(client.runtime.stays(), []);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_breaks_ends_its_client_and_one_that_is_done_does_not() {
    let broken = Behaviour { exit_code: 3, ..lasting(Some(25)) };
    let (world, _client, _server) = pair(&broken, &lasting(None)).await;
    world.until(130).await;
    let runs = sides(&world, "exp").await;
    assert_eq!(runs[0].reason.as_deref(), Some("PEER_ENDED"), "{runs:#?}");
    assert_eq!(runs[0].status, RunStatus::Failed);
    assert!(runs[0].message.contains(runs[1].id.as_str()), "{runs:#?}");
    assert_eq!(runs[1].reason.as_deref(), Some("CONTAINER_EXIT_NONZERO"), "{runs:#?}");

    let (world, _client, _server) = pair(&lasting(Some(25)), &lasting(Some(40))).await;
    world.until(200).await;
    let runs = sides(&world, "exp").await;
    assert_eq!(runs[0].reason.as_deref(), Some("EXPERIMENT_ENDED"), "{runs:#?}");
    assert_eq!(runs[0].ended, Some(at(140)));
}

#[tokio::test(start_paused = true)]
async fn a_side_whose_other_node_is_silent_ends_and_says_so() {
    let (world, client, server) = pair(&lasting(None), &lasting(None)).await;
    let researcher = world.as_user("researcher", Role::User);
    let long = JobSpec { server: Some(server.id.clone()), ..job("long", &client.id, None, (300, 900), 600) };
    researcher.schedule_job(long).await.expect("booked");
    world.until(320).await;
    client.cut.send_replace(true);
    world.until(420).await;
    let served = sides(&world, "long").await.remove(1);
    assert_eq!(served.reason.as_deref(), Some("PEER_SILENT"), "{served:#?}");
    assert!(served.message.contains("node client"), "{served:#?}");
    client.cut.send_replace(false);
    world.until(440).await;
    let measured = sides(&world, "long").await.remove(0);
    assert_eq!(measured.reason.as_deref(), Some("PEER_ENDED"), "{measured:#?}");
}

#[tokio::test(start_paused = true)]
async fn both_nodes_may_crash_at_any_moment() {
    // Seconds at which a node is killed, to be back two seconds later.
    for moment in [71, 85, 94, 96, 99, 101, 120, 131, 133] {
        let (world, mut client, mut server) = pair(&lasting(None), &lasting(Some(30))).await;
        world.until(moment).await;
        World::crash(&mut client).await;
        World::crash(&mut server).await;
        world.until(moment + 2).await;
        world.boot(&mut client).await;
        world.boot(&mut server).await;
        world.until(200).await;
        let runs = sides(&world, "exp").await;
        let states: Vec<_> = runs.iter().map(|run| (run.status, run.reason.clone())).collect();
        assert_eq!(runs.len(), 2, "killed at {moment}: {runs:#?}");
        assert!(runs.iter().all(|run| run.status == RunStatus::Completed), "killed at {moment}: {states:?}");
        assert!(runs.iter().all(|run| run.artifact.is_some()), "killed at {moment}: {states:?}");
        for node in [&client, &server] {
            assert_eq!(node.runtime.stays().len(), 1, "killed at {moment}");
        }
    }
}
