//! Leaving the link to the runs that need it for themselves.

use jiff::SignedDuration;

use super::Inner;
use crate::handover::{LinkUse, link_use};

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
