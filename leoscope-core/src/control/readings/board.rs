//! The newest readings of each node that is watched, and who watches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{NodeId, UserId};
use crate::model::NodeReadings;

/// The most who may watch a node at once, and the most nodes that a user may watch at once.
pub(super) const OF_NODE: usize = 32;
pub(super) const OF_USER: usize = 32;

type Newest = Option<Arc<NodeReadings>>;

/// The nodes that are connected to this process.
#[derive(Debug, Clone, Default)]
pub(in crate::control) struct Board(Arc<Mutex<HashMap<NodeId, Post>>>);

/// What there is of a connected node.
#[derive(Debug)]
struct Post {
    /// `None` while nobody watches, so that nobody sees old ones.
    newest: watch::Sender<Newest>,
    /// Those who watch; the node's connections listen to this.
    readers: watch::Sender<Vec<UserId>>,
}

fn not_connected(node: &NodeId) -> Error {
    Error::unavailable(format!("node {node} is not connected to this orchestrator"))
        .hint("with several orchestrators, name the others in --grpc-host")
}

fn gone(node: &NodeId) -> Error {
    Error::unavailable(format!("the connection of node {node} to this orchestrator broke"))
        .hint("watch it again when the node is back")
}

impl Board {
    fn posts(&self) -> MutexGuard<'_, HashMap<NodeId, Post>> {
        // No step in between leaves anything half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `user` watch the readings of `node`, which must be connected.
    pub(super) fn watch(&self, node: &NodeId, user: &UserId) -> Result<Reader> {
        let posts = self.posts();
        let post = posts.get(node).ok_or_else(|| not_connected(node))?;
        let of_node = post.readers.borrow().len();
        let all = posts.values().map(|post| post.readers.borrow().iter().filter(|id| *id == user).count());
        let of_user: usize = all.sum();
        let exhausted =
            |what: String| Error::new(ErrorKind::Exhausted, what).hint("try again when one has ended");
        if of_node >= OF_NODE {
            return Err(exhausted(format!("{of_node} watch node {node} already")));
        }
        if of_user >= OF_USER {
            return Err(exhausted(format!("user {user} watches {of_user} nodes already")));
        }
        post.readers.send_modify(|readers| readers.push(user.clone()));
        let mut newest = post.newest.subscribe();
        // What another who watches has been shown is shown to this one as well.
        newest.mark_changed();
        Ok(Reader { board: self.clone(), node: node.clone(), user: user.clone(), newest })
    }

    /// Listens for those who watch `node`; it is connected for as long as it does.
    pub(super) fn connect(&self, node: &NodeId) -> Sender {
        let mut posts = self.posts();
        let post = posts
            .entry(node.clone())
            .or_insert_with(|| Post { newest: watch::Sender::new(None), readers: watch::Sender::default() });
        Sender { board: self.clone(), node: node.clone(), readers: post.readers.subscribe(), told: None }
    }

    /// Shows `readings` to those who watch `node`.
    pub(super) fn put(&self, node: &NodeId, readings: NodeReadings) {
        if let Some(post) = self.posts().get(node).filter(|post| !post.readers.borrow().is_empty()) {
            post.newest.send_replace(Some(Arc::new(readings)));
        }
    }
}

/// Somebody who watches a node.
#[derive(Debug)]
pub(super) struct Reader {
    board: Board,
    node: NodeId,
    user: UserId,
    newest: watch::Receiver<Newest>,
}

impl Reader {
    pub(super) fn node(&self) -> &NodeId {
        &self.node
    }

    /// The newest readings, unless they were told before; then the next ones.
    pub(super) async fn next(&mut self) -> Result<NodeReadings> {
        loop {
            self.newest.changed().await.map_err(|_| gone(&self.node))?;
            if let Some(readings) = &*self.newest.borrow_and_update() {
                return Ok((**readings).clone());
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let posts = self.board.posts();
        // One that was made anew since knows nothing of this one.
        let Some(post) =
            posts.get(&self.node).filter(|post| post.newest.subscribe().same_channel(&self.newest))
        else {
            return;
        };
        post.readers.send_modify(|readers| {
            if let Some(place) = readers.iter().position(|user| *user == self.user) {
                readers.swap_remove(place);
            }
        });
        if post.readers.borrow().is_empty() {
            post.newest.send_replace(None);
        }
    }
}

/// A connection of a node that sends its readings while anybody watches.
#[derive(Debug)]
pub(super) struct Sender {
    board: Board,
    node: NodeId,
    readers: watch::Receiver<Vec<UserId>>,
    told: Option<bool>,
}

impl Sender {
    /// Whether anybody watches, as soon as that is not what was told last.
    pub(super) async fn next(&mut self) -> bool {
        loop {
            let present = !self.readers.borrow_and_update().is_empty();
            if self.told != Some(present) {
                self.told = Some(present);
                return present;
            }
            // The other side is on the board for as long as a connection is.
            let _ = self.readers.changed().await;
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut posts = self.board.posts();
        // This one is still counted. What goes with the post ends for all who watch.
        if posts.get(&self.node).is_some_and(|post| post.readers.receiver_count() <= 1) {
            posts.remove(&self.node);
        }
    }
}

#[cfg(test)]
mod tests;
