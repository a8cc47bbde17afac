//! Reading what an experiment prints from its files, while it goes on printing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures_util::stream;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::files::{self, RunDirectory};
use super::{POLL, look};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{MAX_PIECE_BYTES, OutputPiece, OutputScope, OutputSource, RuntimeState, Tail};
use crate::ports::OutputStream;

/// What `scope` wants of the output of a run. Its files are held open, so that what is there can be
/// read to its end also when the run has been removed.
pub(super) async fn follow(run: RunId, directory: RunDirectory, scope: OutputScope) -> Result<OutputStream> {
    let reader = blocking(run, move |run| {
        let files = [(OutputSource::Stdout, files::STDOUT), (OutputSource::Stderr, files::STDERR)];
        let open = |(source, name)| Printed::open(&directory, source, name, scope.tail);
        let [stdout, stderr] = files.map(open);
        Ok(Reader { run, directory, follow: scope.follow, printed: [stdout?, stderr?], next: 0, over: false })
    });
    let pieces = stream::unfold(Some(reader.await?), |reader| async move {
        match reader?.next().await {
            Ok((piece, reader)) => piece.map(|piece| (Ok(piece), Some(reader))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(Box::pin(pieces))
}

async fn blocking<T: Send + 'static>(
    run: RunId,
    work: impl FnOnce(RunId) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let fault = |run: &RunId, e: &dyn std::fmt::Display| {
        Error::while_doing(format!("follow the output of run {run}"), e)
    };
    let name = run.clone();
    let done = spawn_blocking(move || work(run)).await.map_err(|e| fault(&name, &e))?;
    done.map_err(|e| fault(&name, &e))
}

/// One of the files an experiment prints to.
struct Printed {
    source: OutputSource,
    file: File,
}

impl Printed {
    fn open(directory: &RunDirectory, source: OutputSource, name: &str, tail: Tail) -> io::Result<Self> {
        let mut file = directory.read_output(name)?;
        if let Tail::Lines(lines) = tail {
            let start = start_of_last(&mut file, lines)?;
            file.seek(SeekFrom::Start(start))?;
        }
        Ok(Self { source, file })
    }

    /// What has been printed since, if anything.
    fn read(&mut self) -> io::Result<Option<OutputPiece>> {
        let mut buffer = vec![0; MAX_PIECE_BYTES];
        let count = loop {
            match self.file.read(&mut buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        buffer.truncate(count);
        Ok((count > 0).then(|| OutputPiece { source: self.source, bytes: Bytes::from(buffer) }))
    }
}

struct Reader {
    run: RunId,
    directory: RunDirectory,
    follow: bool,
    printed: [Printed; 2],
    /// Which of the two is read next, so that neither waits for the other.
    next: usize,
    /// Whether the experiment had ended before the files were read to their ends.
    over: bool,
}

impl Reader {
    async fn next(mut self) -> Result<(Option<OutputPiece>, Self)> {
        loop {
            let (piece, reader) = blocking(self.run.clone(), move |_| self.step()).await?;
            self = reader;
            if piece.is_some() || self.over || !self.follow {
                return Ok((piece, self));
            }
            let state = look(&self.directory);
            let state = state.map_err(|e| Error::while_doing(format!("look at run {}", self.run), e))?;
            self.over = !matches!(state, RuntimeState::Running(_) | RuntimeState::Prepared);
            if !self.over {
                sleep(POLL).await;
            }
        }
    }

    /// The next piece that is there.
    fn step(mut self) -> io::Result<(Option<OutputPiece>, Self)> {
        for _ in 0..self.printed.len() {
            let place = self.next;
            self.next = (place + 1) % self.printed.len();
            if let Some(piece) = self.printed[place].read()? {
                return Ok((Some(piece), self));
            }
        }
        Ok((None, self))
    }
}

/// Where the last lines of a file begin. What follows the last line end is a line as well.
fn start_of_last(file: &mut (impl Read + Seek), lines: u32) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(end);
    }
    let mut block = vec![0; MAX_PIECE_BYTES];
    let (mut from, mut left) = (end, u64::from(lines));
    while from > 0 {
        let length = from.min(block.len() as u64);
        from -= length;
        let length = usize::try_from(length).unwrap_or(block.len());
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut block[..length])?;
        for (place, _) in block[..length].iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = from + place as u64 + 1;
            // The end of the last line is no beginning of another.
            if after == end {
                continue;
            }
            left -= 1;
            if left == 0 {
                return Ok(after);
            }
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_last_lines_begin_where_those_before_them_end() {
        let long = "x".repeat(MAX_PIECE_BYTES);
        let longer = format!("{long}\n{long}{long}\ny\n");
        let cases = [
            ("", 3, ""),
            ("a\nb\nc\n", 0, ""),
            ("a\nb\nc\n", 1, "c\n"),
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc\n", 3, "a\nb\nc\n"),
            ("a\nb\nc\n", u32::MAX, "a\nb\nc\n"),
            ("a\nb\nc", 1, "c"),
            ("a\nb\nc", 2, "b\nc"),
            ("\n\n\n", 2, "\n\n"),
            (&longer, 1, "y\n"),
            (&longer, 2, &longer[long.len() + 1..]),
            (&longer, 3, &longer),
        ];
        for (text, lines, expected) in cases {
            let start = start_of_last(&mut Cursor::new(text.as_bytes()), lines).expect("read");
            let start = usize::try_from(start).expect("within the text");
            assert_eq!(text[start..].len(), expected.len(), "{lines} of {} bytes", text.len());
            assert_eq!(&text[start..], expected);
        }
    }
}
