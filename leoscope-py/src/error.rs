//! Errors of the core as Python exceptions.

use leoscope_core::trigger::{Mistake, Mistakes};
use leoscope_core::{Error, ErrorKind};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::python::made;

pyo3::create_exception!(
    leoscope,
    InvalidArgument,
    PyValueError,
    "A value is not acceptable.\n\nIts text is `message` and, on a line of its own, `hint`, if there is one."
);

pyo3::create_exception!(
    leoscope,
    TriggerError,
    InvalidArgument,
    "A condition cannot be read.\n\nIts text is `message` and, below it, the condition with every mistake underlined."
);

/// The exception for `error`: its message, then its hint on a line of its own.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let text = match error.what_to_do() {
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
    with_parts(py, exception, error, |_| Ok(()))
}

/// The exception for a condition that cannot be read.
pub(crate) fn trigger_error(py: Python<'_>, mistakes: Mistakes) -> PyErr {
    let rendered = mistakes.render();
    let spans = mistakes.mistakes.iter().map(|mistake| span(py, &mistakes.text, mistake));
    let spans = spans.collect::<PyResult<Vec<_>>>();
    let error = Error::from(mistakes);
    let exception = TriggerError::new_err(format!("{}\n{rendered}", error.message()));
    with_parts(py, exception, &error, |value| value.setattr("spans", spans?))
}

/// A mistake with its place in characters.
fn span<'py>(py: Python<'py>, text: &str, mistake: &Mistake) -> PyResult<Bound<'py, PyAny>> {
    let Mistake { span, character, message, help } = mistake;
    let start = character - 1;
    let end = start + text.get(span.clone()).map_or(0, |part| part.chars().count());
    made(py, "Mistake", (start, end, message, help))
}

/// `exception` with what `error` says, and more, as attributes.
fn with_parts(
    py: Python<'_>,
    exception: PyErr,
    error: &Error,
    more: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<()>,
) -> PyErr {
    let value = exception.value(py);
    let set = || {
        value.setattr("message", error.message())?;
        value.setattr("hint", error.what_to_do())?;
        more(value)
    };
    set().err().unwrap_or(exception)
}
