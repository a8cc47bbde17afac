//! `leoscope job calendar`: what is booked on nodes, day by day.

use clap::Args;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::ids::{JobId, NodeId};
use leoscope_core::ports::{Calendar as Planned, Clock as _};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_instant};
use leoscope_core::{Error, Result};

use crate::commands::run::{note_missing, planned};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Chart, Output};

const DAY_SECS: i64 = 24 * 60 * 60;

/// Options of `job calendar`.
///
/// Shows a row for each day and node, and a letter for each half hour of it. For programs it is the list
/// of the planned runs.
#[derive(Debug, Args)]
pub(crate) struct Calendar {
    /// The nodes, with commas between them
    #[arg(long, value_name = "NODEID,…", required = true, value_delimiter = ',')]
    nodeid: Vec<NodeId>,
    /// The first day (UTC), for example 2026-12-01 [default: today]
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    from: Option<Timestamp>,
    /// How many days, 14 at most
    #[arg(long, value_name = "COUNT", default_value_t = 7)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=14))]
    days: u8,
    /// Show the runs of this job as blocks, before those of others
    #[arg(long)]
    jobid: Option<JobId>,
}

/// When the day of `time` begins.
fn start_of_day(time: Timestamp) -> Timestamp {
    let secs = time.as_second();
    Timestamp::from_second(secs - secs.rem_euclid(DAY_SECS)).unwrap_or(time)
}

pub(super) async fn run(calendar: Calendar, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Calendar { nodeid: mut nodes, from, days, jobid } = calendar;
    let mut seen = std::collections::BTreeSet::new();
    nodes.retain(|node| seen.insert(node.clone()));
    let from = start_of_day(from.unwrap_or_else(|| SystemClock.now()));
    let charted = Window::lasting(from, SignedDuration::from_hours(24 * i64::from(days)))
        .ok_or_else(|| Error::invalid("that is beyond all times").hint("give an earlier day with --from"))?;
    // Calendars go by starts: what began the day before may still run.
    let before = from.checked_sub(SignedDuration::from_secs(DAY_SECS)).unwrap_or(from);
    let asked = Window::new(before, charted.end())?;
    let plane = session.connect()?;
    let Planned { mut events, complete } = planned(plane.as_ref(), &nodes, asked).await?;
    events.retain(|event| event.window.overlap(&charted).is_some());
    if let Some(job) = jobid.as_ref().filter(|job| events.iter().all(|event| event.job != **job)) {
        out.note(format_args!("no run of job {job} is planned there in {charted}"));
    } else if events.is_empty() {
        out.note(format_args!("no run is planned in {charted}"));
    }
    note_missing(complete, out);
    out.calendar(&Chart { nodes: &nodes, from, days, events: &events, highlighted: jobid.as_ref() });
    Ok(ExitStatus::Done)
}

#[cfg(test)]
mod tests {
    use leoscope_core::time::parse_time;

    use super::*;

    #[test]
    fn days_begin_at_midnight_utc() {
        let midnight = parse_time("2026-12-01T00:00:00").expect("time");
        for text in
            ["2026-12-01", "2026-12-01T00:00:00", "2026-12-01T23:59:59.5", "2026-12-02T01:00:00+02:00"]
        {
            assert_eq!(parse_instant(text).map(start_of_day).ok(), Some(midnight), "{text}");
        }
        let before_1970 = parse_time("1969-12-31T12:00:00").expect("time");
        assert_eq!(start_of_day(before_1970), parse_time("1969-12-31T00:00:00").expect("time"));
        for bad in ["", "tomorrow", "2026-13-01", "T12:00"] {
            assert!(parse_instant(bad).is_err(), "{bad}");
        }
    }
}
