//! The dates of a job as they are written on the command line.

use leoscope_core::time::{SignedDuration, Timestamp, parse_duration};
use leoscope_core::{Error, Result};

/// How long a single run that is to start now leaves its node to hear of it.
const READY: SignedDuration = SignedDuration::from_secs(5);

/// When a job begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    At(Timestamp),
    /// So long from now.
    In(SignedDuration),
    /// Where all of its nodes are free for the first time.
    NextCommonSlot,
}

/// When a job is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    At(Timestamp),
    /// So long after its start.
    After(SignedDuration),
}

/// Reads an instant, `now`, `+90m`, or `next-common-slot`.
pub(super) fn start(text: &str) -> Result<Start> {
    match text {
        "now" => Ok(Start::In(SignedDuration::ZERO)),
        "next-common-slot" => Ok(Start::NextCommonSlot),
        _ => match text.strip_prefix('+') {
            Some(after) => parse_duration(after).map(Start::In),
            None => instant(text, "now, +90m or next-common-slot").map(Start::At),
        },
    }
}

/// Reads an instant, or `+1d`.
pub(super) fn end(text: &str) -> Result<End> {
    match text.strip_prefix('+') {
        Some(after) => parse_duration(after).map(End::After),
        None => instant(text, "+1d for a day after the start").map(End::At),
    }
}

fn instant(text: &str, others: &str) -> Result<Timestamp> {
    crate::cli::instant(text).map_err(|error| {
        let hint = error.what_to_do().map(|hint| format!("{hint}; or {others}"));
        error.hint(hint.unwrap_or_else(|| format!("write 2026-12-01T00:00:00 (UTC), {others}")))
    })
}

impl Start {
    /// The instant, unless it has to be looked for. A single run that starts now starts at a full second
    /// of which its node will have heard.
    pub(super) fn instant(self, now: Timestamp, is_single: bool) -> Result<Option<Timestamp>> {
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

impl End {
    pub(super) fn instant(self, start: Timestamp) -> Result<Timestamp> {
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
    use leoscope_core::time::parse_time;

    use super::*;

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect("time")
    }

    #[test]
    fn dates_are_instants_or_relative() {
        let now = at("2026-12-01T00:00:00.25");
        let started = |text: &str, is_single| start(text).expect(text).instant(now, is_single).expect(text);
        assert_eq!(started("2026-12-02 10:00:00", true), Some(at("2026-12-02T10:00:00")));
        assert_eq!(started("2026-12-02", true), Some(at("2026-12-02T00:00:00")));
        assert_eq!(started("now", false), Some(at("2026-12-01T00:00:00")));
        assert_eq!(started("now", true), Some(at("2026-12-01T00:00:06")));
        assert_eq!(started("+90m", true), Some(at("2026-12-01T01:30:01")));
        assert_eq!(started("next-common-slot", true), None);
        assert_eq!(end("+1d").expect("end").instant(now).expect("end"), at("2026-12-02T00:00:00.25"));
        for bad in ["tomorrow", "+", "+soon", "-1h", ""] {
            assert!(start(bad).is_err() && end(bad).is_err(), "{bad}");
        }
    }
}
