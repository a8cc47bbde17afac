//! Python's times and lengths of time, and the core's.

use leoscope_core::Error;
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDelta, PyTuple, PyTzInfo, PyTzInfoAccess};

use crate::error::exception;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// An instant that was given as a datetime, or as something that can be made one: a timestamp of pandas.
#[derive(Clone, Copy)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl<'a, 'py> FromPyObject<'a, 'py> for Instant {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(time) = given.cast::<PyDateTime>() {
            return instant(&time).map(Self);
        }
        let py = given.py();
        match given.getattr_opt(pyo3::intern!(py, "to_pydatetime"))? {
            Some(convert) => instant(convert.call0()?.cast::<PyDateTime>()?).map(Self),
            None => {
                Err(PyTypeError::new_err(format!("a datetime is expected, not {}", given.get_type().name()?)))
            }
        }
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
            return Ok(Self(SignedDuration::from_micros(micros(&given)?)));
        }
        let Ok(seconds) = given.extract::<f64>() else {
            let kind = given.get_type().name()?;
            return Err(PyTypeError::new_err(format!("a timedelta or seconds are expected, not {kind}")));
        };
        let length = SignedDuration::try_from_secs_f64(seconds)
            .map_err(|_| Error::invalid(format!("{seconds} s is no length of time")));
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

/// 1970-01-01T00:00:00 UTC.
fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyDateTime>> {
    PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&PyTzInfo::utc(py)?.to_owned()))
}

/// A timedelta in microseconds.
fn micros(delta: &Bound<'_, PyAny>) -> PyResult<i64> {
    let part = |name: &str| -> PyResult<i64> { delta.getattr(name)?.extract() };
    let seconds = part("days")? * SECONDS_PER_DAY + part("seconds")?;
    Ok(seconds * MICROS_PER_SECOND + part("microseconds")?)
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
    let since = micros(since.cast::<PyDelta>()?)?;
    Timestamp::from_microsecond(since)
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
