//! Errors of the core as Python exceptions.

use leoscope_core::{Error, ErrorKind};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

pyo3::create_exception!(
    leoscope,
    InvalidArgument,
    PyValueError,
    "A value is not acceptable.\n\nIts text is `message` and, on a line of its own, `hint`, if there is one."
);

/// The exception for `error`: its message, then its hint on a line of its own.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let hint = error.what_to_do();
    let text = match hint {
        Some(hint) => format!("{}\n{hint}", error.message()),
        None => error.message().to_owned(),
    };
    let exception = match error.kind() {
        ErrorKind::InvalidArgument => InvalidArgument::new_err(text),
        // No call of this package reaches a server yet, so none of these has a class of its own.
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Conflict
        | ErrorKind::PermissionDenied
        | ErrorKind::Unauthenticated
        | ErrorKind::Exhausted
        | ErrorKind::Stale
        | ErrorKind::Unavailable
        | ErrorKind::Timeout
        | ErrorKind::Unsupported
        | ErrorKind::Internal => PyRuntimeError::new_err(text),
    };
    let value = exception.value(py);
    match value.setattr("message", error.message()).and_then(|()| value.setattr("hint", hint)) {
        Ok(()) => exception,
        Err(fault) => fault,
    }
}
