//! What runs print, handed on from their nodes to those who follow them.
//!
//! A follower opens a session; its node, which watches for sessions of its runs, takes it and sends.
//! Between the two lie a few pieces and no more: a follower that reads slowly slows its own session
//! down, back to the file on the node, and nothing else.

mod hub;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

pub(super) use hub::Hub;
use hub::{Place, Sink, Watcher};

use super::{Service, Session};
use crate::error::{Error, Result};
use crate::ids::{FollowerId, NodeId, RunId};
use crate::model::{Follower, MAX_PIECE_BYTES, OutputPiece, OutputScope};
use crate::policy::Action;
use crate::ports::{FollowerStream, OutputStream};
use crate::time::{SignedDuration, Timestamp};

/// How long a connected node may take to begin.
const BEGIN: SignedDuration = SignedDuration::from_secs(30);

/// How long a follower may read nothing of what is there for it.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

impl Session {
    pub(super) async fn do_follow_output(&self, id: &RunId, scope: OutputScope) -> Result<OutputStream> {
        let (run, _) = self.service.run_with_job(id).await?;
        self.require(&Action::ReadRun(&run))?;
        if run.status.is_terminal() {
            return Err(
                Error::not_found(format!("run {id} has ended")).hint("its output comes with its results")
            );
        }
        let follower = Follower { id: FollowerId::random()?, run: run.id, scope };
        let place = self.service.hub.open(&run.node, &self.caller.id, follower)?;
        let begin = self.service.in_time(BEGIN);
        let following = Following { service: Arc::clone(&self.service), place: Some(place), begin };
        Ok(Box::pin(stream::unfold(following, |mut following| async move {
            following.next().await.map(|item| (item, following))
        })))
    }

    pub(super) async fn do_watch_followers(&self, node: &NodeId) -> Result<FollowerStream> {
        self.require(&Action::SendOutput(node))?;
        self.service.node(node).await?;
        let watcher = self.service.hub.connect(node);
        Ok(Box::pin(stream::unfold(watcher, |mut watcher: Watcher| async move {
            let follower = watcher.next().await;
            Some((Ok(follower), watcher))
        })))
    }

    pub(super) async fn do_send_output(&self, id: &FollowerId, mut output: OutputStream) -> Result<()> {
        let nobody = || Error::not_found(format!("nobody waits for output by the id {id}"));
        let node = self.service.hub.node_of(id).ok_or_else(nobody)?;
        self.require(&Action::SendOutput(&node))?;
        let mut sink = self.service.hub.take(id).ok_or_else(nobody)?;
        loop {
            let item = tokio::select! {
                biased;
                () = sink.closed() => return Ok(()),
                item = output.next() => item,
            };
            match item {
                None => {
                    sink.end(Ok(()));
                    return Ok(());
                }
                Some(Err(error)) => {
                    sink.end(Err(error));
                    return Ok(());
                }
                Some(Ok(piece)) => self.pass_on(&mut sink, piece).await?,
            }
        }
    }

    /// Puts a piece where the follower takes it, once there is room for it.
    async fn pass_on(&self, sink: &mut Sink, piece: OutputPiece) -> Result<()> {
        if piece.bytes.len() > MAX_PIECE_BYTES {
            let length = piece.bytes.len();
            return Err(Error::invalid(format!("a piece of output is {length} bytes long")));
        }
        let clock = &self.service.clock;
        tokio::select! {
            () = sink.put(piece) => Ok(()),
            () = clock.sleep_until(self.service.in_time(PATIENCE)) => {
                let minutes = PATIENCE.as_mins();
                let error = Error::unavailable(format!("nothing was read for {minutes} minutes"))
                    .hint("follow the run again");
                sink.end(Err(error.clone()));
                Err(error)
            }
        }
    }
}

impl Service {
    fn in_time(&self, duration: SignedDuration) -> Timestamp {
        let now = self.clock.now();
        now.checked_add(duration).unwrap_or(now)
    }
}

/// The state of one stream to a follower.
struct Following {
    service: Arc<Service>,
    /// Its session; `None` once it is over.
    place: Option<Place>,
    /// Until when the node must have begun.
    begin: Timestamp,
}

impl Following {
    async fn next(&mut self) -> Option<Result<OutputPiece>> {
        let place = self.place.as_mut()?;
        let early = if place.taken() {
            None
        } else {
            tokio::select! {
                biased;
                piece = place.pieces.recv() => Some(piece),
                () = self.service.clock.sleep_until(self.begin) => {
                    place.give_up();
                    None
                }
            }
        };
        let piece = match early {
            Some(piece) => piece,
            None => place.pieces.recv().await,
        };
        match piece {
            Some(piece) => Some(Ok(piece)),
            None => self.place.take()?.ending().err().map(Err),
        }
    }
}
