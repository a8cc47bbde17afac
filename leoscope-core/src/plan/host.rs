//! What the host of a node is to start ahead of the runs in its orders.

use jiff::SignedDuration;

use super::{LEAD_TIME, upcoming};
use crate::ids::{JobId, NodeId, RunId};
use crate::model::{HostStart, HostTime, Job, Orders};
use crate::schedule::{CronExpr, Schedule};
use crate::time::{Timestamp, Window};

/// How long before a run is made ready its process is started at the latest.
const STARTUP: SignedDuration = SignedDuration::from_secs(10);

/// How far ahead starts are arranged by their instants.
const HORIZON: SignedDuration = SignedDuration::from_hours(24);

/// How many starts of one job are arranged by their instants.
const MOST: usize = 100;

const MINUTE: i64 = 60;

/// The starts that `orders` ask for, seen at `now`: a cron expression where the host's cron means
/// the same by it as the job does, else the instants of the next runs. `reads_utc` tells whether
/// the host reads expressions in UTC.
pub fn host_starts(node: &NodeId, orders: &Orders, reads_utc: bool, now: Timestamp) -> Vec<HostStart> {
    let soon = |window: &Window| window.start().duration_since(now) <= HORIZON;
    let mut starts = Vec::new();
    for job in orders.jobs.iter().filter(|job| job.node == *node) {
        let windows = || upcoming(job, now).map(|occurrence| occurrence.window);
        let of = |run, time, range| HostStart {
            node: node.clone(),
            job: job.id.clone(),
            run,
            time,
            range,
            length: job.length,
        };
        match every(job).filter(|_| reads_utc) {
            Some(cron) => {
                starts.extend(
                    windows().next().filter(soon).map(|_| of(None, HostTime::Every(cron), job.window)),
                );
            }
            None => starts.extend(windows().take_while(soon).take(MOST).map(|window| {
                let run = RunId::derive(&job.id, job.created, window.start());
                of(Some(run), HostTime::At(minute_before(window.start())), window)
            })),
        }
    }
    starts
}

/// The run of `job` that a process started at `now` is to carry out: the one of that id, or the
/// next that begins after `now` and inside `range`.
pub fn next_run(
    node: &NodeId,
    orders: &Orders,
    job: &JobId,
    run: Option<&RunId>,
    range: Window,
    now: Timestamp,
) -> Option<(RunId, Timestamp)> {
    let job = orders.jobs.iter().find(|other| other.id == *job && other.node == *node)?;
    let derived = |window: Window| (RunId::derive(&job.id, job.created, window.start()), window.start());
    let mut runs = upcoming(job, now).map(|occurrence| derived(occurrence.window));
    match run {
        // Random starts need not be in order.
        Some(run) => runs.take(MOST).find(|(id, _)| id == run),
        // One that has begun had a process of its own.
        None => runs.find(|(_, start)| *start > now && range.contains(*start)),
    }
}

/// The latest minute whose beginning leaves time to get a run ready that starts at `start`.
fn minute_before(start: Timestamp) -> Timestamp {
    let latest = start.as_second() - LEAD_TIME.as_secs() - STARTUP.as_secs();
    Timestamp::from_second(latest.div_euclid(MINUTE) * MINUTE).unwrap_or(start)
}

/// The cron expression of the processes ahead of all runs of `job`, where there is one of which
/// every cron makes the same.
fn every(job: &Job) -> Option<CronExpr> {
    let Schedule::Cron(cron) = &job.schedule else { return None };
    if !job.policies.time_zone.is_utc() || !job.policies.random_slip.is_zero() {
        return None;
    }
    // Runs start this much after a minute of the expression.
    let offset = job.offset().as_secs();
    let ahead = (offset - LEAD_TIME.as_secs() - STARTUP.as_secs()).div_euclid(MINUTE);
    let shifted = cron.shifted(ahead)?;
    is_plain(&shifted).then_some(shifted)
}

/// Whether the days of the expression are written in a way on which all crons agree: `*`, or a list
/// of numbers and ascending ranges. They differ in names, in steps beside a `*`, and in what they
/// make of `L` and `#`.
fn is_plain(cron: &CronExpr) -> bool {
    let text = cron.to_string();
    let mut days = text.split(' ').skip(2);
    let number = |text: &str| text.parse::<u8>().ok();
    let is_item = |item: &str| match item.split_once('-') {
        None => number(item).is_some(),
        Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
    };
    days.all(|field| field == "*" || field.split(',').all(is_item))
}

#[cfg(test)]
mod tests;
