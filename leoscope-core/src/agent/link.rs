//! Leaving the link to the runs that need it for themselves.

use jiff::SignedDuration;

use super::Inner;
use crate::handover::{LinkUse, link_use, measures_alone};

/// How often to look for what other processes of the node begin.
const LOOK: SignedDuration = SignedDuration::from_millis(200);

/// Waits until a run needs the link for itself, or is about to.
pub(super) async fn taken(node: &Inner) {
    until(node, true).await;
}

/// Waits until no run needs the link for itself.
pub(super) async fn free(node: &Inner) {
    until(node, false).await;
}

/// Waits until no run measures with the link for itself. Runs that are about to must not keep the node
/// from what decides whether they start.
pub(super) async fn free_of_measurements(node: &Inner) {
    let mut changes = node.journal.changes();
    loop {
        changes.borrow_and_update();
        match node.journal.all().await {
            Ok(journal) if !journal.iter().any(measures_alone) => return,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot tell who has the link"),
        }
        tokio::select! {
            // The sender lives in the journal.
            _ = changes.changed() => {}
            () = node.pause(LOOK), if node.journal.is_shared() => {}
        }
    }
}

async fn until(node: &Inner, taken: bool) {
    let mut changes = node.journal.changes();
    loop {
        changes.borrow_and_update();
        // What cannot be told is taken for a run that needs the link.
        let now = node.clock.now();
        let link = node
            .journal
            .all()
            .await
            .map_or(LinkUse { taken: true, taken_at: None }, |journal| link_use(&journal, now));
        if link.taken == taken {
            return;
        }
        let taken_at = async {
            match link.taken_at {
                Some(at) => node.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender lives in the journal.
            _ = changes.changed() => {}
            () = taken_at => {}
            () = node.pause(LOOK), if node.journal.is_shared() => {}
        }
    }
}
