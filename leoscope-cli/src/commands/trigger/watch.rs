//! `leoscope trigger watch`: a condition with what a node reads, as it reads it.

use std::future::pending;
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt as _;
use leoscope_core::ids::NodeId;
use leoscope_core::ports::ReadingsStream;
use leoscope_core::time::SignedDuration;
use leoscope_core::trigger::{Trigger, Verdict, Watches};
use leoscope_core::{Error, Result};

use super::read;
use crate::cli::duration;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `trigger watch`.
///
/// A line is printed whenever the verdict changes, until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The condition, for example 'dish.latency < 40 and not dish.obstructed'
    #[arg(value_name = "CONDITION")]
    text: String,
    /// The node
    #[arg(long)]
    nodeid: NodeId,
    /// Print a line whenever readings come, about once a second
    #[arg(long)]
    all: bool,
    /// End as soon as it is MET
    #[arg(long)]
    until_met: bool,
    /// End after this time; with --until-met with exit code 3
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    timeout: Option<SignedDuration>,
}

/// How watching ended.
enum End {
    /// The condition was met.
    Met,
    /// Nobody reads what is printed any more.
    Unread,
}

pub(super) async fn run(watch: Watch, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Watch { text, nodeid, all, until_met, timeout } = watch;
    let trigger = match read(&text, out) {
        Ok(trigger) => trigger,
        Err(status) => return Ok(status),
    };
    let plane = session.connect()?;
    let watching = async {
        let readings = plane.watch_readings(&nodeid).await?;
        follow(&trigger, readings, all, until_met, out).await
    };
    let too_late = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(Duration::try_from(timeout).unwrap_or_default()).await,
            None => pending().await,
        }
    };
    tokio::select! {
        end = watching => match end? {
            End::Met | End::Unread => Ok(ExitStatus::Done),
        },
        () = too_late => {
            out.note(format_args!("{} s are over", timeout.unwrap_or_default().as_secs_f64()));
            Ok(if until_met { ExitStatus::TimedOut } else { ExitStatus::Done })
        }
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(|e| Error::while_doing("wait for Ctrl-C", e))?;
            // What was to follow on its being met must not.
            Ok(if until_met { ExitStatus::Failed } else { ExitStatus::Done })
        }
    }
}

/// Prints what becomes of the condition with what is read.
async fn follow(
    trigger: &Trigger,
    mut readings: ReadingsStream,
    all: bool,
    until_met: bool,
    out: &Output,
) -> Result<End> {
    let mut watches = Watches::new();
    watches.set((), trigger);
    let mut before = None;
    while let Some(readings) = readings.next().await {
        let decision = readings?.decide(&mut watches);
        let verdict = decision.verdict;
        let is_news = all || before.replace(verdict) != Some(verdict);
        if is_news && out.live(&decision).is_err() {
            return Ok(End::Unread);
        }
        if until_met && verdict == Verdict::Met {
            return Ok(End::Met);
        }
    }
    Err(Error::unavailable("the node shows no readings any more").hint("watch it again"))
}
