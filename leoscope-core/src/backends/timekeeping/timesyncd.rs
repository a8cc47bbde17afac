//! systemd-timesyncd, asked on the system bus with `busctl get-property`.
//!
//! `timedatectl show-timesync` prints the same message with times cut to seconds, and `timesync-status`
//! prints it for people; the bus gives whole microseconds. The property `NTPMessage` of
//! org.freedesktop.timesync1(5) has the signature `(uuuuittayttttbtt)`: leap indicator, version, mode,
//! stratum, precision, root delay, root dispersion, reference, the four times of the exchange
//! (originate, receive, transmit, destination), whether it was a spike and ignored, packet count, and
//! jitter. RFC 5905, section 8, gives the server's offset as ((receive − originate) + (transmit −
//! destination)) / 2: positive when the server is ahead, so the clock's own offset is its negative.

use super::Measured;
use crate::time::{SignedDuration, Timestamp};

pub(super) const PROGRAM: &str = "busctl";
pub(super) const ARGUMENTS: [&str; 6] = [
    "--system",
    "get-property",
    "org.freedesktop.timesync1",
    "/org/freedesktop/timesync1",
    "org.freedesktop.timesync1.Manager",
    "NTPMessage",
];

const SIGNATURE: &str = "(uuuuittayttttbtt)";

/// From what offset on timesyncd sets the clock at once, in microseconds: what was measured before is
/// no longer so then.
const SET_AT_ONCE_US: i64 = 400_000;

/// How old the last exchange may be; timesyncd asks every 34 minutes at least.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// What the answer says at `now`, or why that is nothing.
pub(super) fn read(answer: &str, now: Timestamp) -> Result<Measured, String> {
    let unreadable = || format!("{:?} is no message of it", answer.trim());
    let words: Vec<&str> = answer.split_whitespace().collect();
    let [signature, leap, _, _, stratum, _, root_delay, root_dispersion, "4", _, _, _, _, rest @ ..] =
        &words[..]
    else {
        return Err(unreadable());
    };
    let [originate, receive, transmit, destination, spike, packets, _] = rest else {
        return Err(unreadable());
    };
    let number = |text: &str| text.parse::<i64>().map_err(|_| unreadable());
    if *signature != SIGNATURE {
        return Err(unreadable());
    }
    if *packets == "0" || *leap == "3" || matches!(*stratum, "0" | "16") {
        return Err("it is not synchronised".to_owned());
    }
    if *spike == "true" {
        return Err("its last measurement was a spike".to_owned());
    }
    let destination = number(destination)?;
    let at = Timestamp::from_microsecond(destination).map_err(|_| unreadable())?;
    let (there, back) = (
        number(receive)?.checked_sub(number(originate)?).ok_or_else(unreadable)?,
        number(transmit)?.checked_sub(destination).ok_or_else(unreadable)?,
    );
    let offset_us = there.checked_add(back).and_then(i64::checked_neg).ok_or_else(unreadable)? / 2;
    if offset_us.saturating_abs() >= SET_AT_ONCE_US {
        return Err("it has just set the clock".to_owned());
    }
    if now.duration_since(at).abs() > FRESH {
        return Err("it has not reached a server for an hour".to_owned());
    }
    let delay = there.saturating_sub(back).max(0).saturating_add(number(root_delay)?);
    // It slows or speeds the clock from then on, until nothing of the offset is left.
    let half_way = delay.unsigned_abs().div_ceil(2);
    let uncertainty_us = [number(root_dispersion)?.unsigned_abs(), half_way, offset_us.unsigned_abs()];
    Ok(Measured { offset_us, uncertainty_us: uncertainty_us.iter().sum(), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An exchange: asked at `origin`, 10 ms each way, of a server that is ahead by `ahead`.
    fn answer(origin: i64, ahead: i64) -> String {
        let (receive, transmit) = (origin + 10_000 + ahead, origin + 10_050 + ahead);
        let destination = origin + 20_050;
        format!(
            "(uuuuittayttttbtt) 0 4 4 2 -25 2000 300 4 192 0 2 10 {origin} {receive} {transmit} {destination} false 7 1200\n"
        )
    }

    #[test]
    fn messages_of_timesyncd_are_read() {
        let origin = 1_795_542_165_301_544;
        let at = Timestamp::from_microsecond(origin + 20_050).expect("time");
        let right = Measured { offset_us: 0, uncertainty_us: 300 + 11_000, at };
        assert_eq!(read(&answer(origin, 0), at), Ok(right));
        let slow = Measured { offset_us: -1_500, uncertainty_us: 300 + 11_000 + 1_500, at };
        assert_eq!(read(&answer(origin, 1_500), at), Ok(slow));
        assert_eq!(read(&answer(origin, -1_500), at), Ok(Measured { offset_us: 1_500, ..slow }));
        assert_eq!(read(&answer(origin, 3_600_000_000), at), Err("it has just set the clock".to_owned()));
        let later = at + SignedDuration::from_hours(2);
        let silent = Err("it has not reached a server for an hour".to_owned());
        assert_eq!(read(&answer(origin, 0), later), silent);
        let none = "(uuuuittayttttbtt) 0 0 0 0 0 0 0 4 0 0 0 0 0 0 0 0 false 0 0\n";
        assert_eq!(read(none, at), Err("it is not synchronised".to_owned()));
        let spike = answer(origin, 0).replace("false", "true");
        assert_eq!(read(&spike, at), Err("its last measurement was a spike".to_owned()));
        let far = answer(origin, 0).replace(&origin.to_string(), "18446744073709551615");
        for bad in ["", "(u) 1", &far, &answer(origin, 0).replace(" 1200", "")] {
            read(bad, at).expect_err(bad);
        }
    }
}
