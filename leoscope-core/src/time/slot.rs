//! The 15-second slots of the Starlink network.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// How long a slot lasts, in microseconds.
const LENGTH_US: i64 = 15_000_000;

/// How far into the minute the first slot of a minute begins, in microseconds.
const PHASE_US: i64 = 12_000_000;

/// One of the slots in which satellites are given to dishes anew, everywhere at the same instants: 12,
/// 27, 42 and 57 seconds past each minute of UTC. What a run measures may jump there.
///
/// Sources: Mohan et al., "A Multifaceted Look at Starlink Performance" (WWW 2024, arXiv 2310.09242),
/// found the interval and its phase; Tanveer et al., "Making Sense of Constellations" (CoNEXT 2023
/// companion, arXiv 2307.00402), the controller behind it.
///
/// A slot taken from the clock of a node is as right as that clock: see the offset beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// Which one: ⌊(t − 12 s) / 15 s⌋, with `t` the time since 1970-01-01T00:00:00 UTC.
    pub index: i64,
    /// When it begins; it ends 15 s later.
    pub start: Timestamp,
}

impl Slot {
    /// The slot in which `instant` lies.
    pub fn of(instant: Timestamp) -> Self {
        let index = (instant.as_microsecond() - PHASE_US).div_euclid(LENGTH_US);
        let start = Timestamp::from_microsecond(index * LENGTH_US + PHASE_US);
        // The first slot of all times begins before them.
        Self { index, start: start.unwrap_or(Timestamp::MIN) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    #[test]
    fn slots_begin_12_27_42_and_57_seconds_past_the_minute() {
        let at = |text: &str| parse_time(text).expect(text);
        for (instant, start) in [
            ("2026-12-01T00:00:00", "2026-11-30T23:59:57"),
            ("2026-12-01T00:00:11.999999", "2026-11-30T23:59:57"),
            ("2026-12-01T00:00:12", "2026-12-01T00:00:12"),
            ("2026-12-01T00:00:26.999999", "2026-12-01T00:00:12"),
            ("2026-12-01T00:00:27", "2026-12-01T00:00:27"),
            ("2026-12-01T00:00:42", "2026-12-01T00:00:42"),
            ("2026-12-01T00:00:57", "2026-12-01T00:00:57"),
            ("1969-12-31T23:59:59", "1969-12-31T23:59:57"),
        ] {
            assert_eq!(Slot::of(at(instant)).start, at(start), "{instant}");
        }
        assert_eq!(Slot::of(at("1970-01-01T00:00:11")).index, -1);
        assert_eq!(Slot::of(at("1970-01-01T00:00:12")).index, 0);
        // 1,796,083,200 s since 1970.
        assert_eq!(Slot::of(at("2026-12-01T00:00:00")).index, (1_796_083_200 - 12) / 15);
        assert_eq!(Slot::of(Timestamp::MIN).start, Timestamp::MIN);
        Slot::of(Timestamp::MAX);
    }
}
