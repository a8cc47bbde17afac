//! Whether a condition has held without a break, as far as that is known.

use super::program::{Truth, Why};

/// What is remembered of a condition that is wanted to hold for a time. Times are in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Since when it holds, if it does.
    since: Option<i64>,
    /// Until when it is known not to have held, if it ever was.
    broken: Option<i64>,
    /// Whether it did not hold when it was looked at last.
    is_broken: bool,
}

impl Held {
    /// Whether it has held for `us` microseconds, where it is as `truth` says `now`.
    ///
    /// What was not known is neither taken for time in which it held nor for time in which it did not: one
    /// that holds, but not for long enough yet, has not held only where it is known that it did not within
    /// that time.
    pub(super) fn look(&mut self, truth: Truth, us: i64, now: i64) -> Truth {
        // Where the clock has been set back, it is counted anew.
        self.since = self.since.map(|since| since.min(now));
        self.broken = self.broken.map(|broken| broken.min(now));
        match truth {
            Truth::Met => {
                // Until the reading came with which it holds, it was as it had been.
                self.broken = if self.is_broken { Some(now) } else { self.broken };
                self.since = self.since.or(Some(now));
            }
            Truth::NotMet => (self.since, self.broken) = (None, Some(now)),
            Truth::Unknown(_) => self.since = None,
        }
        self.is_broken = truth == Truth::NotMet;
        let is_long_enough = self.held_us(now).is_some_and(|held| held >= us);
        let was_broken = self.broken_us(now).is_some_and(|ago| ago < us);
        match truth {
            _ if is_long_enough => Truth::Met,
            _ if was_broken => Truth::NotMet,
            Truth::Unknown(_) => truth,
            Truth::Met | Truth::NotMet => Truth::Unknown(Why::TooShort),
        }
    }

    /// For how long it has held, if it does.
    pub(super) fn held_us(&self, now: i64) -> Option<i64> {
        self.since.map(|since| now - since)
    }

    /// How long ago it is known not to have held, if it ever was.
    pub(super) fn broken_us(&self, now: i64) -> Option<i64> {
        self.broken.map(|broken| now - broken)
    }
}
