//! Free time on nodes.

use jiff::SignedDuration;

use super::Bookings;
use crate::time::{Timestamp, Window};

/// What free time is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotQuery {
    /// How long it has to be.
    pub length: SignedDuration,
    /// The instant to which the starts are to be near.
    pub near: Timestamp,
    /// The bounds in which all of it lies.
    pub within: Window,
    /// At most so many.
    pub count: usize,
}

/// By how much the first part of the bounds that is looked at reaches to either side of the
/// wanted instant, in lengths of the slot; it is doubled until enough is found.
const FIRST_REACH: i32 = 16;

/// The free windows whose starts are nearest to the wanted one, nearest first, the later of two
/// that are equally near first. They do not overlap each other.
pub fn free_slots(bookings: &Bookings<'_>, query: &SlotQuery) -> Vec<Window> {
    let SlotQuery { length, near, within, count } = *query;
    if length <= SignedDuration::ZERO || length > within.length() || count == 0 {
        return Vec::new();
    }
    let mut reach = length.saturating_mul(FIRST_REACH).max(SignedDuration::from_hours(24));
    loop {
        let from = near.saturating_sub(reach).unwrap_or(within.start()).clamp(within.start(), within.end());
        let to = near.saturating_add(reach).unwrap_or(within.end()).clamp(within.start(), within.end());
        let whole = from == within.start() && to == within.end();
        let mut found = Vec::new();
        if let Ok(part) = Window::new(from, to) {
            for gap in gaps(bookings, part) {
                pack(gap, length, near, count, &mut found);
            }
        }
        found.sort_by_key(|slot: &Window| (slot.start().duration_since(near).abs(), slot.start() < near));
        found.truncate(count);
        // What lies farther away than the part that was looked at could still be nearer than some.
        let sure = found.iter().all(|slot| slot.start().duration_since(near).abs() + length <= reach);
        if whole || (found.len() == count && sure) {
            return found;
        }
        reach = reach.saturating_mul(2);
    }
}

/// The parts of `part` that no booking takes, in order of time.
fn gaps(bookings: &Bookings<'_>, part: Window) -> Vec<Window> {
    let mut taken: Vec<Window> = bookings
        .timelines()
        .flat_map(|timeline| {
            let occurrences = timeline.clone().after(part.start()).into_occurrences();
            occurrences.map(|occurrence| occurrence.reserved).take_while(|window| window.start() < part.end())
        })
        .collect();
    taken.sort_unstable();
    let (mut gaps, mut free_from) = (Vec::new(), part.start());
    for window in taken {
        gaps.extend(Window::new(free_from, window.start()).ok());
        free_from = free_from.max(window.end());
    }
    gaps.extend(Window::new(free_from, part.end()).ok());
    gaps
}

/// Adds the slots of a gap that are nearest to `near`: the nearest one, and those that touch it
/// on either side.
fn pack(gap: Window, length: SignedDuration, near: Timestamp, count: usize, found: &mut Vec<Window>) {
    let Some(latest) = gap.end().checked_sub(length).ok().filter(|latest| *latest >= gap.start()) else {
        return;
    };
    let nearest = near.clamp(gap.start(), latest);
    let mut add = |start: Timestamp| found.extend(Window::lasting(start, length));
    let mut start = nearest;
    for _ in 0..count {
        add(start);
        match start.checked_add(length) {
            Ok(next) if next <= latest => start = next,
            _ => break,
        }
    }
    let mut start = nearest;
    for _ in 0..count {
        match start.checked_sub(length) {
            Ok(previous) if previous >= gap.start() => start = previous,
            _ => break,
        }
        add(start);
    }
}
