use futures_util::FutureExt as _;

use super::*;
use crate::ids::RunId;
use crate::model::{OutputScope, OutputSource, Tail};

fn follower(run: &str) -> Follower {
    let scope = OutputScope { tail: Tail::All, follow: true };
    Follower { id: FollowerId::random().expect("id"), run: RunId::parse(run).expect("id"), scope }
}

fn node(id: &str) -> NodeId {
    NodeId::parse(id).expect("id")
}

fn user(id: &str) -> UserId {
    UserId::parse(id).expect("id")
}

fn piece() -> OutputPiece {
    OutputPiece { source: OutputSource::Stdout, bytes: "a".into() }
}

#[tokio::test]
async fn only_a_connected_node_is_followed_and_is_told_of_each_follower_once() {
    let hub = Hub::default();
    let (a, b) = (node("a"), node("b"));
    let open = |run| hub.open(&a, &user("u"), follower(run));
    assert_eq!(open("r").expect_err("not connected").kind(), ErrorKind::Unavailable);
    let (mut watcher, mut other) = (hub.connect(&a), hub.connect(&b));
    let place = open("r").expect("open");
    assert_eq!(watcher.next().await.id, place.id);
    assert_eq!(watcher.next().now_or_never(), None, "once");
    assert_eq!(other.next().now_or_never(), None, "another node's");
    // One that connects anew hears of those that nobody has begun with.
    let mut anew = hub.connect(&a);
    drop(watcher);
    assert_eq!(anew.next().await.id, place.id);
    assert!(hub.take(&place.id).is_some() && hub.take(&place.id).is_none());
    assert_eq!(hub.connect(&a).next().now_or_never(), None, "it has been taken");
    drop((anew, other, place));
    let state = lock(&hub.0);
    assert!(state.sessions.is_empty() && state.nodes.is_empty(), "nothing is kept");
}

#[tokio::test]
async fn what_is_cut_off_is_told_from_what_has_ended() {
    let hub = Hub::default();
    let a = node("a");
    let watcher = hub.connect(&a);
    let open = || hub.open(&a, &user("u"), follower("r")).expect("open");
    let [mut over, cut, waiting] = [open(), open(), open()];
    let sink = hub.take(&over.id).expect("sink");
    sink.put(piece()).await;
    sink.end(Ok(()));
    drop(sink);
    assert_eq!(over.pieces.recv().await, Some(piece()), "what was put there is not lost");
    assert_eq!(over.pieces.recv().await, None);
    over.ending().expect("a good end");
    drop(hub.take(&cut.id).expect("sink"));
    assert_eq!(cut.ending().expect_err("cut off").kind(), ErrorKind::Unavailable);
    assert!(!waiting.taken());
    drop(watcher);
    assert!(waiting.taken(), "nobody will");
    assert_eq!(waiting.ending().expect_err("gone").kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn followers_are_limited_by_run_and_by_user() {
    let hub = Hub::default();
    let a = node("a");
    let _watcher = hub.connect(&a);
    let open = |name: &str, run: &str| hub.open(&a, &user(name), follower(run));
    let of_run: Vec<_> = (0..OF_RUN).map(|index| open(&format!("u{index}"), "r").expect("open")).collect();
    let error = open("u", "r").expect_err("one too many");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Exhausted, "8 follow run r already"));
    let of_user: Vec<_> = (0..OF_USER).map(|index| open("u", &format!("r{index}")).expect("open")).collect();
    let error = open("u", "another").expect_err("one too many");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Exhausted, "user u follows 32 runs already"));
    drop((of_run, of_user));
    open("u", "r").expect("there is room again");
}
