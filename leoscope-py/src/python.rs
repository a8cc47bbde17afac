//! The half of the package that is written in Python.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::call::PyCallArgs;
use pyo3::prelude::*;

/// An object of the class `name` of `leoscope._types`.
pub(crate) fn made<'py>(
    py: Python<'py>,
    name: &str,
    parts: impl PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("leoscope._types")?.getattr(name)?.call1(parts)
}

/// What the function `name` of `leoscope._columns` makes of `given`.
pub(crate) fn columns<'py>(
    py: Python<'py>,
    name: &str,
    given: impl PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("leoscope._columns")?.getattr(name)?.call1(given)
}

/// A text as Python writes it.
pub(crate) fn quoted(py: Python<'_>, text: &str) -> PyResult<String> {
    Ok(text.into_pyobject(py)?.repr()?.to_string())
}

/// The hash of something that equals what has the same parts.
pub(crate) fn hashed(parts: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}
