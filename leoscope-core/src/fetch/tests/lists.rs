use super::super::*;
use super::world::{World, run};
use crate::ErrorKind;
use crate::model::{Run, RunFilter};
use crate::ports::{MOST_RUNS, RunStore as _};

#[tokio::test]
async fn more_runs_than_one_answer_holds_are_listed_whole() {
    let world = World::new(false).await;
    let count = 2 * MOST_RUNS + 500;
    for number in 0..count {
        // Always three at the same instant, so that an answer ends in the middle of them.
        let planned = run(number / 3).planned;
        world.store.put_run(&Run { planned, ..run(number) }, None).await.expect("store");
    }
    let of_job = RunFilter { job: Some(run(0).job), ..RunFilter::default() };
    let all = list(&world.admin, &of_job).await.expect("list");
    assert_eq!(all.len(), count as usize);
    assert!(all.is_sorted_by(|a, b| a.sort_key() >= b.sort_key()), "newest first");
    let ids: std::collections::BTreeSet<_> = all.iter().map(|run| run.id.clone()).collect();
    assert_eq!(ids.len(), all.len(), "each once");
    let limited = RunFilter { limit: Some(MOST_RUNS + 1), ..of_job.clone() };
    assert_eq!(list(&world.admin, &limited).await.expect("list"), all[..=MOST_RUNS as usize]);
    // A range of time stays one.
    let oldest = all[MOST_RUNS as usize + 200].planned.expect("planned").start();
    let within = crate::time::Window::new(oldest, all[0].planned.expect("planned").end()).expect("window");
    let some = list(&world.admin, &RunFilter { within: Some(within), ..of_job }).await.expect("list");
    assert!(some.iter().all(|run| run.sort_key() >= Some(oldest)));
    assert!((MOST_RUNS as usize + 200..MOST_RUNS as usize + 204).contains(&some.len()), "{}", some.len());
}

#[tokio::test]
async fn runs_are_listed_whole_however_they_lie_in_time() {
    let world = World::new(false).await;
    // Now and then, then many at once, then none for long, then a few.
    let minutes = |number: u32| match number {
        0..=299 => 0,
        300..=12_999 => 500_000 + number / 60,
        _ => 600_000 + 3 * number,
    };
    let count = 2 * MOST_RUNS + 4_000;
    for number in 0..count {
        let planned = run(minutes(number)).planned;
        world.store.put_run(&Run { planned, ..run(number) }, None).await.expect("store");
    }
    let all = list(&world.admin, &RunFilter::default()).await.expect("list");
    let ids: std::collections::BTreeSet<_> = all.iter().map(|run| run.id.clone()).collect();
    assert_eq!((all.len(), ids.len()), (count as usize, count as usize));
    assert!(all.is_sorted_by(|a, b| a.sort_key() >= b.sort_key()), "newest first");
}

#[tokio::test]
async fn so_many_at_one_instant_that_they_cannot_be_told_are_refused_not_left_out() {
    let world = World::new(false).await;
    for number in 0..=MOST_RUNS {
        let planned = run(0).planned;
        world.store.put_run(&Run { planned, ..run(number) }, None).await.expect("store");
    }
    let error = list(&world.admin, &RunFilter::default()).await.expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.message(),
        "more than 10000 runs start at 2026-12-01T00:00:00, which are too many to list"
    );
}
