//! Users, settings, and who did what.

use leoscope_core::model::{AuditEntry, AuditOutcome, BlobSettings, NewUser, Settings};
use pyo3::prelude::*;

use super::fields;
use crate::python::made;
use crate::time::datetime;

/// A user.
pub(crate) fn user(py: Python<'_>, NewUser { id, name, role, team }: NewUser) -> PyResult<Bound<'_, PyAny>> {
    made(py, "User", (id.as_str(), name, role.name(), team))
}

/// The testbed-wide settings. Who may see their secrets is given them.
pub(crate) fn settings(py: Python<'_>, settings: Settings) -> PyResult<Bound<'_, PyAny>> {
    let Settings { blob, weather_api_key } = settings;
    let BlobSettings { connection_string, container, artifact_path } = blob;
    let fields = fields!(py, {
        "blob_connection_string": connection_string.expose(),
        "blob_container": container,
        "blob_artifact_path": artifact_path,
        "weather_api_key": weather_api_key.expose(),
    });
    py.import("leoscope._types")?.getattr("Settings")?.call((), Some(&fields))
}

/// Who did what.
pub(crate) fn audit_entry(py: Python<'_>, entry: AuditEntry) -> PyResult<Bound<'_, PyAny>> {
    let AuditEntry { id, at, caller, role, address, action, object, outcome } = entry;
    let message = match &outcome {
        AuditOutcome::Done => None,
        AuditOutcome::Refused { kind: _, message } => Some(message.as_str()),
    };
    let fields = fields!(py, {
        "id": id.as_str(),
        "at": datetime(py, at)?,
        "caller": caller.as_str(),
        "role": role.name(),
        "address": address.map(|address| address.to_string()),
        "action": action.name(),
        "object": object,
        "outcome": outcome.name(),
        "message": message,
    });
    py.import("leoscope._types")?.getattr("AuditEntry")?.call((), Some(&fields))
}
