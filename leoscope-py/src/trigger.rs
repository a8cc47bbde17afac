//! Conditions: read, judged on values, and foretold.

mod columns;
mod forecast;
mod values;

pub(crate) use forecast::object as forecast_object;
pub(crate) use values::object;

use leoscope_core::Error;
use leoscope_core::orbit::View;
use leoscope_core::schedule::Zone;
use leoscope_core::time::Timestamp;
use leoscope_core::trigger::{Explanation, Key, Kind, Trigger as Condition, Used, judge_given};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::error::{exception, trigger_error};
use crate::orbit::{Elements, Place, mask};
use crate::python::{columns, hashed, made, quoted};
use crate::time::{Instant, Length};

/// A condition.
#[pyclass(frozen, eq, module = "leoscope")]
#[derive(PartialEq)]
pub(crate) struct Trigger(Condition);

impl Trigger {
    pub(crate) fn condition(&self) -> &Condition {
        &self.0
    }
}

#[pymethods]
impl Trigger {
    #[new]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        py.detach(|| Condition::parse(text)).map(Self).map_err(|mistakes| trigger_error(py, mistakes))
    }

    #[getter]
    fn text(&self) -> &str {
        self.0.text()
    }

    #[getter]
    fn canonical(&self) -> String {
        self.0.to_string()
    }

    #[getter]
    fn fields(&self) -> Vec<String> {
        self.0.keys().iter().map(ToString::to_string).collect()
    }

    /// What its fields are.
    fn check<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let field = |key: &Key| {
            let kind = key.kind().map(|kind| match kind {
                Kind::Number => "number",
                Kind::Flag => "flag",
                Kind::Text => "text",
            });
            let unit = Some(key.unit()).filter(|unit| !unit.is_empty());
            made(py, "FieldInfo", (key.to_string(), kind, unit, key.source().name()))
        };
        self.0.keys().iter().map(field).collect()
    }

    /// The verdict on given values.
    fn evaluate<'py>(&self, py: Python<'py>, given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        // When it is does not matter: all that counts is how long before that something was.
        let now = Timestamp::UNIX_EPOCH;
        let samples = values::samples(given, now)?;
        let Explanation { verdict, why, used } = py.detach(|| judge_given(&self.0, samples, now));
        let readings = PyDict::new(py);
        for Used { key, value, at: _ } in used {
            readings.set_item(key.to_string(), object(py, value.as_ref())?)?;
        }
        made(py, "Verdict", (verdict.name(), why, readings))
    }

    /// The verdicts on the rows of a table.
    #[pyo3(signature = (given, times = None))]
    fn evaluate_many<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        times: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let packed = columns(py, "packed", (given, times))?;
        let (packed, times): (Vec<columns::Packed<'py>>, Option<Bound<'py, PyBytes>>) = packed.extract()?;
        let table = columns::Table::new(py, &self.0, &packed, times.as_ref().map(|times| times.as_bytes()))?;
        let codes = py.detach(|| table.verdicts(&self.0)).map_err(|error| exception(py, &error))?;
        columns(py, "named", (PyBytes::new(py, &codes), columns::CODES.map(|verdict| verdict.name())))
    }

    /// When it will hold at a place.
    #[pyo3(signature = (place, elements, start, horizon, mask_deg = None, time_zone = None))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn forecast<'py>(
        &self,
        py: Python<'py>,
        place: &Place,
        elements: &Elements,
        start: Instant,
        horizon: Length,
        mask_deg: Option<f64>,
        time_zone: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let look = || -> Result<_, Error> {
            let zone = time_zone.map(Zone::parse).transpose()?;
            let view = View { mask: mask(mask_deg)?, ..View::default() };
            let span = horizon.from(start.0)?;
            forecast::forecast(&self.0, elements.tracker(place, view), zone.as_ref(), span)
        };
        let found = py.detach(look).map_err(|error| exception(py, &error))?;
        forecast::object(py, &self.0, found)
    }

    fn __str__(&self) -> &str {
        self.text()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Trigger({})", quoted(py, self.text())?))
    }

    fn __hash__(&self) -> u64 {
        hashed(self.text())
    }

    /// For copies and pickles.
    fn __getnewargs__(&self) -> (&str,) {
        (self.text(),)
    }
}
