//! `leoscope job reschedule`: move a single run.

use clap::Args;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::ids::JobId;
use leoscope_core::ports::Clock as _;
use leoscope_core::time::{Timestamp, Window, parse_instant};
use leoscope_core::{Error, Result};
use serde_json::json;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `job reschedule`.
#[derive(Debug, Args)]
pub(crate) struct Reschedule {
    /// The job to move
    #[arg(long)]
    jobid: JobId,
    /// Not before this time (UTC) [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    after: Option<Timestamp>,
    /// Over by this time (UTC) [default: the end date of the job]
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    before: Option<Timestamp>,
}

pub(super) async fn run(reschedule: Reschedule, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Reschedule { jobid, after, before } = reschedule;
    let plane = session.connect()?;
    let before = match before {
        Some(before) => before,
        None => {
            let job = plane.job(&jobid).await?;
            job.ok_or_else(|| Error::not_found(format!("there is no job {jobid}")))?.window.end()
        }
    };
    let within = Window::new(after.unwrap_or_else(|| SystemClock.now()), before)?;
    let moved = plane.reschedule_job(&jobid, within).await?;
    out.done(
        &jobid,
        &format!("job {jobid} runs in {moved}"),
        json!({ "start": moved.start(), "end": moved.end() }),
    );
    Ok(ExitStatus::Done)
}
