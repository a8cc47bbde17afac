//! Following what a container prints to its last byte.
//!
//! When a container ends, engines end what follows it as well, also where their files hold more than
//! has been read: all of them lose the rest of a reader that lags behind, some where they began a new
//! file. So what comes after the last entry that was read is asked for once more, until nothing does.
//! Entries are told apart by their times, which grow within a stream.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt;

use super::super::{DockerRuntime, PASSING, fault::fault};
use super::{Entries, told};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{MAX_PIECE_BYTES, OutputPiece, OutputSource, RuntimeState, Tail};
use crate::time::{Timestamp, parse_time};

pub(super) struct Following {
    pub(super) runtime: DockerRuntime,
    pub(super) run: RunId,
    /// The engine's own id of the container.
    pub(super) id: String,
    /// What is read at the moment.
    pub(super) output: Entries,
    /// What has been read and not been given yet.
    pub(super) pieces: VecDeque<OutputPiece>,
    pub(super) seen: [Seen; 2],
    /// Whether what is read at the moment is all there is.
    pub(super) last: bool,
}

impl Following {
    pub(super) async fn next(&mut self) -> Option<Result<OutputPiece>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Some(Ok(piece));
            }
            match self.output.next().await {
                Some(Ok(entry)) => {
                    if let Some((source, line)) = told(entry) {
                        self.take(source, line);
                    }
                }
                Some(Err(e)) => {
                    return Some(Err(fault(format!("follow the output of run {}", self.run), &e)));
                }
                None if self.last => return None,
                None => {
                    if let Err(error) = self.go_on().await {
                        return Some(Err(error));
                    }
                }
            }
        }
    }

    /// Takes in an entry, unless it was seen before.
    fn take(&mut self, source: OutputSource, line: Bytes) {
        let (at, mut text) = timed(line);
        let seen = match source {
            OutputSource::Stdout => &mut self.seen[0],
            OutputSource::Stderr => &mut self.seen[1],
        };
        drop(text.split_to(seen.pass_over(at, text.len())));
        while !text.is_empty() {
            let bytes = text.split_to(text.len().min(MAX_PIECE_BYTES));
            self.pieces.push_back(OutputPiece { source, bytes });
        }
    }

    /// Asks for what comes after what was seen.
    async fn go_on(&mut self) -> Result<()> {
        let found = self.runtime.seen(&self.run, "look for").await?.filter(|found| found.id == self.id);
        let found = found.ok_or_else(|| {
            Error::unavailable(format!("run {} has ended before all of its output was read", self.run))
                .hint("all of it comes with the results of the run")
        })?;
        let follow = matches!(found.state(), RuntimeState::Running(_));
        if follow {
            // It is about to end, or the engine has thought otherwise.
            tokio::time::sleep(PASSING).await;
        }
        // All that the engine has before the last entry of either stream was seen.
        let since = self.seen.iter().filter_map(Seen::since).max().unwrap_or_default();
        self.seen.iter_mut().for_each(Seen::again);
        self.output = self.runtime.entries(&self.id, follow, "all".into(), since);
        self.last = !follow;
        Ok(())
    }
}

/// The time of an entry, and what was printed. One without a time is taken as it is.
fn timed(line: Bytes) -> (Option<Timestamp>, Bytes) {
    let space = line.iter().take(64).position(|byte| *byte == b' ');
    let time = space.and_then(|space| std::str::from_utf8(&line[..space]).ok());
    match (space, time.and_then(|time| parse_time(time).ok())) {
        (Some(space), Some(time)) => (Some(time), line.slice(space + 1..)),
        _ => (None, line),
    }
}

/// How far a stream has been read.
#[derive(Debug)]
pub(super) struct Seen {
    /// What is told first: all, or what comes after this, of what was there before.
    from: Option<Timestamp>,
    /// The time of the first entry.
    first: Option<Timestamp>,
    /// The time of the last entry, and how many bytes had that. Not how many entries: some engines join
    /// long lines in one reading, and not in another.
    last: Option<(Timestamp, usize)>,
    /// Of a reading that begins anew: what was seen before, of which so many bytes at its last time
    /// have not come by again.
    before: Option<(Timestamp, usize)>,
}

impl Seen {
    pub(super) fn both(tail: Tail, begun: Timestamp) -> [Self; 2] {
        let from = match tail {
            Tail::All => None,
            Tail::Lines(_) => Some(begun),
        };
        [(), ()].map(|()| Self { from, first: None, last: None, before: None })
    }

    /// The second from which on is to be read anew; the one before it, as engines differ in whether the
    /// beginning belongs to it.
    fn since(&self) -> Option<i32> {
        let at = self.last.map(|(at, _)| at).or(self.from)?;
        i32::try_from(at.as_second() - 1).ok()
    }

    /// What comes now begins anew.
    fn again(&mut self) {
        self.before = match self.last {
            // How much of that time came before the first that was wanted is not known.
            Some((at, _)) if self.from.is_some() && self.first == Some(at) => Some((at, usize::MAX)),
            Some(last) => Some(last),
            None => self.from.map(|from| (from, usize::MAX)),
        };
    }

    /// How much of the entry that comes now was seen before, of so many bytes.
    fn pass_over(&mut self, at: Option<Timestamp>, length: usize) -> usize {
        let Some(at) = at else { return if self.before.is_some() { length } else { 0 } };
        let seen = match &mut self.before {
            Some((last, _)) if at < *last => length,
            Some((last, left)) if at == *last => {
                let seen = length.min(*left);
                // What is not known does not become less.
                *left -= if *left == usize::MAX { 0 } else { seen };
                seen
            }
            _ => 0,
        };
        let new = length - seen;
        if new > 0 {
            self.first.get_or_insert(at);
            self.last = match self.last {
                Some((last, bytes)) if last == at => Some((last, bytes + new)),
                _ => Some((at, new)),
            };
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("time")
    }

    /// How much of each entry of a second reading is new.
    fn new(seen: &mut Seen, first: &[(i64, usize)], second: &[(i64, usize)]) -> Vec<usize> {
        assert!(first.iter().all(|(second, length)| seen.pass_over(Some(at(*second)), *length) == 0));
        seen.again();
        second.iter().map(|(second, length)| length - seen.pass_over(Some(at(*second)), *length)).collect()
    }

    #[test]
    fn what_was_seen_is_not_given_again_and_what_was_not_is() {
        let seen = |tail| {
            let [seen, _] = Seen::both(tail, at(100));
            seen
        };
        let (all, last) = (|| seen(Tail::All), || seen(Tail::Lines(5)));
        assert_eq!(
            new(&mut all(), &[(1, 5), (2, 5), (3, 5)], &[(2, 5), (3, 5), (4, 5), (5, 5)]),
            [0, 0, 5, 5]
        );
        assert_eq!(
            new(&mut all(), &[(1, 5), (2, 5)], &[(2, 5), (2, 6), (3, 7)]),
            [0, 6, 7],
            "at the same time"
        );
        assert_eq!(new(&mut all(), &[(2, 5), (2, 5)], &[(2, 13), (2, 4)]), [3, 4], "joined, and longer");
        assert_eq!(new(&mut all(), &[], &[(1, 5), (2, 5)]), [5, 5]);
        assert_eq!(new(&mut last(), &[], &[(99, 5), (100, 5), (101, 5)]), [0, 0, 5], "what was not wanted");
        assert_eq!(
            new(&mut last(), &[(98, 5), (99, 5)], &[(97, 5), (98, 5), (99, 5), (101, 5)]),
            [0, 0, 0, 5]
        );
        assert_eq!(
            new(&mut last(), &[(99, 5)], &[(99, 5), (99, 5), (101, 5)]),
            [0, 0, 5],
            "it cannot be told"
        );
        let mut again = all();
        assert_eq!(new(&mut again, &[(1, 5), (2, 5)], &[(2, 5), (3, 5)]), [0, 5]);
        assert_eq!(new(&mut again, &[(4, 5)], &[(3, 5), (4, 5), (5, 5)]), [0, 0, 5], "again and again");
    }

    #[test]
    fn a_time_stands_before_what_was_printed() {
        let cases = [
            ("2026-12-01T00:00:01.000000000Z a b\n", Some(1), "a b\n"),
            ("2026-12-01T00:00:01Z \n", Some(1), "\n"),
            ("2026-12-01T01:00:01+01:00 x", Some(1), "x"),
            ("no time\n", None, "no time\n"),
            ("", None, ""),
        ];
        let midnight = parse_time("2026-12-01T00:00:00").expect("time").as_second();
        for (line, second, text) in cases {
            let (time, rest) = timed(Bytes::from_static(line.as_bytes()));
            assert_eq!(time, second.map(|second| at(midnight + second)), "{line}");
            assert_eq!(rest, text);
        }
    }
}
