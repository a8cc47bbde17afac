//! Sending no faster than the operator wishes.

use jiff::SignedDuration;

use crate::time::Timestamp;

/// The longest that one piece can have to wait: all others that may be on their way, at the slowest
/// rate. A clock that was set back must not hold everything up.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(30);

/// When pieces may be sent so that all together are sent at no more than a rate.
#[derive(Debug, Clone, Copy)]
pub struct Pacer {
    rate: u64,
    /// When what was sent so far will have been sent at that rate.
    sent_by: Timestamp,
}

impl Pacer {
    /// A pacer for so many bits per second.
    pub fn new(rate: u64) -> Self {
        Self { rate, sent_by: Timestamp::MIN }
    }

    /// When so many bytes may be sent that are there at `now`; they count as sent then.
    pub fn take(&mut self, bytes: u64, now: Timestamp) -> Timestamp {
        let from = self.sent_by.clamp(now, now.checked_add(LONGEST_WAIT).unwrap_or(now));
        let micros = u128::from(bytes) * 8 * 1_000_000 / u128::from(self.rate.max(1));
        let span = SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
        self.sent_by = from.checked_add(span).unwrap_or(from);
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    #[test]
    fn all_together_are_sent_no_faster_than_the_rate() {
        let start = parse_time("2026-12-01T00:00:00").expect("time");
        let mut pacer = Pacer::new(8_000_000);
        // Ten megabytes at a megabyte a second, all there at once.
        let last = (0..100).map(|_| pacer.take(100_000, start)).last().expect("some");
        assert_eq!(last.duration_since(start), SignedDuration::from_millis(9_900));
        // What was not sent while there was nothing to send is not caught up.
        let later = start + SignedDuration::from_hours(1);
        assert_eq!(pacer.take(100_000, later), later);
        assert_eq!(pacer.take(1, later), later + SignedDuration::from_millis(100));
        // A clock that was set back.
        let wait = pacer.take(1, start).duration_since(start);
        assert_eq!(wait, LONGEST_WAIT);
        assert_eq!(Pacer::new(0).take(u64::MAX, start), start);
    }
}
