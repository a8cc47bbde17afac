//! The rules by which a node hands results over: when, in which order, and what goes when there is no
//! room.

mod pacer;

use jiff::SignedDuration;

pub use pacer::Pacer;

use crate::ids::RunId;
use crate::model::{Bundle, JournalEntry, Step};
use crate::time::Timestamp;

/// The most bundles that are on their way at once.
pub const AT_ONCE: usize = 4;

/// How long before the start of a run that needs the link for itself nothing is sent any more: what
/// is in the buffers on the way has left by then.
pub const CLEAR_BEFORE: SignedDuration = SignedDuration::from_secs(5);

/// The first and the longest pause after a failure.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// How often a bundle that was refused for good is offered again.
pub const OFFERED_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Whether the results of a run can be handed over: packed, and the orchestrator has its record.
pub fn is_waiting(entry: &JournalEntry) -> bool {
    entry.step == Step::Done && entry.reported && entry.bundle == Bundle::Packed
}

/// The runs of `journal` whose results can be handed over, the oldest first.
pub fn waiting(journal: &[JournalEntry]) -> Vec<&JournalEntry> {
    let mut waiting: Vec<_> = journal.iter().filter(|entry| is_waiting(entry)).collect();
    waiting.sort_by_key(|entry| age(entry));
    waiting
}

fn age(entry: &JournalEntry) -> (Option<Timestamp>, &RunId) {
    let run = &entry.run;
    (run.ended.or_else(|| run.sort_key()), &run.id)
}

/// How long to wait after so many failures in a row, the first being 1. It grows to a minute, and
/// differs between runs and nodes, so that they do not all come back at the same instant.
pub fn pause_after(failures: u32, run: &RunId) -> SignedDuration {
    let doubled =
        FIRST_PAUSE.saturating_mul(1_i32.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(i32::MAX));
    let whole = LONGEST_PAUSE.min(doubled).as_millis();
    // FNV-1a, which is all that telling them apart takes.
    let seed = run.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64 ^ u64::from(failures), |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let half = i64::try_from(whole / 2).unwrap_or_default();
    SignedDuration::from_millis(half + i64::try_from(seed >> 40).unwrap_or_default() % (half + 1))
}

/// Whether a run measures with the link for itself.
pub fn measures_alone(entry: &JournalEntry) -> bool {
    entry.job.overhead && matches!(entry.step, Step::Starting | Step::Executing | Step::Stopping)
}

/// Whether a run needs the link for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkUse {
    /// Whether one does now.
    pub taken: bool,
    /// When one will, if that is known and none does now.
    pub taken_at: Option<Timestamp>,
}

/// Whether a run of `journal` measures with the link for itself at `now`, or is about to.
pub fn link_use(journal: &[JournalEntry], now: Timestamp) -> LinkUse {
    let mut taken_at: Option<Timestamp> = None;
    for entry in journal.iter().filter(|entry| entry.job.overhead) {
        let from = match entry.step {
            _ if measures_alone(entry) => Some(now),
            Step::Planned | Step::Preparing | Step::Ready | Step::Holding => {
                let start = entry.run.planned.map(|planned| planned.start());
                start.map(|start| start.checked_sub(CLEAR_BEFORE).unwrap_or(start))
            }
            Step::Starting | Step::Executing | Step::Stopping | Step::Collecting | Step::Done => None,
        };
        taken_at = taken_at.into_iter().chain(from).min();
    }
    let taken = taken_at.is_some_and(|at| at <= now);
    LinkUse { taken, taken_at: taken_at.filter(|_| !taken) }
}

/// Results that a node keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Whose they are.
    pub run: RunId,
    /// Their size in bytes.
    pub size: u64,
    /// Whether the orchestrator has refused them for good.
    pub refused: bool,
    /// When the run ended.
    pub ended: Option<Timestamp>,
}

/// What `journal` says is kept.
pub fn held(journal: &[JournalEntry]) -> Vec<Held> {
    let kept = |entry: &&JournalEntry| matches!(entry.bundle, Bundle::Packed | Bundle::Refused);
    let held = |entry: &JournalEntry| Held {
        run: entry.run.id.clone(),
        size: entry.packed.map_or(0, |bundle| bundle.size),
        refused: entry.bundle == Bundle::Refused,
        ended: entry.run.ended,
    };
    journal.iter().filter(kept).map(held).collect()
}

/// Which results go, so that no more than `budget` bytes are kept, or `needed` bytes get free: those
/// that were refused for good, the oldest first. Others never do.
pub fn to_drop(held: &[Held], budget: u64, needed: u64) -> Vec<RunId> {
    let kept: u64 = held.iter().map(|held| held.size).sum();
    let mut excess = kept.saturating_sub(budget).max(needed);
    let mut refused: Vec<_> = held.iter().filter(|held| held.refused).collect();
    refused.sort_by_key(|held| (held.ended, &held.run));
    let mut dropped = Vec::new();
    for one in refused {
        if excess == 0 {
            break;
        }
        excess = excess.saturating_sub(one.size);
        dropped.push(one.run.clone());
    }
    dropped
}

/// How many bytes wait, if that is more than `budget`; then no more runs are begun.
pub fn overflow(held: &[Held], budget: u64) -> Option<u64> {
    let waiting = held.iter().filter(|held| !held.refused).map(|held| held.size).sum();
    (waiting > budget).then_some(waiting)
}

#[cfg(test)]
mod tests;
