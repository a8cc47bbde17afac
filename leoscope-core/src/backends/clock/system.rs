//! The computer's own clock.

use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;

use crate::ports::Clock;
use crate::time::{Timestamp, to_micros};

/// The longest sleep at a time: how long a clock set anew can go unnoticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// The last part of a sleep, which the timer of the tasks cannot do: it has steps of a millisecond,
/// and rounds up.
const LAST_PART: Duration = Duration::from_millis(3);

/// The time of the computer, as its operating system gives it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// How long it is until `at`; nothing for the past.
    fn until(self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.now())).unwrap_or_default()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        to_micros(Timestamp::now())
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = self.until(at);
            if left.is_zero() {
                return;
            }
            // Sleeps are measured by a steady clock that knows nothing of the time of day.
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }

    async fn meet(&self, at: Timestamp) {
        let before = SignedDuration::try_from(LAST_PART).unwrap_or_default();
        self.sleep_until(at.checked_sub(before).unwrap_or(at)).await;
        loop {
            let left = self.until(at);
            if left.is_zero() {
                return;
            }
            if let Err(error) = tokio::task::spawn_blocking(move || std::thread::sleep(left)).await {
                tracing::debug!(%error, "a sleep was cut short");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleeping_ends_at_the_instant_and_at_once_for_the_past() {
        let clock = SystemClock;
        let start = clock.now();
        clock.sleep_until(start - SignedDuration::from_hours(1)).await;
        let at = clock.now() + SignedDuration::from_millis(30);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        let at = clock.now() + SignedDuration::from_millis(30);
        clock.meet(at).await;
        assert!(clock.now() >= at);
        clock.meet(start).await;
        assert_eq!(start, to_micros(start), "microseconds, no finer");
    }
}
