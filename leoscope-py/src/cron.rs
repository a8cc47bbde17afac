//! Cron expressions.

use leoscope_core::Error;
use leoscope_core::model::MAX_WINDOW_DAYS;
use leoscope_core::schedule::{CronExpr, Occurrence, Policies, Schedule, Timeline, Timing, Zone};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use pyo3::prelude::*;

use crate::error::exception;
use crate::python::{hashed, quoted};
use crate::schedule::{MAX_STARTS, SHORTEST};
use crate::time::{Instant, Moment, datetime};

/// A cron expression in a time zone.
#[pyclass(frozen, eq, module = "leoscope")]
#[derive(PartialEq)]
pub(crate) struct Cron {
    expression: CronExpr,
    zone: Zone,
}

impl Cron {
    pub(crate) fn schedule(&self) -> Schedule {
        Schedule::Cron(self.expression.clone())
    }

    pub(crate) fn policies(&self) -> Policies {
        Policies { time_zone: self.zone.clone(), ..Policies::default() }
    }

    fn occurrences(&self, range: Window) -> impl Iterator<Item = Occurrence> {
        let (schedule, policies) = (self.schedule(), self.policies());
        Timeline::of(&Timing::new(&schedule, &policies, range, SHORTEST)).into_occurrences()
    }

    fn next_start(&self, after: Timestamp) -> Option<Timestamp> {
        let start = after.checked_add(SHORTEST).ok()?;
        let end = start.checked_add(SignedDuration::from_hours(24 * MAX_WINDOW_DAYS));
        let range = Window::new(start, end.unwrap_or(Timestamp::MAX)).ok()?;
        self.occurrences(range).next().map(|occurrence| occurrence.window.start())
    }

    fn starts(&self, start: Timestamp, end: Timestamp) -> Result<Vec<Timestamp>, Error> {
        let found = self.occurrences(Window::new(start, end)?).map(|occurrence| occurrence.window.start());
        let found: Vec<Timestamp> = found.take(MAX_STARTS + 1).collect();
        if found.len() > MAX_STARTS {
            return Err(Error::invalid(format!("there are more than {MAX_STARTS} starts"))
                .hint("ask for a shorter time at once"));
        }
        Ok(found)
    }
}

#[pymethods]
impl Cron {
    #[new]
    #[pyo3(signature = (expression, time_zone = "UTC"))]
    fn new(py: Python<'_>, expression: &str, time_zone: &str) -> PyResult<Self> {
        let read = || -> Result<Self, Error> {
            Ok(Self { expression: CronExpr::parse(expression)?, zone: Zone::parse(time_zone)? })
        };
        py.detach(read).map_err(|error| exception(py, &error))
    }

    #[getter]
    fn expression(&self) -> String {
        self.expression.to_string()
    }

    #[getter]
    fn time_zone(&self) -> &str {
        self.zone.name()
    }

    /// The first start after an instant.
    fn next<'py>(&self, py: Python<'py>, after: Instant) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = py.detach(|| self.next_start(after.0));
        found.map(|at| datetime(py, at)).transpose()
    }

    /// All starts from an instant on and before another.
    fn between<'py>(&self, py: Python<'py>, start: Instant, end: Moment) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let found =
            py.detach(|| self.starts(start.0, end.from(start.0)?)).map_err(|error| exception(py, &error))?;
        found.into_iter().map(|at| datetime(py, at)).collect()
    }

    fn __str__(&self) -> String {
        self.expression()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let expression = quoted(py, &self.expression())?;
        if self.zone.is_utc() {
            return Ok(format!("Cron({expression})"));
        }
        Ok(format!("Cron({expression}, time_zone={})", quoted(py, self.time_zone())?))
    }

    fn __hash__(&self) -> u64 {
        hashed((&self.expression, self.time_zone()))
    }

    /// For copies and pickles.
    fn __getnewargs__(&self) -> (String, &str) {
        (self.expression(), self.time_zone())
    }
}
