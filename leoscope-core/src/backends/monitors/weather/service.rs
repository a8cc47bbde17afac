//! A weather service: where it is, and when it may be asked.

use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::backends::https::host;
use crate::error::{Error, ErrorKind};
use crate::time::{SignedDuration, Timestamp};

/// The longest time that a service is obeyed which asks to be left alone.
const MOST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// A weather service.
#[derive(Debug)]
pub(super) struct Service {
    name: &'static str,
    address: String,
    /// Whether it is asked with the testbed's key.
    wants_key: bool,
    /// Until when it asks to be left alone.
    waits: Mutex<Option<Timestamp>>,
}

impl Service {
    pub(super) fn new(name: &'static str, address: &str, wants_key: bool) -> Self {
        Self { name, address: address.to_owned(), wants_key, waits: Mutex::default() }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The address, without a query.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether it may be asked at `now`.
    pub(super) fn may_be_asked(&self, now: Timestamp) -> Result<(), Error> {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        // Also where the clock was set back meanwhile.
        match *waits {
            Some(until) if now < until && until.duration_since(now) <= MOST_WAIT => {
                Err(self.busy(Some(until)))
            }
            _ => {
                *waits = None;
                Ok(())
            }
        }
    }

    /// What an answer means that is no success.
    pub(super) fn refused(&self, status: StatusCode, retry_after: Option<&str>, now: Timestamp) -> Error {
        let (name, code) = (self.name, status.as_u16());
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let until = retry_after.and_then(|text| instant(text, now));
                *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = until;
                self.busy(until)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.wants_key => {
                let message = format!("{name} refuses the key of the testbed (status {code})");
                Error::new(ErrorKind::PermissionDenied, message).hint(
                    "give the testbed another with leoscope config update; a new key may take hours to work",
                )
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let message = format!("{name} refuses to tell the weather (status {code})");
                Error::new(ErrorKind::PermissionDenied, message)
                    .hint("give the testbed a key of OpenWeatherMap with leoscope config update")
            }
            status if status.is_redirection() => {
                Error::unavailable(format!("{name} is at another address (status {code})"))
                    .hint("set its address in monitors.weather of the executor config")
            }
            _ => Error::unavailable(format!("{name} cannot tell the weather (status {code})"))
                .hint("it is asked again"),
        }
    }

    fn busy(&self, until: Option<Timestamp>) -> Error {
        let message = match until {
            Some(until) => format!("{} asks to be left alone until {until}", self.name),
            None => format!("{} asks to be left alone for a while", self.name),
        };
        Error::new(ErrorKind::Exhausted, message)
            .hint("it is asked again; if that is so often, give monitors.weather a longer interval")
    }

    /// That no answer came.
    pub(super) fn unreachable(&self, why: &str) -> Error {
        Error::unavailable(format!("cannot reach {} at {}: {why}", self.name, host(&self.address)))
            .hint("it is asked again")
    }

    /// That the rest of the answer did not come.
    pub(super) fn broke_off(&self, why: &str) -> Error {
        Error::unavailable(format!("the answer of {} broke off: {why}", self.name)).hint("it is asked again")
    }

    /// That the answer is none.
    pub(super) fn too_long(&self, most: usize) -> Error {
        Error::unavailable(format!("the answer of {} has more than {most} bytes", self.name))
    }
}

/// The instant of a header `Retry-After`, a number of seconds or a date (RFC 9110, section 10.2.3), but
/// none that is too far away.
fn instant(text: &str, now: Timestamp) -> Option<Timestamp> {
    let latest = now.checked_add(MOST_WAIT).ok()?;
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is more than a day.
        let seconds = text.parse().unwrap_or(i64::MAX);
        let until = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(latest);
        return Some(until.min(latest));
    }
    let until = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(until.min(latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(784_111_700 + second).expect("time")
    }

    #[test]
    fn a_wait_is_a_number_of_seconds_or_a_date_and_a_day_at_most() {
        for (text, expected) in [
            ("120", Some(at(120))),
            (" 0 ", Some(at(0))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(at(77))),
            ("99999999999999999999999", Some(at(86_400))),
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(at(86_400))),
            ("", None),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(instant(text, at(0)), expected, "{text:?}");
        }
    }

    #[test]
    fn who_asks_to_be_left_alone_is_left_alone_until_then() {
        let service = Service::new("service", "http://127.0.0.1/", false);
        service.may_be_asked(at(0)).expect("never refused");
        let error = service.refused(StatusCode::TOO_MANY_REQUESTS, Some("120"), at(0));
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        assert_eq!(error.message(), "service asks to be left alone until 1994-11-06T08:50:20Z");
        assert!(service.may_be_asked(at(119)).is_err());
        service.may_be_asked(at(120)).expect("over");
        service.refused(StatusCode::TOO_MANY_REQUESTS, None, at(0));
        service.may_be_asked(at(1)).expect("no time was given");
        // The clock was a week fast when the service was asked.
        service.refused(StatusCode::TOO_MANY_REQUESTS, Some("120"), at(604_800));
        service.may_be_asked(at(0)).expect("the clock was set back");
    }
}
