//! Nodes that do not take (all) experiments for a while.

use leoscope_core::model::{EventScope, Standby, StandbyBy, StandbyKind, Traffic};

use super::*;

fn secs(secs: i64) -> Timestamp {
    start_of_world().checked_add(SignedDuration::from_secs(secs)).expect("time")
}

/// Lets every experiment take as long as it may.
fn endless(node: &NodeState) {
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
}

/// A job that shares the link.
fn shared(spec: JobSpec) -> JobSpec {
    JobSpec { overhead: false, ..spec }
}

/// What the steps of a one-time job say of its being moved.
async fn moves(world: &World, job: &str) -> Vec<String> {
    let mut told = Vec::new();
    let run = world.runs().await.into_iter().find(|run| run.job.as_str() == job).expect("run");
    let admin = world.as_user("admin", Role::Admin);
    for event in admin.events(&EventScope::Run(run.id), None).await.expect("events") {
        let reason = event.reason.unwrap_or_default();
        if reason.starts_with("RESCHEDULE") {
            told.push(format!("{reason} {}", event.message));
        }
    }
    told
}

fn config(node: &mut NodeState) {
    let text = "scavenger: {interface: eth0, above: 8kbit, for: 10s, quiet: 60s}";
    node.executor = ExecutorConfig::parse(text).expect("config");
}

/// From now until that second the host moves so many bytes a second.
async fn host_moves(world: &World, node: &NodeState, total: &mut u64, from: i64, to: i64, bytes: u64) {
    for second in from..to {
        *total += bytes;
        node.traffic.set("eth0", Some(Traffic { received: *total, sent: 0 }));
        world.until(second + 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_stops_what_needs_the_link_and_ends_by_itself_everywhere() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    endless(&node);
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    let once = job("once", &node.id, None, (60, 7200), 600);
    researcher.schedule_job(once).await.expect("booked");
    let every = job("every", &node.id, Some("20,40 * * * *"), (1, 7200), 60);
    researcher.schedule_job(every).await.expect("booked");
    let other = shared(job("other", &node.id, Some("1-59/20 * * * *"), (1, 3600), 600));
    researcher.schedule_job(other).await.expect("booked");
    world.until(100).await;
    // From 1:40 to 30:00.
    let pause = Standby {
        kind: StandbyKind::Scavenger,
        reason: Some("a video call".into()),
        until: Some(secs(1800)),
    };
    let owner = world.as_user("admin", Role::Admin);
    owner.set_standby(&node.id, StandbyBy::Person, Some(pause.clone())).await.expect("set");
    world.until(101).await;
    let stopped = (60, "ABORTED SCAVENGER_MODE".to_owned());
    assert_eq!(record(&world, "once").await, std::slice::from_ref(&stopped));
    let run = world.runs().await.into_iter().find(|run| run.job.as_str() == "once").expect("run");
    assert!(run.message.ends_with(": a video call"), "{}", run.message);
    // It would be free ten minutes later, but the node is not.
    assert_eq!(moves(&world, "once").await, ["RESCHEDULED the job was moved to 2026-12-01T00:30:00"]);
    let spec = job("warned", &node.id, None, (6000, 7200), 60);
    let warnings = researcher.plan_job(spec.clone(), 1).await.expect("plan").warnings;
    assert!(warnings[0].ends_with("until 2026-12-01T00:30:00 (a video call)"), "{warnings:?}");
    // The node is cut off, and no one is there to end it.
    node.cut.send_replace(true);
    world.until(1799).await;
    assert_eq!(owner.standby(&node.id).await.expect("standby"), Some(pause.clone()));
    world.until(1800).await;
    assert_eq!(owner.standby(&node.id).await.expect("standby"), None);
    let listed = owner.nodes(&Default::default()).await.expect("nodes").remove(0);
    assert_eq!(listed.standby, Default::default());
    let warnings = researcher.plan_job(spec, 1).await.expect("plan").warnings;
    assert!(warnings[0].contains("has not been seen since"), "nothing but that it is cut off: {warnings:?}");
    world.until(2500).await;
    node.cut.send_replace(false);
    world.until(3300).await;
    let ran = |secs| (secs, "COMPLETED LENGTH_REACHED".to_owned());
    let skipped = |secs| (secs, "SKIPPED SCAVENGER_MODE".to_owned());
    assert_eq!(record(&world, "once").await, [stopped, ran(1800)]);
    assert_eq!(record(&world, "every").await, [skipped(1200), ran(2400)]);
    assert_eq!(record(&world, "other").await, [ran(60), ran(1260), ran(2460)], "it does not need the link");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_drained_finishes_what_runs_begins_nothing_and_says_so() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    endless(&node);
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    for spec in [
        job("running", &node.id, None, (60, 7200), 300),
        job("once", &node.id, None, (600, 7200), 60),
        job("later", &node.id, None, (1200, 7200), 60),
        shared(job("other", &node.id, Some("1-59/10 * * * *"), (1, 2400), 300)),
    ] {
        researcher.schedule_job(spec).await.expect("booked");
    }
    world.until(100).await;
    let owner = world.as_user("admin", Role::Admin);
    let drain =
        Standby { kind: StandbyKind::Drain, reason: Some("the roof is repaired".into()), until: None };
    owner.set_standby(&node.id, StandbyBy::Person, Some(drain.clone())).await.expect("set");
    world.until(700).await;
    let ran = |secs| (secs, "COMPLETED LENGTH_REACHED".to_owned());
    let skipped = |secs| (secs, "SKIPPED NODE_DRAINING".to_owned());
    assert_eq!(record(&world, "running").await, [ran(60)]);
    assert_eq!(record(&world, "once").await, [skipped(600)]);
    assert_eq!(record(&world, "other").await, [ran(60), skipped(660)]);
    let kept = "RESCHEDULE_FAILED job once was not moved: node node is draining (the roof is repaired), \
                without an end";
    assert_eq!(moves(&world, "once").await, [kept]);
    // As soon as it is known when it will be over, jobs are moved there.
    let known = Standby { until: Some(secs(5400)), ..drain };
    owner.set_standby(&node.id, StandbyBy::Person, Some(known)).await.expect("set");
    world.until(1300).await;
    assert_eq!(moves(&world, "later").await, ["RESCHEDULED the job was moved to 2026-12-01T01:30:00"]);
    owner.set_standby(&node.id, StandbyBy::Person, None).await.expect("set");
    world.until(5500).await;
    assert_eq!(record(&world, "later").await, [skipped(1200), ran(5400)]);
    assert_eq!(record(&world, "other").await, [ran(60), skipped(660), skipped(1260), ran(1860)]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_uses_its_link_has_it_at_once_and_only_that_is_taken_back() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    config(&mut node);
    world.boot(&mut node).await;
    endless(&node);
    let researcher = world.as_user("researcher", Role::User);
    world.until(1).await;
    researcher
        .schedule_job(job("exp", &node.id, Some("*/10 * * * *"), (1, 7200), 300))
        .await
        .expect("booked");
    let owner = world.as_user("admin", Role::Admin);
    let mut total = 5000;
    host_moves(&world, &node, &mut total, 1, 650, 900).await;
    let seen = owner.standby(&node.id).await.expect("standby");
    assert_eq!(seen, None, "that much is allowed");
    // Nobody can be reached, and the node acts all the same: busy from 650 to 680.
    node.cut.send_replace(true);
    host_moves(&world, &node, &mut total, 650, 680, 9000).await;
    let stays = node.runtime.stays();
    let ended = stays[0].ended.expect("it was stopped").duration_since(start_of_world()).as_secs();
    assert!((650..665).contains(&ended), "at {ended}");
    node.cut.send_replace(false);
    host_moves(&world, &node, &mut total, 680, 700, 0).await;
    let seen = owner.standby(&node.id).await.expect("standby").expect("the host is busy");
    assert_eq!(seen.reason.as_deref(), Some("the host uses eth0 itself"));
    assert!(seen.until.is_some(), "it must be said again");
    assert_eq!(record(&world, "exp").await, [(600, "ABORTED SCAVENGER_MODE".to_owned())]);
    // What a person sets meanwhile stays when the host is quiet again.
    owner.set_standby(&node.id, StandbyBy::Person, Some(Standby::SCAVENGER)).await.expect("set");
    host_moves(&world, &node, &mut total, 700, 800, 0).await;
    assert_eq!(owner.standby(&node.id).await.expect("standby"), Some(Standby::SCAVENGER));
    owner.set_standby(&node.id, StandbyBy::Person, None).await.expect("set");
    assert_eq!(owner.standby(&node.id).await.expect("standby"), None);
    world.until(1600).await;
    assert_eq!(record(&world, "exp").await[1], (1200, "COMPLETED LENGTH_REACHED".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_standby_of_a_node_that_never_comes_back_ends_and_one_that_does_says_anew() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    config(&mut node);
    world.boot(&mut node).await;
    let owner = world.as_user("admin", Role::Admin);
    let mut total = 0;
    host_moves(&world, &node, &mut total, 0, 1000, 9000).await;
    assert!(owner.standby(&node.id).await.expect("standby").is_some(), "it is said again and again");
    World::crash(&mut node).await;
    world.until(1030).await;
    assert!(owner.standby(&node.id).await.expect("standby").is_some());
    world.boot(&mut node).await;
    world.until(1035).await;
    assert_eq!(owner.standby(&node.id).await.expect("standby"), None, "it does not know yet");
    host_moves(&world, &node, &mut total, 1035, 1100, 9000).await;
    assert!(owner.standby(&node.id).await.expect("standby").is_some());
    World::crash(&mut node).await;
    world.until(1100 + 601).await;
    assert_eq!(owner.standby(&node.id).await.expect("standby"), None);
}
