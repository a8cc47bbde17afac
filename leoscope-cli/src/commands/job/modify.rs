//! `leoscope job modify`: change a booked experiment.

use std::path::PathBuf;

use clap::Args;
use leoscope_core::ids::JobId;
use leoscope_core::model::{JobChange, RunLength};
use leoscope_core::schedule::{CronExpr, PolicyChange, Schedule};
use leoscope_core::time::{Timestamp, parse_instant};
use leoscope_core::{Error, ErrorKind, Result};
use serde_json::json;

use super::policies::PolicyArgs;
use super::schedule::read_config;
use crate::cli::length;
use crate::commands::trigger::failure;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `job modify`.
#[derive(Debug, Args)]
pub(crate) struct Modify {
    /// The job to change
    #[arg(long)]
    jobid: JobId,
    /// When runs start: minute hour day-of-month month day-of-week
    #[arg(long, value_name = "CRON", allow_hyphen_values = true)]
    schedule: Option<CronExpr>,
    /// Run once, at the start date, instead of repeatedly
    #[arg(long, conflicts_with = "schedule")]
    once: bool,
    /// When the job begins (UTC)
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    start_date: Option<Timestamp>,
    /// When the job is over (UTC)
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    end_date: Option<Timestamp>,
    /// Length of one run in seconds
    #[arg(long, value_name = "SECS", value_parser = length, allow_hyphen_values = true)]
    length: Option<RunLength>,
    /// The experiment needs the link for itself
    #[arg(long, overrides_with = "no_overhead")]
    overhead: bool,
    /// Other experiments may run beside this one
    #[arg(long, overrides_with = "overhead")]
    no_overhead: bool,
    /// The condition under which a run starts; '' takes it away
    #[arg(long, value_name = "CONDITION")]
    trigger: Option<String>,
    /// The experiment config (YAML)
    #[arg(long, value_name = "FILE")]
    exp_config: Option<PathBuf>,
    #[command(flatten)]
    policies: PolicyArgs,
}

pub(super) async fn run(modify: Modify, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Modify {
        jobid,
        schedule,
        once,
        start_date: start,
        end_date: end,
        length,
        overhead,
        no_overhead,
        trigger,
        exp_config,
        policies,
    } = modify;
    let plane = session.connect()?;
    let policies = PolicyChange::from(policies);
    let policies = if policies == PolicyChange::default() {
        None
    } else {
        // They are replaced as a whole, so those that are not named come from the job as it is.
        let job = plane.job(&jobid).await?;
        let job = job.ok_or_else(|| {
            Error::not_found(format!("there is no job {jobid}"))
                .hint("list your jobs with 'leoscope job get'")
        })?;
        Some(policies.over(job.policies))
    };
    let change = JobChange {
        schedule: schedule.map(Schedule::Cron).or(once.then_some(Schedule::Once)),
        start,
        end,
        length,
        overhead: (overhead || no_overhead).then_some(overhead),
        trigger,
        config: exp_config.map(|path| read_config(&path)).transpose()?,
        policies,
    };
    let condition = change.trigger.clone();
    let warnings = match plane.modify_job(&jobid, change).await {
        Err(error) if error.kind() == ErrorKind::InvalidArgument => {
            failure(&error, condition.as_deref(), out);
            return Ok(error.kind().into());
        }
        warnings => warnings?,
    };
    for warning in &warnings {
        out.warning(warning);
    }
    out.done(&jobid, &format!("job {jobid} is changed"), json!({ "warnings": warnings }));
    Ok(ExitStatus::Done)
}
