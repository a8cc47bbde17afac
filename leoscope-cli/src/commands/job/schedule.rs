//! `leoscope job schedule`: book an experiment.

use std::path::Path;

use clap::Args;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::conflict::Alternative;
use leoscope_core::model::JobSpec;
use leoscope_core::ports::{Clock as _, ControlPlane};
use leoscope_core::schedule::Schedule as Starts;
use leoscope_core::time::wire_time;
use leoscope_core::{Error, ErrorKind, Result};
use serde_json::json;

use super::booking::Booking;
use super::nodes::Nodes;
use super::several;
use crate::commands::trigger::failure;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `job schedule`.
#[derive(Debug, Args)]
pub(crate) struct Schedule {
    #[command(flatten)]
    nodes: Nodes,
    /// Of several nodes, book on all or on none
    #[arg(long)]
    atomic: bool,
    #[command(flatten)]
    booking: Booking,
}

pub(super) async fn run(schedule: Schedule, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Schedule { nodes, atomic, booking } = schedule;
    // A mistake that can be seen here needs no orchestrator.
    let config = booking.config()?;
    booking.check()?;
    let plane = session.connect()?;
    let nodes = nodes.choose(&*plane, out).await?;
    let mut specs = booking.specs(nodes, config, &*plane, SystemClock.now()).await?;
    match specs.pop() {
        Some(spec) if specs.is_empty() => one(spec, &*plane, out).await,
        last => {
            specs.extend(last);
            several::book(specs, atomic, &*plane, out).await
        }
    }
}

/// Books a job; if that is refused, other times are offered.
pub(super) async fn one(spec: JobSpec, plane: &dyn ControlPlane, out: &Output) -> Result<ExitStatus> {
    match plane.schedule_job(spec.clone()).await {
        Ok(booked) => {
            for warning in &booked.warnings {
                out.warning(warning);
            }
            out.made(&booked.id, json!({ "warnings": booked.warnings }));
            out.note(format_args!("job {} is booked", booked.id));
            Ok(ExitStatus::Done)
        }
        // With what may help beside it.
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        Err(error) => {
            let status = error.kind().into();
            failure(&error, spec.trigger.as_deref(), out);
            offer(&error, &spec, out);
            Ok(status)
        }
    }
}

/// Offers commands that would not be in the way of others.
pub(crate) fn offer(error: &Error, spec: &JobSpec, out: &Output) {
    offer_with(error, spec, &[], out);
}

/// The same for one of several nodes.
pub(super) fn offer_on(error: &Error, spec: &JobSpec, out: &Output) {
    let id = spec.id.as_ref().map(|id| ("jobid", id.to_string()));
    let node = [("nodeid", spec.node.to_string())].into_iter().chain(id);
    offer_with(error, spec, &node.collect::<Vec<_>>(), out);
}

fn offer_with(error: &Error, spec: &JobSpec, more: &[(&'static str, String)], out: &Output) {
    for Alternative { schedule, first } in &error.refusal().alternatives {
        let mut changes = match schedule {
            Starts::Cron(cron) => vec![("schedule", cron.to_string())],
            Starts::Once => vec![("start-date", wire_time(first.start()))],
        };
        // Where none was given it follows from the start.
        if first.end() > spec.window.end() && out.is_typed("end-date") {
            changes.push(("end-date", wire_time(first.end())));
        }
        changes.extend_from_slice(more);
        out.offer(&changes);
    }
}

pub(super) fn read_config(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| {
        Error::invalid(format!("experiment config {} cannot be read: {e}", path.display()))
            .hint("name the file with --exp-config")
    })
}
