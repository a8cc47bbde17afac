//! What is given by name, and what is said of it when it cannot be.

use leoscope_core::ids::NodeId;
use leoscope_core::trigger::Trigger as Condition;
use leoscope_core::{Error, Result};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cron::Cron;
use crate::error::trigger_error;
use crate::time::unexpected;
use crate::trigger::Trigger;

/// Values by their names.
pub(crate) struct Given<'py>(pub(crate) Bound<'py, PyDict>);

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(given.cast::<PyDict>()?.to_owned()))
    }
}

impl<'py> Given<'py> {
    /// The value of that name; what is wrong with its type is said with the name.
    pub(crate) fn take<T>(&self, name: &str) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
    {
        let py = self.0.py();
        let value = self.0.get_item(name)?.unwrap_or_else(|| py.None().into_bound(py));
        value.extract().map_err(|fault| named(py, name, fault))
    }

    /// The values below that name.
    pub(crate) fn below(&self, name: &str) -> PyResult<Self> {
        self.take(name)
    }
}

fn named(py: Python<'_>, name: &str, fault: PyErr) -> PyErr {
    if fault.is_instance_of::<PyTypeError>(py) {
        return PyTypeError::new_err(format!("{name}: {}", fault.value(py)));
    }
    let said = || -> PyResult<PyErr> {
        let value = fault.value(py);
        let message: String = value.getattr("message")?.extract()?;
        let parts = (format!("{name}: {message}"), value.getattr("hint")?);
        Ok(PyErr::from_value(value.get_type().call1(parts)?))
    };
    said().unwrap_or(fault)
}

/// A cron expression, alone or with its time zone.
pub(crate) enum Times<'py> {
    Cron(PyRef<'py, Cron>),
    Text(String),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Times<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(cron) = given.extract::<PyRef<'py, Cron>>() {
            return Ok(Self::Cron(cron));
        }
        let text = given.extract().map(Self::Text);
        text.map_err(|_| unexpected("a cron expression is expected", &given))
    }
}

/// The name of a node, or several.
pub(crate) enum Nodes {
    One(String),
    Several(Vec<String>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Nodes {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(one) = given.extract() {
            return Ok(Self::One(one));
        }
        let several = given.extract().map(Self::Several);
        several.map_err(|_| unexpected("the id of a node, or those of several, are expected", &given))
    }
}

impl Nodes {
    /// Their ids.
    pub(crate) fn ids(self) -> Result<Vec<NodeId>> {
        let nodes = match self {
            Self::One(node) => vec![node],
            Self::Several(nodes) => nodes,
        };
        if nodes.is_empty() {
            return Err(Error::invalid("no node is named").hint("name one, or several"));
        }
        nodes.iter().map(|node| NodeId::parse(node)).collect()
    }
}

/// A condition, read or as text.
pub(crate) enum Wanted<'py> {
    Trigger(PyRef<'py, Trigger>),
    Text(String),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Wanted<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(trigger) = given.extract::<PyRef<'py, Trigger>>() {
            return Ok(Self::Trigger(trigger));
        }
        given.extract().map(Self::Text).map_err(|_| unexpected("a condition is expected", &given))
    }
}

impl Wanted<'_> {
    /// The text of the condition, which is one; an empty text is none.
    pub(crate) fn text(self, py: Python<'_>) -> PyResult<String> {
        match self {
            Self::Trigger(trigger) => Ok(trigger.condition().text().to_owned()),
            Self::Text(text) if text.trim().is_empty() => Ok(String::new()),
            Self::Text(text) => match Condition::parse(&text) {
                Ok(_) => Ok(text),
                Err(mistakes) => Err(trigger_error(py, mistakes)),
            },
        }
    }
}
