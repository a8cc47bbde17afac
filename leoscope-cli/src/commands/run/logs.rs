//! `leoscope run logs`: what a run prints, while it runs and afterwards.

use std::io::Read;
use std::time::Duration;

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _};
use leoscope_core::ids::RunId;
use leoscope_core::model::{OutputPiece, OutputScope, Run, RunFilter, Tail};
use leoscope_core::ports::{BlobStorage, ByteStream, ControlPlane, Source};
use leoscope_core::time::wire_time;
use leoscope_core::{Error, ErrorKind, Result, bundle};
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, Printed};

/// How often it is asked how a run has ended, and how many times at most: its node packs the results
/// before it says so.
const ASK_EVERY: Duration = Duration::from_millis(500);
const MOST_ASKED: usize = 120;

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
    blobs: Option<&dyn BlobStorage>,
    session: &Session,
    out: &Output,
) -> Result<ExitStatus> {
    let Logs { runid, follow, tail } = logs;
    let plane = session.connect()?;
    let run = look(&*plane, &runid).await?;
    let scope = OutputScope { tail, follow };
    if run.status.is_terminal() {
        kept(&*plane, blobs, &run, tail, out).await?;
        told(&run, out);
        return Ok(ExitStatus::Done);
    }
    if let (None, Some(planned), false) = (run.started, run.planned, follow) {
        let start = wire_time(planned.start());
        out.note(format_args!("run {runid} is to start at {start}; --follow waits for it"));
        return Ok(ExitStatus::Done);
    }
    match live(&*plane, &runid, scope, out).await {
        // It may have ended since.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let run = if follow { ended(&*plane, run).await? } else { look(&*plane, &runid).await? };
            if !run.status.is_terminal() {
                return Err(error);
            }
            kept(&*plane, blobs, &run, tail, out).await?;
            told(&run, out);
        }
        other => {
            if other? && follow {
                told(&ended(&*plane, run).await?, out);
            }
        }
    }
    Ok(ExitStatus::Done)
}

/// The record of a run.
pub(super) async fn look(plane: &dyn ControlPlane, id: &RunId) -> Result<Run> {
    let filter = RunFilter { id: Some(id.clone()), limit: Some(1), ..RunFilter::default() };
    plane.runs(&filter).await?.pop().ok_or_else(|| {
        Error::not_found(format!("there is no run {id} that you may see"))
            .hint("a run is known from half a minute before its start; 'leoscope run get' lists them")
    })
}

/// The record of a run whose experiment has ended, as soon as that says how, or what is known after a
/// minute.
async fn ended(plane: &dyn ControlPlane, mut run: Run) -> Result<Run> {
    for _ in 0..MOST_ASKED {
        run = look(plane, &run.id).await?;
        if run.status.is_terminal() {
            break;
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(run)
}

/// Says how a run has ended.
pub(super) fn told(run: &Run, out: &Output) {
    let Run { id, status, reason, message, .. } = run;
    let reason = reason.as_ref().map_or_else(String::new, |reason| format!(", {reason}"));
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    out.note(format_args!("run {id} is {status}{reason}{message}"));
}

/// Prints what comes of a run; whether anybody has read it to its end.
async fn live(plane: &dyn ControlPlane, id: &RunId, scope: OutputScope, out: &Output) -> Result<bool> {
    let mut output = plane.follow_output(id, scope).await?;
    let mut printed = Printed::new(out);
    while let Some(piece) = output.next().await {
        // A reader that has gone, as in `leoscope run logs | head`, is no failure of ours.
        if printed.print(&piece?).is_err() {
            return Ok(false);
        }
    }
    Ok(printed.finish().is_ok())
}

/// Prints what a run that has ended has printed, out of its results.
async fn kept(
    plane: &dyn ControlPlane,
    blobs: Option<&dyn BlobStorage>,
    run: &Run,
    tail: Tail,
    out: &Output,
) -> Result<()> {
    if run.artifact.is_none() {
        return Err(Error::unavailable(format!("the results of run {} are not there", run.id))
            .hint("its node hands them over when it can; 'leoscope run get' tells"));
    }
    let content: ByteStream = match plane.download(&run.id, 0).await?.source {
        Source::Stream(content) => content,
        Source::Link(link) => match blobs {
            Some(blobs) => blobs.fetch(&link, 0).await?,
            None => {
                let message = format!("the results of run {} are in blob storage", run.id);
                return Err(Error::new(ErrorKind::Unsupported, message).hint("use 'leoscope run download'"));
            }
        },
    };
    // The next piece is read while one is printed, and no more.
    let (sender, mut pieces) = mpsc::channel(1);
    let fetched = SyncIoBridge::new(StreamReader::new(content.map_err(std::io::Error::other)));
    let reading = tokio::task::spawn_blocking(move || read(fetched, tail, &sender));
    let mut printed = Printed::new(out);
    while let Some(piece) = pieces.recv().await {
        if printed.print(&piece).is_err() {
            return Ok(());
        }
    }
    let read = reading.await.map_err(|e| Error::while_doing("read the results", e))?;
    // Not the caller's mistake, so not its kind either.
    read.map_err(|error| Error::internal(error.message()).hint("try again"))?;
    // A reader that has gone is no failure of ours.
    let _ = printed.finish();
    Ok(())
}

fn read(bundle: impl Read, tail: Tail, sender: &mpsc::Sender<OutputPiece>) -> Result<()> {
    bundle::read_output(bundle, tail, |piece| {
        sender.blocking_send(piece).map_err(|_| Error::unavailable("nobody reads any more"))
    })
}
