//! Waking up by a timer inside the node's own process.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::error::Result;
use crate::ports::{Clock, Launcher};
use crate::time::Timestamp;

/// A launcher that sleeps in the process that waits; what was asked for ends with that process.
#[derive(Debug)]
pub struct TimerLauncher {
    clock: Arc<dyn Clock>,
    asked: watch::Sender<Asked>,
}

/// What was asked for last; the number tells two requests for the same instant apart.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    number: u64,
    at: Option<Timestamp>,
}

impl TimerLauncher {
    /// A launcher that follows `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, asked: watch::Sender::new(Asked::default()) }
    }

    /// Takes back request `number`; whether it was still the one that counts.
    fn answer(&self, number: u64) -> bool {
        self.asked.send_if_modified(|asked| {
            let current = asked.number == number && asked.at.is_some();
            if current {
                asked.at = None;
            }
            current
        })
    }
}

#[async_trait]
impl Launcher for TimerLauncher {
    async fn set(&self, at: Option<Timestamp>) -> Result<()> {
        self.asked.send_modify(|asked| *asked = Asked { number: asked.number + 1, at });
        Ok(())
    }

    async fn wait(&self) {
        let mut changes = self.asked.subscribe();
        loop {
            let Asked { number, at } = *changes.borrow_and_update();
            let due = async {
                match at {
                    Some(at) => self.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => if self.answer(number) { return },
                // The sender lives in `self`, so the only news is another request.
                _ = changes.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::backends::clock::VirtualClock;
    use crate::time::parse_time;

    fn parts() -> (Arc<VirtualClock>, TimerLauncher, Timestamp) {
        let start = parse_time("2026-12-01T00:00:00").expect("time");
        let clock = Arc::new(VirtualClock::starting_at(start));
        (clock.clone(), TimerLauncher::new(clock), start)
    }

    #[tokio::test(start_paused = true)]
    async fn one_set_is_answered_once_and_not_early() {
        let (clock, launcher, start) = parts();
        launcher.set(Some(start + SignedDuration::from_secs(90))).await.expect("set");
        launcher.wait().await;
        assert!(clock.now() >= start + SignedDuration::from_secs(90));
        let again = tokio::time::timeout(std::time::Duration::from_secs(3600), launcher.wait()).await;
        again.expect_err("nothing was asked since");
        launcher.set(Some(start)).await.expect("set");
        launcher.wait().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_set_replaces_the_instant_of_a_wait_in_progress() {
        let (clock, launcher, start) = parts();
        launcher.set(Some(start + SignedDuration::from_hours(10))).await.expect("set");
        let sooner = start + SignedDuration::from_secs(5);
        tokio::join!(launcher.wait(), async { launcher.set(Some(sooner)).await.expect("set") });
        assert!(clock.now() < start + SignedDuration::from_secs(6));
        launcher.set(Some(sooner)).await.expect("set");
        launcher.set(None).await.expect("set");
        tokio::time::timeout(std::time::Duration::from_secs(60), launcher.wait())
            .await
            .expect_err("taken back");
    }
}
