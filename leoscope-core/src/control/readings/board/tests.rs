use futures_util::FutureExt as _;

use super::*;
use crate::time::Timestamp;

fn node(id: &str) -> NodeId {
    NodeId::parse(id).expect("id")
}

fn user(id: &str) -> UserId {
    UserId::parse(id).expect("id")
}

fn readings(second: i64) -> NodeReadings {
    NodeReadings { at: Timestamp::from_second(second).expect("time"), readings: Vec::new() }
}

#[tokio::test]
async fn a_node_is_told_when_the_first_comes_and_when_the_last_goes() {
    let board = Board::default();
    let a = node("a");
    assert_eq!(board.watch(&a, &user("u")).expect_err("not connected").kind(), ErrorKind::Unavailable);
    let (mut sender, mut other) = (board.connect(&a), board.connect(&node("b")));
    assert_eq!((sender.next().await, other.next().await), (false, false));
    let first = board.watch(&a, &user("u")).expect("watch");
    assert!(sender.next().await);
    let second = board.watch(&a, &user("u")).expect("watch");
    drop(first);
    assert_eq!(sender.next().now_or_never(), None, "somebody still watches");
    drop(second);
    assert!(!sender.next().await);
    assert_eq!(other.next().now_or_never(), None, "another node's");
    drop((sender, other));
    assert!(board.posts().is_empty(), "nothing is kept");
}

#[tokio::test]
async fn all_who_watch_see_the_newest_and_nobody_sees_what_is_older() {
    let board = Board::default();
    let a = node("a");
    let _sender = board.connect(&a);
    board.put(&a, readings(1));
    let mut fast = board.watch(&a, &user("u")).expect("watch");
    assert!(fast.next().now_or_never().is_none(), "it was put there before anybody watched");
    let mut slow = board.watch(&a, &user("v")).expect("watch");
    for second in 2..5 {
        board.put(&a, readings(second));
        assert_eq!(fast.next().await.expect("readings"), readings(second));
    }
    assert_eq!(slow.next().await.expect("readings"), readings(4), "those before it are not queued");
    assert!(slow.next().now_or_never().is_none(), "once");
    let mut late = board.watch(&a, &user("w")).expect("watch");
    assert_eq!(late.next().await.expect("readings"), readings(4), "what is there is shown at once");
    drop((fast, slow, late));
    let mut anew = board.watch(&a, &user("u")).expect("watch");
    assert!(anew.next().now_or_never().is_none(), "what was shown then may be old");
}

#[tokio::test]
async fn who_watches_hears_that_the_node_has_gone_and_may_watch_again_when_it_is_back() {
    let board = Board::default();
    let a = node("a");
    let first = board.connect(&a);
    let mut reader = board.watch(&a, &user("u")).expect("watch");
    let mut second = board.connect(&a);
    drop(first);
    assert!(second.next().await, "the new connection hears of those who watch");
    assert!(reader.next().now_or_never().is_none(), "there is another connection");
    drop(second);
    assert_eq!(reader.next().await.expect_err("gone").kind(), ErrorKind::Unavailable);
    let mut third = board.connect(&a);
    let _again = board.watch(&a, &user("u")).expect("watch");
    drop(reader);
    assert!(third.next().await, "one of another connection counts for nothing in this one");
}

#[tokio::test]
async fn those_who_watch_are_limited_by_node_and_by_user() {
    let board = Board::default();
    let a = node("a");
    let _sender = board.connect(&a);
    let open = |name: &str| board.watch(&a, &user(name));
    let of_node: Vec<_> = (0..OF_NODE).map(|index| open(&format!("u{index}")).expect("watch")).collect();
    let error = open("u").expect_err("one too many");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Exhausted, "32 watch node a already"));
    drop(of_node);
    let nodes: Vec<_> = (0..OF_USER).map(|index| node(&format!("n{index}"))).collect();
    let _senders: Vec<_> = nodes.iter().map(|node| board.connect(node)).collect();
    let of_user: Vec<_> = nodes.iter().map(|node| board.watch(node, &user("u")).expect("watch")).collect();
    let error = open("u").expect_err("one too many");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Exhausted, "user u watches 32 nodes already"));
    drop(of_user);
    open("u").expect("there is room again");
}
