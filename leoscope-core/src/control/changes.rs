use tokio::sync::broadcast;

use crate::ids::NodeId;

/// Tells watchers in this process that the orders of a node have changed.
#[derive(Debug)]
pub(super) struct Changes(broadcast::Sender<NodeId>);

/// Changes a watcher may fall behind before it has to look for itself.
const BACKLOG: usize = 1024;

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Changes {
    /// Announces a change; nobody need be listening.
    pub(super) fn announce<'a>(&self, nodes: impl Iterator<Item = &'a NodeId>) {
        for node in nodes {
            // An error only says that nobody listens.
            let _ = self.0.send(node.clone());
        }
    }

    /// Listens from now on.
    pub(super) fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// Hears of changes.
#[derive(Debug)]
pub(super) struct Listener(broadcast::Receiver<NodeId>);

impl Listener {
    /// Waits until the orders of `node` may have changed; `false` when no more can come.
    pub(super) async fn changed(&mut self, node: &NodeId) -> bool {
        loop {
            match self.0.recv().await {
                Ok(changed) if changed == *node => return true,
                Ok(_) => {}
                // What was missed may have been about this node.
                Err(broadcast::error::RecvError::Lagged(_)) => return true,
                Err(broadcast::error::RecvError::Closed) => return false,
            }
        }
    }
}
