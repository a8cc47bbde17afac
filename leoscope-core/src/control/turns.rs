use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex as Lock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{Error, Result};
use crate::ids::NodeId;

/// How long a booking waits for those before it; callers wait five seconds for the answer.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// From how many nodes on it is looked for those that nobody waits for any more.
const MANY: usize = 1_024;

/// Lets the bookings of one process on the same node wait for each other, so that they do not make
/// each other start over. What keeps bookings from conflicting is the versions of the timetables.
#[derive(Debug, Default)]
pub(super) struct Turns(Lock<HashMap<NodeId, Weak<Mutex<()>>>>);

/// The turn on some nodes, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _held: Vec<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until the bookings on `nodes` that came before have been made. Who waits too long
    /// learns it before its caller gives up.
    pub(super) async fn take(&self, nodes: impl Iterator<Item = &NodeId>) -> Result<Turn> {
        // In the order of their ids, so that two bookings never wait for each other.
        let nodes: BTreeSet<&NodeId> = nodes.collect();
        let wait = async {
            let mut held = Vec::with_capacity(nodes.len());
            for node in nodes {
                held.push(self.of(node).lock_owned().await);
            }
            Turn { _held: held }
        };
        tokio::time::timeout(PATIENCE, wait).await.map_err(|_| {
            Error::unavailable("too many bookings are waiting, or the database cannot be reached")
                .hint("try again")
        })
    }

    fn of(&self, node: &NodeId) -> Arc<Mutex<()>> {
        // No step in between leaves the map half changed.
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(node).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= MANY {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::new(Mutex::new(()));
        turns.insert(node.clone(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::ErrorKind;

    #[tokio::test(start_paused = true)]
    async fn bookings_wait_for_those_on_the_same_nodes_and_not_for_ever() {
        let turns = Turns::default();
        let [a, b, c]: [NodeId; 3] = ["a", "b", "c"].map(|id| id.parse().expect("id"));
        let both = turns.take([&b, &a].into_iter()).await.expect("free");
        let other = turns.take([&c].into_iter()).await.expect("another node is free");
        assert!(turns.take([&a].into_iter()).now_or_never().is_none(), "it waits");
        let late = turns.take([&c, &a].into_iter()).await.expect_err("not for ever");
        assert_eq!(late.kind(), ErrorKind::Unavailable);
        drop((both, other));
        turns.take([&a, &b, &c].into_iter()).await.expect("free again");
    }
}
