use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::ids::NodeId;

/// Tells watchers in this process that the orders of a node may have changed.
#[derive(Debug, Default)]
pub(super) struct Changes(Arc<Watched>);

/// Each node that is watched, with what wakes its watchers. A change wakes those of its node alone:
/// thousands of nodes watch.
#[derive(Debug, Default)]
struct Watched(Mutex<HashMap<NodeId, watch::Sender<()>>>);

impl Watched {
    fn nodes(&self) -> MutexGuard<'_, HashMap<NodeId, watch::Sender<()>>> {
        // No step in between leaves the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    /// Announces a change; nobody need be listening.
    pub(super) fn announce<'a>(&self, changed: impl IntoIterator<Item = &'a NodeId>) {
        let watched = self.0.nodes();
        for wake in changed.into_iter().filter_map(|node| watched.get(node)) {
            wake.send_replace(());
        }
    }

    /// Announces that the orders of any node may have changed.
    pub(super) fn announce_any(&self) {
        for wake in self.0.nodes().values() {
            wake.send_replace(());
        }
    }

    /// Listens for changes of `node` from now on.
    pub(super) fn listen(&self, node: &NodeId) -> Listener {
        let mut watched = self.0.nodes();
        let wake = watched.entry(node.clone()).or_insert_with(|| watch::channel(()).0);
        Listener { woken: wake.subscribe(), node: node.clone(), watched: Arc::clone(&self.0) }
    }
}

/// Hears of the changes of one node.
#[derive(Debug)]
pub(super) struct Listener {
    woken: watch::Receiver<()>,
    node: NodeId,
    watched: Arc<Watched>,
}

impl Listener {
    /// Waits until the orders may have changed since the last call.
    pub(super) async fn changed(&mut self) {
        // The other side is in the map for as long as anybody listens.
        let _ = self.woken.changed().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut watched = self.watched.nodes();
        // This one is still counted.
        if watched.get(&self.node).is_some_and(|wake| wake.receiver_count() <= 1) {
            watched.remove(&self.node);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_change_wakes_those_who_listen_to_its_node_once() {
        let changes = Changes::default();
        let [a, b]: [NodeId; 2] = ["a", "b"].map(|id| id.parse().expect("id"));
        let (mut first, mut second, mut other) = (changes.listen(&a), changes.listen(&a), changes.listen(&b));
        changes.announce([&a, &a]);
        first.changed().await;
        second.changed().await;
        assert_eq!(first.changed().now_or_never(), None, "once");
        assert_eq!(other.changed().now_or_never(), None);
        changes.announce_any();
        first.changed().await;
        other.changed().await;
    }

    #[test]
    fn nothing_is_kept_of_a_node_that_nobody_listens_to() {
        let changes = Changes::default();
        let node: NodeId = "a".parse().expect("id");
        let (first, second) = (changes.listen(&node), changes.listen(&node));
        drop(first);
        assert_eq!(changes.0.nodes().len(), 1);
        drop(second);
        assert_eq!(changes.0.nodes().len(), 0);
    }
}
