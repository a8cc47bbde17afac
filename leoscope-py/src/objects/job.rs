//! Jobs, and what is planned.

use leoscope_core::conflict::Refusal;
use leoscope_core::model::{CalendarEvent, Expectation, Job, JobPlan};
use leoscope_core::ports::Calendar;
use leoscope_core::schedule::{Hold, Policies, Schedule};
use leoscope_core::time::Window;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{fields, instant, length};
use crate::error::{exception, free_slot, in_the_way};
use crate::python::made;
use crate::time::{datetime, pair};

fn cron(schedule: &Schedule) -> Option<String> {
    match schedule {
        Schedule::Cron(cron) => Some(cron.to_string()),
        Schedule::Once => None,
    }
}

fn policies<'py>(py: Python<'py>, policies: &Policies) -> PyResult<Bound<'py, PyAny>> {
    let Policies {
        time_zone,
        allowed_lateness,
        overlap,
        slip,
        random_slip,
        max_runs,
        align,
        hold,
        cooldown,
        at_window,
    } = policies;
    let (met_for, at_least) = match hold {
        Some(Hold { met_for, at_least }) => (Some(length(py, *met_for)?), Some(length(py, *at_least)?)),
        None => (None, None),
    };
    let fields = fields!(py, {
        "time_zone": time_zone.name(),
        "allowed_lateness": length(py, *allowed_lateness)?,
        "overlap": overlap.name(),
        "slip": length(py, *slip)?,
        "random_slip": length(py, *random_slip)?,
        "max_runs": max_runs.map(|runs| runs.get()),
        "align": align.map(|align| align.to_string()),
        "hold": hold.is_some(),
        "met_for": met_for,
        "at_least": at_least,
        "cooldown": length(py, *cooldown)?,
        "at_window": at_window,
    });
    py.import("leoscope._types")?.getattr("Policies")?.call((), Some(&fields))
}

/// The fields of a job.
pub(crate) fn job<'py>(py: Python<'py>, job: &Job) -> PyResult<Bound<'py, PyDict>> {
    let Job {
        id,
        owner,
        node,
        server,
        schedule,
        window,
        length: run_length,
        overhead,
        trigger,
        config,
        params: _,
        policies: wanted,
        shift: _,
        created,
        since,
        deleted: _,
    } = job;
    Ok(fields!(py, {
        "id": id.as_str(),
        "owner": owner.as_str(),
        "node_id": node.as_str(),
        "server_id": server.as_ref().map(|server| server.as_str()),
        "schedule": cron(schedule),
        "start": datetime(py, window.start())?,
        "end": datetime(py, window.end())?,
        "length": length(py, run_length.duration())?,
        "overhead": overhead,
        "trigger": trigger,
        "config": config,
        "policies": policies(py, wanted)?,
        "movement": length(py, job.movement())?,
        "created": datetime(py, *created)?,
        "since": datetime(py, *since)?,
    }))
}

pub(crate) fn jobs<'py>(py: Python<'py>, jobs: &[Job]) -> PyResult<Bound<'py, PyAny>> {
    let jobs = jobs.iter().map(|one| job(py, one)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, jobs)?.into_any())
}

/// Starts and ends.
pub(crate) fn windows<'py>(py: Python<'py>, windows: &[Window]) -> PyResult<Bound<'py, PyAny>> {
    let windows = windows.iter().map(|window| pair(py, *window)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, windows)?.into_any())
}

/// The fields of what a booking would do.
pub(crate) fn plan(py: Python<'_>, plan: JobPlan) -> PyResult<Bound<'_, PyAny>> {
    let JobPlan { job: planned, warnings, runs, refusal, expected, unforeseen } = plan;
    let none = Refusal::default();
    let Refusal { conflicts, clashing: _, alternatives } =
        refusal.as_ref().map_or(&none, |refusal| refusal.refusal());
    let expected = expected.into_iter().map(|expected| {
        expected.map(|expected| match expected {
            Expectation::Met => "MET",
            Expectation::NotMet => "NOT_MET",
            Expectation::Possible => "POSSIBLE",
            Expectation::Unknown => "UNKNOWN",
        })
    });
    let fields = fields!(py, {
        "job": job(py, &planned)?,
        "warnings": warnings,
        "runs": windows(py, &runs)?,
        "conflicts": conflicts.iter().map(|one| in_the_way(py, one)).collect::<PyResult<Vec<_>>>()?,
        "free_slots": alternatives.iter().map(|one| free_slot(py, one)).collect::<PyResult<Vec<_>>>()?,
        "expected": expected.collect::<Vec<_>>(),
        "unforeseen": unforeseen,
        "refusal": refusal.map(|refusal| exception(py, &refusal).into_value(py)),
    });
    Ok(fields.into_any())
}

fn planned_run(py: Python<'_>, event: CalendarEvent) -> PyResult<Bound<'_, PyAny>> {
    let CalendarEvent { run, job, owner, node, server, window, schedule, overhead, trigger, params: _ } =
        event;
    let fields = fields!(py, {
        "run_id": run.as_ref().map(|run| run.as_str()),
        "job_id": job.as_str(),
        "owner": owner.as_ref().map(|owner| owner.as_str()),
        "node_id": node.as_str(),
        "server_id": server.as_ref().map(|server| server.as_str()),
        "start": instant(py, Some(window.start()))?,
        "end": instant(py, Some(window.end()))?,
        "schedule": cron(&schedule),
        "overhead": overhead,
        "trigger": trigger,
    });
    py.import("leoscope._types")?.getattr("PlannedRun")?.call((), Some(&fields))
}

/// Planned runs, and whether these are all.
pub(crate) fn calendar(
    py: Python<'_>,
    Calendar { events, complete }: Calendar,
) -> PyResult<Bound<'_, PyAny>> {
    let events = events.into_iter().map(|event| planned_run(py, event)).collect::<PyResult<Vec<_>>>()?;
    made(py, "Calendar", (events, complete))
}
