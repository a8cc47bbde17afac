//! Reading what a run printed out of its bundle.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::unpack::{MAX_HEADER_BYTES, MAX_UNPACKED_BYTES, Metered, broken};
use crate::error::{Error, Result};
use crate::model::{MAX_PIECE_BYTES, OutputPiece, OutputSource, Tail};

/// The most bytes that are held while the last lines of a stream are looked for; of longer ones the end
/// is given.
const MAX_TAIL_BYTES: usize = 64 << 20;

/// Reads a bundle, written by [`pack`](super::pack) and not trusted, and hands on what the run printed:
/// of each stream what `tail` says, one stream after the other.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a broken archive, and those of `hand_on`.
pub fn read_output(
    archive: impl Read,
    tail: Tail,
    mut hand_on: impl FnMut(OutputPiece) -> Result<()>,
) -> Result<()> {
    let meter = Rc::new(Cell::new(MAX_HEADER_BYTES));
    let reader = Metered { inner: MultiGzDecoder::new(archive), left: Rc::clone(&meter) };
    let mut archive = tar::Archive::new(reader);
    let mut left = MAX_UNPACKED_BYTES;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        left = left.checked_sub(entry.size()).ok_or_else(|| Error::invalid("the archive is too large"))?;
        meter.set(u64::MAX);
        let path = entry.path().map_err(broken)?;
        let source = match entry.header().entry_type() {
            EntryType::Regular => source_of(&path),
            _ => None,
        };
        match (source, tail) {
            (None, _) => {}
            (Some(source), Tail::All) => pieces(&mut entry, |bytes| hand_on(OutputPiece { source, bytes }))?,
            (Some(source), Tail::Lines(lines)) => {
                let mut last = Last::new(lines);
                pieces(&mut entry, |bytes| {
                    last.push(bytes);
                    Ok(())
                })?;
                last.into_pieces().try_for_each(|bytes| hand_on(OutputPiece { source, bytes }))?;
            }
        }
        // What is not wanted of an entry is passed over here, not at the header's cost.
        io::copy(&mut entry, &mut io::sink()).map_err(broken)?;
        meter.set(MAX_HEADER_BYTES);
    }
    // Reading to the end checks the checksum of the whole and finds a cut-off archive.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    Ok(())
}

fn source_of(path: &Path) -> Option<OutputSource> {
    match path.to_str()? {
        "stdout.log" => Some(OutputSource::Stdout),
        "stderr.log" => Some(OutputSource::Stderr),
        _ => None,
    }
}

/// Hands on what can be read, piece by piece.
fn pieces(content: &mut impl Read, mut hand_on: impl FnMut(Bytes) -> Result<()>) -> Result<()> {
    loop {
        let mut buffer = vec![0; MAX_PIECE_BYTES];
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                buffer.truncate(count);
                hand_on(buffer.into())?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(broken(e)),
        }
    }
}

/// The last lines of what is pushed.
struct Last {
    wanted: usize,
    pieces: VecDeque<Bytes>,
    /// The line ends in `pieces`, and their bytes.
    ends: usize,
    bytes: usize,
}

fn ends_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

impl Last {
    fn new(lines: u32) -> Self {
        Self { wanted: lines as usize, pieces: VecDeque::new(), ends: 0, bytes: 0 }
    }

    fn push(&mut self, piece: Bytes) {
        self.ends += ends_in(&piece);
        self.bytes += piece.len();
        self.pieces.push_back(piece);
        while let Some(first) = self.pieces.front() {
            let (ends, length) = (ends_in(first), first.len());
            // One more than is wanted, as the last line may go on.
            let spare = self.ends - ends > self.wanted && self.pieces.len() > 1;
            if !spare && self.bytes <= MAX_TAIL_BYTES {
                break;
            }
            (self.ends, self.bytes) = (self.ends - ends, self.bytes - length);
            self.pieces.pop_front();
        }
    }

    fn into_pieces(mut self) -> impl Iterator<Item = Bytes> {
        let unended = self.pieces.back().is_some_and(|piece| piece.last() != Some(&b'\n'));
        let lines = self.ends + usize::from(unended);
        let mut skip = lines.saturating_sub(self.wanted);
        while let Some(first) = self.pieces.front_mut().filter(|_| skip > 0) {
            match first.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    drop(first.split_to(end + 1));
                    skip -= 1;
                }
                None => first.clear(),
            }
            if first.is_empty() {
                self.pieces.pop_front();
            }
        }
        self.pieces.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Contents, pack};

    fn last(text: &str, lines: u32, cut: usize) -> String {
        let mut last = Last::new(lines);
        for piece in text.as_bytes().chunks(cut) {
            last.push(Bytes::copy_from_slice(piece));
        }
        let bytes: Vec<u8> = last.into_pieces().flatten().collect();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn the_last_lines_are_the_same_wherever_the_pieces_are_cut() {
        let cases = [
            ("", 2, ""),
            ("a\nbb\nccc\n", 0, ""),
            ("a\nbb\nccc\n", 1, "ccc\n"),
            ("a\nbb\nccc\n", 2, "bb\nccc\n"),
            ("a\nbb\nccc\n", 9, "a\nbb\nccc\n"),
            ("a\nbb\nccc", 1, "ccc"),
            ("a\nbb\nccc", 2, "bb\nccc"),
            ("\n\n\n", 2, "\n\n"),
        ];
        for (text, lines, expected) in cases {
            for cut in 1..6 {
                assert_eq!(last(text, lines, cut), expected, "{text:?} {lines} {cut}");
            }
        }
    }

    #[test]
    fn little_is_held_of_what_is_long() {
        let mut last = Last::new(1);
        for _ in 0..3 * MAX_TAIL_BYTES / MAX_PIECE_BYTES {
            last.push(vec![b'x'; MAX_PIECE_BYTES].into());
            assert!(last.bytes <= MAX_TAIL_BYTES);
        }
        last.push("\n".into());
        for _ in 0..10_000 {
            last.push("y\n".into());
        }
        assert!(last.pieces.len() < 5, "{}", last.pieces.len());
    }

    #[test]
    fn what_a_run_printed_is_read_out_of_its_bundle() {
        let dir = tempfile::tempdir().expect("directory");
        let results = dir.path().join("results");
        std::fs::create_dir_all(results.join("deeper")).expect("directory");
        std::fs::write(results.join("deeper/stdout.log"), "not this\n").expect("file");
        let large = "line\n".repeat(100_000);
        let files = [("stdout.log", large.as_str()), ("stderr.log", "one\ntwo\n"), ("executor.log", "no\n")];
        let files = files.map(|(name, text)| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("file");
            path
        });
        let contents =
            Contents { results, files: files.to_vec(), manifest: crate::model::manifest_for_tests() };
        let target = dir.path().join("bundle.tar.gz");
        pack(&contents, &target).expect("pack");
        let bundle = std::fs::read(&target).expect("bundle");
        let read = |tail| {
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            let outcome = read_output(bundle.as_slice(), tail, |OutputPiece { source, bytes }| {
                assert!(bytes.len() <= MAX_PIECE_BYTES);
                match source {
                    OutputSource::Stdout => stdout.extend(bytes),
                    OutputSource::Stderr => stderr.extend(bytes),
                }
                Ok(())
            });
            outcome.expect("read");
            (String::from_utf8(stdout).expect("text"), String::from_utf8(stderr).expect("text"))
        };
        assert_eq!(read(Tail::All), (large, "one\ntwo\n".into()));
        assert_eq!(read(Tail::Lines(1)), ("line\n".into(), "two\n".into()));
        for broken in [&bundle[..bundle.len() - 3], b"nothing"] {
            read_output(broken, Tail::All, |_| Ok(())).expect_err("broken");
        }
        let stopped = read_output(bundle.as_slice(), Tail::All, |_| Err(Error::unavailable("enough")));
        assert_eq!(stopped.expect_err("stopped").message(), "enough");
    }
}
