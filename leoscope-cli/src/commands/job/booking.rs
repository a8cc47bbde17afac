//! What a job is to be, apart from the nodes it is booked on: the options of `job schedule` and `job plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use leoscope_core::ids::{JobId, NodeId};
use leoscope_core::model::{JobEnd, JobParams, JobSpec, JobStart, RunLength, SlotRequest};
use leoscope_core::ports::ControlPlane;
use leoscope_core::schedule::{CronExpr, Policies, PolicyChange, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, to_micros};
use leoscope_core::{Error, Result};

use super::policies::PolicyArgs;
use super::schedule::read_config;
use crate::cli::{NO_HELP, length};

/// How far ahead a common slot is looked for where no end is given.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How long before a common slot its nodes need to hear of it.
const READY: SignedDuration = SignedDuration::from_secs(30);

/// The options.
#[derive(Debug, Args)]
pub(crate) struct Booking {
    /// The id of the job [default: one is made]; on several nodes theirs are added to it
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
    /// When the job begins (UTC): 2026-12-01T00:00:00, now, or +90m for so long from now; a single run
    /// starts then, or with next-common-slot where all of its nodes are free for the first time
    #[arg(long, visible_alias = "start", value_name = "TIME")]
    start_date: JobStart,
    /// When the job is over (UTC), or +1d for so long after its start [default for a single run: as
    /// long as it may take]
    #[arg(long, visible_alias = "end", value_name = "TIME")]
    end_date: Option<JobEnd>,
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

impl Booking {
    /// The text of the experiment config.
    pub(super) fn config(&self) -> Result<String> {
        read_config(&self.exp_config)
    }

    /// Looks at what can be wrong without knowing nodes.
    pub(super) fn check(&self) -> Result<()> {
        self.policies()?;
        match self.starts()? {
            Schedule::Cron(_) if self.end_date.is_none() => {
                Err(Error::invalid("a job with a schedule needs an end date").hint("give --end-date"))
            }
            Schedule::Cron(_) if self.start_date == JobStart::NextCommonSlot => {
                Err(Error::invalid("only a single run can start at the next common slot")
                    .hint("leave out --schedule, or give a start date"))
            }
            Schedule::Cron(_) | Schedule::Once => Ok(()),
        }
    }

    fn policies(&self) -> Result<Policies> {
        let policies = PolicyChange::from(self.policies.clone()).over(Policies::default());
        policies.check()?;
        Ok(policies)
    }

    fn starts(&self) -> Result<Schedule> {
        match (self.r#type, &self.schedule) {
            (Some(JobType::Cron) | None, Some(cron)) => Ok(Schedule::Cron(cron.clone())),
            (Some(JobType::Atq) | None, None) => Ok(Schedule::Once),
            (Some(JobType::Cron), None) => Err(Error::invalid("a job of type cron needs a schedule")
                .hint("give --schedule, for example --schedule='*/5 * * * *'")),
            (Some(JobType::Atq), Some(cron)) => {
                Err(Error::invalid(format!("a job of type atq runs once, schedule '{cron}' does not"))
                    .hint("leave out --schedule or --type=atq"))
            }
        }
    }

    /// The jobs asked for, one on each of `nodes`; whether they can be is the orchestrator's to say.
    pub(super) async fn specs(
        self,
        nodes: Vec<NodeId>,
        config: String,
        plane: &dyn ControlPlane,
        now: Timestamp,
    ) -> Result<Vec<JobSpec>> {
        let (schedule, policies) = (self.starts()?, self.policies()?);
        let taken = self.length.duration() + policies.longest_delay();
        let start = match self.start_date.instant(to_micros(now), schedule == Schedule::Once)? {
            Some(start) => start,
            None => self.common_slot(&nodes, taken, plane, now).await?,
        };
        let window = match &self.end_date {
            Some(end) => Window::new(start, end.instant(start)?)?,
            None => Window::lasting(start, taken)
                .ok_or_else(|| Error::invalid(format!("start {start} plus {} is no time", self.length)))?,
        };
        let id = |node: &NodeId| match &self.jobid {
            Some(id) if nodes.len() > 1 => JobId::parse(&format!("{id}-{node}")).map(Some),
            id => Ok(id.clone()),
        };
        let ids: Vec<Option<JobId>> = nodes.iter().map(id).collect::<Result<_>>()?;
        let Self {
            jobid: _,
            r#type: _,
            exp_config: _,
            schedule: _,
            start_date: _,
            end_date: _,
            length,
            overhead,
            no_overhead,
            server,
            trigger,
            policies: _,
            params_mode: mode,
            params_deploy: deploy,
            params_execute: execute,
            params_finish: finish,
        } = self;
        let specs = nodes.into_iter().zip(ids).map(|(node, id)| JobSpec {
            id,
            node,
            server: server.clone(),
            schedule: schedule.clone(),
            window,
            length,
            overhead: overhead && !no_overhead,
            trigger: trigger.clone(),
            config: config.clone(),
            params: JobParams {
                mode: mode.clone(),
                deploy: deploy.clone(),
                execute: execute.clone(),
                finish: finish.clone(),
            },
            policies: policies.clone(),
        });
        Ok(specs.collect())
    }

    /// When all of the nodes are free for so long for the first time.
    async fn common_slot(
        &self,
        nodes: &[NodeId],
        taken: SignedDuration,
        plane: &dyn ControlPlane,
        now: Timestamp,
    ) -> Result<Timestamp> {
        let near = to_micros(now.checked_add(READY).unwrap_or(Timestamp::MAX));
        let until = match &self.end_date {
            Some(end) => end.instant(near)?,
            None => near.checked_add(AHEAD).unwrap_or(Timestamp::MAX),
        };
        let within = Window::new(near, until)?;
        let nodes = nodes.iter().chain(&self.server).cloned().collect();
        let request = SlotRequest { nodes, length: taken, near, within, count: 1 };
        let slot = plane.free_slots(&request).await?;
        slot.first().map(|slot| slot.start()).ok_or_else(|| {
            Error::not_found(format!("the nodes are not free together for {} s in {within}", taken.as_secs()))
                .hint("give a later --end-date, fewer nodes or a shorter length")
        })
    }
}
