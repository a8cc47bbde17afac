use std::cell::Cell;
use std::cmp::Reverse;

use super::super::list::{Found, Open, gather};
use super::super::*;
use super::world::{World, run};
use crate::model::{Run, RunFilter};
use crate::ports::{MOST_RUNS, RunStore as _};
use crate::time::{SignedDuration, Timestamp, Window};
use crate::{Error, ErrorKind};

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
    let within = Window::new(oldest, all[0].planned.expect("planned").end()).expect("window");
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
        "10000 runs or more start at 2026-12-01T00:00:00, which are too many to list"
    );
}

fn page(minutes: impl DoubleEndedIterator<Item = u32>) -> Vec<Run> {
    minutes.rev().map(run).collect()
}

#[test]
fn parts_follow_each_other_back_to_the_first_instant_and_get_longer_where_runs_are_few() {
    let newest = page(90_000..90_000 + MOST_RUNS);
    let first = run(0).planned.expect("planned").start();
    let mut open = Open::beyond(&newest, first);
    let near = open.next().expect("a part");
    assert_eq!(near.end(), run(90_000).planned.expect("planned").start() + SignedDuration::from_micros(1));
    // A run a minute: nine thousand of them, in an answer for ten.
    assert_eq!(near.length().as_mins(), 8_999);
    let next = open.next().expect("a part");
    assert_eq!((next.end(), next.length()), (near.start(), near.length()));
    // Half as many in the same time: parts twice as long.
    open.answered(next, &page(0..4_500)).expect("answer");
    let longer = open.next().expect("a part");
    assert_eq!((longer.end(), longer.length().as_mins()), (next.start(), 17_998));
    // A few are left at most: all the rest.
    open.answered(longer, &page(0..10)).expect("answer");
    let rest = open.next().expect("a part");
    assert_eq!((rest.start(), rest.end()), (first, longer.start()));
    assert_eq!(open.next(), None);
}

#[test]
fn what_did_not_fit_is_asked_for_in_parts_as_long_as_its_runs_are_close() {
    let mut open = Open::beyond(&page(500_000..500_000 + MOST_RUNS), Timestamp::UNIX_EPOCH);
    let part = open.next().expect("a part");
    // Four a minute, where one was expected: the answer ends in the middle of the part.
    let told: Vec<_> =
        (0..MOST_RUNS).map(|n| Run { planned: run(499_999 - n / 4).planned, ..run(n) }).collect();
    open.answered(part, &told).expect("answer");
    let again = open.next().expect("a part");
    assert_eq!(again.end(), run(497_500).planned.expect("planned").start() + SignedDuration::from_micros(1));
    assert_eq!(again.length().as_mins(), 2_249);
    // Those before the part are expected as they were.
    let mut older = open.next().expect("a part");
    while older.start() >= part.start() {
        older = open.next().expect("a part");
    }
    assert_eq!((older.end(), older.length()), (part.start(), part.length()));
}

#[test]
fn nothing_is_left_of_an_answer_that_holds_all() {
    assert_eq!(Open::beyond(&page(0..MOST_RUNS - 1), Timestamp::UNIX_EPOCH).next(), None);
    assert_eq!(Open::beyond(&[], Timestamp::UNIX_EPOCH).next(), None);
}

/// The answer of an orchestrator that has `all`, newest first.
fn answer(all: &[Run], part: Window) -> Vec<Run> {
    let within = all.iter().filter(|run| run.sort_key().is_some_and(|start| part.contains(start)));
    within.take(MOST_RUNS as usize).cloned().collect()
}

#[test]
fn answers_in_any_order_make_the_same_list() {
    // Few, many at once, none for long, then ever closer.
    let minute = |number: u32| match number {
        0..=9_999 => number / 40,
        10_000..=14_999 => 1_000_000 + 7 * number,
        _ => 2_000_000 + (number - 15_000).isqrt() * 60,
    };
    let mut all: Vec<_> = (0..45_000).map(|n| Run { planned: run(minute(n)).planned, ..run(n) }).collect();
    all.sort_by_key(|run| (Reverse(run.sort_key()), run.id.clone()));
    let first = all[all.len() - 1].sort_key().expect("start");
    for seed in 1..20_usize {
        let (mut open, mut found) = (Open::beyond(&all[..MOST_RUNS as usize], first), Found::default());
        found.take_in(all[..MOST_RUNS as usize].to_vec());
        let (mut asked, mut random) = (Vec::new(), seed);
        loop {
            asked.extend(std::iter::from_fn(|| open.next()).take(3 - asked.len()));
            if asked.is_empty() {
                break;
            }
            random = random.wrapping_mul(25_214_903_917).wrapping_add(11);
            let part = asked.swap_remove((random >> 16) % asked.len());
            let page = answer(&all, part);
            open.answered(part, &page).expect("answer");
            found.take_in(page);
        }
        assert!(found.newest_first(usize::MAX) == all, "seed {seed}");
    }
}

#[test]
fn a_run_whose_start_changed_meanwhile_is_told_once() {
    let moved = Run { planned: run(3).planned, ..run(9) };
    let mut found = Found::default();
    found.take_in(vec![run(9), run(8), run(7)]);
    found.take_in(vec![run(4), moved, run(2)]);
    let ids: Vec<_> = found.newest_first(5).into_iter().map(|run| run.id.to_string()).collect();
    assert_eq!(ids, ["r9", "r8", "r7", "r4", "r2"]);
}

#[tokio::test]
async fn where_answers_at_once_are_too_much_they_are_asked_for_one_after_the_other() {
    let all = page(0..5 * MOST_RUNS);
    for kind in [ErrorKind::Timeout, ErrorKind::Exhausted] {
        let (under_way, refused) = (Cell::new(0), Cell::new(0));
        let tell = |filter: RunFilter| {
            let (all, under_way, refused) = (&all, &under_way, &refused);
            async move {
                under_way.set(under_way.get() + 1);
                tokio::task::yield_now().await;
                let others = under_way.get() - 1;
                under_way.set(others);
                if others > 0 {
                    refused.set(refused.get() + 1);
                    return Err(Error::new(kind, "too much"));
                }
                let within =
                    filter.within.unwrap_or_else(|| Window::new(Timestamp::MIN, Timestamp::MAX).expect("w"));
                Ok(answer(all, within))
            }
        };
        assert!(gather(&RunFilter::default(), tell).await.expect("list") == all);
        assert_eq!(refused.get(), 2, "of the first three");
    }
    // What fails alone has failed.
    let calls = Cell::new(0);
    let tell = |_| {
        calls.set(calls.get() + 1);
        let told = if calls.get() == 1 {
            Ok(all[..MOST_RUNS as usize].to_vec())
        } else {
            Err(Error::new(ErrorKind::Timeout, "slow"))
        };
        async move { told }
    };
    let error = gather(&RunFilter::default(), tell).await.expect_err("never an answer");
    assert_eq!((error.kind(), calls.get()), (ErrorKind::Timeout, 5));
}

#[tokio::test]
async fn an_orchestrator_that_tells_all_at_once_in_any_order_is_not_asked_again() {
    // As those of the public testbed do.
    let all = page(0..MOST_RUNS + 2_000);
    let calls = Cell::new(0);
    let tell = |_| {
        calls.set(calls.get() + 1);
        let told: Vec<_> = all.iter().rev().cloned().collect();
        async move { Ok(told) }
    };
    assert!(gather(&RunFilter::default(), tell).await.expect("list") == all);
    assert_eq!(calls.get(), 1);
}
