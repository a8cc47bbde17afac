//! How far a node's clock is off.

use serde::{Deserialize, Serialize};

use super::named::named;
use crate::ids::NodeId;
use crate::schedule::Zone;
use crate::time::Timestamp;

named!(
    /// What a clock was compared with.
    ClockSource {
        /// The time that chronyd keeps.
        Chrony = "CHRONY",
        /// The time that ntpd keeps.
        Ntpd = "NTPD",
        /// The server that systemd-timesyncd asks.
        Timesyncd = "TIMESYNCD",
        /// The orchestrator's clock.
        Orchestrator = "ORCHESTRATOR",
    }
);

/// One measurement of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The clock minus true time, in microseconds: positive when it is fast.
    pub offset_us: i64,
    /// How far the offset may be from the truth either way, in microseconds, as its source says.
    pub uncertainty_us: u64,
    /// What the clock was compared with.
    pub source: ClockSource,
    /// When it was measured, by the clock itself.
    pub at: Timestamp,
}

/// From what offset on a clock is off, in microseconds.
const TOLERATED_US: u64 = 1_000_000;

/// Whether a clock that is `offset_us` from true time is further off than a testbed can bear: more
/// than a second.
pub fn is_clock_off(offset_us: i64) -> bool {
    offset_us.unsigned_abs() > TOLERATED_US
}

/// What is said of a clock that is `offset_us` from true time, for example `2.500 s fast`.
pub fn clock_error(offset_us: i64) -> String {
    let side = if offset_us < 0 { "slow" } else { "fast" };
    format!("{:.3} s {side}", offset_us.unsigned_abs() as f64 / 1e6)
}

/// What a node tells of itself while it is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The node.
    pub node: NodeId,
    /// The time zone of the place, if the node knows.
    pub time_zone: Option<Zone>,
    /// The node's clock minus true time in microseconds, if the node knows.
    pub clock_offset_us: Option<i64>,
}

impl Heartbeat {
    /// That `node` is alive, and nothing else.
    pub fn of(node: NodeId) -> Self {
        Self { node, time_zone: None, clock_offset_us: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_from_a_second_on_either_way() {
        for fine in [0, 1_000_000, -1_000_000] {
            assert!(!is_clock_off(fine), "{fine}");
        }
        for off in [1_000_001, -1_000_001, i64::MIN, i64::MAX] {
            assert!(is_clock_off(off), "{off}");
        }
        assert_eq!(clock_error(-2_500_400), "2.500 s slow");
        assert_eq!(clock_error(60_000_000), "60.000 s fast");
    }
}
