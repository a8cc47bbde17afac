//! What experiments print: as it came, or for people and programs.

use std::io;

use leoscope_core::model::{OutputPiece, OutputSource};
use serde_json::json;

use super::{Output, Stream, put};
use crate::cli::Format;

/// Prints the output of a run piece by piece.
pub(crate) struct Printed<'a> {
    out: &'a Output,
    stdout: Text,
    stderr: Text,
}

impl<'a> Printed<'a> {
    pub(crate) fn new(out: &'a Output) -> Self {
        Self { out, stdout: Text::default(), stderr: Text::default() }
    }

    /// Prints a piece: where the experiment printed it, unless it is for programs.
    ///
    /// # Errors
    /// Those of the stream; somebody who has gone reads no more of it.
    pub(crate) fn print(&mut self, piece: &OutputPiece) -> io::Result<()> {
        let OutputPiece { source, bytes } = piece;
        let (stream, is_terminal, text) = match source {
            OutputSource::Stdout => (&self.out.data, self.out.terminals.data, &mut self.stdout),
            OutputSource::Stderr => (&self.out.messages, self.out.terminals.messages, &mut self.stderr),
        };
        match self.out.format {
            Format::Table if is_terminal => put(stream, harmless(&text.push(bytes)).as_bytes()),
            Format::Table => put(stream, bytes),
            // Other forms have no line for each piece.
            _ => line(&self.out.data, *source, &text.push(bytes)),
        }
    }

    /// Prints what is left of characters that were cut off.
    ///
    /// # Errors
    /// As [`print`](Self::print).
    pub(crate) fn finish(mut self) -> io::Result<()> {
        for (source, text) in
            [(OutputSource::Stdout, &mut self.stdout), (OutputSource::Stderr, &mut self.stderr)]
        {
            if self.out.format != Format::Table {
                line(&self.out.data, source, &text.rest())?;
            }
        }
        Ok(())
    }
}

/// A line of JSON for a text that is not empty.
fn line(stream: &Stream, source: OutputSource, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let name = source.name().to_lowercase();
    put(stream, format!("{}\n", json!({ "stream": name, "text": text })).as_bytes())
}

/// Makes text of bytes that come in pieces; what is none becomes a replacement character.
#[derive(Debug, Default)]
struct Text {
    /// The beginning of a character whose rest has not come yet.
    begun: Vec<u8>,
}

impl Text {
    fn push(&mut self, bytes: &[u8]) -> String {
        self.begun.extend_from_slice(bytes);
        let whole = match self.begun.utf8_chunks().last() {
            // Of the last three bytes at most: the others are no beginning of anything.
            Some(chunk) if is_beginning(chunk.invalid()) => self.begun.len() - chunk.invalid().len(),
            _ => self.begun.len(),
        };
        let rest = self.begun.split_off(whole);
        let text = String::from_utf8_lossy(&self.begun).into_owned();
        self.begun = rest;
        text
    }

    fn rest(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned()
    }
}

/// Whether a character may begin with these bytes and go on.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// `text` with signs in the place of what would steer a terminal.
fn harmless(text: &str) -> String {
    let sign = |c: char| match c {
        '\n' | '\t' => c,
        // The signs of control characters stand in their order.
        '\0'..='\x1F' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7F' => '\u{2421}',
        // Those that change the direction of what follows.
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::output::Terminals;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("page").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is printed of these pieces on the two streams.
    fn printed(format: Format, is_terminal: bool, pieces: &[(OutputSource, &[u8])]) -> [Vec<u8>; 2] {
        let (data, messages) = (Page::default(), Page::default());
        let mut out = Output::into_writers(format, false, data.clone(), messages.clone());
        out.terminals = Terminals { data: is_terminal, messages: is_terminal };
        let mut printed = Printed::new(&out);
        for (source, bytes) in pieces {
            let piece = OutputPiece { source: *source, bytes: bytes.to_vec().into() };
            printed.print(&piece).expect("printed");
        }
        printed.finish().expect("finished");
        [data, messages].map(|page| page.0.lock().expect("page").clone())
    }

    const PIECES: &[(OutputSource, &[u8])] = &[
        (OutputSource::Stdout, b"caf\xC3"),
        (OutputSource::Stderr, b"\x1B[2J\xFF\n"),
        (OutputSource::Stdout, b"\xA9\tok\r\n\xE2\x82"),
    ];

    #[test]
    fn into_a_file_every_byte_goes_as_it_came() {
        let expected = [&b"caf\xC3\xA9\tok\r\n\xE2\x82"[..], b"\x1B[2J\xFF\n"];
        assert_eq!(printed(Format::Table, false, PIECES), expected);
    }

    #[test]
    fn a_terminal_is_not_steered() {
        let [stdout, stderr] = printed(Format::Table, true, PIECES);
        assert_eq!(String::from_utf8(stdout).expect("text"), "caf\u{e9}\tok\u{240d}\n");
        assert_eq!(String::from_utf8(stderr).expect("text"), "\u{241b}[2J\u{fffd}\n");
        assert_eq!(harmless("a\u{9b}1m\u{7f}\u{202e}b"), "a\u{fffd}1m\u{2421}\u{fffd}b");
    }

    #[test]
    fn for_programs_it_is_a_line_of_json_for_each_piece() {
        let [stdout, stderr] = printed(Format::Json, true, PIECES);
        let expected = concat!(
            "{\"stream\":\"stdout\",\"text\":\"caf\"}\n",
            "{\"stream\":\"stderr\",\"text\":\"\\u001b[2J\u{fffd}\\n\"}\n",
            "{\"stream\":\"stdout\",\"text\":\"\u{e9}\\tok\\r\\n\"}\n",
            "{\"stream\":\"stdout\",\"text\":\"\u{fffd}\"}\n",
        );
        assert_eq!((String::from_utf8(stdout).expect("text").as_str(), stderr.len()), (expected, 0));
    }
}
