//! Reading a blob to its end, also over a connection that breaks.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header;

use super::blob::Blob;
use super::fault;
use super::http::Answer;
use crate::error::{Error, ErrorKind, Result};
use crate::ports::ByteStream;

/// The pauses before the attempts to go on when nothing came since the last.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(200), Duration::from_secs(1)];

/// The bytes of a blob from one on.
pub(super) async fn read(blob: Blob, from: u64) -> Result<ByteStream> {
    let Some(answer) = blob.read(from, None).await? else { return Ok(Box::pin(stream::empty())) };
    let length = answer.length().ok_or_else(|| Error::internal("blob storage tells no size"))?;
    let tag = answer.header(header::ETAG).map(str::to_owned);
    let reader = Reader { blob, at: from, end: from.saturating_add(length), tag, answer, failed: 0 };
    Ok(Box::pin(stream::try_unfold(reader, Reader::next)))
}

struct Reader {
    blob: Blob,
    at: u64,
    end: u64,
    /// What tells the blob from another that takes its place.
    tag: Option<String>,
    answer: Answer,
    /// How often going on has failed since the last piece.
    failed: usize,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        loop {
            let why = match self.answer.piece().await {
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => {
                    self.at += piece.len() as u64;
                    self.failed = 0;
                    return Ok(Some((piece, self)));
                }
                None if self.at == self.end => return Ok(None),
                None => "it ended too early".to_owned(),
                Some(Err(why)) => why,
            };
            self.go_on(&why).await?;
        }
    }

    async fn go_on(&mut self, why: &str) -> Result<()> {
        let mut last = fault::broken(why);
        // Without a tag another blob might have taken its place.
        while let (Some(pause), Some(tag)) = (PAUSES.get(self.failed), self.tag.as_deref()) {
            tokio::time::sleep(*pause).await;
            self.failed += 1;
            match self.blob.read(self.at, Some(tag)).await {
                Ok(Some(answer)) => {
                    self.answer = answer;
                    return Ok(());
                }
                Ok(None) => return Err(last),
                Err(error) if error.kind() == ErrorKind::Unavailable => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}
