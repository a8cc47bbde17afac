//! What runs have brought: their results, and what they print.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream;
use leoscope_core::Error;
use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::fetch::{Fetcher, Options, Outcome, Plan, Progress, State};
use leoscope_core::follow;
use leoscope_core::ids::RunId;
use leoscope_core::model::{OutputPiece, OutputScope, Tail};
use leoscope_core::ports::BlobStorage;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::{Connection, Plane, read};
use crate::call::{Call, Pieces};
use crate::error::exception;
use crate::objects::RunTable;
use crate::python::made;
use crate::time::Count;

/// How often it is told how far downloads are.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// How far downloads are.
#[derive(Debug, Default)]
struct Counter(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// The size of each bundle, where it is known, and how much of it is here.
    bundles: HashMap<RunId, (Option<u64>, u64)>,
    ended: usize,
}

impl Counter {
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn told(&self) -> Told {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counts.bundles.values().map(|(_, here)| here).sum();
        Told::Progress { here, ended: counts.ended }
    }
}

impl Progress for Counter {
    fn begin(&self, run: &RunId, size: Option<u64>, kept: u64) {
        self.change(|counts| {
            counts.bundles.insert(run.clone(), (size, kept));
        });
    }

    fn at(&self, run: &RunId, bytes: u64) {
        self.change(|counts| {
            if let Some((_, here)) = counts.bundles.get_mut(run) {
                *here = bytes;
            }
        });
    }

    fn end(&self, run: &RunId) {
        self.change(|counts| {
            counts.ended += 1;
            if let Some((Some(size), here)) = counts.bundles.get_mut(run) {
                *here = *size;
            }
        });
    }
}

/// What is told of downloads.
enum Told {
    Planned { runs: usize, bytes: u64 },
    Progress { here: u64, ended: usize },
    Done(Vec<Outcome>),
}

fn told(py: Python<'_>, told: Told) -> PyResult<Bound<'_, PyAny>> {
    let tuple = match told {
        Told::Planned { runs, bytes } => ("planned", runs, bytes).into_pyobject(py)?,
        Told::Progress { here, ended } => ("progress", here, ended).into_pyobject(py)?,
        Told::Done(outcomes) => {
            let outcomes = outcomes.into_iter().map(|one| outcome(py, one)).collect::<PyResult<Vec<_>>>()?;
            ("done", PyList::new(py, outcomes)?, py.None()).into_pyobject(py)?
        }
    };
    Ok(tuple.into_any())
}

fn outcome(py: Python<'_>, Outcome { run, job, path, state }: Outcome) -> PyResult<Bound<'_, PyAny>> {
    let (word, files, size, unpacked, verified) = match &state {
        State::Fetched { files, size, unpacked, verified } => {
            ("fetched", Some(*files), Some(*size), Some(*unpacked), Some(*verified))
        }
        State::There => ("there", None, None, None, None),
        State::Missing(_) => ("missing", None, None, None, None),
        State::Failed(_) => ("failed", None, None, None, None),
    };
    let (why, error) = match &state {
        State::Fetched { .. } | State::There => (None, None),
        State::Missing(missing) => (Some(missing.to_string()), None),
        State::Failed(error) => (Some(error.to_string()), Some(exception(py, error).into_value(py))),
    };
    let parts = (run.as_str(), job.as_str(), path, word, files, size, unpacked, verified, why, error);
    made(py, "Download", parts)
}

fn piece(py: Python<'_>, OutputPiece { source, bytes }: OutputPiece) -> PyResult<Bound<'_, PyAny>> {
    Ok((source.name(), PyBytes::new(py, &bytes)).into_pyobject(py)?.into_any())
}

/// What downloads are at.
enum At {
    Planned,
    Fetching,
    Done,
}

#[pymethods]
impl Connection {
    /// Fetches the results of runs to below a directory: ("planned", runs, bytes), ("progress", bytes,
    /// ended) now and then, and at last ("done", outcomes).
    fn download(
        &self,
        py: Python<'_>,
        runs: &Bound<'_, RunTable>,
        path: PathBuf,
        keep_archive: bool,
        parallel: Count,
    ) -> PyResult<Pieces> {
        let blob = read(py, AzureStorage::new())?;
        let absolute = move || {
            std::path::absolute(&path).map_err(|e| {
                Error::invalid(format!("{} cannot be a directory for results: {e}", path.display()))
            })
        };
        let path = read(py, absolute())?;
        let plane = self.plane(py)?;
        let runs = runs.get().runs().to_vec();
        let plan = py.detach(|| Plan::make(runs, &path));
        let totals = plan.totals();
        let counter = Arc::new(Counter::default());
        let options = Options {
            keep_archive,
            parallel: usize::try_from(parallel.0).unwrap_or(1).max(1),
            max_unpacked: None,
        };
        let progress = Arc::clone(&counter);
        let work = Box::pin(async move {
            Fetcher::new(&*plane, Some(&blob as &dyn BlobStorage), options, &*progress).fetch(&plan).await
        });
        let stream = stream::unfold((At::Planned, work), move |(at, mut work)| {
            let counter = Arc::clone(&counter);
            async move {
                match at {
                    At::Planned => {
                        let planned = Told::Planned { runs: totals.fetch, bytes: totals.bytes };
                        Some((Ok(planned), (At::Fetching, work)))
                    }
                    At::Fetching => match tokio::time::timeout(TELL_EVERY, &mut work).await {
                        Err(_) => Some((Ok(counter.told()), (At::Fetching, work))),
                        Ok(done) => Some((done.map(Told::Done), (At::Done, work))),
                    },
                    At::Done => None,
                }
            }
        });
        Ok(Pieces::new(self.origin.clone(), stream, told))
    }

    /// What a run prints: pieces of (source, bytes). `tail` is how many lines of each stream, None for all.
    fn logs(&self, py: Python<'_>, id: &str, follow: bool, tail: Option<Count>) -> PyResult<Call> {
        let id = read(py, RunId::parse(id))?;
        let scope = OutputScope { tail: tail.map_or(Tail::All, |Count(lines)| Tail::Lines(lines)), follow };
        let blob = read(py, AzureStorage::new())?;
        let work = |plane: Plane| async move {
            let run = follow::look(&*plane, &id).await?;
            follow::output(plane, Some(Arc::new(blob) as Arc<dyn BlobStorage>), run, scope).await
        };
        let origin = self.origin.clone();
        self.call(py, work, move |py, output| {
            Ok(Pieces::new(origin, output, piece).into_pyobject(py)?.into_any())
        })
    }
}
