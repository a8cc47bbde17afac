//! When a schedule starts its runs.

use leoscope_core::Error;
use leoscope_core::schedule::{CronExpr, Policies, Schedule, Timeline, Timing};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

use crate::error::exception;
use crate::time::{datetime, instant};

/// The most starts one call gives: a year of minutes is half of it, and the list still fits a
/// notebook's memory.
const MAX_STARTS: i64 = 1_000_000;

/// The shortest run there can be: whatever starts before the end also fits before it.
const SHORTEST: SignedDuration = SignedDuration::from_micros(1);

/// The instants at which a cron expression starts a run, at or after `start` and before `end`.
#[pyfunction]
#[pyo3(signature = (expression, start, end, limit = 10))]
pub(crate) fn cron_starts<'py>(
    py: Python<'py>,
    expression: &str,
    start: &Bound<'py, PyDateTime>,
    end: &Bound<'py, PyDateTime>,
    limit: i64,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let (start, end) = (instant(start)?, instant(end)?);
    let found = py.detach(|| starts(expression, start, end, limit));
    found.map_err(|error| exception(py, &error))?.into_iter().map(|at| datetime(py, at)).collect()
}

fn starts(expression: &str, start: Timestamp, end: Timestamp, limit: i64) -> Result<Vec<Timestamp>, Error> {
    let count = usize::try_from(limit).ok().filter(|_| (1..=MAX_STARTS).contains(&limit));
    let count = count.ok_or_else(|| {
        Error::invalid(format!("limit {limit} is out of range 1 to {MAX_STARTS}"))
            .hint("ask for a shorter time at once")
    })?;
    let schedule = Schedule::Cron(CronExpr::parse(expression)?);
    let range = Window::new(start, end)?;
    let timeline = Timeline::of(&Timing::new(&schedule, &Policies::default(), range, SHORTEST));
    Ok(timeline.into_occurrences().take(count).map(|occurrence| occurrence.window.start()).collect())
}
