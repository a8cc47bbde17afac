//! One run, carried out by a process that cron or at has started.

use leoscope_core::agent::{Agent, Carried, Wanted};
use leoscope_core::ids::{JobId, RunId};
use leoscope_core::model::RunLength;
use leoscope_core::time::Window;
use leoscope_core::{Error, Result};
use tokio_util::sync::CancellationToken;

use crate::{NodeConfig, parts};

/// What a process is started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// The job.
    pub job: JobId,
    /// The run; `None` for the next one of the job.
    pub run: Option<RunId>,
    /// Where the next run has to begin.
    pub range: Window,
    /// The length as it was when the start was arranged. How long the run lasts the orders say.
    pub length: RunLength,
}

/// Carries out the run that `request` names: makes it ready, starts it on time, stops it at its
/// length, and hands record and results over. Does nothing where another process has the run, or
/// where the orders plan no such run.
///
/// # Errors
/// Those of [`build`](crate::build); [`Unavailable`](leoscope_core::ErrorKind::Unavailable) when the
/// orchestrator did not take what there is to hand over, which stays for the node's own process.
pub async fn exec(config: NodeConfig, request: ExecRequest, stop: CancellationToken) -> Result<()> {
    let ExecRequest { job, run, range, length } = request;
    tracing::info!(%job, run = run.as_ref().map_or("auto", RunId::as_str), %length, "started for a run");
    let (config, parts) = parts(config).await?;
    let agent = Agent::for_one_run(config, parts).await?;
    match agent.carry_out(&Wanted { job: job.clone(), run, range }, stop).await? {
        Carried::HandedOver(run) => tracing::info!(%run, "the run is handed over"),
        Carried::Elsewhere(run) => tracing::info!(%run, "another process has the run"),
        Carried::NotPlanned => tracing::info!(%job, "no such run is planned in the next minutes"),
        Carried::Kept(run) => {
            let what = format!("run {run} has ended and the orchestrator does not have all of it yet");
            return Err(Error::unavailable(what).hint("the node hands it over when it runs"));
        }
    }
    Ok(())
}
