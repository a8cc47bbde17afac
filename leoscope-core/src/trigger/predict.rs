//! Evaluating a condition over readings that are computed for times to come.

use super::{Sample, Trigger, Verdict, Watches};
use crate::time::{SignedDuration, Timestamp, Window};

/// How often it is evaluated, as nodes do it.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// How much of the time before is looked at at most, for conditions on what was.
const LONGEST_BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// The verdicts of `trigger` over `span`, in order and without a gap, when `readings` tells what will be
/// read at each full second; those that it does not name need not be told.
pub fn predict(
    trigger: &Trigger,
    span: Window,
    mut readings: impl FnMut(Timestamp) -> Vec<Sample>,
) -> Vec<(Verdict, Window)> {
    let mut watches = Watches::new();
    watches.set((), trigger);
    let before = trigger.looks_back().min(LONGEST_BEFORE);
    let first = span.start().as_second().saturating_sub(before.as_secs());
    let mut at = Timestamp::from_second(first).unwrap_or(Timestamp::MIN);
    let mut stretches = Stretches::default();
    while at < span.end() {
        watches.take_in(&readings(at), at);
        watches.pass(at);
        let verdict = watches.verdict(&()).unwrap_or(Verdict::Unknown);
        let until = at.checked_add(STEP).unwrap_or(Timestamp::MAX);
        stretches.add(verdict, at.max(span.start()), until.min(span.end()));
        at = until;
    }
    stretches.0
}

/// Verdicts with the time from the beginning of each to that of the next.
#[derive(Debug, Default)]
pub(super) struct Stretches(pub(super) Vec<(Verdict, Window)>);

impl Stretches {
    /// Adds a verdict that lasts from `start` to `end`, at which the next begins; none where that is no time.
    pub(super) fn add(&mut self, verdict: Verdict, start: Timestamp, end: Timestamp) {
        let start = match self.0.last() {
            Some((before, window)) if *before == verdict && window.end() == start => {
                let start = window.start();
                self.0.pop();
                start
            }
            _ => start,
        };
        self.0.extend(Window::new(start, end).ok().map(|window| (verdict, window)));
    }
}

#[cfg(test)]
mod tests;
