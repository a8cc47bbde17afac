use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::model::RunFilter;
use leoscope_core::ports::{ByteStream, ControlPlane};
use leoscope_core::{Error, ErrorKind, Result};

use crate::world::{World, id, kind};

fn bundle(pieces: Vec<Result<Bytes>>) -> ByteStream {
    Box::pin(stream::iter(pieces))
}

async fn read(client: &impl ControlPlane, run: &leoscope_core::ids::RunId) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = client.download(run).await?.try_collect().await?;
    Ok(pieces.concat())
}

#[tokio::test]
async fn a_bundle_larger_than_any_message_comes_back_as_it_went() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let run = world.runs(&researcher, "exp-001", 1).await.remove(0);
    node.report_run(run.clone()).await.expect("report");

    let content: Vec<u8> = (0..9_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let content = Bytes::from(content);
    assert_eq!(kind(read(&researcher, &run.id).await), ErrorKind::NotFound);
    for _ in 0..2 {
        node.upload(&run.id, bundle(vec![Ok(content.clone())])).await.expect("upload");
        assert_eq!(read(&researcher, &run.id).await.expect("download"), content);
    }
    let stored = researcher.runs(&RunFilter::default()).await.expect("runs").remove(0);
    assert!(stored.artifact.is_some());

    let stranger = world.researcher("researcher-2").await;
    assert_eq!(kind(read(&stranger, &run.id).await), ErrorKind::PermissionDenied);
    let denied = stranger.upload(&run.id, bundle(vec![Ok(Bytes::from_static(b"x"))])).await;
    assert_eq!(kind(denied), ErrorKind::PermissionDenied);
    let unknown = node.upload(&id("unknown"), bundle(Vec::new())).await;
    assert_eq!(kind(unknown), ErrorKind::NotFound);
    assert_eq!(read(&researcher, &run.id).await.expect("download"), content);
}

#[tokio::test]
async fn an_upload_that_is_cut_off_stores_nothing() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let run = world.runs(&researcher, "exp-001", 1).await.remove(0);
    node.report_run(run.clone()).await.expect("report");

    let broken = bundle(vec![Ok(Bytes::from_static(b"half")), Err(Error::internal("the disk broke"))]);
    let error = node.upload(&run.id, broken).await.expect_err("broken");
    assert_eq!(error.message(), "the disk broke");
    assert_eq!(kind(read(&researcher, &run.id).await), ErrorKind::NotFound);

    // A source that never ends, given up by its sender.
    let endless = stream::iter([Ok(Bytes::from_static(b"half"))]).chain(stream::pending());
    let upload = node.upload(&run.id, Box::pin(endless));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(200), upload).await.is_err());
    assert_eq!(kind(read(&researcher, &run.id).await), ErrorKind::NotFound);
}
