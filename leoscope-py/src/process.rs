//! The tokio runtime of this process.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;

use leoscope_core::Error;
use pyo3::prelude::*;
use pyo3_async_runtimes::TaskLocals;
use pyo3_async_runtimes::generic::{ContextExt, JoinError, Runtime};
use tokio::runtime;

/// The runtime and the process it belongs to: its threads do not come along with a fork.
static RUNTIME: Mutex<Option<(u32, Arc<runtime::Runtime>)>> = Mutex::new(None);

/// The runtime of this process, made when it is needed first.
///
/// Whoever calls holds the interpreter, and so does who forks: nobody forks while the lock is held.
pub(crate) fn runtime(_: Python<'_>) -> Result<Arc<runtime::Runtime>, Error> {
    let mut slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, runtime)) = slot.as_ref()
        && *owner == process
    {
        return Ok(Arc::clone(runtime));
    }
    let made = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("leoscope")
        .enable_all()
        .build()
        .map_err(|e| Error::while_doing("start the threads of the client", e))?;
    let made = Arc::new(made);
    // That of the parent cannot be ended here: it would wait for threads that are not there.
    if let Some(inherited) = slot.replace((process, Arc::clone(&made))) {
        std::mem::forget(inherited);
    }
    Ok(made)
}

/// The thread that ends the interpreter, once it does.
static ENDING: OnceLock<ThreadId> = OnceLock::new();

/// Says that the interpreter ends from now on.
#[pyfunction]
pub(crate) fn ending() {
    let _ = ENDING.set(std::thread::current().id());
}

/// Threads that come back while the interpreter ends never do: they would be torn down in the middle of Rust. The
/// process ends without them.
pub(crate) fn stay_away_from_the_end() {
    let is_other = |ending: &ThreadId| *ending != std::thread::current().id();
    while ENDING.get().is_some_and(is_other) {
        std::thread::park();
    }
}

/// What makes awaitables of futures that run here. It is used from within the runtime, or right after
/// [`runtime`] has made it.
pub(crate) struct Process;

/// Why a task has ended before its time.
pub(crate) struct Ended(tokio::task::JoinError);

impl JoinError for Ended {
    fn is_panic(&self) -> bool {
        self.0.is_panic()
    }

    fn into_panic(self) -> Box<dyn std::any::Any + Send + 'static> {
        self.0.into_panic()
    }
}

/// A task that runs.
pub(crate) struct Task(tokio::task::JoinHandle<()>);

impl Future for Task {
    type Output = Result<(), Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(Ended)
    }
}

fn handle() -> runtime::Handle {
    runtime::Handle::try_current().unwrap_or_else(|_| {
        let slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map(|(_, runtime)| runtime.handle().clone()).expect("the runtime has been made")
    })
}

impl Runtime for Process {
    type JoinError = Ended;
    type JoinHandle = Task;

    fn spawn<F>(work: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Task(handle().spawn(work))
    }

    fn spawn_blocking<F>(work: F) -> Task
    where
        F: FnOnce() + Send + 'static,
    {
        Task(handle().spawn_blocking(work))
    }
}

tokio::task_local! {
    static LOCALS: TaskLocals;
}

impl ContextExt for Process {
    fn scope<F, R>(locals: TaskLocals, work: F) -> Pin<Box<dyn Future<Output = R> + Send>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        Box::pin(LOCALS.scope(locals, work))
    }

    fn get_task_locals() -> Option<TaskLocals> {
        LOCALS.try_with(Clone::clone).ok()
    }
}
