//! `leoscope job slots`: free time on nodes.

use clap::Args;
use leoscope_core::Result;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::ids::NodeId;
use leoscope_core::model::{RunLength, SlotRequest};
use leoscope_core::ports::Clock as _;
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_instant};

use crate::cli::{length, time_range};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, Slot};

/// How far ahead free time is looked for unless a range is given.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Options of `job slots`.
#[derive(Debug, Args)]
pub(crate) struct Slots {
    /// A node that is to be free; given more than once, all of them are
    #[arg(long, required = true)]
    nodeid: Vec<NodeId>,
    /// The node that serves: it is to be free as well
    #[arg(long, value_name = "NODEID")]
    server: Option<NodeId>,
    /// How long the time has to be free, in seconds
    #[arg(long, value_name = "SECS", value_parser = length, allow_hyphen_values = true)]
    length: RunLength,
    /// The time to be near to (UTC) [default: now, or the start of the range]
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    near: Option<Timestamp>,
    /// Where to look (UTC), for example 2026-12-01T00:00:00,2026-12-02T00:00:00 [default: the next
    /// 30 days]
    #[arg(long, value_name = "START,END", value_parser = time_range)]
    time_range: Option<Window>,
    /// How many to list at most
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    count: u32,
}

pub(super) async fn run(slots: Slots, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Slots { nodeid, server, length, near, time_range, count } = slots;
    let now = SystemClock.now();
    let within = match time_range {
        Some(range) => range,
        None => Window::new(now, now.checked_add(AHEAD).unwrap_or(Timestamp::MAX))?,
    };
    let request = SlotRequest {
        nodes: nodeid.into_iter().chain(server).collect(),
        length: length.duration(),
        near: near.unwrap_or_else(|| within.start().max(now)),
        within,
        count,
    };
    let found = session.connect()?.free_slots(&request).await?;
    if found.is_empty() {
        out.note("no free time of that length in the range");
    }
    out.list(&Slot::list(&found));
    Ok(ExitStatus::Done)
}
