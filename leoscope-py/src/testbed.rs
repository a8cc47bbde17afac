//! A whole testbed in this process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use leoscope_core::client::ClientConfig;
use leoscope_core::{Error, ErrorKind};
use leoscope_testbed::{RuntimeChoice, Testbed, TestbedConfig, TestbedNode, latency};
use pyo3::prelude::*;
use tokio_util::sync::CancellationToken;

use crate::call::{Call, Origin};
use crate::connection::Connection;
use crate::error::exception;
use crate::process::runtime;
use crate::time::{Count, Length};

/// A testbed that runs in this process.
#[pyclass(frozen, module = "leoscope._leoscope")]
pub(crate) struct LocalTestbed {
    /// `None` once it is stopped.
    running: Mutex<Option<Arc<Testbed>>>,
    origin: Origin,
    as_researcher: ClientConfig,
    as_admin: ClientConfig,
    researcher_token: PathBuf,
    admin_token: PathBuf,
    certificate: PathBuf,
    port: u16,
    runtime: String,
    nodes: Vec<String>,
}

impl LocalTestbed {
    fn new(testbed: Testbed) -> Self {
        Self {
            origin: Origin::new(CancellationToken::new()),
            as_researcher: testbed.as_researcher.clone(),
            as_admin: testbed.as_admin.clone(),
            researcher_token: testbed.researcher_token.clone(),
            admin_token: testbed.admin_token.clone(),
            certificate: testbed.certificate.clone(),
            port: testbed.port,
            runtime: testbed.runtime.name.clone(),
            nodes: testbed.nodes.iter().map(|node| node.id.to_string()).collect(),
            running: Mutex::new(Some(Arc::new(testbed))),
        }
    }
}

fn choice(runtime: &str) -> Result<RuntimeChoice, Error> {
    match runtime {
        "auto" => Ok(RuntimeChoice::Auto),
        "docker" => Ok(RuntimeChoice::Docker),
        "process" => Ok(RuntimeChoice::Process),
        _ => Err(Error::invalid(format!("{runtime:?} is no runtime")).hint("use auto, docker or process")),
    }
}

fn config(dir: PathBuf, port: u32, runtime: &str, nodes: u32) -> Result<TestbedConfig, Error> {
    let port = u16::try_from(port).map_err(|_| {
        Error::invalid(format!("{port} is no port")).hint("give one up to 65535, or 0 for any that is free")
    })?;
    let all = TestbedNode::all();
    let (most, nodes) = (all.len(), usize::try_from(nodes).unwrap_or(usize::MAX));
    if !(1..=most).contains(&nodes) {
        let error = Error::invalid(format!("a testbed of {nodes} nodes is not possible"));
        return Err(error.hint(format!("ask for 1 to {most}")));
    }
    let nodes = all.into_iter().take(nodes).collect();
    Ok(TestbedConfig { dir, port, runtime: choice(runtime)?, nodes })
}

fn stopped() -> Error {
    Error::new(ErrorKind::Unavailable, "the testbed is stopped").hint("start another one")
}

/// Measures latency as `leoscope probe` does, and gives how many connections succeeded, and the shortest, the
/// median and the longest time in milliseconds.
#[pyfunction]
pub(crate) fn measure_latency(
    py: Python<'_>,
    target: &str,
    interval: Length,
    duration: Length,
    dir: PathBuf,
) -> PyResult<(usize, f64, f64, f64)> {
    let measured = move || {
        let length = |Length(length): Length| {
            Duration::try_from(length)
                .map_err(|_| Error::invalid("a time shorter than nothing is not possible"))
        };
        let interval = length(interval)?;
        if interval.is_zero() {
            return Err(Error::invalid("connections without a time between them are not possible"));
        }
        latency::measure(target, interval, length(duration)?, &dir)
    };
    let found = py.detach(measured).map_err(|error| exception(py, &error))?;
    let latency::Summary { samples, min, median, max } = found;
    Ok((samples, min, median, max))
}

#[pymethods]
impl LocalTestbed {
    /// Starts one whose state is in a directory.
    #[staticmethod]
    fn start(py: Python<'_>, dir: PathBuf, port: Count, runtime: &str, nodes: Count) -> PyResult<Call> {
        let config = config(dir, port.0, runtime, nodes.0).map_err(|error| exception(py, &error))?;
        Ok(Call::new(Origin::new(CancellationToken::new()), Testbed::start(config), |py, testbed| {
            Ok(Self::new(testbed).into_pyobject(py)?.into_any())
        }))
    }

    /// Stops it, and waits until it has stopped.
    fn stop(&self, py: Python<'_>) -> PyResult<Call> {
        self.origin.check(py)?;
        // Whoever waits for something of it waits no more.
        self.origin.closing().cancel();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let work = async move {
            match running.map(Arc::try_unwrap) {
                Some(Ok(testbed)) => testbed.stop().await,
                // A call that still uses it ends it when it is through.
                Some(Err(_)) | None => Ok(()),
            }
        };
        Ok(Call::new(Origin::new(CancellationToken::new()), work, |py, ()| Ok(py.None().into_bound(py))))
    }

    #[getter]
    fn is_running(&self) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// A connection as the researcher or the administrator.
    fn connect(&self, py: Python<'_>, as_admin: bool) -> PyResult<Connection> {
        if !self.is_running() {
            return Err(exception(py, &stopped()));
        }
        let config = if as_admin { &self.as_admin } else { &self.as_researcher };
        Connection::new(py, config.clone(), self.origin.closing().child_token())
    }

    /// The config (YAML) of an experiment that measures latency to the orchestrator for so many seconds, with
    /// a program that has the command `probe`; where experiments run in containers, their image is made of it.
    fn latency_experiment(&self, py: Python<'_>, secs: u32, program: PathBuf) -> PyResult<Call> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let testbed = running.ok_or_else(|| exception(py, &stopped()))?;
        let work = async move { testbed.latency_experiment(secs, &program).await };
        Ok(Call::new(self.origin.clone(), work, |py, config| Ok(config.into_pyobject(py)?.into_any())))
    }

    #[getter]
    fn port(&self) -> u16 {
        self.port
    }

    #[getter]
    fn runtime(&self) -> &str {
        &self.runtime
    }

    #[getter]
    fn nodes(&self) -> Vec<String> {
        self.nodes.clone()
    }

    #[getter]
    fn certificate(&self) -> PathBuf {
        self.certificate.clone()
    }

    #[getter]
    fn researcher_token(&self) -> PathBuf {
        self.researcher_token.clone()
    }

    #[getter]
    fn admin_token(&self) -> PathBuf {
        self.admin_token.clone()
    }
}

impl Drop for LocalTestbed {
    /// Its parts belong to the runtime; a process that was forked has none of them.
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(testbed) = running {
            Python::attach(|py| match (self.origin.check(py), runtime(py)) {
                (Ok(()), Ok(runtime)) => {
                    let _entered = runtime.enter();
                    drop(testbed);
                }
                _ => std::mem::forget(testbed),
            });
        }
    }
}
