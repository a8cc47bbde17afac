//! `leoscope run get-scheduled`: the planned runs of nodes.

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::Result;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::ids::NodeId;
use leoscope_core::model::NodeFilter;
use leoscope_core::ports::{Calendar, Clock as _, ControlPlane};
use leoscope_core::time::{SignedDuration, Timestamp, Window};

use super::Which;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// How far ahead planned runs are listed unless a range is given.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// How many nodes are asked about at the same time.
const AT_ONCE: usize = 8;

/// Options of `run get-scheduled`.
///
/// Without --time-range those are listed that start in the next 24 hours.
#[derive(Debug, Args)]
pub(crate) struct Scheduled {
    #[command(flatten)]
    which: Which,
}

pub(super) async fn run(
    Scheduled { which }: Scheduled,
    session: &Session,
    out: &Output,
) -> Result<ExitStatus> {
    let Which { runid, jobid, nodeid, time_range } = which;
    let within = match time_range {
        Some(range) => range,
        None => {
            let now = SystemClock.now();
            Window::new(now, now.checked_add(AHEAD).unwrap_or(Timestamp::MAX))?
        }
    };
    let plane = session.connect()?;
    let nodes = match nodeid {
        Some(node) => vec![node],
        None => {
            let nodes = plane.nodes(&NodeFilter::default()).await?;
            nodes.into_iter().map(|node| node.id).collect()
        }
    };
    let Calendar { mut events, complete } = planned(plane.as_ref(), &nodes, within).await?;
    events.retain(|event| {
        runid.as_ref().is_none_or(|run| Some(run) == event.run.as_ref())
            && jobid.as_ref().is_none_or(|job| *job == event.job)
    });
    if events.is_empty() {
        out.note(format_args!("no run is planned in {within} that matches"));
    }
    note_missing(complete, out);
    out.list(&events);
    Ok(ExitStatus::Done)
}

/// Says where not all planned runs were told.
pub(crate) fn note_missing(complete: bool, out: &Output) {
    if !complete {
        out.note("these are not all: there are more planned runs than one answer tells, ask for less time");
    }
}

/// The planned runs of these nodes that start inside `within`, in order of time.
///
/// # Errors
/// Those of the call, whichever node it was made for.
pub(crate) async fn planned(plane: &dyn ControlPlane, nodes: &[NodeId], within: Window) -> Result<Calendar> {
    let calls: Vec<_> = nodes.iter().map(|node| plane.calendar(node, within)).collect();
    let calendars: Vec<Calendar> = stream::iter(calls).buffered(AT_ONCE).try_collect().await?;
    Ok(Calendar::merged(calendars))
}
