//! The native half of the Python package `leoscope`.

use std::time::SystemTime;

use leoscope_core::schedule::{CronExpr, Schedule, occurrences};
use leoscope_core::time::{SignedDuration, Timestamp, Window, to_micros};
use leoscope_core::{Error, Result};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pyo3::create_exception!(leoscope, InvalidArgument, PyValueError, "A value that is not acceptable.");

/// The starts of a cron expression in `[start, end)`; see the stub for the user's documentation.
#[pyfunction]
#[pyo3(signature = (expression, start, end, limit = 10))]
fn cron_starts(
    py: Python<'_>,
    expression: &str,
    start: SystemTime,
    end: SystemTime,
    limit: usize,
) -> PyResult<Vec<SystemTime>> {
    py.detach(|| starts(expression, start, end, limit)).map_err(to_python)
}

fn starts(expression: &str, start: SystemTime, end: SystemTime, limit: usize) -> Result<Vec<SystemTime>> {
    let schedule = Schedule::Cron(CronExpr::parse(expression)?);
    let instant = |time: SystemTime| {
        Timestamp::try_from(time)
            .map(to_micros)
            .map_err(|e| Error::invalid(format!("time out of range: {e}")))
    };
    let range = Window::new(instant(start)?, instant(end)?)?;
    // The shortest run there is: every start is then listed.
    let windows = occurrences(&schedule, range, SignedDuration::from_secs(1));
    Ok(windows.take(limit).map(|window| SystemTime::from(window.start())).collect())
}

fn to_python(error: Error) -> PyErr {
    let text = match error.what_to_do() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    };
    InvalidArgument::new_err(text)
}

#[pymodule]
mod _leoscope {
    #[pymodule_export]
    use super::{InvalidArgument, cron_starts};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
