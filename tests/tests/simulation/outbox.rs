//! Results on their way from a node to the orchestrator.

use std::collections::BTreeMap;

use super::*;
use leoscope_core::model::{Bundle, OutboxConfig};

/// How many bundles are below the orchestrator's directory.
fn delivered(world: &World) -> usize {
    fn count(dir: &Path) -> usize {
        let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
        let count_one = |path: std::path::PathBuf| {
            if path.is_dir() {
                count(&path)
            } else {
                usize::from(path.to_string_lossy().ends_with(".tar.gz"))
            }
        };
        entries.map(|entry| count_one(entry.expect("entry").path())).sum()
    }
    count(&world.dir.path().join("artifacts"))
}

/// Has the uploads of a node noted from its next start on.
fn counted(node: &mut NodeState) -> Arc<Mutex<cut::Uploads>> {
    let uploads = Arc::default();
    node.uploads = Some(Arc::clone(&uploads));
    uploads
}

/// What the journal of a node says of its results.
async fn bundles(node: &NodeState) -> BTreeMap<String, Bundle> {
    let entries = node.ledger.entries().await.expect("ledger");
    entries.into_iter().map(|entry| (entry.run.id.to_string(), entry.bundle)).collect()
}

#[tokio::test(start_paused = true)]
async fn results_wait_while_a_run_measures_with_the_link_for_itself() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    researcher.schedule_job(job("first", &node.id, None, (60, 120), 60)).await.expect("booked");
    researcher.schedule_job(job("second", &node.id, None, (122, 422), 300)).await.expect("booked");
    world.until(400).await;
    assert_eq!(delivered(&world), 0, "the second begins two seconds after the first has ended");
    world.until(430).await;
    assert_eq!(delivered(&world), 2);

    // One that shares the link keeps nothing back.
    researcher.schedule_job(job("third", &node.id, None, (500, 560), 60)).await.expect("booked");
    let shared = JobSpec { overhead: false, ..job("shared", &node.id, None, (540, 900), 300) };
    researcher.schedule_job(shared).await.expect("booked");
    world.until(600).await;
    assert_eq!(delivered(&world), 3);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_sent_no_faster_than_the_operator_wishes() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    // A bundle of the simulation is between one and three kilobytes: a second or more each.
    node.executor.outbox = OutboxConfig { rate: Some(8_000), ..OutboxConfig::default() };
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    let every_minute = JobSpec { overhead: false, ..job("exp", &node.id, Some("* * * * *"), (0, 1200), 30) };
    researcher.schedule_job(every_minute).await.expect("booked");
    world.until(5).await;
    node.cut.send_replace(true);
    world.until(1300).await;
    node.cut.send_replace(false);
    let before = delivered(&world);
    let mut counts = Vec::new();
    for secs in 1..=120 {
        world.until(1300 + secs).await;
        counts.push(delivered(&world) - before);
    }
    let sent = *counts.last().expect("some");
    assert!(sent >= 18, "{sent} have arrived");
    let busy = counts.windows(2).filter(|pair| pair[1] > pair[0]).count();
    let most = counts.windows(2).map(|pair| pair[1] - pair[0]).max().expect("some");
    assert!(most <= 5 && busy >= 10, "they came in {busy} of 120 seconds, {most} in one: {counts:?}");
}

/// The oldest first, and no more than four at once.
#[tokio::test(start_paused = true)]
async fn a_thousand_bundles_that_waited_go_four_at_a_time_the_oldest_first() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    let calls = counted(&mut node);
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    let jobs = ["a", "b", "c", "d"];
    for name in jobs {
        let every_minute =
            JobSpec { overhead: false, ..job(name, &node.id, Some("* * * * *"), (0, 15_000), 30) };
        researcher.schedule_job(every_minute).await.expect("booked");
    }
    world.until(5).await;
    node.cut.send_replace(true);
    world.until(15_100).await;
    let waiting = node.ledger.entries().await.expect("ledger").len();
    assert!(waiting >= 996, "{waiting} wait");
    node.cut.send_replace(false);
    world.until(15_400).await;
    let delivered = delivered(&world);
    assert!(delivered >= waiting, "{delivered} of {waiting}");
    let calls = calls.lock().expect("calls");
    assert_eq!(calls.most, 4, "at once");
    let starts: Vec<_> = calls.begun.iter().filter_map(|run| run.as_str().split('-').next()).collect();
    assert!(starts.len() >= waiting);
    assert!(starts.is_sorted(), "a younger one went before an older one");
}

#[tokio::test(start_paused = true)]
async fn no_run_is_begun_when_too_many_results_wait_and_none_of_them_is_dropped() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    node.executor.outbox = OutboxConfig { budget: 1, ..OutboxConfig::default() };
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    for (name, start) in [("first", 60), ("second", 120), ("third", 300)] {
        researcher.schedule_job(job(name, &node.id, None, (start, start + 30), 30)).await.expect("booked");
    }
    world.until(20).await;
    node.cut.send_replace(true);
    world.until(160).await;
    let entries = node.ledger.entries().await.expect("ledger");
    let second = entries.iter().find(|entry| entry.job.id.as_str() == "second").expect("entry");
    assert_eq!(second.run.reason.as_deref(), Some("OUTBOX_FULL"), "{:?}", second.run);
    assert_eq!(second.run.status, RunStatus::Failed);
    assert!(second.run.message.contains("outbox.budget"), "{}", second.run.message);
    node.cut.send_replace(false);
    world.until(400).await;
    let runs = world.runs().await;
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| run.artifact.is_some()), "also the one that failed: {runs:#?}");
    let third = runs.iter().find(|run| run.job.as_str() == "third").expect("run");
    assert_eq!(third.status, RunStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn refused_results_are_kept_and_offered_again_after_a_day_and_go_only_for_want_of_room() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    let calls = counted(&mut node);
    calls.lock().expect("calls").refuse = true;
    world.boot(&mut node).await;
    let researcher = world.as_user("researcher", Role::User);
    researcher.schedule_job(job("exp", &node.id, None, (60, 90), 30)).await.expect("booked");
    world.until(200).await;
    let run = world.runs().await.remove(0).id.to_string();
    assert_eq!(bundles(&node).await[&run], Bundle::Refused);
    let begun = calls.lock().expect("calls").begun.len();
    assert_eq!(begun, 1, "what was refused for good is not offered every few seconds");
    world.until(20 * 3600).await;
    assert_eq!(bundles(&node).await[&run], Bundle::Refused, "it is neither forgotten nor dropped");
    let kept = status(&*node.ledger, &work_dir(world.dir.path(), &node.id), world.clock.now()).await;
    let kept = kept.expect("status").outbox;
    assert_eq!(kept.len(), 1);
    assert!(kept[0].results_bytes.is_some_and(|bytes| bytes > 0));
    assert_eq!(kept[0].trouble.as_deref(), Some("not you"));
    calls.lock().expect("calls").refuse = false;
    world.until(25 * 3600).await;
    assert_eq!(delivered(&world), 1, "a day later it was offered again");

    // Refused, and there is no room for it.
    calls.lock().expect("calls").refuse = true;
    World::crash(&mut node).await;
    node.executor.outbox = OutboxConfig { budget: 1, ..OutboxConfig::default() };
    world.boot(&mut node).await;
    let again = (26 * 3600, 26 * 3600 + 30);
    researcher.schedule_job(job("again", &node.id, None, again, 30)).await.expect("booked");
    world.until(27 * 3600).await;
    let runs = world.runs().await;
    let lost = runs.iter().find(|run| run.job.as_str() == "again").expect("run");
    assert_eq!(bundles(&node).await[&lost.id.to_string()], Bundle::Dropped);
    let kept = status(&*node.ledger, &work_dir(world.dir.path(), &node.id), world.clock.now()).await;
    let kept = kept.expect("status").outbox;
    assert_eq!(
        (kept.len(), kept[0].results, kept[0].trouble.as_deref()),
        (1, Bundle::Dropped, Some("not you"))
    );
}
