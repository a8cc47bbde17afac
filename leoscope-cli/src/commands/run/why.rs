//! `leoscope run why`: the story of one run, and what to do about how it ended.

use clap::{ArgGroup, Args};
use leoscope_core::follow::look;
use leoscope_core::ids::RunId;
use leoscope_core::model::{Job, Run};
use leoscope_core::ports::ControlPlane;
use leoscope_core::time::Timestamp;
use leoscope_core::{Error, ErrorKind, Result};

use super::timeline;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{self, Output};
use crate::settings::SELECTOR;

/// Options of `run why`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new(SELECTOR).args(["run", "runid"])))]
pub(crate) struct Why {
    /// The run
    #[arg(value_name = "RUN")]
    run: Option<RunId>,
    /// The run; may be written without --runid
    #[arg(long)]
    runid: Option<RunId>,
}

pub(super) async fn run(Why { run, runid }: Why, session: &Session, out: &Output) -> Result<ExitStatus> {
    let id = run.or(runid).ok_or_else(|| {
        Error::invalid("no run to explain is named").hint("give its id; 'leoscope run get' lists them")
    })?;
    let plane = session.connect()?;
    let run = look(&*plane, &id).await?;
    let steps = timeline(&*plane, &id, out).await?;
    let job = planner(&*plane, &run).await?;
    out.why(&output::Why { run: &run, job: job.as_ref(), steps: &steps, now: Timestamp::now() });
    Ok(ExitStatus::Done)
}

/// The job as it planned `run`; `None` where it does not plan it any more, or cannot be seen.
async fn planner(plane: &dyn ControlPlane, run: &Run) -> Result<Option<Job>> {
    let job = match plane.job(&run.job).await {
        // Who may see a run need not see its job.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::Unsupported
            ) =>
        {
            None
        }
        job => job?,
    };
    Ok(job.filter(|job| run.planned.is_some_and(|planned| job.plans(planned))))
}
