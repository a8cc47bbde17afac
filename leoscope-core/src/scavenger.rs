//! Whether a host uses its link, from what its network interface has counted.

use std::collections::{BTreeMap, VecDeque};

use crate::ids::RunId;
use crate::model::AutoScavenger;
use crate::time::{SignedDuration, Timestamp};

/// What was counted at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// The bytes that the interface has received and sent; `None` where it is not there.
    pub interface: Option<u64>,
    /// The bytes that each experiment at work has received and sent; `None` where they cannot be told
    /// from those of the host.
    pub experiments: BTreeMap<RunId, Option<u64>>,
    /// Whether the testbed itself has moved much since the last sample, for example results.
    pub disturbed: bool,
}

/// The traffic of the host itself between two samples.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: Timestamp,
    to: Timestamp,
    bytes: u64,
}

/// Judges whether a host uses its link.
///
/// It does when its own traffic, averaged over [`span`](AutoScavenger::span), is above the limit; it
/// does not any more when that has been so for [`quiet`](AutoScavenger::quiet). Over times in which
/// its traffic cannot be told from that of experiments the judgement stays as it is.
#[derive(Debug)]
pub struct HostWatch {
    config: AutoScavenger,
    last: Option<Sample>,
    pieces: VecDeque<Piece>,
    busy: bool,
    quiet_since: Option<Timestamp>,
}

impl HostWatch {
    /// A watch over a host that does not use its link.
    pub fn new(config: AutoScavenger) -> Self {
        Self { config, last: None, pieces: VecDeque::new(), busy: false, quiet_since: None }
    }

    /// Takes in what was counted, and says whether the host uses its link.
    pub fn observe(&mut self, sample: Sample) -> bool {
        let own = self.last.as_ref().and_then(|last| own_bytes(last, &sample));
        let from = self.last.replace(sample).map(|last| last.at);
        let to = self.last.as_ref().map(|last| last.at);
        let piece = from.zip(to).zip(own).map(|((from, to), bytes)| Piece { from, to, bytes });
        match piece {
            Some(piece) => self.pieces.push_back(piece),
            None => {
                self.pieces.clear();
                self.quiet_since = None;
            }
        }
        if let Some((rate, now)) = self.rate().zip(to) {
            self.judge(rate, now);
        }
        self.busy
    }

    /// The traffic of the host itself in bits per second; `None` until it has been seen for long
    /// enough.
    pub fn rate(&mut self) -> Option<u64> {
        let now = self.pieces.back()?.to;
        // The fewest pieces that are long enough together.
        while self.pieces.get(1).is_some_and(|second| now.duration_since(second.from) >= self.config.span) {
            self.pieces.pop_front();
        }
        let length = now.duration_since(self.pieces.front()?.from);
        if length < self.config.span {
            return None;
        }
        let bits = self.pieces.iter().map(|piece| u128::from(piece.bytes) * 8).sum::<u128>();
        let micros = u128::try_from(length.as_micros()).ok().filter(|micros| *micros > 0)?;
        Some(u64::try_from(bits * 1_000_000 / micros).unwrap_or(u64::MAX))
    }

    fn judge(&mut self, rate: u64, now: Timestamp) {
        if rate > self.config.above {
            (self.busy, self.quiet_since) = (true, None);
        } else if self.busy {
            let since = *self.quiet_since.get_or_insert(now);
            self.busy = now.duration_since(since) < self.config.quiet;
        }
    }
}

/// The bytes that the host itself moved from `last` to `next`; `None` where that cannot be told.
fn own_bytes(last: &Sample, next: &Sample) -> Option<u64> {
    if next.disturbed || next.at.duration_since(last.at) <= SignedDuration::ZERO {
        return None;
    }
    let mut of_experiments = 0_u64;
    for (run, bytes) in &next.experiments {
        // One that was not there before began to count since.
        let before = last.experiments.get(run).copied().unwrap_or(Some(0))?;
        of_experiments = of_experiments.saturating_add((*bytes)?.checked_sub(before)?);
    }
    // What one that has ended moved at last is not known.
    if last.experiments.keys().any(|run| !next.experiments.contains_key(run)) {
        return None;
    }
    match (last.interface, next.interface) {
        // A counter that went back was set anew.
        (Some(before), Some(after)) => Some(after.checked_sub(before)?.saturating_sub(of_experiments)),
        // Nothing goes over an interface that is not there.
        (_, None) => Some(0),
        (None, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A watch for more than 8 bits per second, that is, a byte, over 3 s, and 5 s of quiet.
    fn watch() -> HostWatch {
        HostWatch::new(AutoScavenger {
            interface: "eth0".into(),
            above: 8,
            span: SignedDuration::from_secs(3),
            quiet: SignedDuration::from_secs(5),
        })
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + secs).expect("time")
    }

    fn run(name: &str) -> RunId {
        RunId::parse(name).expect("id")
    }

    fn counted(secs: i64, interface: impl Into<Option<u64>>) -> Sample {
        let interface = interface.into();
        Sample { at: at(secs), interface, experiments: BTreeMap::new(), disturbed: false }
    }

    fn with(mut sample: Sample, experiments: &[(&str, Option<u64>)]) -> Sample {
        sample.experiments = experiments.iter().map(|(name, bytes)| (run(name), *bytes)).collect();
        sample
    }

    /// The second of each sample at which the judgement changes, and what it becomes.
    fn changes(samples: impl IntoIterator<Item = Sample>) -> Vec<(i64, bool)> {
        let (mut watch, mut before) = (watch(), false);
        let mut changes = Vec::new();
        for sample in samples {
            let secs = sample.at.duration_since(at(0)).as_secs();
            let busy = watch.observe(sample);
            if busy != before {
                changes.push((secs, busy));
            }
            before = busy;
        }
        changes
    }

    /// Samples of every second, of a host that moves these bytes in each.
    fn host(bytes: impl IntoIterator<Item = u64>) -> Vec<Sample> {
        let mut total = 100;
        let mut samples = vec![counted(0, total)];
        for (second, bytes) in (1..).zip(bytes) {
            total += bytes;
            samples.push(counted(second, total));
        }
        samples
    }

    #[test]
    fn the_host_is_busy_above_the_limit_and_until_it_has_been_quiet() {
        // As much as the limit is not above it.
        assert_eq!(changes(host([1; 20])), []);
        assert_eq!(changes(host([2; 20])), [(3, true)]);
        // A short burst counts as what it is on the average: 4 bytes in 3 s.
        assert_eq!(changes(host([0, 0, 0, 3, 0, 0, 0, 0])), []);
        assert_eq!(changes(host([0, 0, 0, 4, 0, 0, 0, 0])), [(4, true)]);
        let mut calmed = vec![9, 9, 9, 9];
        calmed.extend([0; 16]);
        // The burst is out of the average at 7, and 5 s later it has been quiet for long enough.
        assert_eq!(changes(host(calmed.clone())), [(3, true), (12, false)]);
        calmed[8] = 4;
        assert_eq!(changes(host(calmed)), [(3, true), (17, false)], "quiet begins anew");
    }

    #[test]
    fn what_experiments_move_is_not_the_host_s() {
        let busy = |of_run: fn(u64) -> Option<u64>| {
            let seconds = (0_u64..20).map(|second| {
                let sample = counted(second.try_into().expect("small"), 100 + 9 * second);
                with(sample, &[("r", of_run(second))])
            });
            changes(seconds)
        };
        assert_eq!(busy(|second| Some(9 * second)), []);
        assert_eq!(busy(|second| Some(10 * second)), [], "also where it counts more");
        assert_eq!(busy(|second| Some(7 * second)), [(3, true)], "the rest is the host's");
        assert_eq!(busy(|_| None), [], "and where it cannot be told, nothing is said");
    }

    #[test]
    fn a_run_that_begins_or_ends_leaves_no_jump_behind() {
        let mut samples = vec![counted(0, 0), counted(1, 0), counted(2, 0), counted(3, 0)];
        samples.push(with(counted(4, 1000), &[("r", Some(1000))]));
        samples.push(with(counted(5, 2000), &[("r", Some(2000))]));
        // What it moved at last was not counted.
        samples.extend((6..20).map(|second| counted(second, 3000)));
        assert_eq!(changes(samples), []);
    }

    #[test]
    fn a_judgement_is_held_while_nothing_can_be_told() {
        let mut samples = host([9; 4]);
        let quiet = |second| counted(second, 136);
        samples.extend((5..30).map(|second| with(quiet(second), &[("r", None)])));
        samples.extend((30..50).map(quiet));
        // From 31 on it is counted again, averaged at 33 (30 is when the run was gone), quiet at 38.
        assert_eq!(changes(samples), [(3, true), (38, false)]);
        let mut disturbed = host([9; 20]);
        for sample in &mut disturbed {
            sample.disturbed = true;
        }
        assert_eq!(changes(disturbed), []);
    }

    #[test]
    fn counters_that_are_set_anew_and_interfaces_that_vanish_make_nobody_busy() {
        let mut reset = host([1; 10]);
        reset.extend((11..20).map(|second| counted(second, second.unsigned_abs())));
        assert_eq!(changes(reset), []);
        let mut gone = host([9; 4]);
        gone.extend((5..20).map(|second| counted(second, None)));
        gone.extend((20..30).map(|second| counted(second, 1_000_000)));
        assert_eq!(changes(gone), [(3, true), (12, false)], "nothing goes over it");
        let mut back = host([0; 4]);
        back.push(counted(5, None));
        back.extend((6..12).map(|second| counted(second, 1_000_000)));
        assert_eq!(changes(back), []);
    }

    #[test]
    fn a_clock_that_is_set_back_or_stops_is_survived() {
        let mut samples = host([9, 9]);
        samples.push(counted(1, 200));
        samples.push(counted(1, 300));
        samples.extend((0_u64..20).map(|second| counted(second.try_into().expect("small"), 300)));
        assert_eq!(changes(samples), []);
        // A host that slept for an hour.
        assert_eq!(changes([counted(0, 0), counted(3600, 3600), counted(3601, 3600)]), []);
        assert_eq!(changes([counted(0, 0), counted(3600, 7200)]), [(3600, true)]);
    }
}
