//! Instants, half-open windows and the forms in which times come and go.
//!
//! Everything is UTC with microsecond resolution: what is stored, compared and sent is the same
//! value, whichever way it came in.

mod slot;

use std::fmt;

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
pub use jiff::{SignedDuration, Timestamp};
use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Serialize};

use crate::error::Error;

pub use slot::Slot;

/// Cuts `time` to the microsecond, the resolution of every instant in the testbed.
pub fn to_micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Parses an ISO 8601 instant with `T` or a space, with or without seconds, fraction and offset;
/// without an offset it means UTC.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that quotes the text and shows an example.
pub fn parse_time(text: &str) -> Result<Timestamp, Error> {
    let trimmed = text.trim();
    let zoned = trimmed.parse::<Timestamp>().ok();
    let parsed = zoned.or_else(|| {
        let civil = trimmed.parse::<DateTime>().ok()?;
        // A bare date parses as a civil date-time too, but "2026-12-01" as the end of a window is
        // read by some as the day's end: ask for the time instead of guessing.
        (trimmed.len() > "2026-12-01".len()).then_some(())?;
        TimeZone::UTC.to_timestamp(civil).ok()
    });
    parsed.map(to_micros).ok_or_else(|| {
        Error::invalid(format!("{text:?} is not a time"))
            .hint("write it like 2026-12-01T00:00:00 (UTC) or 2026-12-01T01:00:00+01:00")
    })
}

/// Parses an instant as [`parse_time`] does; a date alone is its beginning.
///
/// # Errors
/// Those of [`parse_time`].
pub fn parse_instant(text: &str) -> Result<Timestamp, Error> {
    parse_time(text).or_else(|error| parse_time(&format!("{}T00:00:00", text.trim())).map_err(|_| error))
}

/// Parses a length of time with its unit: `90m`, `2h`, `1h30m`, `1d` (24 hours).
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that quotes the text and shows an example;
/// also for one that is not positive, or beyond all times.
pub fn parse_duration(text: &str) -> Result<SignedDuration, Error> {
    let span = text.trim().parse::<Span>().ok();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    // Instants have microseconds.
    let micros = duration.and_then(|duration| i64::try_from(duration.as_micros()).ok());
    let duration = micros.map(SignedDuration::from_micros).filter(SignedDuration::is_positive);
    duration.ok_or_else(|| {
        Error::invalid(format!("{text:?} is not a length of time"))
            .hint("write it with its unit, like 10s, 90m, 2h or 1d")
    })
}

/// `time` as `2026-12-01T00:00:00` or `2026-12-01T00:00:00.250000`: UTC, no zone suffix, as
/// existing clients read it.
pub fn wire_time(time: Timestamp) -> String {
    const WHOLE: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
    const MICROS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    let printer = if time.subsec_nanosecond() == 0 { WHOLE } else { MICROS };
    printer.datetime_to_string(&TimeZone::UTC.to_datetime(time))
}

/// The half-open interval `[start, end)`; the only interval type of the testbed.
///
/// It is never empty: `start < end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Bounds", into = "Bounds")]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Bounds {
    start: Timestamp,
    end: Timestamp,
}

impl Window {
    /// The window from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) unless `start < end`.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, Error> {
        if start < end {
            return Ok(Self { start, end });
        }
        let relation = if start == end { "equal to" } else { "before" };
        Err(Error::invalid(format!("end {} is {relation} start {}", wire_time(end), wire_time(start)))
            .hint("give an end date later than the start date"))
    }

    /// The window that begins at `start` and lasts `length`; `None` unless `length` is positive
    /// and the end can be represented.
    pub fn lasting(start: Timestamp, length: SignedDuration) -> Option<Self> {
        let end = start.checked_add(length).ok()?;
        (start < end).then_some(Self { start, end })
    }

    /// The first instant inside.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The first instant after the window.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// How long the window lasts.
    pub fn length(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }

    /// Whether `instant` lies inside.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// Whether `other` lies wholly inside.
    pub fn covers(&self, other: &Window) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The part in both; `None` when they only touch or lie apart.
    pub fn overlap(&self, other: &Window) -> Option<Window> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Self { start, end })
    }
}

impl TryFrom<Bounds> for Window {
    type Error = Error;
    fn try_from(Bounds { start, end }: Bounds) -> Result<Self, Error> {
        Self::new(start, end)
    }
}

impl From<Window> for Bounds {
    fn from(Window { start, end }: Window) -> Self {
        Self { start, end }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", wire_time(self.start), wire_time(self.end))
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_unit() {
        let secs = |text| parse_duration(text).map(|length| length.as_secs()).ok();
        for (text, expected) in
            [("10s", 10), ("90m", 5400), (" 2h ", 7200), ("1h30m", 5400), ("1h 30m", 5400), ("1d", 86_400)]
        {
            assert_eq!(secs(text), Some(expected), "{text}");
        }
        assert_eq!(parse_duration("1500ms").ok(), Some(SignedDuration::from_millis(1500)));
        for bad in ["", "10", "0s", "-2h", "2h ago", "1 month", "1y", "two hours", "99999999999d", "h"] {
            assert_eq!(secs(bad), None, "{bad}");
        }
    }

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect(text)
    }

    #[test]
    fn every_form_of_the_contract_is_read() {
        let expected = at("2024-01-01T00:00:00Z");
        for form in [
            "2024-01-01T00:00:00",
            "2024-01-01 00:00:00",
            "2024-01-01 00:00",
            "2024-01-01T01:00:00+01:00",
            "2024-01-01 00:00:00.000000",
            " 2024-01-01T00:00:00Z ",
        ] {
            assert_eq!(at(form), expected, "{form}");
        }
        assert_eq!(wire_time(at("2024-01-01 00:00:00.123456789")), "2024-01-01T00:00:00.123456");
        for bad in ["", "tomorrow", "2024-13-01T00:00:00", "2024-01-01", "2024-01-01T25:00:00", "12:00"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_instant(" 2024-01-01 ").ok(), Some(expected), "where a date alone will do");
        for bad in ["", "tomorrow", "2024-13-01", "T12:00", "12:00"] {
            assert!(parse_instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn touching_windows_do_not_overlap() {
        let a = Window::new(at("2024-01-01T00:00"), at("2024-01-01T01:00")).expect("window");
        let b = Window::new(at("2024-01-01T01:00"), at("2024-01-01T02:00")).expect("window");
        assert_eq!(a.overlap(&b), None);
        assert!(a.contains(a.start()) && !a.contains(a.end()));
        let c = Window::new(at("2024-01-01T00:30"), at("2024-01-01T01:30")).expect("window");
        assert_eq!(a.overlap(&c), c.overlap(&a));
        assert_eq!(a.overlap(&c).map(|w| w.length()), Some(SignedDuration::from_mins(30)));
    }

    #[test]
    fn an_empty_or_reversed_window_is_refused_even_from_storage() {
        assert!(Window::new(at("2024-01-01T00:00"), at("2024-01-01T00:00")).is_err());
        let json = r#"{"start":"2024-01-02T00:00:00Z","end":"2024-01-01T00:00:00Z"}"#;
        assert!(serde_json::from_str::<Window>(json).is_err());
    }
}
