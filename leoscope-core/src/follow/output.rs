use std::fmt;
use std::io::Read;
use std::sync::Arc;

use futures_util::stream::{self, Fuse, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{ended, look};
use crate::bundle::read_output;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{OutputPiece, OutputScope, Run, Tail};
use crate::ports::{BlobStorage, ByteStream, ControlPlane, OutputStream, Source};

/// What `run` prints, whatever its state: of one that has ended out of its results, else from its node while
/// it goes on, and out of its results after all when it turns out to have ended since.
///
/// One that has not begun is waited for. `scope` says how much of what was printed before is wanted, and
/// whether what comes until the experiment ends; of one that has ended there is no more to come. Results that
/// are elsewhere are read with `blobs`. Nothing is read that the caller has not asked for, but for a few
/// pieces; the first error is the end.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable) while the node is not connected or the results have not arrived,
/// [`Unsupported`](ErrorKind::Unsupported) for results that would need `blobs`, and those of the calls.
pub async fn output(
    plane: Arc<dyn ControlPlane>,
    blobs: Option<Arc<dyn BlobStorage>>,
    run: Run,
    scope: OutputScope,
) -> Result<OutputStream> {
    let printing = Printing::begin(plane, blobs, run, scope).await?;
    let pieces = stream::unfold(printing, |mut printing| async move {
        printing.next().await.map(|piece| (piece, printing))
    });
    // Who asks once more after the end is told so again.
    Ok(Box::pin(pieces.fuse()))
}

/// What [`output`] gives, for those who also want to know where it comes from.
pub struct Printing {
    plane: Arc<dyn ControlPlane>,
    blobs: Option<Arc<dyn BlobStorage>>,
    /// As it was given; it has ended once `pieces` are those of its results.
    run: Run,
    scope: OutputScope,
    pieces: Fuse<OutputStream>,
}

impl fmt::Debug for Printing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, scope, .. } = self;
        f.debug_struct("Printing").field("run", run).field("scope", scope).finish_non_exhaustive()
    }
}

impl Printing {
    /// As [`output`].
    ///
    /// # Errors
    /// Those of [`output`].
    pub async fn begin(
        plane: Arc<dyn ControlPlane>,
        blobs: Option<Arc<dyn BlobStorage>>,
        run: Run,
        scope: OutputScope,
    ) -> Result<Self> {
        let pieces = match run.status.is_terminal() {
            true => kept(&*plane, blobs.as_deref(), &run, scope.tail).await,
            false => plane.follow_output(&run.id, scope).await,
        };
        let nothing: OutputStream = Box::pin(stream::empty());
        let mut printing = Self { plane, blobs, run, scope, pieces: nothing.fuse() };
        match pieces {
            Err(error) if printing.may_have_ended(&error) => printing.turn(error).await?,
            pieces => printing.pieces = pieces?.fuse(),
        }
        Ok(printing)
    }

    /// The next piece; `None` at the end, and ever after.
    pub async fn next(&mut self) -> Option<Result<OutputPiece>> {
        match self.pieces.next().await? {
            Err(error) if self.may_have_ended(&error) => match self.turn(error).await {
                Ok(()) => self.pieces.next().await,
                Err(error) => Some(Err(error)),
            },
            piece => Some(piece),
        }
    }

    /// The run as it has ended, once what comes is out of its results.
    pub fn ended(&self) -> Option<&Run> {
        Some(&self.run).filter(|run| run.status.is_terminal())
    }

    /// Whether `error` is what is said of a run that has ended since.
    fn may_have_ended(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::NotFound && self.ended().is_none()
    }

    /// Goes on with the results of a run of which its node has nothing; `error` says so, and is the answer
    /// unless the run has ended since.
    async fn turn(&mut self, error: Error) -> Result<()> {
        let run = match self.scope.follow {
            true => ended(&*self.plane, self.run.clone()).await?,
            false => look(&*self.plane, &self.run.id).await?,
        };
        if !run.status.is_terminal() {
            return Err(error);
        }
        let pieces = kept(&*self.plane, self.blobs.as_deref(), &run, self.scope.tail).await?;
        self.pieces = pieces.fuse();
        self.run = run;
        Ok(())
    }
}

/// What `run`, which has ended, has printed, out of its results.
async fn kept(
    plane: &dyn ControlPlane,
    blobs: Option<&dyn BlobStorage>,
    run: &Run,
    tail: Tail,
) -> Result<OutputStream> {
    if run.artifact.is_none() {
        return Err(Error::unavailable(format!("the results of run {} are not there", run.id))
            .hint("its node hands them over when it can; 'leoscope run get' tells"));
    }
    let content: ByteStream = match plane.download(&run.id, 0).await?.source {
        Source::Stream(content) => content,
        Source::Link(link) => match blobs {
            Some(blobs) => blobs.fetch(&link, 0).await?,
            None => {
                let message = format!("the results of run {} are in blob storage", run.id);
                return Err(Error::new(ErrorKind::Unsupported, message).hint("use 'leoscope run download'"));
            }
        },
    };
    Ok(Box::pin(stream::unfold(Kept::begin(content, tail), |mut kept| async move {
        kept.next().await.map(|piece| (piece, kept))
    })))
}

/// The output in a bundle, which a thread reads.
struct Kept {
    pieces: mpsc::Receiver<OutputPiece>,
    /// What becomes of reading; `None` once that was told.
    reading: Option<JoinHandle<Result<()>>>,
}

impl Kept {
    fn begin(content: ByteStream, tail: Tail) -> Self {
        // The next piece is read while one is handed on, and no more.
        let (sender, pieces) = mpsc::channel(1);
        // A bundle of which nothing comes must not hold the thread when nobody waits for it any more.
        let reader = sender.clone();
        let content = content.map_err(std::io::Error::other).take_until(async move { reader.closed().await });
        let bundle = SyncIoBridge::new(StreamReader::new(Box::pin(content)));
        let reading = tokio::task::spawn_blocking(move || read(bundle, tail, &sender));
        Self { pieces, reading: Some(reading) }
    }

    async fn next(&mut self) -> Option<Result<OutputPiece>> {
        if let Some(piece) = self.pieces.recv().await {
            return Some(Ok(piece));
        }
        let read = self.reading.take()?.await;
        let read = read.unwrap_or_else(|e| Err(Error::while_doing("read the results", e)));
        read.err().map(Err)
    }
}

fn read(bundle: impl Read, tail: Tail, sender: &mpsc::Sender<OutputPiece>) -> Result<()> {
    let read = read_output(bundle, tail, |piece| {
        sender.blocking_send(piece).map_err(|_| Error::unavailable("nobody reads any more"))
    });
    // Not the caller's mistake, so not its kind either.
    read.map_err(|error| Error::internal(error.message()).hint("try again"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn results_that_nobody_reads_any_more_hold_no_thread() {
        let held = Arc::new(());
        let with = Arc::clone(&held);
        // Nothing comes, for ever.
        let content = stream::pending().inspect(move |_| {
            let _ = &with;
        });
        let kept = Kept::begin(Box::pin(content), Tail::All);
        assert_eq!(Arc::strong_count(&held), 2);
        drop(kept);
        let let_go = async {
            while Arc::strong_count(&held) > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), let_go).await.expect("it is let go");
    }
}
