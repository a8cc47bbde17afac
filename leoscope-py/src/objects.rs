//! What the orchestrator tells, as Python has it: dictionaries of the fields of classes in
//! `leoscope._records`, and objects of classes in `leoscope._types`.

mod account;
mod job;
mod node;
mod run;
mod runs;

pub(crate) use account::{audit_entry, settings, user};
pub(crate) use job::{calendar, job, jobs, plan, windows};
pub(crate) use node::{node, nodes, readings, standby, statuses};
pub(crate) use run::{events, run};
pub(crate) use runs::RunTable;

use leoscope_core::time::{SignedDuration, Timestamp};
use pyo3::prelude::*;
use pyo3::types::PyDelta;

use crate::time::{datetime, delta};

/// A dictionary of these fields.
macro_rules! fields {
    ($py:expr, { $($name:literal: $value:expr,)+ }) => {{
        let fields = pyo3::types::PyDict::new($py);
        $(fields.set_item(pyo3::intern!($py, $name), $value)?;)+
        fields
    }};
}
use fields;

/// An instant that may be unknown.
fn instant(py: Python<'_>, at: Option<Timestamp>) -> PyResult<Option<Bound<'_, PyAny>>> {
    at.map(|at| datetime(py, at)).transpose()
}

/// A length of time, which is cut to microseconds.
fn length(py: Python<'_>, length: SignedDuration) -> PyResult<Bound<'_, PyDelta>> {
    delta(py, i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
}
