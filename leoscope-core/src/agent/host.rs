//! Keeping what the host starts in step with the orders.

use jiff::SignedDuration;

use super::Inner;
use crate::error::Result;
use crate::plan::host_starts;

/// How often the next day's starts are arranged, and what somebody has removed is put back.
const EVERY: SignedDuration = SignedDuration::from_mins(10);

/// How long to wait after the host has refused.
const AGAIN: SignedDuration = SignedDuration::from_secs(20);

pub(super) async fn run(node: &Inner) -> Result<()> {
    let Some(host) = &node.host else { return std::future::pending().await };
    let mut orders = node.orders.subscribe();
    loop {
        let current = orders.borrow_and_update().clone();
        let mut pause = EVERY;
        if let Some(current) = current {
            let now = node.clock.now();
            let starts = host_starts(&node.config.node, &current, host.reads_utc(), now);
            match host.arrange(&starts, now).await {
                Ok(()) => tracing::debug!(starts = starts.len(), "the host starts what is planned"),
                Err(error) => {
                    tracing::warn!(%error, "the host does not start all runs; this process does");
                    pause = AGAIN;
                }
            }
        }
        tokio::select! {
            changed = orders.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
            }
            () = node.pause(pause) => {}
        }
    }
}
