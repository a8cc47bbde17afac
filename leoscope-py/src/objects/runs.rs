//! Many runs, which become objects one by one, or columns all at once.

use std::collections::BTreeSet;

use leoscope_core::model::{Run, stats};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{fields, length, run};
use crate::table::{Column, Table};

/// Runs as a call has brought them.
#[pyclass(frozen, module = "leoscope._leoscope")]
pub(crate) struct RunTable(Vec<Run>);

impl RunTable {
    pub(crate) fn new(runs: Vec<Run>) -> Self {
        Self(runs)
    }

    pub(crate) fn runs(&self) -> &[Run] {
        &self.0
    }
}

#[pymethods]
impl RunTable {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The fields of the run at a place.
    fn fields<'py>(&self, py: Python<'py>, place: usize) -> PyResult<Bound<'py, PyDict>> {
        match self.0.get(place) {
            Some(one) => run(py, one),
            None => Err(PyIndexError::new_err("there are not so many runs")),
        }
    }

    /// The runs at some places.
    fn select(&self, places: Vec<usize>) -> Self {
        Self(places.into_iter().filter_map(|place| self.0.get(place).cloned()).collect())
    }

    /// The places of the runs that have one of these statuses.
    fn with_status(&self, statuses: Vec<String>) -> Vec<usize> {
        let statuses: BTreeSet<String> = statuses.into_iter().collect();
        let has_one = |run: &Run| statuses.contains(run.status.name());
        self.0.iter().enumerate().filter(|(_, run)| has_one(run)).map(|(place, _)| place).collect()
    }

    /// All of them as columns.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let runs = &self.0[..];
        let table = py.detach(|| {
            Table(vec![
                ("id", Column::words(runs, |run| Some(run.id.as_str()))),
                ("job_id", Column::words(runs, |run| Some(run.job.as_str()))),
                ("node_id", Column::words(runs, |run| Some(run.node.as_str()))),
                ("owner", Column::words(runs, |run| Some(run.owner.as_str()))),
                ("status", Column::words(runs, |run| Some(run.status.name()))),
                ("planned_start", Column::times(runs, |run| run.planned.map(|window| window.start()))),
                ("planned_end", Column::times(runs, |run| run.planned.map(|window| window.end()))),
                ("started", Column::times(runs, |run| run.started)),
                ("ended", Column::times(runs, |run| run.ended)),
                ("lateness", Column::lengths(runs, Run::lateness)),
                ("phase", Column::words(runs, |run| run.phase.map(|phase| phase.name()))),
                ("stage", Column::words(runs, |run| run.stage.map(|stage| stage.name()))),
                ("reason", Column::words(runs, |run| run.reason.as_deref())),
                ("message", Column::words(runs, |run| Some(run.message.as_str()))),
                ("exit_code", Column::whole_or_none(runs, |run| run.exit_code.map(i64::from))),
                ("trigger_verdict", Column::words(runs, |run| run.trigger_verdict.as_deref())),
                (
                    "results_size",
                    Column::whole_or_none(runs, |run| i64::try_from(run.bundle?.facts.size).ok()),
                ),
            ])
        });
        table.object(py)
    }

    /// How the runs of each job went.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let object = |stats: leoscope_core::model::JobStats| {
            let coverage = stats.coverage();
            let leoscope_core::model::JobStats {
                job,
                planned,
                completed,
                skipped,
                missed,
                failed,
                aborted,
                open,
                reasons,
                lateness,
            } = stats;
            let (median, worst) = match lateness {
                Some(late) => (Some(length(py, late.median)?), Some(length(py, late.worst)?)),
                None => (None, None),
            };
            let fields = fields!(py, {
                "job_id": job.as_str(),
                "planned": planned,
                "completed": completed,
                "skipped": skipped,
                "missed": missed,
                "failed": failed,
                "aborted": aborted,
                "open": open,
                "coverage": coverage,
                "reasons": reasons,
                "median_lateness": median,
                "worst_lateness": worst,
            });
            py.import("leoscope._types")?.getattr("JobStats")?.call((), Some(&fields))
        };
        let found = py.detach(|| stats(&self.0));
        found.into_iter().map(object).collect()
    }
}
