//! The dates of a job as they are written.

use std::str::FromStr;

use crate::error::Error;
use crate::time::{SignedDuration, Timestamp, parse_duration, parse_instant};

/// How long a single run that is to start now leaves its node to hear of it.
const READY: SignedDuration = SignedDuration::from_secs(5);

/// When a job begins: an instant, `now`, `+90m`, or `next-common-slot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStart {
    /// At this instant.
    At(Timestamp),
    /// So long from now.
    In(SignedDuration),
    /// Where all of its nodes are free for the first time.
    NextCommonSlot,
}

/// When a job is over: an instant, or `+1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// At this instant.
    At(Timestamp),
    /// So long after its start.
    After(SignedDuration),
}

impl FromStr for JobStart {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "now" => Ok(Self::In(SignedDuration::ZERO)),
            "next-common-slot" => Ok(Self::NextCommonSlot),
            _ => match text.strip_prefix('+') {
                Some(after) => parse_duration(after).map(Self::In),
                None => instant(text, "now, +90m or next-common-slot").map(Self::At),
            },
        }
    }
}

impl FromStr for JobEnd {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.strip_prefix('+') {
            Some(after) => parse_duration(after).map(Self::After),
            None => instant(text, "+1d for a day after the start").map(Self::At),
        }
    }
}

fn instant(text: &str, others: &str) -> Result<Timestamp, Error> {
    parse_instant(text).map_err(|error| {
        let hint = error.what_to_do().map(|hint| format!("{hint}; or {others}"));
        error.hint(hint.unwrap_or_else(|| format!("write 2026-12-01T00:00:00 (UTC), {others}")))
    })
}

impl JobStart {
    /// The instant, `None` where it has to be looked for. A single run that starts now starts at a full
    /// second of which its node will have heard.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for one beyond all times.
    pub fn instant(self, now: Timestamp, is_single: bool) -> Result<Option<Timestamp>, Error> {
        let after = match self {
            Self::At(at) => return Ok(Some(at)),
            Self::NextCommonSlot => return Ok(None),
            Self::In(after) if is_single => after.max(READY),
            Self::In(after) => after,
        };
        let at = now.checked_add(after).ok().and_then(|at| {
            let full = if is_single { at.as_second().saturating_add(1) } else { at.as_second() };
            Timestamp::from_second(full).ok()
        });
        at.map(Some)
            .ok_or_else(|| Error::invalid("the start is beyond all times").hint("give an earlier one"))
    }
}

impl JobEnd {
    /// The instant, for a job that begins at `start`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for one beyond all times.
    pub fn instant(self, start: Timestamp) -> Result<Timestamp, Error> {
        match self {
            Self::At(at) => Ok(at),
            Self::After(after) => start
                .checked_add(after)
                .map_err(|_| Error::invalid("the end is beyond all times").hint("give an earlier one")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect("time")
    }

    #[test]
    fn dates_are_instants_or_relative() {
        let now = at("2026-12-01T00:00:00.25");
        let started = |text: &str, is_single| {
            text.parse::<JobStart>().expect(text).instant(now, is_single).expect(text)
        };
        assert_eq!(started("2026-12-02 10:00:00", true), Some(at("2026-12-02T10:00:00")));
        assert_eq!(started("2026-12-02", true), Some(at("2026-12-02T00:00:00")));
        assert_eq!(started("now", false), Some(at("2026-12-01T00:00:00")));
        assert_eq!(started("now", true), Some(at("2026-12-01T00:00:06")));
        assert_eq!(started("+90m", true), Some(at("2026-12-01T01:30:01")));
        assert_eq!(started("next-common-slot", true), None);
        let end = |text: &str| text.parse::<JobEnd>().expect(text).instant(now).expect(text);
        assert_eq!(end("+1d"), at("2026-12-02T00:00:00.25"));
        assert_eq!(end("2026-12-03"), at("2026-12-03T00:00:00"));
        for bad in ["tomorrow", "+", "+soon", "-1h", ""] {
            assert!(bad.parse::<JobStart>().is_err() && bad.parse::<JobEnd>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_date_is_told_with_all_that_is_one() {
        let hint = |error: Error| error.what_to_do().map(str::to_owned);
        let time = "write it like 2026-12-01T00:00:00 (UTC) or 2026-12-01T01:00:00+01:00";
        let start = "tomorrow".parse::<JobStart>().expect_err("no date");
        assert_eq!(start.message(), "\"tomorrow\" is not a time");
        assert_eq!(hint(start), Some(format!("{time}; or now, +90m or next-common-slot")));
        let end = "tomorrow".parse::<JobEnd>().expect_err("no date");
        assert_eq!(hint(end), Some(format!("{time}; or +1d for a day after the start")));
    }
}
