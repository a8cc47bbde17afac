//! Booking on several nodes at once.

use leoscope_core::ids::JobId;
use leoscope_core::model::JobSpec;
use leoscope_core::ports::ControlPlane;
use leoscope_core::{Error, ErrorKind, Result};
use tokio_util::sync::CancellationToken;

use super::schedule::offer_on;
use crate::exit::ExitStatus;
use crate::output::{Booked, Output};

/// Books all of `specs`; of those that are `atomic` all or none.
pub(super) async fn book(
    specs: Vec<JobSpec>,
    atomic: bool,
    plane: &dyn ControlPlane,
    out: &Output,
) -> Result<ExitStatus> {
    let mut refused = None;
    if atomic {
        for spec in &specs {
            if let Err(error) = check(spec, plane).await {
                refused = refused.or(Some(error.kind()));
                out.failure(&error.context(format_args!("node {}", spec.node)));
            }
        }
        if let Some(kind) = refused {
            out.note("nothing was booked");
            return Ok(kind.into());
        }
    }
    // A booking under way is waited for: then it is known what to take back.
    let stopped = CancellationToken::new();
    let watch = tokio::spawn({
        let stopped = stopped.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stopped.cancel();
            }
        }
    });
    let outcome = each(specs, atomic, &stopped, plane, out).await;
    watch.abort();
    outcome
}

/// Whether a job could be booked.
async fn check(spec: &JobSpec, plane: &dyn ControlPlane) -> Result<()> {
    plane.plan_job(spec.clone(), 0).await?.refusal.map_or(Ok(()), Err)
}

async fn each(
    specs: Vec<JobSpec>,
    atomic: bool,
    stopped: &CancellationToken,
    plane: &dyn ControlPlane,
    out: &Output,
) -> Result<ExitStatus> {
    let mut booked: Vec<Booked> = Vec::new();
    let mut failed = None;
    let all = specs.len();
    for mut spec in specs {
        // With an id of ours it can be taken back also where no answer comes.
        let id = spec.id.take().map_or_else(JobId::random, Ok)?;
        spec.id = Some(id.clone());
        let outcome = if stopped.is_cancelled() {
            Err(Error::new(ErrorKind::Internal, "stopped by Ctrl-C"))
        } else {
            plane.schedule_job(spec.clone()).await
        };
        match outcome {
            Ok(scheduled) => {
                for warning in &scheduled.warnings {
                    out.warning(format_args!("node {}: {warning}", spec.node));
                }
                booked.push(Booked { job: scheduled.id, node: spec.node, warnings: scheduled.warnings });
            }
            Err(error) if atomic => {
                let unsure = !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists);
                let ids = booked.into_iter().map(|booked| booked.job).chain(unsure.then_some(id));
                let left = take_back(ids.collect(), plane, out).await;
                let error = error.context(format_args!("node {}", spec.node));
                return Err(if left { error } else { error.hint("nothing stays booked") });
            }
            Err(error) => {
                failed = failed.or(Some(error.kind()));
                let conflict = error.clone();
                out.failure(&error.context(format_args!("node {}", spec.node)));
                offer_on(&conflict, &spec, out);
                if stopped.is_cancelled() {
                    break;
                }
            }
        }
    }
    out.list(&booked);
    out.note(format_args!("{} of {all} jobs are booked", booked.len()));
    Ok(failed.map_or(ExitStatus::Done, ExitStatus::from))
}

/// Deletes what was booked; whether anything is left.
async fn take_back(ids: Vec<JobId>, plane: &dyn ControlPlane, out: &Output) -> bool {
    let mut left = false;
    for id in ids {
        match plane.delete_job(&id).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                left = true;
                out.failure(&error.context(format_args!("job {id} is booked and cannot be taken back")));
            }
        }
    }
    left
}
