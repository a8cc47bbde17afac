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

/// How far from the wanted instant free time is looked for, and how long it may be at most.
pub const FARTHEST_SLOT: SignedDuration = SignedDuration::from_hours(24 * 366);

/// How much of the time on either side of the wanted instant is looked at in one go: what is
/// booked in it is listed.
const PART: SignedDuration = SignedDuration::from_hours(24 * 2);

/// The free windows whose starts are nearest to the wanted one, nearest first, the later of two
/// that are equally near first. They do not overlap each other, and lie at most [`FARTHEST_SLOT`]
/// away.
pub fn free_slots(bookings: &Bookings<'_>, query: &SlotQuery) -> Vec<Window> {
    let SlotQuery { length, near, within, count } = *query;
    let Some(latest) = within.end().checked_sub(length).ok().filter(|latest| *latest >= within.start())
    else {
        return Vec::new();
    };
    if length <= SignedDuration::ZERO || length > FARTHEST_SLOT {
        return Vec::new();
    }
    let near = near.clamp(within.start(), latest);
    let mut found: Vec<Window> = Vec::new();
    let (mut after, mut before) = (near, near);
    let bound = |at: Result<Timestamp, jiff::Error>, otherwise| at.unwrap_or(otherwise);
    // One part to either side at a time, so that nothing farther is nearer than what was found.
    while found.len() < count && (after <= latest || before > within.start()) {
        let mut candidates = Vec::new();
        if after <= latest {
            let next = bound(after.checked_add(PART), latest);
            candidates.extend(starting_in(bookings, &found, query, near, (after, next.min(latest))));
            after = bound(next.min(latest).checked_add(SignedDuration::from_micros(1)), Timestamp::MAX);
            // Where the wanted instant itself is free, what lies before it ends there.
            if let Some(index) = candidates.iter().position(|slot: &Window| slot.start() == near) {
                found.push(candidates.swap_remove(index));
            }
        }
        if before > within.start() {
            let next = bound(before.checked_sub(PART), within.start()).max(within.start());
            let last = bound(before.checked_sub(SignedDuration::from_micros(1)), before);
            candidates.extend(starting_in(bookings, &found, query, near, (next, last)));
            before = next;
        }
        candidates
            .sort_by_key(|slot: &Window| (slot.start().duration_since(near).abs(), slot.start() < near));
        for slot in candidates {
            if found.len() < count && found.iter().all(|other| slot.overlap(other).is_none()) {
                found.push(slot);
            }
        }
        if after.duration_since(near) > FARTHEST_SLOT || near.duration_since(before) > FARTHEST_SLOT {
            break;
        }
    }
    found
}

/// Free slots that start from the first to the last of two instants, both included, beside those
/// found already.
fn starting_in(
    bookings: &Bookings<'_>,
    found: &[Window],
    query: &SlotQuery,
    near: Timestamp,
    (first, last): (Timestamp, Timestamp),
) -> Vec<Window> {
    let SlotQuery { length, count, .. } = *query;
    let end = last.checked_add(length).unwrap_or(query.within.end());
    let Ok(part) = Window::new(first, end) else { return Vec::new() };
    let mut slots: Vec<Window> = Vec::new();
    for gap in gaps(bookings, found, part) {
        pack(gap, length, near, count, &mut slots);
        if slots.len() > 4 * count {
            slots.sort_by_key(|slot: &Window| (slot.start().duration_since(near).abs(), slot.start() < near));
            slots.truncate(count);
        }
    }
    slots
}

/// The parts of `part` that neither a booking nor a slot found already takes, in order of time.
fn gaps(bookings: &Bookings<'_>, found: &[Window], part: Window) -> Vec<Window> {
    let mut taken: Vec<Window> = bookings
        .timelines()
        .flat_map(|timeline| {
            let occurrences = timeline.clone().after(part.start()).into_occurrences();
            occurrences.map(|occurrence| occurrence.reserved).take_while(|window| window.start() < part.end())
        })
        .chain(found.iter().copied())
        .collect();
    taken.sort_unstable();
    let (mut gaps, mut free_from) = (Vec::new(), part.start());
    for window in taken {
        gaps.extend(Window::new(free_from, window.start().min(part.end())).ok());
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
