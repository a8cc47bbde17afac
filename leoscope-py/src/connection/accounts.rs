//! Users, the testbed-wide settings, and who did what.

use leoscope_core::Error;
use leoscope_core::ids::{AuditId, UserId};
use leoscope_core::model::{AuditAction, AuditFilter, BlobSettings, NewUser, Role, Secret, Settings};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::{Connection, Plane, read};
use crate::call::Call;
use crate::objects;
use crate::time::{Count, Moment, between};

fn new_user(id: &str, name: String, role: &str, team: String) -> Result<NewUser, Error> {
    Ok(NewUser { id: UserId::parse(id)?, name, role: role.parse::<Role>()?, team })
}

#[expect(clippy::needless_pass_by_value, reason = "calls hand over what they bring")]
fn token(py: Python<'_>, token: Secret) -> PyResult<Bound<'_, PyAny>> {
    Ok(token.expose().into_pyobject(py)?.into_any())
}

#[pymethods]
impl Connection {
    /// Registers a user and gives its access token.
    fn register_user(
        &self,
        py: Python<'_>,
        id: &str,
        name: String,
        role: &str,
        team: String,
    ) -> PyResult<Call> {
        let user = read(py, new_user(id, name, role, team))?;
        self.call(py, |plane| async move { plane.register_user(user).await }, token)
    }

    /// A user by its id, which must be there.
    fn user(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, UserId::parse(id))?;
        let work = |plane: Plane| async move {
            let user = plane.user(&id).await?;
            user.ok_or_else(|| Error::not_found(format!("there is no user {id}")))
        };
        self.call(py, work, objects::user)
    }

    /// Changes what is given of a user.
    fn modify_user(
        &self,
        py: Python<'_>,
        id: &str,
        name: Option<String>,
        role: Option<&str>,
        team: Option<String>,
    ) -> PyResult<Call> {
        let id = read(py, UserId::parse(id))?;
        let role = read(py, role.map(|role| role.parse::<Role>()).transpose())?;
        let work = |plane: Plane| async move {
            let user = plane.user(&id).await?;
            let user = user.ok_or_else(|| Error::not_found(format!("there is no user {id}")))?;
            let user = NewUser {
                id,
                name: name.unwrap_or(user.name),
                role: role.unwrap_or(user.role),
                team: team.unwrap_or(user.team),
            };
            plane.modify_user(user.clone()).await?;
            Ok(user)
        };
        self.call(py, work, objects::user)
    }

    fn delete_user(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, UserId::parse(id))?;
        self.order(py, |plane| async move { plane.delete_user(&id).await })
    }

    fn rotate_token(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, UserId::parse(id))?;
        self.call(py, |plane| async move { plane.rotate_token(&id).await }, token)
    }

    fn revoke_token(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, UserId::parse(id))?;
        self.order(py, |plane| async move { plane.revoke_token(&id).await })
    }

    /// Whether experiments of a user may change kernel settings: an error where they may not.
    fn kernel_access(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, UserId::parse(id))?;
        self.order(py, |plane| async move { plane.kernel_access(&id).await })
    }

    fn settings(&self, py: Python<'_>) -> PyResult<Call> {
        self.call(py, |plane| async move { plane.settings().await }, objects::settings)
    }

    /// Replaces the testbed-wide settings.
    fn update_settings(
        &self,
        py: Python<'_>,
        blob_connection_string: &str,
        blob_container: String,
        blob_artifact_path: String,
        weather_api_key: &str,
    ) -> PyResult<Call> {
        let blob = BlobSettings {
            connection_string: Secret::new(blob_connection_string),
            container: blob_container,
            artifact_path: blob_artifact_path,
        };
        let settings = Settings { blob, weather_api_key: Secret::new(weather_api_key) };
        self.order(py, |plane| async move { plane.update_settings(settings).await })
    }

    /// Who did what, newest first.
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn audit(
        &self,
        py: Python<'_>,
        caller: Option<&str>,
        action: Option<&str>,
        object: Option<String>,
        start: Option<Moment>,
        end: Option<Moment>,
        after: Option<&str>,
        limit: Option<Count>,
    ) -> PyResult<Call> {
        let filter = || -> Result<AuditFilter, Error> {
            let named = |name: &str| {
                AuditAction::from_name(name).ok_or_else(|| {
                    let known: Vec<_> = AuditAction::ALL.iter().map(|action| action.name()).collect();
                    Error::invalid(format!("{name:?} is not an action"))
                        .hint(format!("use one of {}", known.join(", ")))
                })
            };
            Ok(AuditFilter {
                caller: caller.map(UserId::parse).transpose()?,
                action: action.map(named).transpose()?,
                object,
                within: between(start, end)?,
                after: after.map(AuditId::parse).transpose()?,
                limit: limit.map(|Count(limit)| limit),
            })
        };
        let filter = read(py, filter())?;
        let work = |plane: Plane| async move { plane.audit(&filter).await };
        self.call(py, work, |py, entries| {
            let entries =
                entries.into_iter().map(|one| objects::audit_entry(py, one)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, entries)?.into_any())
        })
    }
}
