//! `leoscope job plan`: what booking an experiment would do.

use clap::Args;
use leoscope_core::Result;
use leoscope_core::model::JobPlan;

use super::schedule::Schedule;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, Planned, Slot, plan_json};

/// Options of `job plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    schedule: Schedule,
    /// How many of the next runs to list
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    runs: u32,
}

pub(super) async fn run(plan: Plan, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Plan { schedule, runs } = plan;
    let plan = session.connect()?.plan_job(schedule.spec()?, runs).await?;
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
