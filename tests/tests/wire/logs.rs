//! What runs print, from a node to those who follow it, over the real protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::client::GrpcClient;
use leoscope_core::model::{
    Follower, MAX_PIECE_BYTES, OutputPiece, OutputScope, OutputSource, Role, Run, RunStatus, Tail,
};
use leoscope_core::ports::{ControlPlane, FollowerStream, OutputStream};
use leoscope_core::{Error, ErrorKind, Result};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::world::{World, id, kind, user};

const ALL: OutputScope = OutputScope { tail: Tail::All, follow: true };

/// How long what is bound to happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node and a researcher, with a run that the node has reported.
async fn reported(world: &World) -> (GrpcClient, GrpcClient, Run) {
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let run = world.runs(&researcher, "exp-001", 1).await.remove(0);
    node.report_run(run.clone()).await.expect("report");
    (node, researcher, run)
}

async fn next(followers: &mut FollowerStream) -> Follower {
    timeout(PATIENCE, followers.next()).await.expect("in time").expect("a follower").expect("no error")
}

fn piece(source: OutputSource, content: impl Into<Bytes>) -> OutputPiece {
    OutputPiece { source, bytes: content.into() }
}

fn send(node: &GrpcClient, follower: Follower, output: OutputStream) -> JoinHandle<Result<()>> {
    let node = node.clone();
    tokio::spawn(async move { node.send_output(&follower.id, output).await })
}

/// Pieces of the largest size without end, and how many of them have been asked for.
fn endless() -> (OutputStream, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let pieces = stream::repeat_with(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(piece(OutputSource::Stdout, vec![b'x'; MAX_PIECE_BYTES]))
    });
    (Box::pin(pieces), count)
}

#[tokio::test]
async fn what_a_node_sends_arrives_as_it_went_and_ends_as_it_ended() {
    let world = World::start().await;
    let (node, researcher, run) = reported(&world).await;
    let mut followers = node.watch_followers(&run.node).await.expect("watch");
    for scope in [ALL, OutputScope { tail: Tail::Lines(7), follow: false }] {
        let output = researcher.follow_output(&run.id, scope).await.expect("follow");
        let follower = next(&mut followers).await;
        assert_eq!((&follower.run, follower.scope), (&run.id, scope));
        let pieces: Vec<_> = (0..2_000_u32)
            .map(|number| {
                let source = [OutputSource::Stdout, OutputSource::Stderr][number as usize % 2];
                piece(source, vec![number.to_le_bytes()[0]; 1 + (number as usize * 37) % MAX_PIECE_BYTES])
            })
            .collect();
        let sending = send(&node, follower, Box::pin(stream::iter(pieces.clone().into_iter().map(Ok))));
        let arrived: Vec<OutputPiece> = output.try_collect().await.expect("to the end");
        assert!(arrived == pieces, "{} of {} pieces", arrived.len(), pieces.len());
        sending.await.expect("no panic").expect("sent");
    }
    // What the node has to say instead is told in its words.
    let output = researcher.follow_output(&run.id, ALL).await.expect("follow");
    let fault = Error::not_found("no such run here").hint("look elsewhere");
    let spoken = [Ok(piece(OutputSource::Stderr, "a")), Err(fault)];
    let sending = send(&node, next(&mut followers).await, Box::pin(stream::iter(spoken)));
    let told: Vec<Result<OutputPiece>> = output.collect().await;
    assert_eq!(told[0].as_ref().expect("piece").bytes, "a");
    let error = told[1].as_ref().expect_err("fault");
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "no such run here"));
    assert_eq!((error.what_to_do(), told.len()), (Some("look elsewhere"), 2));
    sending.await.expect("no panic").expect("told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_reads_nothing_holds_up_neither_the_other_nor_the_node_s_calls() {
    let world = World::start().await;
    let (node, researcher, run) = reported(&world).await;
    let mut followers = node.watch_followers(&run.node).await.expect("watch");
    let mut sending = Vec::new();
    let mut unread = Vec::new();
    // More of them than a connection has room for.
    for _ in 0..4 {
        // A connection of its own: what is not read lies there.
        let reader = world.admin();
        unread.push((reader.follow_output(&run.id, ALL).await.expect("follow"), reader));
        let (output, asked) = endless();
        sending.push((send(&node, next(&mut followers).await, output), asked));
    }
    let mut output = researcher.follow_output(&run.id, ALL).await.expect("follow");
    let (pieces, _) = endless();
    sending.push((send(&node, next(&mut followers).await, pieces), Arc::default()));
    for _ in 0..1_600 {
        let piece = timeout(PATIENCE, output.next()).await.expect("it is not held up").expect("a piece");
        assert_eq!(piece.expect("no error").bytes.len(), MAX_PIECE_BYTES);
        // So are none of the other calls, on the same connection.
    }
    timeout(PATIENCE, node.report_run(run.clone())).await.expect("in time").expect("report");
    for (_, asked) in &sending[..4] {
        let bytes = asked.load(Ordering::SeqCst) * MAX_PIECE_BYTES;
        assert!(bytes < 16 << 20, "{bytes} bytes are under way to one that reads nothing");
    }
    // One that goes away ends the sending, whatever it has left unread.
    drop((unread, output));
    for (sending, _) in sending {
        timeout(PATIENCE, sending).await.expect("it ends").expect("no panic").expect("no fault");
    }
}

#[tokio::test]
async fn without_its_node_a_run_cannot_be_followed_and_that_is_said() {
    let world = World::start().await;
    let (node, researcher, run) = reported(&world).await;
    let error = researcher.follow_output(&run.id, ALL).await.err().expect("not connected");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "node node-seattle is not connected to this orchestrator");
    assert!(error.what_to_do().is_some_and(|hint| hint.contains("--grpc-host")), "{error:?}");

    // It goes away before it begins, and in the middle.
    let mut followers = node.watch_followers(&run.node).await.expect("watch");
    let waiting = researcher.follow_output(&run.id, ALL).await.expect("follow");
    next(&mut followers).await;
    let mut begun = researcher.follow_output(&run.id, ALL).await.expect("follow");
    let follower = next(&mut followers).await;
    let one = stream::iter([Ok(piece(OutputSource::Stdout, "one"))]).chain(stream::pending());
    let sending = send(&node, follower, Box::pin(one));
    let first = timeout(PATIENCE, begun.next()).await.expect("in time").expect("a piece");
    assert_eq!(first.expect("no error").bytes, "one");
    sending.abort();
    drop(followers);
    for mut output in [waiting, begun] {
        let last = timeout(PATIENCE, output.next()).await.expect("in time").expect("an end that is told");
        assert_eq!(kind(last), ErrorKind::Unavailable);
        assert!(output.next().await.is_none());
    }

    let ended = Run { status: RunStatus::Completed, ..run.clone() };
    node.report_run(ended).await.expect("report");
    let error = researcher.follow_output(&run.id, ALL).await.err().expect("ended");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::NotFound, format!("run {} has ended", run.id).as_str())
    );
    assert_eq!(kind(researcher.follow_output(&id("unknown"), ALL).await.map(drop)), ErrorKind::NotFound);
}

#[tokio::test]
async fn strangers_follow_nothing_and_other_nodes_send_nothing() {
    let world = World::start().await;
    let (node, researcher, run) = reported(&world).await;
    let other = world.node("node-oslo").await;
    let stranger = world.researcher("researcher-2").await;
    let mut followers = node.watch_followers(&run.node).await.expect("watch");
    let mut others = other.watch_followers(&id("node-oslo")).await.expect("watch");
    assert_eq!(kind(stranger.follow_output(&run.id, ALL).await.map(drop)), ErrorKind::PermissionDenied);
    assert_eq!(kind(other.follow_output(&run.id, ALL).await.map(drop)), ErrorKind::PermissionDenied);
    assert_eq!(kind(other.watch_followers(&run.node).await.map(drop)), ErrorKind::PermissionDenied);
    let mut output = researcher.follow_output(&run.id, ALL).await.expect("follow");
    let follower = next(&mut followers).await;
    assert!(others.next().now_or_never().is_none(), "it is not told of it");
    let forged = || -> OutputStream { Box::pin(stream::iter([Ok(piece(OutputSource::Stdout, "forged"))])) };
    for forger in [&other, &stranger, &researcher] {
        assert_eq!(kind(forger.send_output(&follower.id, forged()).await), ErrorKind::PermissionDenied);
    }
    assert_eq!(kind(node.send_output(&id("follower-1"), forged()).await), ErrorKind::NotFound);
    let honest = stream::iter([Ok(piece(OutputSource::Stdout, "honest"))]);
    node.send_output(&follower.id, Box::pin(honest)).await.expect("sent");
    assert_eq!(output.next().await.expect("a piece").expect("no error").bytes, "honest");
    assert!(output.next().await.is_none());
    // Once is enough.
    assert_eq!(kind(node.send_output(&follower.id, forged()).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn followers_are_counted_while_they_follow() {
    let world = World::start().await;
    let (node, researcher, run) = reported(&world).await;
    let _followers = node.watch_followers(&run.node).await.expect("watch");
    let mut following = Vec::new();
    for _ in 0..8 {
        following.push(researcher.follow_output(&run.id, ALL).await.expect("follow"));
    }
    let error = researcher.follow_output(&run.id, ALL).await.err().expect("one too many");
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    drop(following);
    // The orchestrator hears of it in its own time.
    let again = async {
        while researcher.follow_output(&run.id, ALL).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("there is room again");
    let admin = world.admin();
    admin.register_user(user("someone", Role::User)).await.expect("other calls go on");
}
