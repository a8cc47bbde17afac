//! When a schedule starts its runs.

use leoscope_core::Error;
use leoscope_core::schedule::{CronExpr, Policies, Schedule, Timeline, Timing};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use pyo3::prelude::*;

use crate::error::exception;
use crate::time::{Instant, Moment, datetime};

/// The most starts one call gives: a year of minutes is half of it, and the list still fits a
/// notebook's memory.
pub(crate) const MAX_STARTS: usize = 1_000_000;

/// The shortest run there can be: whatever starts before the end also fits before it.
pub(crate) const SHORTEST: SignedDuration = SignedDuration::from_micros(1);

/// The instants at which a cron expression starts a run, at or after `start` and before `end`.
#[pyfunction]
#[pyo3(signature = (expression, start, end, limit = 10))]
pub(crate) fn cron_starts<'py>(
    py: Python<'py>,
    expression: &str,
    start: Instant,
    end: Moment,
    limit: i64,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let found = py.detach(|| starts(expression, start.0, end.from(start.0)?, limit));
    found.map_err(|error| exception(py, &error))?.into_iter().map(|at| datetime(py, at)).collect()
}

fn starts(expression: &str, start: Timestamp, end: Timestamp, limit: i64) -> Result<Vec<Timestamp>, Error> {
    let count = usize::try_from(limit).ok().filter(|count| (1..=MAX_STARTS).contains(count));
    let count = count.ok_or_else(|| {
        Error::invalid(format!("limit {limit} is out of range 1 to {MAX_STARTS}"))
            .hint("ask for a shorter time at once")
    })?;
    let schedule = Schedule::Cron(CronExpr::parse(expression)?);
    let range = Window::new(start, end)?;
    let timeline = Timeline::of(&Timing::new(&schedule, &Policies::default(), range, SHORTEST));
    Ok(timeline.into_occurrences().take(count).map(|occurrence| occurrence.window.start()).collect())
}
