//! ntpd, asked with `ntpq -n -c "rv 0 …"`.
//!
//! The answer has `name=value` pairs; times are in milliseconds. By ntpq(8) `offset` is the "combined
//! offset of server relative to this host": positive when the server is ahead, so the clock's own
//! offset is its negative. Root dispersion and half the root delay say how far that may be off.

use super::{Measured, micros};
use crate::time::Timestamp;

pub(super) const PROGRAM: &str = "ntpq";
pub(super) const ARGUMENTS: [&str; 3] = ["-n", "-c", "rv 0 leap,stratum,refid,offset,rootdelay,rootdisp"];

/// How references begin that stand for the clock itself.
const OWN_CLOCK: [&str; 3] = ["127.127.1.", "LOCAL", "LOCL"];

/// What the answer says at `now`, or why that is nothing.
pub(super) fn read(answer: &str, now: Timestamp) -> Result<Measured, String> {
    let pairs = answer.split([',', '\n']).filter_map(|pair| pair.trim().split_once('='));
    let pairs: Vec<(&str, &str)> = pairs.collect();
    let text = |name: &str| {
        let found = pairs.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        found.ok_or_else(|| format!("it does not tell {name}"))
    };
    let number = |name: &str| {
        let value = text(name)?;
        let micros = value.parse().ok().and_then(|value| micros(value, 1e3));
        micros.ok_or_else(|| format!("{name} {value:?} is no number of milliseconds"))
    };
    // Two bits; both are set by a clock that is not synchronised.
    if matches!(text("leap")?, "11" | "3") || text("stratum")?.parse() == Ok(16_u8) {
        return Err("it is not synchronised".to_owned());
    }
    let reference = text("refid")?.trim_start_matches('.');
    if OWN_CLOCK.iter().any(|own| reference.starts_with(own)) {
        return Err("it takes its own clock for the true time".to_owned());
    }
    Ok(Measured {
        offset_us: -number("offset")?,
        uncertainty_us: number("rootdisp")?.unsigned_abs() + number("rootdelay")?.unsigned_abs().div_ceil(2),
        at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form is that of ntpq 4.2.8 and of ntpsec 1.2, which know the same names.
    #[test]
    fn answers_of_ntpq_are_read() {
        let now = Timestamp::UNIX_EPOCH;
        let whole = "associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,\nleap=00, stratum=3, refid=192.0.2.10, offset=-4.462676, rootdelay=39.223,\nrootdisp=37.185\n";
        let expected = Measured { offset_us: 4_463, uncertainty_us: 37_185 + 19_612, at: now };
        assert_eq!(read(whole, now), Ok(expected));
        let ahead = whole.replace("offset=-4.462676", "offset=+2500.0");
        assert_eq!(read(&ahead, now), Ok(Measured { offset_us: -2_500_000, ..expected }));
        let alarm = "associd=0 status=c016 leap_alarm, sync_unspec, 1 event, restart,\nleap=11, stratum=16, refid=INIT, offset=0.000000, rootdelay=0.000,\nrootdisp=0.105\n";
        assert_eq!(read(alarm, now), Err("it is not synchronised".to_owned()));
        for own in ["127.127.1.0", "LOCAL(0)", ".LOCL."] {
            let answer = whole.replace("192.0.2.10", own);
            assert_eq!(read(&answer, now), Err("it takes its own clock for the true time".to_owned()));
        }
        for bad in ["", "ntpq: read: Connection refused", &whole.replace("rootdisp=37.185", "rootdisp=x")] {
            read(bad, now).expect_err(bad);
        }
    }
}
