//! Sending those who follow runs what they print.
//!
//! It touches no run: it reads what the runtime keeps of the output, as fast as the follower takes it.
//! The link is the experiments': while one measures that needs it for itself, its own followers get
//! little, and those of other runs wait.

use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::Inner;
use super::outbox::Pace;
use crate::error::{Error, ErrorKind, Result};
use crate::handover::measures_alone;
use crate::ids::RunId;
use crate::model::{Follower, MAX_PIECE_BYTES, OutputPiece, OutputScope, RuntimeState, Step};
use crate::ports::OutputStream;

/// How long to wait after the connection broke.
const RECONNECT: SignedDuration = SignedDuration::from_secs(1);

/// How long to wait before an orchestrator that knows no followers is asked again.
const OLDER: SignedDuration = SignedDuration::from_mins(10);

/// How often to look whether a run goes on that another process may carry out.
const LOOK: SignedDuration = SignedDuration::from_secs(1);

/// The bits per second for all followers of an experiment that needs the link for itself.
const BESIDE_MEASURING: u64 = 256_000;

/// The size of pieces then: an eighth of a second.
const SMALL_PIECE_BYTES: usize = 4 << 10;

/// How many pieces of the runtime become one on their way, where they are there at once.
const GATHERED: usize = 256;

pub(super) async fn run(node: &Arc<Inner>) -> Result<()> {
    let mut sending = JoinSet::new();
    // What all followers of an experiment that needs the link for itself share.
    let pace = Arc::new(Pace::new(Arc::clone(&node.clock), Some(BESIDE_MEASURING)));
    loop {
        let pause = match node.control.watch_followers(&node.config.node).await {
            Ok(mut followers) => loop {
                tokio::select! {
                    follower = followers.next() => match follower {
                        Some(Ok(follower)) => {
                            sending.spawn(send(Arc::clone(node), follower, Arc::clone(&pace)));
                        }
                        Some(Err(_)) | None => break RECONNECT,
                    },
                    Some(_) = sending.join_next() => {}
                }
            },
            Err(error) if error.kind() == ErrorKind::Unsupported => OLDER,
            Err(_) => RECONNECT,
        };
        node.pause(pause).await;
    }
}

async fn send(node: Arc<Inner>, follower: Follower, pace: Arc<Pace>) {
    let Follower { id, run, scope } = follower;
    tracing::debug!(%run, "somebody follows a run");
    let begun = begin(Arc::clone(&node), run.clone(), scope);
    let output = gather(Box::pin(stream::once(begun).try_flatten()));
    let output = paced(Arc::clone(&node), run.clone(), output, pace);
    if let Err(error) = node.control.send_output(&id, output).await {
        tracing::debug!(%run, %error, "cannot send what a run prints");
    }
}

/// The output of a run, once its experiment has been started, if that is waited for.
async fn begin(node: Arc<Inner>, run: RunId, scope: OutputScope) -> Result<OutputStream> {
    let mut changed = node.journal.changes();
    loop {
        changed.borrow_and_update();
        let entry = node.journal.all().await?.into_iter().find(|entry| entry.run.id == run);
        let Some(entry) = entry.filter(|entry| entry.step != Step::Done) else {
            let message = format!("node {} carries out no run {run} now", node.config.node);
            return Err(Error::not_found(message).hint("what a run has printed comes with its results"));
        };
        if let RuntimeState::Running(_) | RuntimeState::Exited(_) = node.runtime.state(&run).await? {
            return node.runtime.follow(&run, scope).await;
        }
        if !scope.follow || entry.step == Step::Collecting {
            return Ok(Box::pin(stream::empty()));
        }
        tokio::select! {
            _ = changed.changed() => {}
            () = node.pause(LOOK), if node.journal.is_shared() => {}
        }
    }
}

/// The same output in fewer and larger pieces, as far as it is there at once.
fn gather(output: OutputStream) -> OutputStream {
    let joined = |pieces: Vec<Result<OutputPiece>>| {
        let mut gathered: Vec<Result<OutputPiece>> = Vec::new();
        let mut open: Option<(OutputPiece, BytesMut)> = None;
        let close = |open: Option<(OutputPiece, BytesMut)>| {
            open.map(|(first, more)| {
                let bytes = if more.is_empty() { first.bytes } else { more.freeze() };
                Ok(OutputPiece { source: first.source, bytes })
            })
        };
        for piece in pieces {
            match (piece, &mut open) {
                (Ok(piece), Some((first, more)))
                    if first.source == piece.source
                        && first.bytes.len().max(more.len()) + piece.bytes.len() <= MAX_PIECE_BYTES =>
                {
                    if more.is_empty() {
                        more.extend_from_slice(&first.bytes);
                    }
                    more.extend_from_slice(&piece.bytes);
                }
                (Ok(piece), _) => gathered.extend(close(open.replace((piece, BytesMut::new())))),
                (Err(error), _) => {
                    gathered.extend(close(open.take()));
                    gathered.push(Err(error));
                }
            }
        }
        gathered.extend(close(open));
        stream::iter(gathered)
    };
    Box::pin(output.ready_chunks(GATHERED).map(joined).flatten())
}

/// The same output, as fast as the experiments of the node allow.
fn paced(node: Arc<Inner>, run: RunId, output: OutputStream, pace: Arc<Pace>) -> OutputStream {
    let paced = Paced { node, run, output, rest: None, pace };
    Box::pin(stream::unfold(paced, |mut paced| async move { paced.next().await.map(|item| (item, paced)) }))
}

/// Whose the link is, as a follower of a run sees it.
enum Link {
    Free,
    /// The followed run needs it for itself.
    Own,
    /// Another run does.
    Others,
}

struct Paced {
    node: Arc<Inner>,
    run: RunId,
    output: OutputStream,
    /// What is left of the last piece.
    rest: Option<OutputPiece>,
    pace: Arc<Pace>,
}

impl Paced {
    async fn next(&mut self) -> Option<Result<OutputPiece>> {
        let mut piece = match self.rest.take() {
            Some(rest) => rest,
            None => match self.output.next().await? {
                Ok(piece) => piece,
                Err(error) => return Some(Err(error)),
            },
        };
        let mut changed = self.node.journal.changes();
        loop {
            changed.borrow_and_update();
            match link(&self.node, &self.run).await {
                Link::Free => return Some(Ok(piece)),
                Link::Own => break,
                Link::Others => tokio::select! {
                    _ = changed.changed() => {}
                    () = self.node.pause(LOOK) => {}
                },
            }
        }
        let rest = piece.bytes.split_off(piece.bytes.len().min(SMALL_PIECE_BYTES));
        if !rest.is_empty() {
            self.rest = Some(OutputPiece { source: piece.source, bytes: rest });
        }
        self.pace.take(piece.bytes.len() as u64).await;
        Some(Ok(piece))
    }
}

/// Whose the link is for those who follow `run`.
async fn link(node: &Inner, run: &RunId) -> Link {
    // What cannot be told is taken for another run that needs it.
    let Ok(entries) = node.journal.all().await else { return Link::Others };
    let mut alone = entries.iter().filter(|entry| measures_alone(entry)).peekable();
    if alone.peek().is_none() {
        Link::Free
    } else if alone.all(|entry| entry.run.id == *run) {
        Link::Own
    } else {
        Link::Others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OutputSource::{self, Stderr, Stdout};

    fn piece(source: OutputSource, length: usize) -> OutputPiece {
        OutputPiece { source, bytes: vec![b'x'; length].into() }
    }

    async fn gathered(pieces: Vec<OutputPiece>) -> Vec<(OutputSource, usize)> {
        let output = gather(Box::pin(stream::iter(pieces.into_iter().map(Ok))));
        let gathered: Vec<OutputPiece> = output.try_collect().await.expect("pieces");
        gathered.into_iter().map(|piece| (piece.source, piece.bytes.len())).collect()
    }

    #[tokio::test]
    async fn pieces_are_joined_within_a_stream_and_within_what_a_piece_may_hold() {
        let small = |source| piece(source, 100);
        let mixed = vec![small(Stdout), small(Stdout), small(Stderr), small(Stdout)];
        assert_eq!(gathered(mixed).await, [(Stdout, 200), (Stderr, 100), (Stdout, 100)]);
        let many = vec![piece(Stdout, 30_000); 5];
        assert_eq!(gathered(many).await, [(Stdout, 60_000), (Stdout, 60_000), (Stdout, 30_000)]);
        let whole = vec![piece(Stdout, MAX_PIECE_BYTES); 2];
        assert_eq!(gathered(whole).await, [(Stdout, MAX_PIECE_BYTES), (Stdout, MAX_PIECE_BYTES)]);
    }

    #[tokio::test]
    async fn an_error_comes_after_what_was_there_before_it() {
        let broken = vec![Ok(piece(Stdout, 1)), Ok(piece(Stdout, 1)), Err(Error::unavailable("gone"))];
        let gathered: Vec<_> = gather(Box::pin(stream::iter(broken))).collect().await;
        assert_eq!(gathered[0].as_ref().expect("piece").bytes.len(), 2);
        assert_eq!(gathered[1].as_ref().expect_err("error").message(), "gone");
    }
}
