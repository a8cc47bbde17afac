//! `leoscope job schedule`: book an experiment.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use leoscope_core::ids::{JobId, NodeId};
use leoscope_core::model::{JobParams, JobSpec, RunLength};
use leoscope_core::schedule::{CronExpr, Policies, Schedule as Starts};
use leoscope_core::time::{Timestamp, Window};
use leoscope_core::{Error, Result};
use serde_json::json;

use super::policies::PolicyArgs;
use crate::cli::{NO_HELP, instant, length};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `job schedule`.
#[derive(Debug, Args)]
pub(crate) struct Schedule {
    /// The node that measures
    #[arg(long)]
    nodeid: NodeId,
    /// The id of the job [default: one is made]
    #[arg(long)]
    jobid: Option<JobId>,
    /// cron for repeated runs, atq for a single one [default: cron with --schedule, else atq]
    #[arg(long, value_enum, ignore_case = true, hide_possible_values = true)]
    r#type: Option<JobType>,
    /// The experiment config (YAML)
    #[arg(long, value_name = "FILE", default_value = "experiment-config.yaml")]
    exp_config: PathBuf,
    /// When runs start: minute hour day-of-month month day-of-week, for example '*/5 * * * *'
    #[arg(long, value_name = "CRON", allow_hyphen_values = true)]
    schedule: Option<CronExpr>,
    /// When the job begins (UTC), for example 2026-12-01T00:00:00; a single run starts then
    #[arg(long, value_name = "TIME", value_parser = instant)]
    start_date: Timestamp,
    /// When the job is over (UTC) [default for a single run: as long as it may take]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    end_date: Option<Timestamp>,
    /// Length of one run in seconds
    #[arg(long, value_name = "SECS", value_parser = length, allow_hyphen_values = true)]
    length: RunLength,
    /// The experiment needs the link for itself; with --no-overhead others may run beside it
    #[arg(long, default_value_t = true, overrides_with = "no_overhead")]
    #[arg(action = clap::ArgAction::SetTrue)]
    overhead: bool,
    /// Other experiments may run beside this one
    #[arg(long, overrides_with = "overhead")]
    no_overhead: bool,
    /// The node that serves, for experiments with two sides
    #[arg(long, value_name = "NODEID")]
    server: Option<NodeId>,
    /// The condition under which a run starts
    #[arg(long, value_name = "CONDITION")]
    trigger: Option<String>,
    #[command(flatten)]
    policies: PolicyArgs,
    /// Kept with the job for older clients
    #[arg(long = "params_mode", default_value = "", hide = true)]
    params_mode: String,
    /// Kept with the job for older clients
    #[arg(long = "params_deploy", default_value = "", hide = true)]
    params_deploy: String,
    /// Kept with the job for older clients
    #[arg(long = "params_execute", default_value = "", hide = true)]
    params_execute: String,
    /// Kept with the job for older clients
    #[arg(long = "params_finish", default_value = "", hide = true)]
    params_finish: String,
}

/// The types of jobs, in the words existing deployments use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum JobType {
    /// Runs at every time a cron expression names.
    #[value(help = NO_HELP)]
    Cron,
    /// Runs once.
    #[value(help = NO_HELP)]
    Atq,
}

pub(super) async fn run(schedule: Schedule, session: &Session, out: &Output) -> Result<ExitStatus> {
    let spec = schedule.spec()?;
    let booked = session.connect()?.schedule_job(spec).await?;
    for warning in &booked.warnings {
        out.warning(warning);
    }
    out.made(&booked.id, json!({ "warnings": booked.warnings }));
    out.note(format_args!("job {} is booked", booked.id));
    Ok(ExitStatus::Done)
}

pub(super) fn read_config(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| {
        Error::invalid(format!("experiment config {} cannot be read: {e}", path.display()))
            .hint("name the file with --exp-config")
    })
}

impl Schedule {
    /// The job asked for, with its config.
    pub(super) fn spec(self) -> Result<JobSpec> {
        let config = read_config(&self.exp_config)?;
        self.into_spec(config)
    }

    /// The job asked for, with the text of its config; whether it can be is the orchestrator's to say.
    fn into_spec(self, config: String) -> Result<JobSpec> {
        let Self {
            nodeid: node,
            jobid: id,
            r#type,
            exp_config: _,
            schedule,
            start_date: start,
            end_date,
            length,
            overhead,
            no_overhead,
            server,
            trigger,
            policies,
            params_mode: mode,
            params_deploy: deploy,
            params_execute: execute,
            params_finish: finish,
        } = self;
        let policies = policies.over(Policies::default());
        policies.check()?;
        let schedule = match (r#type, schedule) {
            (Some(JobType::Cron) | None, Some(cron)) => Starts::Cron(cron),
            (Some(JobType::Atq) | None, None) => Starts::Once,
            (Some(JobType::Cron), None) => {
                return Err(Error::invalid("a job of type cron needs a schedule")
                    .hint("give --schedule, for example --schedule='*/5 * * * *'"));
            }
            (Some(JobType::Atq), Some(cron)) => {
                return Err(Error::invalid(format!(
                    "a job of type atq runs once, schedule '{cron}' does not"
                ))
                .hint("leave out --schedule or --type=atq"));
            }
        };
        let window = match (end_date, &schedule) {
            (Some(end), _) => Window::new(start, end)?,
            (None, Starts::Once) => Window::lasting(start, length.duration() + policies.longest_delay())
                .ok_or_else(|| Error::invalid(format!("start {start} plus {length} is no time")))?,
            (None, Starts::Cron(_)) => {
                return Err(Error::invalid("a job with a schedule needs an end date").hint("give --end-date"));
            }
        };
        Ok(JobSpec {
            id,
            node,
            server,
            schedule,
            window,
            length,
            overhead: overhead && !no_overhead,
            trigger,
            config,
            params: JobParams { mode, deploy, execute, finish },
            policies,
        })
    }
}
