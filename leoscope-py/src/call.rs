//! Calls that are under way: waited for, or awaited.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use leoscope_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3_async_runtimes::generic::future_into_py;
use tokio_util::sync::CancellationToken;

use crate::error::{exception, fork_error};
use crate::process::{Process, runtime, stay_away_from_the_end};

/// How often somebody who waits is asked whether to go on: Ctrl-C.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How long the next piece is not asked for while somebody else still holds the stream.
const HANDOVER: Duration = Duration::from_secs(1);

/// Makes an object of what a call has brought.
type Answer = Box<dyn for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>> + Send>;

fn answer(
    object: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>> + Send + 'static,
) -> Answer {
    Box::new(object)
}

type Work = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

/// A call that has not been made yet. It is made once: with `wait()`, or with `await`.
#[pyclass(frozen, module = "leoscope._leoscope")]
pub(crate) struct Call {
    work: Mutex<Option<Work>>,
    origin: Origin,
}

/// Where a call comes from.
#[derive(Clone)]
pub(crate) struct Origin {
    process: u32,
    /// Cancelled when that is no more, and so are its calls.
    closing: CancellationToken,
}

impl Origin {
    /// One of this process that is closed with `closing`.
    pub(crate) fn new(closing: CancellationToken) -> Self {
        Self { process: std::process::id(), closing }
    }

    /// Refuses to be used in another process.
    pub(crate) fn check(&self, py: Python<'_>) -> PyResult<()> {
        if std::process::id() == self.process { Ok(()) } else { Err(fork_error(py)) }
    }

    /// What ends its calls.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Does `work`, unless this is closed before.
    async fn unless_closed<T>(self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.closing.cancelled() => Err(closed()),
        }
    }
}

/// That there is nobody to call any more.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the client is closed").hint("make another one")
}

impl Call {
    /// The call that does `work` for `origin`, and what is made of what it brings.
    pub(crate) fn new<T: Send + 'static>(
        origin: Origin,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
        object: impl for<'py> FnOnce(Python<'py>, T) -> PyResult<Bound<'py, PyAny>> + Send + 'static,
    ) -> Self {
        let work = origin.clone().unless_closed(work);
        let work = async move {
            let brought = work.await?;
            Ok(answer(move |py| object(py, brought)))
        };
        Self { work: Mutex::new(Some(Box::pin(work))), origin }
    }

    fn take(&self, py: Python<'_>) -> PyResult<Work> {
        self.origin.check(py)?;
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        work.ok_or_else(|| exception(py, &Error::internal("this call has been made already")))
    }
}

/// What a call has brought, on its way to who awaits it.
struct Brought(Result<Answer, Error>);

impl<'py> IntoPyObject<'py> for Brought {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0 {
            Ok(answer) => answer(py),
            Err(error) => Err(exception(py, &error)),
        }
    }
}

#[pymethods]
impl Call {
    /// Makes the call and waits for its end. Other threads go on meanwhile.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut work = self.take(py)?;
        let runtime = runtime(py).map_err(|error| exception(py, &error))?;
        let _entered = runtime.enter();
        loop {
            let step = || {
                let done = runtime.block_on(async { tokio::time::timeout(ASK_EVERY, &mut work).await });
                stay_away_from_the_end();
                done
            };
            // Signals have their turn between two looks, and their handlers may make calls themselves.
            match py.detach(step) {
                Ok(brought) => return Brought(brought).into_pyobject(py),
                Err(_) => py.check_signals()?,
            }
        }
    }

    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let work = self.take(py)?;
        runtime(py).map_err(|error| exception(py, &error))?;
        let future = future_into_py::<Process, _, _>(py, async move { Ok(Brought(work.await)) })?;
        future.call_method0(pyo3::intern!(py, "__await__"))
    }
}

/// Makes an object of what a stream has brought.
type Item = Result<Answer, Error>;

/// What comes piece by piece.
#[pyclass(frozen, module = "leoscope._leoscope")]
pub(crate) struct Pieces {
    stream: Arc<tokio::sync::Mutex<Pin<Box<dyn Stream<Item = Item> + Send>>>>,
    origin: Origin,
}

impl Pieces {
    /// The pieces of `stream` for `origin`, and what is made of each.
    pub(crate) fn new<T: Send + 'static>(
        origin: Origin,
        stream: impl Stream<Item = Result<T, Error>> + Send + 'static,
        object: impl for<'py> Fn(Python<'py>, T) -> PyResult<Bound<'py, PyAny>> + Send + Sync + 'static,
    ) -> Self {
        let object = Arc::new(object);
        let stream = stream.map(move |piece| {
            let object = Arc::clone(&object);
            piece.map(|piece| answer(move |py| object(py, piece)))
        });
        Self { stream: Arc::new(tokio::sync::Mutex::new(Box::pin(stream))), origin }
    }
}

#[pymethods]
impl Pieces {
    /// The next piece; None after the last.
    fn next(&self) -> Call {
        let stream = Arc::clone(&self.stream);
        let work = async move {
            // One that was cancelled lets go of it in a moment.
            let waited = tokio::time::timeout(HANDOVER, stream.lock()).await;
            let mut stream = waited.map_err(|_| {
                Error::new(ErrorKind::Unsupported, "somebody waits for the next piece already")
                    .hint("read from one place at a time")
            })?;
            match stream.next().await {
                Some(piece) => piece.map(Some),
                None => Ok(None),
            }
        };
        Call::new(self.origin.clone(), work, |py, piece| match piece {
            Some(answer) => answer(py),
            None => Ok(py.None().into_bound(py)),
        })
    }
}
