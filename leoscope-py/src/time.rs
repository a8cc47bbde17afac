//! Python's times and lengths of time, and the core's.

use leoscope_core::Error;
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_duration, parse_instant};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyDate, PyDateAccess, PyDateTime, PyDelta, PyInt, PyTuple, PyTzInfo, PyTzInfoAccess,
};

use crate::error::exception;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// An instant that was given as a datetime, or as something that can be made one: a timestamp of pandas.
#[derive(Clone, Copy)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl<'a, 'py> FromPyObject<'a, 'py> for Instant {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match datetime_of(&given)? {
            Some(time) => instant(&time).map(Self),
            None => Err(unexpected("a datetime is expected", &given)),
        }
    }
}

/// A time that was given as an instant, as a length of time from another one, or as a text.
#[derive(Clone, Copy)]
pub(crate) enum Moment {
    Now,
    At(Timestamp),
    After(SignedDuration),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Moment {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let py = given.py();
        if let Ok(text) = given.extract::<String>() {
            return Self::parse(&text).map_err(|error| exception(py, &error));
        }
        if given.is_instance_of::<PyDelta>() {
            return Ok(Self::After(given.extract::<Length>()?.0));
        }
        match datetime_of(&given)? {
            Some(time) => Ok(Self::At(instant(&time)?)),
            None => Err(unexpected("a datetime, a timedelta or a text is expected", &given)),
        }
    }
}

impl Moment {
    /// Reads `now`, `+90m`, `-1d`, or an instant.
    fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        match (text, text.strip_prefix('+'), text.strip_prefix('-')) {
            ("now", _, _) => Ok(Self::Now),
            (_, Some(after), _) => parse_duration(after).map(Self::After),
            (_, _, Some(before)) => parse_duration(before).map(|before| Self::After(-before)),
            _ => parse_instant(text).map(Self::At),
        }
    }

    /// The instant, where lengths of time are from `start`.
    pub(crate) fn from(self, start: Timestamp) -> Result<Timestamp, Error> {
        match self {
            Self::Now => Ok(Timestamp::now()),
            Self::At(at) => Ok(at),
            Self::After(after) => start.checked_add(after).map_err(|_| {
                Error::invalid("a time beyond all times is not possible").hint("give a shorter timedelta")
            }),
        }
    }
}

/// A number of things.
#[derive(Clone, Copy)]
pub(crate) struct Count(pub(crate) u32);

impl<'a, 'py> FromPyObject<'a, 'py> for Count {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(count) = given.extract::<u32>() {
            return Ok(Self(count));
        }
        if given.is_instance_of::<PyInt>() {
            let error = Error::invalid(format!("{} is out of range 0 to {}", given.str()?, u32::MAX));
            return Err(exception(given.py(), &error));
        }
        Err(unexpected("a whole number is expected", &given))
    }
}

/// What has been given as a datetime, or can be made one without loss: also a date, which is its first instant.
fn datetime_of<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
    let py = given.py();
    if let Ok(time) = given.cast::<PyDateTime>() {
        return Ok(Some(time.clone()));
    }
    if let Ok(date) = given.cast::<PyDate>() {
        let (year, month, day) = (date.get_year(), date.get_month(), date.get_day());
        return PyDateTime::new(py, year, month, day, 0, 0, 0, 0, None).map(Some);
    }
    if let Some(convert) = given.getattr_opt(pyo3::intern!(py, "to_pydatetime"))? {
        return Ok(convert.call0()?.cast_into().ok());
    }
    // What NumPy has is cut to microseconds.
    if given.get_type().name()? == "datetime64" {
        let cut = given.call_method1("astype", ("datetime64[us]",))?.call_method0("item")?;
        return Ok(cut.cast_into().ok());
    }
    Ok(None)
}

/// That something else is expected than what was given.
pub(crate) fn unexpected(expected: &str, given: &Bound<'_, PyAny>) -> PyErr {
    match given.get_type().name() {
        Ok(kind) => PyTypeError::new_err(format!("{expected}, not {kind}")),
        Err(fault) => fault,
    }
}

/// A length of time that was given as a timedelta, or in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Length(pub(crate) SignedDuration);

impl<'a, 'py> FromPyObject<'a, 'py> for Length {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let py = given.py();
        if given.is_instance_of::<PyDelta>() {
            return micros(&given).map(SignedDuration::from_micros).map(Self);
        }
        let seconds = given.extract::<f64>();
        let Some(seconds) = seconds.ok().filter(|_| !given.is_instance_of::<PyBool>()) else {
            return Err(unexpected("a timedelta or seconds are expected", &given));
        };
        let length = SignedDuration::try_from_secs_f64(seconds)
            .map_err(|_| Error::invalid(format!("{seconds:e} s is no length of time")));
        length.map(Self).map_err(|error| exception(py, &error))
    }
}

impl Length {
    /// The window of this length from `start` on.
    pub(crate) fn from(self, start: Timestamp) -> Result<Window, Error> {
        let Self(length) = self;
        Window::lasting(start, length).ok_or_else(|| {
            Error::invalid(format!("a time of {} s is not possible", length.as_secs_f64()))
                .hint("give one that is longer than nothing and ends before the year 10000")
        })
    }
}

/// From `start` to `end`, without a bound where there is none; `None` without any.
///
/// Lengths of time are from now, and of an end from the start.
pub(crate) fn between(start: Option<Moment>, end: Option<Moment>) -> Result<Option<Window>, Error> {
    let now = Timestamp::now();
    let base = match (start, end) {
        (None, None) => return Ok(None),
        (Some(start), _) => start.from(now)?,
        (None, Some(_)) => now,
    };
    let start = if start.is_some() { base } else { Timestamp::UNIX_EPOCH };
    let end = match end {
        Some(end) => end.from(base)?,
        // A day before the last there is: it travels as a whole number.
        None => Timestamp::MAX.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX),
    };
    Window::new(start, end).map(Some)
}

/// 1970-01-01T00:00:00 UTC.
fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyDateTime>> {
    PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&PyTzInfo::utc(py)?.to_owned()))
}

/// A timedelta in microseconds.
fn micros(delta: &Bound<'_, PyAny>) -> PyResult<i64> {
    let part = |name: &str| -> PyResult<i64> { delta.getattr(name)?.extract() };
    let (days, seconds, micros) = (part("days")?, part("seconds")?, part("microseconds")?);
    let seconds = days.checked_mul(SECONDS_PER_DAY).and_then(|days| days.checked_add(seconds));
    let micros = seconds.and_then(|seconds| seconds.checked_mul(MICROS_PER_SECOND)?.checked_add(micros));
    micros.ok_or_else(|| exception(delta.py(), &Error::invalid(format!("{days} days are too long"))))
}

/// The instant of `time`; without a time zone it means UTC.
fn instant(time: &Bound<'_, PyDateTime>) -> PyResult<Timestamp> {
    let py = time.py();
    let aware = match time.get_tzinfo() {
        Some(_) => time.as_any().clone(),
        None => {
            let zone = pyo3::types::IntoPyDict::into_py_dict([("tzinfo", PyTzInfo::utc(py)?)], py)?;
            time.call_method("replace", (), Some(&zone))?
        }
    };
    let since = aware.sub(epoch(py)?)?;
    // What pandas has for no time is a datetime, but nothing can be told from it.
    let Ok(since) = since.cast::<PyDelta>() else {
        return Err(exception(py, &Error::invalid(format!("there is no time in {time}"))));
    };
    Timestamp::from_microsecond(micros(since)?)
        .map_err(|e| exception(py, &Error::invalid(format!("{time} is out of range: {e}"))))
}

/// `instant` as an aware datetime in UTC.
pub(crate) fn datetime(py: Python<'_>, instant: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    epoch(py)?.add(delta(py, instant.as_microsecond())?)
}

/// So many microseconds as a timedelta.
pub(crate) fn delta(py: Python<'_>, micros: i64) -> PyResult<Bound<'_, PyDelta>> {
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let part = |value: i64| {
        i32::try_from(value).map_err(|e| exception(py, &Error::internal(format!("{micros} µs: {e}"))))
    };
    PyDelta::new(
        py,
        part(seconds.div_euclid(SECONDS_PER_DAY))?,
        part(seconds.rem_euclid(SECONDS_PER_DAY))?,
        part(micros.rem_euclid(MICROS_PER_SECOND))?,
        false,
    )
}

/// A window as its start and its end.
pub(crate) fn pair(py: Python<'_>, window: Window) -> PyResult<Bound<'_, PyTuple>> {
    (datetime(py, window.start())?, datetime(py, window.end())?).into_pyobject(py)
}
