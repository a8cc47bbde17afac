//! Python's datetimes and the core's instants.

use leoscope_core::Error;
use leoscope_core::time::Timestamp;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDelta, PyTzInfo, PyTzInfoAccess};

use crate::error::exception;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// 1970-01-01T00:00:00 UTC.
fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyDateTime>> {
    PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&PyTzInfo::utc(py)?.to_owned()))
}

/// The instant of `time`; without a time zone it means UTC.
pub(crate) fn instant(time: &Bound<'_, PyDateTime>) -> PyResult<Timestamp> {
    let py = time.py();
    let aware = match time.get_tzinfo() {
        Some(_) => time.as_any().clone(),
        None => {
            let zone = pyo3::types::IntoPyDict::into_py_dict([("tzinfo", PyTzInfo::utc(py)?)], py)?;
            time.call_method("replace", (), Some(&zone))?
        }
    };
    let (days, seconds, micros): (i64, i64, i64) = {
        let since = aware.sub(epoch(py)?)?;
        (
            since.getattr("days")?.extract()?,
            since.getattr("seconds")?.extract()?,
            since.getattr("microseconds")?.extract()?,
        )
    };
    Timestamp::from_microsecond((days * SECONDS_PER_DAY + seconds) * MICROS_PER_SECOND + micros)
        .map_err(|e| exception(py, &Error::invalid(format!("{time} is out of range: {e}"))))
}

/// `instant` as an aware datetime in UTC.
pub(crate) fn datetime(py: Python<'_>, instant: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    let micros = instant.as_microsecond();
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let part = |value: i64| {
        i32::try_from(value).map_err(|e| exception(py, &Error::internal(format!("time {instant}: {e}"))))
    };
    let since = PyDelta::new(
        py,
        part(seconds.div_euclid(SECONDS_PER_DAY))?,
        part(seconds.rem_euclid(SECONDS_PER_DAY))?,
        part(micros.rem_euclid(MICROS_PER_SECOND))?,
        false,
    )?;
    epoch(py)?.add(since)
}
