//! Values as Python has them, and the core's.

use leoscope_core::Error;
use leoscope_core::time::Timestamp;
use leoscope_core::trigger::{Given, Kind, Name, Sample, Value};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyString};

use crate::error::exception;

/// The readings that are given as a mapping from names to values, or to their last values.
pub(super) fn samples(given: &Bound<'_, PyAny>, now: Timestamp) -> PyResult<Vec<Sample>> {
    let py = given.py();
    let refused = |error: Error| exception(py, &error);
    let mut all: Vec<Given> = Vec::new();
    for item in given.call_method0("items")?.try_iter()? {
        let (name, value): (String, Bound<'_, PyAny>) = item?.extract()?;
        let name = Name::parse(&name).map_err(refused)?;
        let key = name.key();
        if all.iter().any(|other| other.name.key() == key) {
            let error = Error::invalid(format!("{key} is given twice"));
            return Err(refused(error.hint("for its history give a list, the newest last")));
        }
        let values = if value.is_instance_of::<PyString>() {
            vec![self::value(&name, &value)?]
        } else if let Ok(history) = value.try_iter() {
            history.map(|value| self::value(&name, &value?)).collect::<PyResult<_>>()?
        } else {
            vec![self::value(&name, &value)?]
        };
        all.push(Given { name, values });
    }
    Ok(all.into_iter().flat_map(|given| given.samples(now)).collect())
}

/// The value that `given` is under that name: that of the text which people would write for it.
pub(super) fn value(name: &Name, given: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    let text = match given {
        _ if given.is_none() => return Ok(None),
        _ if given.is_instance_of::<PyString>() => {
            let text: String = given.extract()?;
            // What is in quotes is a text, whatever it looks like.
            let is_text = matches!(name.key().kind(), Some(Kind::Text) | None);
            if is_text { format!("\"{text}\"") } else { text }
        }
        _ => match given.extract::<bool>() {
            Ok(flag) => flag.to_string(),
            Err(_) => match given.extract::<f64>() {
                Ok(number) if number.is_finite() => number.to_string(),
                Ok(_) => return Ok(None),
                Err(_) => {
                    let (key, kind) = (name.key(), given.get_type().name()?);
                    return Err(PyTypeError::new_err(format!("a value of {key} cannot be of type {kind}")));
                }
            },
        },
    };
    name.value(&text).map_err(|error| exception(given.py(), &error))
}

/// A value as Python has it.
pub(crate) fn object<'py>(py: Python<'py>, value: Option<&Value>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let object = |value: &Value| -> PyResult<Bound<'py, PyAny>> {
        Ok(match value {
            Value::Flag(flag) => PyBool::new(py, *flag).to_owned().into_any(),
            Value::Number(number) => PyFloat::new(py, *number).into_any(),
            Value::Text(text) => PyString::new(py, text).into_any(),
        })
    };
    value.map(object).transpose()
}
