//! Errors of the core as Python exceptions.

use leoscope_core::conflict::{Alternative, Conflict, Refusal};
use leoscope_core::schedule::Schedule;
use leoscope_core::trigger::{Mistake, Mistakes};
use leoscope_core::{Error, ErrorKind};
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;

use crate::python::made;
use crate::time::{datetime, pair};

/// The class in `leoscope._errors` for a kind.
const fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidArgument => "InvalidArgument",
        ErrorKind::NotFound => "NotFound",
        ErrorKind::AlreadyExists => "AlreadyExists",
        ErrorKind::Conflict => "ConflictError",
        ErrorKind::PermissionDenied => "PermissionDenied",
        ErrorKind::Unauthenticated => "Unauthenticated",
        ErrorKind::Exhausted => "Exhausted",
        ErrorKind::Stale => "Stale",
        ErrorKind::Unavailable => "Unavailable",
        ErrorKind::Timeout => "Timeout",
        ErrorKind::Unsupported => "Unsupported",
        ErrorKind::Internal => "InternalError",
    }
}

/// An exception of the class `name`; or why it could not be made.
fn raised<'py>(py: Python<'py>, name: &str, parts: impl PyCallArgs<'py>) -> PyErr {
    let made = || py.import("leoscope._errors")?.getattr(name)?.call1(parts);
    made().map_or_else(|fault| fault, PyErr::from_value)
}

/// The exception for `error`.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let (message, hint) = (error.message(), error.what_to_do());
    if error.kind() != ErrorKind::Conflict {
        return raised(py, class(error.kind()), (message, hint));
    }
    let Refusal { conflicts, clashing, alternatives } = error.refusal();
    let conflicts = conflicts.iter().map(|conflict| in_the_way(py, conflict)).collect::<PyResult<Vec<_>>>();
    let free = alternatives.iter().map(|other| free_slot(py, other)).collect::<PyResult<Vec<_>>>();
    match (conflicts, free) {
        (Ok(conflicts), Ok(free)) => {
            raised(py, class(error.kind()), (message, hint, conflicts, free, *clashing))
        }
        (Err(fault), _) | (_, Err(fault)) => fault,
    }
}

/// A booked job that is in the way.
pub(crate) fn in_the_way<'py>(py: Python<'py>, conflict: &Conflict) -> PyResult<Bound<'py, PyAny>> {
    let Conflict { job, owner, node, wanted, taken, clashing } = conflict;
    let (wanted, taken) = (pair(py, *wanted)?, pair(py, *taken)?);
    made(py, "BookedConflict", (job.as_str(), owner.as_str(), node.as_str(), wanted, taken, *clashing))
}

/// Another time for a refused job.
pub(crate) fn free_slot<'py>(py: Python<'py>, other: &Alternative) -> PyResult<Bound<'py, PyAny>> {
    let Alternative { schedule, first } = other;
    let schedule = match schedule {
        Schedule::Cron(cron) => Some(cron.to_string()),
        Schedule::Once => None,
    };
    made(py, "FreeSlot", (datetime(py, first.start())?, datetime(py, first.end())?, schedule))
}

/// The exception for a condition that cannot be read.
pub(crate) fn trigger_error(py: Python<'_>, mistakes: Mistakes) -> PyErr {
    let rendered = mistakes.render();
    let spans = mistakes.mistakes.iter().map(|mistake| span(py, &mistakes.text, mistake));
    let spans = match spans.collect::<PyResult<Vec<_>>>() {
        Ok(spans) => spans,
        Err(fault) => return fault,
    };
    let error = Error::from(mistakes);
    raised(py, "TriggerError", (error.message(), error.what_to_do(), rendered, spans))
}

/// The exception for a client that did not come along when its process was forked.
pub(crate) fn fork_error(py: Python<'_>) -> PyErr {
    let message = "this client was made before the process was forked, and did not come along";
    raised(py, "ForkError", (message, "make a client in the child process, or start processes with 'spawn'"))
}

/// A mistake with its place in characters.
fn span<'py>(py: Python<'py>, text: &str, mistake: &Mistake) -> PyResult<Bound<'py, PyAny>> {
    let Mistake { span, character, message, help } = mistake;
    let start = character - 1;
    let end = start + text.get(span.clone()).map_or(0, |part| part.chars().count());
    made(py, "Mistake", (start, end, message, help))
}
