use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use leoscope_core::client::GrpcClient;
use leoscope_core::model::{Run, RunFilter};
use leoscope_core::ports::{ControlPlane, Handover, Source};
use leoscope_core::{Error, ErrorKind};
use leoscope_tests::bundles::{facts, fetch, hand_over, pieces};

use crate::world::{World, id, kind};

/// A node and a researcher, with a run that the node has reported.
async fn reported(world: &World) -> (GrpcClient, GrpcClient, Run) {
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let run = world.runs(&researcher, "exp-001", 1).await.remove(0);
    node.report_run(run.clone()).await.expect("report");
    (node, researcher, run)
}

fn large() -> Bytes {
    (0..9_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect::<Vec<_>>().into()
}

#[tokio::test]
async fn a_bundle_larger_than_any_message_comes_back_as_it_went() {
    let world = World::start().await;
    let (node, researcher, run) = reported(&world).await;
    let content = large();
    assert_eq!(kind(fetch(&researcher, &run.id).await), ErrorKind::NotFound);
    for _ in 0..2 {
        hand_over(&node, &run.id, &content).await.expect("upload");
        assert_eq!(fetch(&researcher, &run.id).await.expect("download"), content);
    }
    let stored = researcher.runs(&RunFilter::default()).await.expect("runs").remove(0);
    assert!(stored.artifact.is_some());
    assert_eq!(stored.bundle.map(|bundle| bundle.facts), Some(facts(&content)));

    let stranger = world.researcher("researcher-2").await;
    assert_eq!(kind(fetch(&stranger, &run.id).await), ErrorKind::PermissionDenied);
    let other = Bytes::from_static(b"x");
    assert_eq!(kind(hand_over(&stranger, &run.id, &other).await), ErrorKind::PermissionDenied);
    let denied = stranger.upload(&run.id, &facts(&other), 0, pieces(&other)).await;
    assert_eq!(kind(denied), ErrorKind::PermissionDenied);
    assert_eq!(kind(hand_over(&node, &id("unknown"), &other).await), ErrorKind::NotFound);
    assert_eq!(fetch(&researcher, &run.id).await.expect("download"), content);
}

#[tokio::test]
async fn an_upload_that_was_cut_off_goes_on_where_it_broke() {
    let world = World::start().await;
    let (node, researcher, run) = reported(&world).await;
    let content = large();
    let bundle = facts(&content);
    let half = content.len() / 2;
    let beginning = pieces(&content.slice(..half));

    let broken = beginning.chain(stream::iter([Err(Error::internal("the disk broke"))]));
    let error = node.upload(&run.id, &bundle, 0, Box::pin(broken)).await.expect_err("broken");
    assert_eq!(error.message(), "the disk broke");
    assert_eq!(kind(fetch(&researcher, &run.id).await), ErrorKind::NotFound);
    let begun = node.begin_upload(&run.id, &bundle).await.expect("begin");
    assert_eq!(begun, Handover::Through { from: half as u64 });

    // From elsewhere than where it broke nothing is taken.
    let error = node.upload(&run.id, &bundle, 7, pieces(&content.slice(7..))).await.expect_err("elsewhere");
    assert_eq!(error.kind(), ErrorKind::Stale);
    assert!(error.message().contains(&format!("{half} bytes are there")), "{error}");

    // What is not the rest is not taken for it, and does not spoil what comes next.
    let wrong = Bytes::from(vec![0; content.len() - half]);
    let error = node.upload(&run.id, &bundle, half as u64, pieces(&wrong)).await.expect_err("wrong");
    assert_eq!(error.kind(), ErrorKind::Stale);
    assert!(error.message().starts_with("what was sent is not the bundle"), "{error}");
    assert_eq!(kind(fetch(&researcher, &run.id).await), ErrorKind::NotFound);
    hand_over(&node, &run.id, &content).await.expect("whole");
    assert_eq!(fetch(&researcher, &run.id).await.expect("download"), content);
    assert_eq!(node.begin_upload(&run.id, &bundle).await.expect("begin"), Handover::Stored);

    // A reader may begin anywhere as well.
    let download = researcher.download(&run.id, 8_999_990).await.expect("download");
    assert_eq!(download.bundle, Some(bundle));
    let Source::Stream(rest) = download.source else { panic!("{download:?}") };
    let rest: Vec<Bytes> = rest.map(|piece| piece.expect("piece")).collect().await;
    assert_eq!(rest.concat(), &content[8_999_990..]);
}

#[tokio::test]
async fn an_upload_given_up_by_its_sender_stores_nothing() {
    let world = World::start().await;
    let (node, researcher, run) = reported(&world).await;
    let bundle = facts(b"half and half");
    let endless = stream::iter([Ok(Bytes::from_static(b"half"))]).chain(stream::pending());
    let upload = node.upload(&run.id, &bundle, 0, Box::pin(endless));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(200), upload).await.is_err());
    assert_eq!(kind(fetch(&researcher, &run.id).await), ErrorKind::NotFound);
    let more = Bytes::from_static(b"more than it is long");
    let error = node.upload(&run.id, &facts(b"short"), 0, pieces(&more)).await.expect_err("more");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
