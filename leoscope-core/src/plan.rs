//! What a node should do next, from its orders and its journal.

use jiff::SignedDuration;

use crate::ids::{NodeId, RunId};
use crate::lifecycle::ALLOWED_LATENESS;
use crate::model::{Job, JournalEntry, Orders, Outcome, Reason, Run, RunStatus, Stage, Step};
use crate::time::{Timestamp, Window};

/// How long before its planned instant a run is made ready.
pub const LEAD_TIME: SignedDuration = SignedDuration::from_secs(30);

/// How long a settled entry is kept after its window, so that its run is not begun again.
const MEMORY: SignedDuration = SignedDuration::from_hours(1);

/// What to do now.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// Runs to begin.
    pub begin: Vec<JournalEntry>,
    /// Runs to end, with the outcome to record.
    pub cancel: Vec<(RunId, Outcome)>,
    /// Runs that are not carried out, with their final records.
    pub skip: Vec<JournalEntry>,
    /// Settled runs whose entries are no longer needed.
    pub forget: Vec<RunId>,
    /// When there will be something to do again.
    pub wake: Option<Timestamp>,
}

/// Compares `orders` with `journal` at `now`. Carrying out the plan and planning again at the
/// same instant gives an empty plan with the same `wake`.
pub fn plan(node: &NodeId, orders: &Orders, journal: &[JournalEntry], now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    for job in orders.jobs.iter().filter(|job| job.node == *node) {
        for window in upcoming(job, now) {
            let begin_at = window.start().checked_sub(LEAD_TIME).unwrap_or(now);
            if begin_at > now {
                plan.wake = Some(plan.wake.map_or(begin_at, |wake| wake.min(begin_at)));
                break;
            }
            consider(&mut plan, job, window, journal, now);
        }
    }
    for entry in journal {
        let end = entry.run.planned.map_or(now, |window| window.end());
        let open = entry.step != Step::Done && entry.outcome.is_none();
        if open && end > now && !orders.jobs.iter().any(|job| same_booking(job, &entry.job)) {
            let outcome = Outcome::new(
                RunStatus::Aborted,
                Stage::Schedule,
                Reason::JobRemoved,
                format!("job {} was deleted", entry.job.id),
            );
            plan.cancel.push((entry.run.id.clone(), outcome));
        }
        if entry.is_settled() && now.duration_since(end) > MEMORY {
            plan.forget.push(entry.run.id.clone());
        }
    }
    plan
}

/// The windows that may still be started at `now`, in order of time.
fn upcoming(job: &Job, now: Timestamp) -> impl Iterator<Item = Window> + '_ {
    let earliest = now.checked_sub(ALLOWED_LATENESS).unwrap_or(now);
    job.occurrences_after(earliest).filter(move |window| window.start() >= earliest)
}

fn consider(plan: &mut Plan, job: &Job, window: Window, journal: &[JournalEntry], now: Timestamp) {
    let id = RunId::derive(&job.id, job.created, window.start());
    if journal.iter().any(|entry| entry.run.id == id) {
        return;
    }
    let run = Run::planned(id, job.id.clone(), job.node.clone(), job.owner.clone(), window);
    let mut entry = JournalEntry::new(run, job.clone());
    let previous = journal.iter().chain(&plan.begin).find(|other| {
        other.step != Step::Done
            && same_booking(job, &other.job)
            && other.run.planned.is_some_and(|planned| planned.overlap(&window).is_some())
    });
    match previous {
        None => plan.begin.push(entry),
        Some(previous) => {
            let message = format!("run {} of the same job still has the time", previous.run.id);
            let outcome = Outcome::new(RunStatus::Skipped, Stage::Schedule, Reason::PreviousRunning, message);
            entry.run.end(outcome, now);
            entry.step = Step::Done;
            plan.skip.push(entry);
        }
    }
}

/// Whether two definitions are the same booking: a job id used again is another one.
fn same_booking(a: &Job, b: &Job) -> bool {
    a.id == b.id && a.created == b.created
}

#[cfg(test)]
mod tests;
