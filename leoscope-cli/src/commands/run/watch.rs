//! `leoscope run watch`: what happens to runs, as it happens.

use std::collections::HashSet;

use clap::Args;
use leoscope_core::follow::{self, Poll, Series};
use leoscope_core::ids::EventId;
use leoscope_core::model::{Arrival, Awaited, JobEvent, Run};
use leoscope_core::ports::ControlPlane;
use leoscope_core::time::{SignedDuration, Timestamp};
use leoscope_core::{Error, ErrorKind, Result};

use super::following::{Followed, Told, within};
use super::logs::told;
use crate::cli::duration;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `run watch`.
///
/// A line is printed for each step; for programs each is a JSON object on its own line. With --jobid run
/// after run is followed until the job is over. The exit code is 0 when all were COMPLETED, 4 when one was
/// not, 3 when the time was over before.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    followed: Followed,
    /// Watch no longer than this, for example 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "24h")]
    timeout: SignedDuration,
}

pub(super) async fn run(watch: Watch, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Watch { followed, timeout } = watch;
    let named = followed.named()?;
    let (text, is_series) = (named.to_string(), matches!(named, follow::Followed::Job(_)));
    let plane = session.connect()?;
    let mut status = ExitStatus::Done;
    let watching = within(timeout, follow(&*plane, named, &mut status, out));
    tokio::select! {
        watched = watching => {
            if watched.transpose()?.is_none() {
                let what = format!("{text}: not over within {timeout:#}");
                out.failure(&Error::new(ErrorKind::Timeout, what).hint("watch longer with --timeout"));
                return Ok(ExitStatus::TimedOut);
            }
        }
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(|e| Error::while_doing("wait for Ctrl-C", e))?;
            // What was to follow on the end of a single run must not.
            if !is_series {
                return Ok(ExitStatus::Failed);
            }
        }
    }
    Ok(status)
}

/// Tells of one run, or of those of a job until none comes; `status` becomes worse with each that does not
/// complete.
async fn follow(
    plane: &dyn ControlPlane,
    named: follow::Followed,
    status: &mut ExitStatus,
    out: &Output,
) -> Result<()> {
    let told = Told::new(out);
    let mut poll = Poll::new(plane, &told);
    let job = match named {
        follow::Followed::Run(id) => {
            let run = poll.run(&id).await?;
            tell(run, &mut poll, status, out).await?;
            return Ok(());
        }
        follow::Followed::Job(job) => job,
    };
    let mut series = Series::begin(&mut poll, job, Timestamp::now()).await?;
    let mut is_first = true;
    while let Some(run) = series.next(&mut poll).await? {
        is_first = false;
        out.note(format_args!("run {}", run.id));
        if !tell(run, &mut poll, status, out).await? {
            return Ok(());
        }
    }
    if is_first {
        tell(series.newest()?, &mut poll, status, out).await?;
    }
    Ok(())
}

/// Tells what happens to `run` until it has ended; whether anybody has read it to its end.
async fn tell(mut run: Run, poll: &mut Poll<'_>, status: &mut ExitStatus, out: &Output) -> Result<bool> {
    let mut known: HashSet<EventId> = HashSet::new();
    loop {
        let mut steps = poll.steps(&run.id).await?;
        // The orchestrator notes each status under an id that tells it, so that it is told once; not all do.
        let stands = JobEvent::of(&run, run.updated.unwrap_or_else(Timestamp::now));
        if steps.iter().all(|step| step.id != stands.id) {
            steps.push(stands);
        }
        for step in steps {
            if known.insert(step.id.clone()) && out.step(&step).is_err() {
                return Ok(false);
            }
        }
        if let Some(arrival) = Awaited::Ended.arrival(&run) {
            if arrival == Arrival::Beyond {
                *status = ExitStatus::RunFailed;
            }
            told(&run, out);
            return Ok(true);
        }
        poll.pause().await;
        run = poll.run(&run.id).await?;
    }
}
