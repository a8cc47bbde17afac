//! `leoscope job`: book, list and delete experiments.

mod booking;
mod calendar;
mod copy;
mod modify;
mod nodes;
mod plan;
mod policies;
mod reschedule;
mod schedule;
mod several;
mod slots;

use clap::{ArgGroup, Args, Subcommand};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::{Error, Result};
use serde_json::json;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;
use crate::settings::SELECTOR;

/// The `job` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Book an experiment on one or several nodes: repeated runs with --schedule, a single run without
    Schedule(Box<schedule::Schedule>),
    /// Try out a booking: its next runs, what is in the way, what is free; nothing is stored
    Plan(Box<plan::Plan>),
    /// Find free time on nodes
    Slots(slots::Slots),
    /// Chart what is booked on nodes, day by day
    Calendar(calendar::Calendar),
    /// List jobs: your own, or those named
    Get(Get),
    /// Change a job; what is not named stays as it is
    Modify(Box<modify::Modify>),
    /// Write a job to a file that somebody else can submit
    Export(copy::Export),
    /// Book the job of a file
    Import(Box<copy::Import>),
    /// Book a job again, elsewhere or at another time
    Clone(Box<copy::Clone>),
    /// Move a single run to the nearest free time before its end date
    Reschedule(reschedule::Reschedule),
    /// Delete a job, or all jobs on a node; their runs stay
    Delete(Delete),
}

impl JobCommand {
    /// Whether it only lists.
    pub(crate) fn is_listing(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Slots(_) | Self::Calendar(_))
    }
}

/// Options of `job get`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new(SELECTOR).args(["jobid", "nodeid", "of_user"]).multiple(true)))]
pub(crate) struct Get {
    /// This job
    #[arg(long, conflicts_with = "nodeid")]
    jobid: Option<JobId>,
    /// All jobs that measure or serve on this node
    #[arg(long)]
    nodeid: Option<NodeId>,
    /// All jobs of this user [default: you]; --userid behind 'job get' means the same
    #[arg(long, value_name = "USERID")]
    of_user: Option<UserId>,
}

/// Options of `job delete`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new(SELECTOR).args(["jobid", "nodeid"])))]
pub(crate) struct Delete {
    /// The job to delete
    #[arg(long)]
    jobid: Option<JobId>,
    /// Delete all jobs on this node
    #[arg(long)]
    nodeid: Option<NodeId>,
}

/// Runs a `job` command.
pub(crate) async fn run(command: JobCommand, session: &Session, out: &Output) -> Result<ExitStatus> {
    match command {
        JobCommand::Schedule(schedule) => schedule::run(*schedule, session, out).await,
        JobCommand::Plan(plan) => plan::run(*plan, session, out).await,
        JobCommand::Slots(slots) => slots::run(slots, session, out).await,
        JobCommand::Calendar(calendar) => calendar::run(calendar, session, out).await,
        JobCommand::Modify(modify) => modify::run(*modify, session, out).await,
        JobCommand::Export(export) => copy::export(export, session, out).await,
        JobCommand::Import(import) => copy::import(*import, session, out).await,
        JobCommand::Clone(clone) => copy::clone(*clone, session, out).await,
        JobCommand::Reschedule(reschedule) => reschedule::run(reschedule, session, out).await,
        JobCommand::Get(get) => list(get, session, out).await,
        JobCommand::Delete(delete) => remove(delete, session, out).await,
    }
}

async fn list(Get { jobid, nodeid, of_user }: Get, session: &Session, out: &Output) -> Result<ExitStatus> {
    // Where nobody else is said to call, the user asked about asks for its own jobs.
    let session = &of_user.as_ref().map_or_else(|| session.clone(), |user| session.or_as(user));
    let plane = session.connect()?;
    let jobs = match (jobid, nodeid) {
        (Some(id), _) => {
            let job = plane.job(&id).await?.ok_or_else(|| {
                Error::not_found(format!("there is no job {id}"))
                    .hint("list your jobs with 'leoscope job get'")
            })?;
            vec![job]
        }
        (None, Some(node)) => plane.jobs_on_node(&node).await?,
        (None, None) => {
            let user = of_user.map_or_else(|| session.caller().cloned(), Ok)?;
            plane.jobs_of_user(&user).await?
        }
    };
    if jobs.is_empty() {
        out.note("no job matches");
    }
    out.list(&jobs);
    Ok(ExitStatus::Done)
}

async fn remove(Delete { jobid, nodeid }: Delete, session: &Session, out: &Output) -> Result<ExitStatus> {
    match (jobid, nodeid) {
        (Some(id), _) => {
            session.connect()?.delete_job(&id).await?;
            out.done(&id, &format!("job {id} is deleted"), json!({}));
        }
        (None, Some(node)) => {
            let deleted = session.connect()?.delete_jobs_on_node(&node).await?;
            let what = format!("jobs deleted on node {node}: {deleted}");
            out.done(&node, &what, json!({ "deleted": deleted }));
        }
        (None, None) => {
            return Err(Error::invalid("no job to delete is named")
                .hint("give --jobid, or --nodeid for all jobs on a node"));
        }
    }
    Ok(ExitStatus::Done)
}

#[cfg(test)]
pub(crate) use schedule::offer;
