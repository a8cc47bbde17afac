//! A connection to an orchestrator, bound to one caller. Every method gives a [`Call`] or [`Pieces`]: the
//! same for who waits and for who awaits. What the user sees is written in Python on top of it.

mod accounts;
mod booking;
mod jobs;
mod nodes;
mod results;
mod runs;

use std::collections::HashMap;
use std::ffi::OsString;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use leoscope_core::Error;
use leoscope_core::client::{ClientConfig, GrpcClient, Proof};
use leoscope_core::jwt::Unverified;
use leoscope_core::ports::ControlPlane;
use pyo3::prelude::*;
use tokio_util::sync::CancellationToken;

use crate::call::{Call, Origin, closed};
use crate::error::exception;
use crate::process::runtime;
use crate::time::Length;

/// The orchestrator, as calls have it.
type Plane = Arc<dyn ControlPlane>;

/// A connection to an orchestrator.
#[pyclass(frozen, module = "leoscope._leoscope")]
pub(crate) struct Connection {
    /// `None` once it is closed.
    client: Mutex<Option<Arc<GrpcClient>>>,
    origin: Origin,
    caller: String,
    address: String,
}

impl Connection {
    /// A connection with `config`, which is closed with `closing`; nothing is contacted yet.
    pub(crate) fn new(py: Python<'_>, config: ClientConfig, closing: CancellationToken) -> PyResult<Self> {
        let make = || -> Result<Self, Error> {
            let addresses = config.addresses()?;
            let addresses: Vec<_> =
                addresses.into_iter().map(|(host, port)| format!("{host}:{port}")).collect();
            let caller = match &config.proof {
                Proof::Token { user, .. } => user.to_string(),
                Proof::Jwt(token) => Unverified::read(token.expose())?.user.to_string(),
            };
            let runtime = runtime(py)?;
            let _entered = runtime.enter();
            Ok(Self {
                client: Mutex::new(Some(Arc::new(GrpcClient::connect(config)?))),
                origin: Origin::new(closing),
                caller,
                address: addresses.join(","),
            })
        };
        make().map_err(|error| exception(py, &error))
    }

    /// The orchestrator.
    fn plane(&self, py: Python<'_>) -> PyResult<Plane> {
        self.origin.check(py)?;
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        match client.as_ref() {
            Some(client) => Ok(Arc::clone(client) as Plane),
            None => Err(exception(py, &closed())),
        }
    }

    /// The call that does `work`, and what is made of what it brings.
    fn call<T: Send + 'static, F: Future<Output = Result<T, Error>> + Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Plane) -> F,
        object: impl for<'py> FnOnce(Python<'py>, T) -> PyResult<Bound<'py, PyAny>> + Send + 'static,
    ) -> PyResult<Call> {
        Ok(Call::new(self.origin.clone(), work(self.plane(py)?), object))
    }

    /// The same for a call that brings nothing.
    fn order<F: Future<Output = Result<(), Error>> + Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Plane) -> F,
    ) -> PyResult<Call> {
        self.call(py, work, |py, ()| Ok(py.None().into_bound(py)))
    }
}

/// What was given, or why it cannot be that.
fn read<T>(py: Python<'_>, read: Result<T, Error>) -> PyResult<T> {
    read.map_err(|error| exception(py, &error))
}

#[pymethods]
impl Connection {
    /// A connection as options say, given as the command line has them, and below them the environment and
    /// the profile.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        options: Vec<String>,
        environment: HashMap<String, String>,
        timeout: Length,
    ) -> PyResult<Self> {
        let environment = environment.into_iter().collect();
        let options: Vec<OsString> = options.into_iter().map(OsString::from).collect();
        let config = || -> Result<ClientConfig, Error> {
            let timeout = Duration::try_from(timeout.0).ok().filter(|timeout| !timeout.is_zero());
            let timeout = timeout.ok_or_else(|| {
                Error::invalid("the timeout is not longer than nothing").hint("give seconds, or a timedelta")
            })?;
            leoscope_settings::connection(&options, &environment)?.client_config(&environment, timeout)
        };
        let config = read(py, py.detach(config))?;
        Self::new(py, config, CancellationToken::new())
    }

    /// Lets go of the connection; calls that are under way end with an error.
    fn close(&self) {
        self.origin.closing().cancel();
        self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    #[getter]
    fn closed(&self) -> bool {
        self.origin.closing().is_cancelled()
            || self.client.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    #[getter]
    fn caller(&self) -> &str {
        &self.caller
    }

    #[getter]
    fn address(&self) -> &str {
        &self.address
    }
}
