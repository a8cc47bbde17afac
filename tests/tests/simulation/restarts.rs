//! What went wrong in the world of `endurance`, each alone.

use super::*;

async fn with_two_runs_in_a_row(behaviour: Behaviour) -> (World, NodeState) {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.runtime.set_behaviour(None, behaviour);
    let researcher = world.as_user("researcher", Role::User);
    for (id, from) in [("first", 100), ("second", 200)] {
        researcher.schedule_job(job(id, &node.id, None, (from, from + 100), 100)).await.expect("booked");
    }
    world.boot(&mut node).await;
    (world, node)
}

fn second(at: Timestamp) -> i64 {
    at.duration_since(start_of_world()).as_secs()
}

/// An engine that does not answer while the results are saved, or the experiment is removed, is no
/// reason to give them up.
#[tokio::test(start_paused = true)]
async fn results_outlast_an_engine_that_is_away_when_the_run_ends() {
    let behaviour = Behaviour { duration: Some(Duration::from_secs(50)), ..Behaviour::default() };
    let (world, node) = with_two_runs_in_a_row(behaviour).await;
    world.until(149).await;
    node.runtime.set_available(false);
    world.until(240).await;
    node.runtime.set_available(true);
    world.until(400).await;
    let ended = (100, "COMPLETED EXPERIMENT_ENDED".to_owned());
    assert_eq!(record(&world, "first").await, [ended]);
    assert!(world.runs().await.iter().filter(|run| run.started.is_some()).all(|run| run.artifact.is_some()));
    assert_eq!(node.runtime.list().await.expect("list"), []);
}

/// An experiment that was to be stopped while the engine did not answer is stopped when it is back,
/// however long that takes.
#[tokio::test(start_paused = true)]
async fn an_engine_that_is_away_for_long_stops_the_experiment_when_it_is_back() {
    let (world, node) = with_two_runs_in_a_row(Behaviour { duration: None, ..Behaviour::default() }).await;
    world.until(150).await;
    node.runtime.set_available(false);
    world.until(500).await;
    node.runtime.set_available(true);
    world.until(600).await;
    assert_eq!(record(&world, "first").await, [(100, "COMPLETED LENGTH_REACHED".to_owned())]);
    let stays = node.runtime.stays();
    let ended = stays[0].ended.expect("stopped");
    assert!((500..510).contains(&second(ended)), "{stays:?}");
    let run = world.runs().await.into_iter().find(|run| run.job.as_str() == "first").expect("record");
    assert_eq!(run.ended, Some(ended), "the record says when it ended");
}

/// An experiment that uses the whole of its grace has the link until it ends: the next one waits.
#[tokio::test(start_paused = true)]
async fn an_exclusive_run_does_not_start_beside_one_that_is_being_stopped() {
    let stop_delay = Duration::from_secs(60);
    let behaviour = Behaviour { duration: None, stop_delay, ..Behaviour::default() };
    let (world, node) = with_two_runs_in_a_row(behaviour).await;
    world.until(400).await;
    let stays = node.runtime.stays();
    assert_eq!(stays.len(), 2, "{stays:?}");
    let (ended, started) = (stays[0].ended.expect("ended"), stays[1].started);
    assert_eq!(second(ended), 202, "killed after its grace");
    assert!(ended <= started && second(started) < 204, "{stays:?}");
    assert_eq!(record(&world, "second").await, [(200, "COMPLETED LENGTH_REACHED".to_owned())]);
}

/// The process ended after the orchestrator had acknowledged the results, before they were removed.
#[tokio::test(start_paused = true)]
async fn what_was_handed_over_just_before_a_crash_is_removed_after_it() {
    left_behind_until(305).await;
}

/// The same, by a node that is back so late that it forgets the run at once (seed 2 of `endurance`).
#[tokio::test(start_paused = true)]
async fn what_was_handed_over_is_removed_by_a_node_that_forgets_the_run_at_once() {
    left_behind_until(2 * 3_600).await;
}

async fn left_behind_until(back: i64) {
    let (world, mut node) = with_two_runs_in_a_row(Behaviour::default()).await;
    world.until(300).await;
    World::crash(&mut node).await;
    let dir = work_dir(world.dir.path(), &node.id);
    let run = world.runs().await[0].clone();
    let left = [
        dir.join("outbox").join(format!("{}-{}.tar.gz", run.job, run.id)),
        dir.join("runs").join(run.id.as_str()).join("results/data.txt"),
    ];
    for file in &left {
        std::fs::create_dir_all(file.parent().expect("directory")).expect("directory");
        std::fs::write(file, "left").expect("write");
    }
    world.until(back).await;
    world.boot(&mut node).await;
    world.until(back + 5).await;
    assert!(left.iter().all(|file| !file.exists()), "{left:?}");
    assert!(!dir.join("runs").join(run.id.as_str()).exists());
}

/// A machine that lost its power while results were being packed: what is there of the bundle is of no
/// use, and must not be in the way.
#[tokio::test(start_paused = true)]
async fn a_bundle_cut_by_a_power_loss_is_packed_anew() {
    let (world, mut node) =
        with_two_runs_in_a_row(Behaviour { duration: None, ..Behaviour::default() }).await;
    world.until(150).await;
    World::crash(&mut node).await;
    node.runtime.kill_all();
    let run = node.ledger.entries().await.expect("entries")[0].run.clone();
    let dir = work_dir(world.dir.path(), &node.id);
    let name = format!("{}-{}.tar.part", run.job, run.id);
    std::fs::create_dir_all(dir.join("outbox")).expect("directory");
    std::fs::write(dir.join("outbox").join(name), b"\x1f\x8b\x08cut").expect("write");
    std::fs::write(dir.join("runs").join(run.id.as_str()).join("executor.log"), b"2026-12-01T00:")
        .expect("cut");
    std::fs::remove_dir_all(dir.join("runs").join(run.id.as_str()).join("results")).expect("lost");
    world.boot(&mut node).await;
    world.until(400).await;
    assert_eq!(record(&world, "first").await, [(100, "FAILED LOST".to_owned())]);
    assert!(world.runs().await.iter().all(|run| run.artifact.is_some()));
    let left: Vec<_> = std::fs::read_dir(dir.join("outbox")).expect("outbox").collect();
    assert!(left.is_empty(), "{left:?}");
}
