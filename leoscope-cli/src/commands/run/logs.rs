//! `leoscope run logs`: what a run prints, while it runs and afterwards.

use std::sync::Arc;

use clap::Args;
use leoscope_core::Result;
use leoscope_core::follow::{Printing, ended, look};
use leoscope_core::ids::RunId;
use leoscope_core::model::{OutputScope, Run, Tail};
use leoscope_core::ports::BlobStorage;
use leoscope_core::time::wire_time;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, Printed};

/// Options of `run logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The run
    #[arg(long)]
    runid: RunId,
    /// Go on with what is printed from now on, until the run ends
    #[arg(long, short)]
    follow: bool,
    /// How many of the last lines of each stream to show first, or all
    #[arg(long, value_name = "LINES|all", default_value_t = Tail::default())]
    tail: Tail,
}

pub(super) async fn run(
    logs: Logs,
    blobs: Option<Arc<dyn BlobStorage>>,
    session: &Session,
    out: &Output,
) -> Result<ExitStatus> {
    let Logs { runid, follow, tail } = logs;
    let plane = session.connect()?;
    let run = look(&*plane, &runid).await?;
    let may_begin = !run.status.is_terminal() && run.started.is_none();
    if let (true, Some(planned), false) = (may_begin, run.planned, follow) {
        let start = wire_time(planned.start());
        out.note(format_args!("run {runid} is to start at {start}; --follow waits for it"));
        return Ok(ExitStatus::Done);
    }
    let scope = OutputScope { tail, follow };
    let mut printing = Printing::begin(Arc::clone(&plane), blobs, run.clone(), scope).await?;
    let is_read = print(&mut printing, out).await?;
    match printing.ended() {
        Some(run) => told(run, out),
        None if follow && is_read => told(&ended(&*plane, run).await?, out),
        None => {}
    }
    Ok(ExitStatus::Done)
}

/// Prints what comes of a run; whether anybody has read it to its end.
async fn print(printing: &mut Printing, out: &Output) -> Result<bool> {
    let mut printed = Printed::new(out);
    while let Some(piece) = printing.next().await {
        // A reader that has gone, as in `leoscope run logs | head`, is no failure of ours.
        if printed.print(&piece?).is_err() {
            return Ok(false);
        }
    }
    Ok(printed.finish().is_ok())
}

/// Says how a run has ended.
pub(super) fn told(run: &Run, out: &Output) {
    let Run { id, status, reason, message, .. } = run;
    let reason = reason.as_ref().map_or_else(String::new, |reason| format!(", {reason}"));
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    out.note(format_args!("run {id} is {status}{reason}{message}"));
}
