//! What experiments print, and who follows it.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::named::named;
use crate::error::Error;
use crate::ids::{FollowerId, RunId};

/// The most bytes of one piece of output.
pub const MAX_PIECE_BYTES: usize = 64 << 10;

named!(
    /// Where an experiment printed something.
    OutputSource {
        /// Its standard output.
        Stdout = "STDOUT",
        /// Its standard error.
        Stderr = "STDERR",
    }
);

/// A piece of what an experiment printed. It may begin and end anywhere, also within a line or a
/// character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPiece {
    /// Where it was printed.
    pub source: OutputSource,
    /// What was printed, at most [`MAX_PIECE_BYTES`].
    pub bytes: Bytes,
}

/// How much is wanted of what was printed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// All that is there.
    All,
    /// At most this many lines of each stream.
    Lines(u32),
}

impl Default for Tail {
    /// The last thousand lines.
    fn default() -> Self {
        Self::Lines(1_000)
    }
}

impl FromStr for Tail {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(Self::Lines).map_err(|_| {
            Error::invalid(format!("{text:?} is not a number of lines")).hint("give a number, or all")
        })
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Lines(lines) => lines.fmt(f),
        }
    }
}

/// Which part of the output of a run is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputScope {
    /// How much of what was printed before.
    pub tail: Tail,
    /// Whether what is printed from now on is wanted as well, until the experiment ends.
    pub follow: bool,
}

/// Somebody who wants to see what a run prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// By which the node names whom it sends the output to.
    pub id: FollowerId,
    /// The run.
    pub run: RunId,
    /// Which part of its output.
    pub scope: OutputScope,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_a_number_of_lines_or_all() {
        for (text, tail) in [("all", Tail::All), ("0", Tail::Lines(0)), ("1000", Tail::default())] {
            let parsed: Tail = text.parse().expect(text);
            assert_eq!((parsed, parsed.to_string().as_str()), (tail, text));
        }
        for bad in ["", "-1", "ALL", "1.5", "99999999999"] {
            bad.parse::<Tail>().expect_err(bad);
        }
    }
}
