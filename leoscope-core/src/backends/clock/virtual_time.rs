//! A clock over tokio's time, which a test can pause.

use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::ports::Clock;
use crate::time::{Timestamp, to_micros};

/// A clock that advances with tokio's time from a chosen instant on.
///
/// In a runtime with paused time, an hour passes as soon as every task waits for it. It is never
/// set anew.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    base: Timestamp,
    origin: Instant,
}

impl VirtualClock {
    /// A clock that shows `at` now.
    pub fn starting_at(at: Timestamp) -> Self {
        Self { base: to_micros(at), origin: Instant::now() }
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or(SignedDuration::MAX);
        self.base.checked_add(passed).map_or(Timestamp::MAX, to_micros)
    }

    async fn sleep_until(&self, at: Timestamp) {
        while self.now() < at {
            let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
            tokio::time::sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    #[tokio::test(start_paused = true)]
    async fn hours_pass_while_everything_waits() {
        let start = parse_time("2026-12-01T00:00:00").expect("time");
        let clock = VirtualClock::starting_at(start);
        assert_eq!(clock.now(), start);
        let at = start + SignedDuration::from_hours(5) + SignedDuration::from_micros(250);
        clock.sleep_until(at).await;
        let late = clock.now().duration_since(at);
        assert!((SignedDuration::ZERO..=SignedDuration::from_millis(2)).contains(&late), "{late:?}");
        clock.sleep_until(start).await;
    }
}
