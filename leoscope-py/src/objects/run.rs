//! Runs and what happened to them.

use leoscope_core::model::{JobEvent, Reading, Reason, Run, RunFacts, TriggerDecision};
use leoscope_core::time::SignedDuration;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::node::reading;
use super::{fields, instant, length};
use crate::time::datetime;

/// The fields of a run.
pub(crate) fn run<'py>(py: Python<'py>, run: &Run) -> PyResult<Bound<'py, PyDict>> {
    let Run {
        id,
        job,
        node,
        owner,
        planned,
        started,
        ended,
        status,
        foreign_status,
        phase,
        stage,
        reason,
        message,
        exit_code,
        artifact,
        bundle,
        trigger_verdict,
        facts,
        updated,
    } = run;
    let RunFacts { start, image, clock_offset_us, trigger } = facts;
    let (why, readings) = match trigger {
        Some(TriggerDecision { verdict: _, at: _, why, readings }) => (Some(why.as_str()), &readings[..]),
        None => (None, &[][..]),
    };
    let readings = readings.iter().cloned().map(|one: Reading| reading(py, one));
    let known = reason.as_deref().and_then(Reason::from_name);
    Ok(fields!(py, {
        "id": id.as_str(),
        "job_id": job.as_str(),
        "node_id": node.as_str(),
        "owner": owner.as_str(),
        "planned_start": instant(py, planned.map(|window| window.start()))?,
        "planned_end": instant(py, planned.map(|window| window.end()))?,
        "started": instant(py, *started)?,
        "ended": instant(py, *ended)?,
        "status": status.name(),
        "foreign_status": foreign_status,
        "phase": phase.map(|phase| phase.name()),
        "stage": stage.map(|stage| stage.name()),
        "reason": reason,
        "meaning": known.map(Reason::meaning),
        "advice": known.map(Reason::advice),
        "message": message,
        "exit_code": exit_code,
        "has_results": artifact.is_some(),
        "results_size": bundle.map(|bundle| bundle.facts.size),
        "results_removed": instant(py, bundle.and_then(|bundle| bundle.removed))?,
        "trigger_verdict": trigger_verdict,
        "trigger_why": why,
        "trigger_readings": readings.collect::<PyResult<Vec<_>>>()?,
        "start_mode": start.map(|start| start.name()),
        "image": image,
        "clock_offset": clock_offset_us.map(|us| length(py, SignedDuration::from_micros(us))).transpose()?,
        "updated": instant(py, *updated)?,
    }))
}

/// A step in the life of a run.
fn event(py: Python<'_>, event: JobEvent) -> PyResult<Bound<'_, PyAny>> {
    let JobEvent {
        id: _,
        job,
        run,
        node,
        owner: _,
        occurrence,
        stage,
        outcome,
        reason,
        message,
        source,
        at,
        received: _,
    } = event;
    let fields = fields!(py, {
        "at": datetime(py, at)?,
        "stage": stage.name(),
        "outcome": outcome.name(),
        "reason": reason,
        "message": message,
        "job_id": job.as_str(),
        "run_id": run.as_ref().map(|run| run.as_str()),
        "node_id": node.as_str(),
        "planned_start": instant(py, occurrence)?,
        "source": source,
    });
    py.import("leoscope._types")?.getattr("RunEvent")?.call((), Some(&fields))
}

pub(crate) fn events(py: Python<'_>, events: Vec<JobEvent>) -> PyResult<Bound<'_, PyAny>> {
    let events = events.into_iter().map(|one| event(py, one)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, events)?.into_any())
}
