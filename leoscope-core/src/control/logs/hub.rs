//! The sessions of those who follow runs, and the nodes that watch for them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{FollowerId, NodeId, UserId};
use crate::model::{Follower, OutputPiece};

/// The most who may follow a run at once, and the most runs that a user may follow at once.
pub(super) const OF_RUN: usize = 8;
pub(super) const OF_USER: usize = 32;

/// How many pieces lie between a node and a follower.
const PIECES: usize = 4;

/// The sessions and nodes of this process.
#[derive(Debug, Clone, Default)]
pub(in crate::control) struct Hub(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<FollowerId, Open>,
    /// The nodes that watch, each with what wakes its watchers.
    nodes: HashMap<NodeId, watch::Sender<()>>,
}

/// A session as the hub knows it.
#[derive(Debug)]
struct Open {
    node: NodeId,
    user: UserId,
    follower: Follower,
    /// Where its node is to put what it sends; `None` once the node has begun.
    sink: Option<Sink>,
}

/// How a session ended, if it has: what is cut off leaves nothing here.
type Ending = Arc<Mutex<Option<Result<()>>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No step in between leaves anything half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gone(node: &NodeId) -> Error {
    Error::unavailable(format!("the connection of node {node} to this orchestrator broke"))
        .hint("the run goes on; follow it again when the node is back")
}

fn not_connected(node: &NodeId) -> Error {
    Error::unavailable(format!("node {node} is not connected to this orchestrator")).hint(
        "the run's output comes with its results; with several orchestrators, name the others in --grpc-host",
    )
}

impl Hub {
    /// Opens a session of `user` with a run of `node`, which must be connected.
    pub(super) fn open(&self, node: &NodeId, user: &UserId, follower: Follower) -> Result<Place> {
        let mut state = lock(&self.0);
        let State { sessions, nodes } = &mut *state;
        let wake = nodes.get(node).ok_or_else(|| not_connected(node))?;
        let of_run = sessions.values().filter(|open| open.follower.run == follower.run).count();
        let of_user = sessions.values().filter(|open| open.user == *user).count();
        let exhausted =
            |what: String| Error::new(ErrorKind::Exhausted, what).hint("try again when one has ended");
        if of_run >= OF_RUN {
            return Err(exhausted(format!("{of_run} follow run {} already", follower.run)));
        }
        if of_user >= OF_USER {
            return Err(exhausted(format!("user {user} follows {of_user} runs already")));
        }
        let (sender, pieces) = mpsc::channel(PIECES);
        let (id, ending) = (follower.id.clone(), Ending::default());
        let sink = Some(Sink { sender, ending: Arc::clone(&ending) });
        sessions.insert(id.clone(), Open { node: node.clone(), user: user.clone(), follower, sink });
        wake.send_replace(());
        Ok(Place { hub: self.clone(), id, node: node.clone(), pieces, ending })
    }

    /// The node whose run is followed by `id`.
    pub(super) fn node_of(&self, id: &FollowerId) -> Option<NodeId> {
        lock(&self.0).sessions.get(id).map(|open| open.node.clone())
    }

    /// Where to put what the follower is to see; once.
    pub(super) fn take(&self, id: &FollowerId) -> Option<Sink> {
        lock(&self.0).sessions.get_mut(id)?.sink.take()
    }

    /// Watches for sessions with runs of `node`; it is connected for as long as it does.
    pub(super) fn connect(&self, node: &NodeId) -> Watcher {
        let mut state = lock(&self.0);
        let wake = state.nodes.entry(node.clone()).or_insert_with(|| watch::channel(()).0);
        Watcher { hub: self.clone(), node: node.clone(), woken: wake.subscribe(), told: HashSet::new() }
    }
}

/// A session as its follower has it; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    hub: Hub,
    id: FollowerId,
    node: NodeId,
    pub(super) pieces: mpsc::Receiver<OutputPiece>,
    ending: Ending,
}

impl Place {
    /// Whether the node has begun.
    pub(super) fn taken(&self) -> bool {
        lock(&self.hub.0).sessions.get(&self.id).is_some_and(|open| open.sink.is_none())
    }

    /// Waits no longer for the node.
    pub(super) fn give_up(&self) {
        let node = &self.node;
        let error = Error::unavailable(format!("node {node} does not answer")).hint("try again");
        if let Some(sink) = self.hub.take(&self.id) {
            sink.end(Err(error));
        }
    }

    /// How it ended, after the last piece.
    pub(super) fn ending(self) -> Result<()> {
        lock(&self.ending).take().unwrap_or_else(|| Err(gone(&self.node)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.hub.0).sessions.remove(&self.id);
    }
}

/// A session as its node has it.
#[derive(Debug)]
pub(super) struct Sink {
    sender: mpsc::Sender<OutputPiece>,
    ending: Ending,
}

impl Sink {
    /// Waits until the follower has gone.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Waits until there is room for a piece, and puts it there.
    pub(super) async fn put(&self, piece: OutputPiece) {
        // A follower that has gone is noticed before the next one.
        let _ = self.sender.send(piece).await;
    }

    /// Says how it ended; the follower hears of it after the last piece.
    pub(super) fn end(&self, outcome: Result<()>) {
        lock(&self.ending).get_or_insert(outcome);
    }
}

/// A node that watches for those who follow its runs.
#[derive(Debug)]
pub(super) struct Watcher {
    hub: Hub,
    node: NodeId,
    woken: watch::Receiver<()>,
    told: HashSet<FollowerId>,
}

impl Watcher {
    /// The next one that it has not been told of.
    pub(super) async fn next(&mut self) -> Follower {
        loop {
            self.woken.borrow_and_update();
            if let Some(follower) = self.untold() {
                self.told.insert(follower.id.clone());
                return follower;
            }
            // The other side is in the hub for as long as anybody watches.
            let _ = self.woken.changed().await;
        }
    }

    fn untold(&mut self) -> Option<Follower> {
        let state = lock(&self.hub.0);
        self.told.retain(|id| state.sessions.contains_key(id));
        let waiting = |open: &&Open| {
            open.node == self.node && open.sink.is_some() && !self.told.contains(&open.follower.id)
        };
        state.sessions.values().find(waiting).map(|open| open.follower.clone())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut state = lock(&self.hub.0);
        // This one is still counted.
        if state.nodes.get(&self.node).is_some_and(|wake| wake.receiver_count() > 1) {
            return;
        }
        state.nodes.remove(&self.node);
        // Nobody is left to begin with these.
        for open in state.sessions.values_mut().filter(|open| open.node == self.node) {
            if let Some(sink) = open.sink.take() {
                sink.end(Err(gone(&self.node)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
