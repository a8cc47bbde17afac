//! Moving a whole job to where it is free.

use jiff::SignedDuration;

use super::{Bookings, SlotQuery, first_overlap, first_self_overlap, free_slots};
use crate::model::Job;
use crate::schedule::Schedule;
use crate::time::{Timestamp, Window};

/// Another time at which a refused job could run; all of its runs were found to be free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The schedule it would have.
    pub schedule: Schedule,
    /// Its first run.
    pub first: Window,
}

/// How many alternatives a refusal names.
const ALTERNATIVES: usize = 3;

/// How far from the wanted time alternatives are looked for.
const FARTHEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How many minutes a cron schedule is moved at most to either side.
const FARTHEST_MINUTES: i64 = 24 * 60;

/// How many pairs of patterns are compared at most for the sake of alternatives: a fraction of a
/// second's worth.
const MOST_PAIRS: usize = 1_000_000;

/// `job` with all starts moved later by the smallest amount within its slip at which it conflicts
/// with nothing; unchanged where it is free already. `None` when no such amount is small enough.
pub fn slipped(job: &Job, bookings: &Bookings<'_>, from: Timestamp) -> Option<Job> {
    let mut moved = job.moved_by(SignedDuration::ZERO);
    let mut unchanged = 0;
    let mut others = bookings.in_the_way_of(job).cycle();
    // Each start that is in the way moves the job to its end, and no smaller amount would pass it.
    while let Some((_, other)) = others.next().filter(|_| unchanged < bookings.len()) {
        let timeline = moved.timeline().after(from);
        match first_overlap(&timeline, other) {
            None => unchanged += 1,
            Some((wanted, taken)) => {
                // From the start as it is, its alignment included.
                moved = moved.moved_by(moved.offset() + taken.end().duration_since(wanted.start()));
                unchanged = 0;
                if moved.movement() > moved.policies.slip {
                    return None;
                }
            }
        }
    }
    // A job that has been moved past its last run is free, and of no use.
    let timeline = moved.timeline().after(from);
    (timeline.occurrences().next().is_some() && first_self_overlap(&timeline).is_none()).then_some(moved)
}

/// Up to three other times for `job`, nearest first.
///
/// A one-time job moves as a whole; a cron job by whole minutes, as far as an expression of five
/// fields can say it.
pub fn alternatives(job: &Job, bookings: &Bookings<'_>, from: Timestamp) -> Vec<Alternative> {
    match &job.schedule {
        Schedule::Once => other_starts(job, bookings, from),
        Schedule::Cron(_) => other_minutes(job, bookings, from),
    }
}

fn other_starts(job: &Job, bookings: &Bookings<'_>, from: Timestamp) -> Vec<Alternative> {
    let near = job.window.start();
    let bound = |at: Result<Timestamp, jiff::Error>| at.unwrap_or(near).max(from);
    let reserved = job.length.duration() + job.policies.random_slip;
    let Ok(within) =
        Window::new(bound(near.checked_sub(FARTHEST)), bound(near.checked_add(FARTHEST + reserved)))
    else {
        return Vec::new();
    };
    // A slot that alignment pushes into something else falls away, so some more are asked for.
    let query = SlotQuery { length: reserved, near, within, count: 4 * ALTERNATIVES };
    let candidates = free_slots(bookings, &query).into_iter().filter_map(|slot| {
        let window = Window::new(slot.start(), within.end()).ok()?;
        verified(Job { window, shift: SignedDuration::ZERO, ..job.clone() }, bookings, from)
    });
    candidates.take(ALTERNATIVES).collect()
}

fn other_minutes(job: &Job, bookings: &Bookings<'_>, from: Timestamp) -> Vec<Alternative> {
    if first_self_overlap(&job.timeline()).is_some() {
        return Vec::new();
    }
    let Schedule::Cron(cron) = &job.schedule else { return Vec::new() };
    let mut seen = vec![(cron.hours(), cron.minutes())];
    let shifts = (1..=FARTHEST_MINUTES).flat_map(|minutes| [minutes, -minutes]);
    let pairs = bookings.patterns().saturating_mul(job.timeline().patterns().len());
    let candidates = shifts.take(MOST_PAIRS / pairs.max(1)).filter_map(|minutes| {
        let cron = cron.shifted(minutes)?;
        // An hourly schedule is the same again every hour.
        let sets = (cron.hours(), cron.minutes());
        if seen.contains(&sets) {
            return None;
        }
        seen.push(sets);
        let moved = Job { schedule: Schedule::Cron(cron), shift: SignedDuration::ZERO, ..job.clone() };
        verified(moved, bookings, from)
    });
    candidates.take(ALTERNATIVES).collect()
}

/// `job` as an alternative, if it runs at all and conflicts with nothing.
fn verified(job: Job, bookings: &Bookings<'_>, from: Timestamp) -> Option<Alternative> {
    let timeline = job.timeline().after(from);
    let first = timeline.occurrences().next()?.window;
    let free = bookings.in_the_way_of(&job).all(|(_, other)| first_overlap(&timeline, other).is_none());
    free.then_some(Alternative { schedule: job.schedule, first })
}
