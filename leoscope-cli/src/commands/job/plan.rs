//! `leoscope job plan`: what booking an experiment would do.

use clap::Args;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::model::{JobPlan, JobSpec};
use leoscope_core::ports::{Clock as _, ControlPlane};
use leoscope_core::{ErrorKind, Result};

use super::booking::Booking;
use super::nodes::Nodes;
use super::schedule::offer;
use crate::commands::trigger::failure;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, Planned, Slot, plan_json};

/// Options of `job plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    nodes: Nodes,
    #[command(flatten)]
    booking: Booking,
    /// How many of the next runs to list
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    runs: u32,
}

pub(super) async fn run(plan: Plan, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Plan { nodes, booking, runs } = plan;
    let config = booking.config()?;
    booking.check()?;
    let plane = session.connect()?;
    let nodes = nodes.choose(&*plane, out).await?;
    let specs = booking.specs(nodes, config, &*plane, SystemClock.now()).await?;
    match <[JobSpec; 1]>::try_from(specs) {
        Ok([spec]) => show(spec, runs, &*plane, out).await,
        Err(specs) => several(specs, runs, &*plane, out).await,
    }
}

/// One after the other for people, and in one list for programs.
async fn several(
    specs: Vec<JobSpec>,
    runs: u32,
    plane: &dyn ControlPlane,
    out: &Output,
) -> Result<ExitStatus> {
    let mut status = ExitStatus::Done;
    let mut plans = Vec::new();
    for spec in specs {
        let one = if out.is_for_programs() {
            let plan = plane.plan_job(spec, runs).await?;
            plans.push(plan_json(&plan));
            plan.refusal.map_or(ExitStatus::Done, |refusal| refusal.kind().into())
        } else {
            out.note(format_args!("on node {}:", spec.node));
            show(spec, runs, plane, out).await?
        };
        if one != ExitStatus::Done {
            status = one;
        }
    }
    if out.is_for_programs() {
        out.value(&plans.into());
    }
    Ok(status)
}

async fn show(spec: JobSpec, runs: u32, plane: &dyn ControlPlane, out: &Output) -> Result<ExitStatus> {
    let plan = match plane.plan_job(spec.clone(), runs).await {
        Err(error) if error.kind() == ErrorKind::InvalidArgument => {
            failure(&error, spec.trigger.as_deref(), out);
            return Ok(error.kind().into());
        }
        plan => plan?,
    };
    for warning in &plan.warnings {
        out.warning(warning);
    }
    if plan.job.trigger.is_some() {
        out.either(|| Planned::list(&plan), || plan_json(&plan));
    } else {
        out.either(|| Slot::list(&plan.runs), || plan_json(&plan));
    }
    if let Some(why) = &plan.unforeseen {
        out.note(why);
    }
    let JobPlan { job, refusal, .. } = &plan;
    match refusal {
        Some(refusal) => {
            out.failure(refusal);
            offer(refusal, &spec, out);
            Ok(refusal.kind().into())
        }
        None => {
            if !job.movement().is_zero() {
                out.note(format_args!(
                    "all starts would be moved {} s later to be free of conflicts",
                    job.movement().as_secs_f64()
                ));
            }
            out.note("it could be booked; nothing was stored");
            Ok(ExitStatus::Done)
        }
    }
}
