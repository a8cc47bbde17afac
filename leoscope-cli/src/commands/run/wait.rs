//! `leoscope run wait`: wait until a run has come as far as wanted.

use clap::Args;
use leoscope_core::follow::until;
use leoscope_core::model::{Arrival, Awaited, Run};
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, ErrorKind, Result};

use super::following::{Followed, Told, within};
use crate::cli::duration;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `run wait`.
///
/// With --jobid it is the run of the job that goes on, else the next one, else the last one. The run is printed at the end. The exit code is 0 when it has come that far and, where its end
/// is waited for, COMPLETED; 4 when it has ended otherwise, 3 when the time was over before.
#[derive(Debug, Args)]
pub(crate) struct Wait {
    #[command(flatten)]
    followed: Followed,
    /// started, ended, results (they have arrived), or a status: scheduled, running, completed, failed, aborted, skipped, missed
    #[arg(long, value_name = "STATE", default_value_t = Awaited::Ended)]
    state: Awaited,
    /// Wait no longer than this, for example 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h")]
    timeout: SignedDuration,
}

pub(super) async fn run(wait: Wait, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Wait { followed, state, timeout } = wait;
    let named = followed.named()?;
    let text = named.to_string();
    let plane = session.connect()?;
    let mut seen = None;
    let arrival = {
        // The spinner goes before anything is printed.
        let told = Told::new(out).with_spinner();
        within(timeout, until(&*plane, named, state, &told, &mut seen)).await.transpose()?
    };
    if let Some(run) = &seen {
        out.list(std::slice::from_ref(run));
    }
    Ok(match (arrival, &seen) {
        (Some(Arrival::Reached), _) => ExitStatus::Done,
        (Some(Arrival::Beyond), run) => {
            if let Some(Run { id, .. }) = run {
                out.note(format_args!("'leoscope run why {id}' tells more"));
            }
            ExitStatus::RunFailed
        }
        (None, run) => {
            let text = run.as_ref().map_or(text, |run| format!("run {}", run.id));
            let what = format!("{text}: not {} within {timeout:#}", state.to_string().to_lowercase());
            out.failure(&Error::new(ErrorKind::Timeout, what).hint("wait longer with --timeout"));
            ExitStatus::TimedOut
        }
    })
}
