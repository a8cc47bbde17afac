use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tonic::Streaming;

use super::answer::Peer;
use crate::error::Error;
use crate::ids::RunId;
use crate::model::Orders;
use crate::ports::{ByteStream, OrdersStream};
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

/// The messages of an upload: the run, the bundle in pieces, and the mark of its end. When
/// `content` fails, the mark is left out, so that the other side stores nothing.
pub(super) fn upload(
    run: &RunId,
    content: ByteStream,
    fault: Fault,
) -> impl Stream<Item = v1::UploadRequest> + Send + 'static {
    let part = |part| v1::UploadRequest { part: Some(part) };
    let first = part(v1::upload_request::Part::Runid(run.to_string()));
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

/// The bytes of a download.
pub(super) fn download(chunks: Streaming<v1::Chunk>, peer: Peer) -> ByteStream {
    Box::pin(chunks.map(move |chunk| match chunk {
        Ok(v1::Chunk { data }) => Ok(data),
        Err(status) => Err(peer.error(&status)),
    }))
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

    async fn parts(content: Vec<crate::error::Result<Bytes>>) -> (Vec<Part>, Option<Error>) {
        let fault = Fault::default();
        let run = "r".parse().expect("id");
        let messages = upload(&run, Box::pin(stream::iter(content)), fault.clone());
        let parts = messages.map(|message| message.part.expect("part")).collect().await;
        (parts, fault.take())
    }

    #[tokio::test]
    async fn an_upload_is_cut_into_pieces_and_marked_as_whole() {
        let big = Bytes::from(vec![7; CHUNK_BYTES + 1]);
        let (sent, fault) = parts(vec![Ok(big.clone()), Ok(Bytes::new())]).await;
        let expected = [
            Part::Runid("r".into()),
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
        assert_eq!(sent, [Part::Runid("r".into()), Part::Chunk(Bytes::from_static(b"a"))]);
        assert_eq!(fault.expect("fault").message(), "disk");
    }
}
