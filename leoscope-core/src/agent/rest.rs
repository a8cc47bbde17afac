//! Waiting between two times that something is done again and again.

use std::time::Duration;

use jiff::SignedDuration;

use crate::ports::Clock;
use crate::time::Timestamp;

/// How long a clock that was set anew can go unnoticed.
const PIECE: SignedDuration = SignedDuration::from_secs(1);

/// Waits until `duration` after `begun`, and no longer than that where the clock is set back meanwhile:
/// nothing must stand still until it has caught up. Where it is earlier than `begun` then, the wait is
/// over.
pub(super) async fn rest(clock: &dyn Clock, begun: Timestamp, duration: SignedDuration) {
    let end = begun.checked_add(duration).unwrap_or(begun);
    let mut now = clock.now();
    let mut left = end.duration_since(now);
    while (begun..end).contains(&now) && left.is_positive() {
        let piece = left.min(PIECE);
        // By a steady clock: what waits for an instant waits for a clock that was set back.
        tokio::time::sleep(Duration::try_from(piece).unwrap_or_default()).await;
        now = clock.now();
        left = (left - piece).min(end.duration_since(now));
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tokio::time::Instant;

    use super::*;

    /// A clock that follows tokio's time, and is set by so much once it shows that many seconds.
    #[derive(Debug)]
    struct SetClock {
        origin: Instant,
        at: i64,
        by: i64,
    }

    #[async_trait]
    impl Clock for SetClock {
        fn now(&self) -> Timestamp {
            let passed = SignedDuration::try_from(self.origin.elapsed()).expect("short");
            let by = if passed.as_secs() >= self.at { self.by } else { 0 };
            at(by) + passed
        }

        async fn sleep_until(&self, at: Timestamp) {
            while self.now() < at {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_796_083_200 + secs).expect("time")
    }

    /// How many seconds a rest of `duration` since `begun` takes.
    async fn takes(clock: SetClock, begun: i64, duration: i64) -> u64 {
        let before = Instant::now();
        rest(&clock, at(begun), SignedDuration::from_secs(duration)).await;
        before.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_does_not_make_a_rest_longer() {
        const NEVER: i64 = i64::MAX;
        for (set_at, by, begun, duration, expected) in [
            (NEVER, 0, 0, 600, 600),
            (NEVER, 0, -200, 600, 400),
            (NEVER, 0, -600, 600, 0),
            // An hour back: it is over when that is seen.
            (100, -3600, 0, 600, 100),
            (0, -3600, 0, 600, 0),
            // Not as far as it has come already.
            (500, -400, 0, 600, 600),
            (100, 3600, 0, 600, 100),
        ] {
            let clock = SetClock { origin: Instant::now(), at: set_at, by };
            assert_eq!(takes(clock, begun, duration).await, expected, "{set_at} {by} {begun} {duration}");
        }
    }
}
