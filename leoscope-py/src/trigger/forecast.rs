//! When a condition will hold.

use leoscope_core::Error;
use leoscope_core::forecast::Outlook;
use leoscope_core::model::{Expected, Forecast, Reach};
use leoscope_core::orbit::Tracker;
use leoscope_core::schedule::Zone;
use leoscope_core::time::Window;
use leoscope_core::trigger::Trigger;
use pyo3::prelude::*;

use crate::python::made;
use crate::time::{datetime, pair};

pub(super) fn forecast(
    trigger: &Trigger,
    mut tracker: Tracker,
    zone: Option<&Zone>,
    span: Window,
) -> Result<Forecast, Error> {
    Outlook { tracker: Some(&mut tracker), zone, weather: &[] }.forecast(trigger, span)
}

/// A forecast as Python has it: a list of windows.
pub(crate) fn object<'py>(
    py: Python<'py>,
    trigger: &Trigger,
    Forecast { span: _, reach, windows, unknown }: Forecast,
) -> PyResult<Bound<'py, PyAny>> {
    let window = |Expected { window, sigma_s, element_age: _ }: Expected| {
        let (start, end) = (datetime(py, window.start())?, datetime(py, window.end())?);
        made(py, "ForecastWindow", (start, end, sigma_s))
    };
    let windows = windows.into_iter().map(window).collect::<PyResult<Vec<_>>>()?;
    let unknown = unknown.into_iter().map(|window| pair(py, window)).collect::<PyResult<Vec<_>>>()?;
    let (part, unforeseen) = match reach {
        Reach::Exact => (trigger.to_string(), Vec::new()),
        Reach::Necessary { part, unforeseen } => (part, unforeseen.iter().map(ToString::to_string).collect()),
    };
    made(py, "Forecast", (windows, part, unforeseen, unknown))
}
