use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tonic::Streaming;

use super::answer::Peer;
use crate::error::{Error, Result};
use crate::model::{BundleFacts, Orders, Secret};
use crate::ports::{ByteStream, Download, OrdersStream, Source};
use crate::proto::v1;

/// The most bytes in one message of an upload.
const CHUNK_BYTES: usize = 256 << 10;

/// Why an upload was cut short; set by its source, read when the call has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<Error>>>);

impl Fault {
    fn set(&self, error: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    pub(super) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The messages of an upload: what it is, the bundle in pieces, and the mark of its end. When
/// `content` fails, the mark is left out, so that the other side does not take it for whole.
pub(super) fn upload(
    start: v1::UploadStart,
    content: ByteStream,
    fault: Fault,
) -> impl Stream<Item = v1::UploadRequest> + Send + 'static {
    let part = |part| v1::UploadRequest { part: Some(part) };
    let first = part(v1::upload_request::Part::Start(start));
    let pieces = content.map(Some).chain(stream::once(async { None })).scan(fault, move |fault, piece| {
        let messages = match piece {
            Some(Ok(bytes)) => Some(split(bytes).map(v1::upload_request::Part::Chunk).map(part).collect()),
            Some(Err(error)) => {
                fault.set(error);
                None
            }
            None => Some(vec![part(v1::upload_request::Part::Last(true))]),
        };
        async move { messages.map(stream::iter::<Vec<_>>) }
    });
    stream::once(async { first }).chain(pieces.flatten())
}

fn split(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || (!bytes.is_empty()).then(|| bytes.split_to(bytes.len().min(CHUNK_BYTES))))
}

/// A download, whose first message says what comes.
pub(super) async fn download(mut chunks: Streaming<v1::Chunk>, peer: Peer) -> Result<Download> {
    let first = chunks.message().await.map_err(|status| peer.error(&status))?;
    let v1::Chunk { data, bundle, url } = first.unwrap_or_default();
    let bundle = bundle.map(BundleFacts::try_from).transpose().map_err(|error| peer.unreadable(&error))?;
    if !url.is_empty() {
        return Ok(Download { bundle, source: Source::Link(Secret::new(url)) });
    }
    let first = stream::once(async { Ok(data) });
    let rest = chunks.map(move |chunk| match chunk {
        Ok(v1::Chunk { data, .. }) => Ok(data),
        Err(status) => Err(peer.error(&status)),
    });
    Ok(Download { bundle, source: Source::Stream(Box::pin(first.chain(rest))) })
}

/// The orders of a feed.
pub(super) fn orders(feed: Streaming<v1::Orders>, peer: Peer) -> OrdersStream {
    Box::pin(feed.map(move |orders| match orders {
        Ok(orders) => Orders::try_from(orders).map_err(|error| peer.unreadable(&error)),
        Err(status) => Err(peer.error(&status)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::upload_request::Part;

    fn start() -> v1::UploadStart {
        v1::UploadStart { runid: "r".into(), bundle: None, from: 0 }
    }

    async fn parts(content: Vec<Result<Bytes>>) -> (Vec<Part>, Option<Error>) {
        let fault = Fault::default();
        let messages = upload(start(), Box::pin(stream::iter(content)), fault.clone());
        let parts = messages.map(|message| message.part.expect("part")).collect().await;
        (parts, fault.take())
    }

    #[tokio::test]
    async fn an_upload_is_cut_into_pieces_and_marked_as_whole() {
        let big = Bytes::from(vec![7; CHUNK_BYTES + 1]);
        let (sent, fault) = parts(vec![Ok(big.clone()), Ok(Bytes::new())]).await;
        let expected = [
            Part::Start(start()),
            Part::Chunk(big.slice(..CHUNK_BYTES)),
            Part::Chunk(big.slice(CHUNK_BYTES..)),
            Part::Last(true),
        ];
        assert_eq!(sent, expected);
        assert!(fault.is_none());
    }

    #[tokio::test]
    async fn an_upload_whose_source_fails_is_not_marked_as_whole() {
        let content =
            vec![Ok(Bytes::from_static(b"a")), Err(Error::internal("disk")), Ok(Bytes::from_static(b"b"))];
        let (sent, fault) = parts(content).await;
        assert_eq!(sent, [Part::Start(start()), Part::Chunk(Bytes::from_static(b"a"))]);
        assert_eq!(fault.expect("fault").message(), "disk");
    }
}
