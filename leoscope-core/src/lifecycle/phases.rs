//! When the phases of a run began and how long they took.

use crate::model::{JournalEntry, Phase, PhaseTime, Step};
use crate::time::Timestamp;

/// The phases that a run has gone through at `now`, in order; one that is not over lasts up to `now`.
///
/// - Deploy: from when the run is first made ready until it is; waiting for its instant is no part of it.
/// - Execute: from the start of the experiment to its end.
/// - Finish: from when the results are begun to be collected.
///
/// An entry of an earlier version knows of no steps, and so only of the phase that the record tells.
pub fn phases(entry: &JournalEntry, now: Timestamp) -> Vec<PhaseTime> {
    let after = |step: Step| entry.steps.iter().find(|other| other.step > step).map(|other| other.at);
    let finish = entry.entered(Step::Collecting);
    let deploy = entry.entered(Step::Preparing).map(|start| (start, after(Step::Preparing)));
    let execute = entry.run.started.map(|start| (start, entry.run.ended.or(finish)));
    let finish = finish.map(|start| (start, after(Step::Collecting)));
    [(Phase::Deploy, deploy), (Phase::Execute, execute), (Phase::Finish, finish)]
        .into_iter()
        .filter_map(|(phase, times)| {
            let (start, end) = times?;
            let duration = end.unwrap_or(now).duration_since(start);
            let duration_us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
            Some(PhaseTime { phase, start, duration_us })
        })
        .collect()
}
