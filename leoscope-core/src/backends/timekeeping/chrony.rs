//! chronyd, asked with `chronyc -n -c tracking`.
//!
//! The answer is one line of values, in the order in which chronyc(1) lists them under `tracking`. Of
//! the system time it says how far the clock is off the time that chronyd keeps: positive is what the
//! same command without `-c` calls "slow of NTP time", so the offset is its negative. By chronyc(1) the
//! clock is right to within root dispersion and half the root delay of that.

use super::{Measured, micros};
use crate::time::Timestamp;

pub(super) const PROGRAM: &str = "chronyc";
pub(super) const ARGUMENTS: [&str; 3] = ["-n", "-c", "tracking"];

/// The reference of a chronyd that takes its own clock for the true time (directive `local`).
const OWN_CLOCK: &str = "7F7F0101";

/// What the answer says at `now`, or why that is nothing.
pub(super) fn read(answer: &str, now: Timestamp) -> Result<Measured, String> {
    let values: Vec<&str> = answer.trim().split(',').collect();
    let [reference, _, _, _, system_time, _, _, _, _, _, root_delay, root_dispersion, _, leap] = values[..]
    else {
        return Err(format!("{} values instead of 14", values.len()));
    };
    if leap == "Not synchronised" || reference.is_empty() || reference.bytes().all(|b| b == b'0') {
        return Err("it is not synchronised".to_owned());
    }
    if reference == OWN_CLOCK {
        return Err("it takes its own clock for the true time".to_owned());
    }
    let number = |text: &str| {
        let value = text.parse().ok().and_then(|value| micros(value, 1e6));
        value.ok_or_else(|| format!("{text:?} is no number of seconds"))
    };
    let (delay, dispersion) = (number(root_delay)?, number(root_dispersion)?);
    Ok(Measured {
        offset_us: -number(system_time)?,
        uncertainty_us: dispersion.unsigned_abs() + delay.unsigned_abs().div_ceil(2),
        at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of chronyc 4.3; what it prints without `-c` is beside them.
    #[test]
    fn answers_of_chronyc_are_read() {
        let now = Timestamp::UNIX_EPOCH;
        // 0.000001727 seconds fast of NTP time
        let fast = "7F000001,127.0.0.1,11,1795542165.301544627,-0.000001727,0.000000021,0.000000456,0.004,0.000,0.084,0.000006570,0.000001679,1.0,Normal\n";
        assert_eq!(read(fast, now), Ok(Measured { offset_us: 2, uncertainty_us: 6, at: now }));
        let slow = fast.replace("-0.000001727", "2.500000000");
        assert_eq!(read(&slow, now), Ok(Measured { offset_us: -2_500_000, uncertainty_us: 6, at: now }));
        let own = "7F7F0101,,10,1795542156.620840180,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal\n";
        assert_eq!(read(own, now), Err("it takes its own clock for the true time".to_owned()));
        let none = "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n";
        assert_eq!(read(none, now), Err("it is not synchronised".to_owned()));
        for bad in [
            "",
            "506 Cannot talk to daemon",
            &fast.replace("0.000006570", "NaN"),
            &fast.replace("0.000006570", "1e300"),
        ] {
            read(bad, now).expect_err(bad);
        }
    }
}
