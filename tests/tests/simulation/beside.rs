//! Processes that cron and at start for single runs, beside the node's own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use leoscope_core::agent::{Agent, Carried, Wanted};
use leoscope_core::backends::runtime::Behaviour;
use leoscope_core::backends::sessions::MemorySessions;
use leoscope_core::ids::JobId;
use leoscope_core::model::{ExecutorConfig, HostStart, Role, Run, RunStatus, Traffic};
use leoscope_core::ports::{Claim, HostScheduler, Sessions};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};
use leoscope_core::{Error, Result};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{NodeState, World, job};

/// A host whose cron and at are played by the test.
#[derive(Debug)]
struct Host;

#[async_trait]
impl HostScheduler for Host {
    fn reads_utc(&self) -> bool {
        true
    }

    async fn arrange(&self, _: &[HostStart], _: Timestamp) -> Result<()> {
        Ok(())
    }
}

/// A session store that is away.
#[derive(Debug)]
struct Away;

#[async_trait]
impl Sessions for Away {
    async fn claim(&self, _: &str, _: &str, _: Duration) -> Result<Claim> {
        Err(Error::unavailable("away"))
    }

    async fn release(&self, _: &str, _: &str) -> Result<()> {
        Err(Error::unavailable("away"))
    }
}

/// A node with one job that runs once, from 00:01:40 for up to 60 seconds.
async fn booked(sessions: Option<Arc<dyn Sessions>>) -> (World, NodeState) {
    booked_with(sessions, "").await
}

/// The same with an executor config.
async fn booked_with(sessions: Option<Arc<dyn Sessions>>, executor: &str) -> (World, NodeState) {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.executor = ExecutorConfig::parse(executor).expect("config");
    node.runtime
        .set_behaviour(None, Behaviour { duration: Some(Duration::from_secs(20)), ..Behaviour::default() });
    node.host = Some(Arc::new(Host));
    node.sessions = Some(sessions.unwrap_or_else(|| Arc::new(MemorySessions::new(Arc::clone(&world.clock)))));
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    researcher.schedule_job(job("exp", &node.id, None, (100, 1000), 60)).await.expect("booked");
    world.until(40).await;
    (world, node)
}

/// Starts a process for the next run of the job.
async fn start(world: &World, node: &NodeState) -> JoinHandle<Result<Carried>> {
    let (config, mut parts) = world.parts(node);
    parts.host = None;
    let agent = Agent::for_one_run(config, parts).await.expect("agent");
    let at = |text| parse_time(text).expect("time");
    let wanted = Wanted {
        job: JobId::parse("exp").expect("id"),
        run: None,
        range: Window::new(at("2026-12-01T00:00"), at("2026-12-02T00:00")).expect("window"),
    };
    tokio::spawn(async move { agent.carry_out(&wanted, CancellationToken::new()).await })
}

async fn outcome(process: JoinHandle<Result<Carried>>) -> Carried {
    process.await.expect("process").expect("carried out")
}

/// The one run of the world, which ran once.
async fn the_run(world: &World, node: &NodeState) -> Run {
    let runs = world.runs().await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(node.runtime.stays().len(), 1, "it ran once");
    runs[0].clone()
}

#[tokio::test(start_paused = true)]
async fn a_run_is_carried_out_by_the_process_that_claims_it_first_and_by_no_other() {
    for sessions in [None, Some(Arc::new(Away) as Arc<dyn Sessions>)] {
        let (world, node) = booked(sessions).await;
        let first = start(&world, &node).await;
        world.until(50).await;
        let second = start(&world, &node).await;
        world.until(200).await;
        let run = the_run(&world, &node).await;
        assert_eq!((run.status, run.artifact.is_some()), (RunStatus::Completed, true), "{run:?}");
        assert_eq!(run.started, run.planned.map(|window| window.start()), "{run:?}");
        assert_eq!(outcome(first).await, Carried::HandedOver(run.id.clone()));
        assert_eq!(outcome(second).await, Carried::Elsewhere(run.id));
        assert_eq!(outcome(start(&world, &node).await).await, Carried::NotPlanned);
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_needs_no_node_and_the_node_that_comes_back_does_not_repeat_its_run() {
    let (world, mut node) = booked(None).await;
    World::crash(&mut node).await;
    let process = start(&world, &node).await;
    world.until(130).await;
    let run = the_run(&world, &node).await;
    assert_eq!((run.status, run.artifact.is_some()), (RunStatus::Completed, true), "{run:?}");
    assert_eq!(outcome(process).await, Carried::HandedOver(run.id.clone()));
    world.boot(&mut node).await;
    world.until(400).await;
    assert_eq!(the_run(&world, &node).await, run);
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_process_has_begun_the_node_brings_to_its_end() {
    for at in [90, 105, 119] {
        let (world, node) = booked(None).await;
        let process = start(&world, &node).await;
        world.until(at).await;
        process.abort();
        assert!(process.await.is_err_and(|end| end.is_cancelled()));
        world.until(200).await;
        let run = the_run(&world, &node).await;
        assert_eq!((run.status, run.artifact.is_some()), (RunStatus::Completed, true), "{at}: {run:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_node_starts_what_nobody_else_has() {
    let (world, node) = booked(None).await;
    world.until(200).await;
    assert_eq!(the_run(&world, &node).await.status, RunStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_process_whose_job_is_deleted_stops_its_run() {
    let (world, mut node) = booked(None).await;
    World::crash(&mut node).await;
    let process = start(&world, &node).await;
    world.until(110).await;
    let exp = JobId::parse("exp").expect("id");
    world.as_user("researcher", Role::User).delete_job(&exp).await.expect("deleted");
    world.until(118).await;
    let run = the_run(&world, &node).await;
    assert_eq!(run.status, RunStatus::Aborted, "{run:?}");
    assert_eq!(outcome(process).await, Carried::HandedOver(run.id));
}

#[tokio::test(start_paused = true)]
async fn what_a_process_cannot_hand_over_the_node_does() {
    let (world, node) = booked(None).await;
    let process = start(&world, &node).await;
    world.until(110).await;
    node.cut.send_replace(true);
    world.until(300).await;
    let Carried::Kept(kept) = outcome(process).await else { panic!("nobody has taken it") };
    node.cut.send_replace(false);
    world.until(400).await;
    let run = the_run(&world, &node).await;
    assert_eq!((&run.id, run.status, run.artifact.is_some()), (&kept, RunStatus::Completed, true));
}

#[tokio::test(start_paused = true)]
async fn a_process_knows_that_the_host_uses_the_link_itself() {
    let scavenger = "scavenger: {interface: eth0, above: 8kbit, for: 5s, quiet: 60s}";
    let (world, node) = booked_with(None, scavenger).await;
    for second in 0..25 {
        node.traffic.set("eth0", Some(Traffic { received: second * 10_000, sent: 0 }));
        world.until(41 + i64::try_from(second).expect("small")).await;
    }
    let process = start(&world, &node).await;
    world.until(130).await;
    let runs = world.runs().await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(runs[0].reason.as_deref(), Some("SCAVENGER_MODE"), "{runs:#?}");
    assert!(runs[0].message.contains("eth0"), "{runs:#?}");
    assert_eq!(node.runtime.stays(), []);
    drop(outcome(process).await);
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_the_exclusive_run_of_another_process_to_end() {
    let (world, node) = booked(None).await;
    let slow = Behaviour { duration: None, stop_delay: Duration::from_secs(4), ..Behaviour::default() };
    node.runtime.set_behaviour(None, slow);
    let researcher = world.as_user("researcher", Role::User);
    researcher.schedule_job(job("next", &node.id, None, (160, 1000), 60)).await.expect("booked");
    let process = start(&world, &node).await;
    world.until(400).await;
    drop(outcome(process).await);
    let stays = node.runtime.stays();
    assert_eq!(stays.len(), 2, "{stays:#?}");
    let ended = stays[0].ended.expect("ended");
    assert!(ended <= stays[1].started, "{stays:#?}");
    assert!(stays[1].started.duration_since(ended) < SignedDuration::from_secs(2), "{stays:#?}");
}
