//! What a node should do next, from its orders and its journal.

mod host;

use jiff::SignedDuration;

pub use host::{host_starts, next_run};

use crate::ids::{NodeId, RunId};
use crate::model::{
    Bundle, Job, JournalEntry, Orders, Outcome, Part, Reason, Run, RunStatus, Stage, Standby, StandbyKind,
    Step,
};
use crate::schedule::{LEAD_TIME, Occurrence};
use crate::time::{Timestamp, Window};

/// How long a settled entry is kept after its window, so that its run is not begun again.
const MEMORY: SignedDuration = SignedDuration::from_hours(1);

/// The same where results were lost: people look at a node now and then.
const MEMORY_OF_LOSSES: SignedDuration = SignedDuration::from_hours(30 * 24);

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

/// Compares `orders` with `journal` at `now`, when the node found `own` by itself. Carrying out the
/// plan and planning again at the same instant gives an empty plan with the same `wake`.
pub fn plan(
    node: &NodeId,
    orders: &Orders,
    own: Option<&Standby>,
    journal: &[JournalEntry],
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    let standbys = [orders.standby.as_ref(), own];
    for job in orders.jobs.iter().filter(|job| job.node == *node) {
        for Occurrence { reserved, window } in upcoming(job, now) {
            let starts = window.start().max(now);
            let hindering = |at| move |standby: &&&Standby| standby.hinders(job.overhead, at);
            let hindered = standbys.iter().flatten().find(hindering(starts)).copied();
            let begin_at = window.start().checked_sub(LEAD_TIME).unwrap_or(now);
            // A run that starts when the standby is over is not made ready before.
            let over = standbys.iter().flatten().filter(hindering(now)).filter_map(|standby| standby.until);
            let over = over.max().filter(|_| hindered.is_none());
            let begin_at = over.map_or(begin_at, |over| over.max(begin_at));
            if begin_at > now {
                plan.wake = Some(plan.wake.map_or(begin_at, |wake| wake.min(begin_at)));
            } else {
                consider(&mut plan, hindered, job, window, journal, now);
            }
            // Random starts need not be in order, but none is before its scheduled one.
            if reserved.start().duration_since(now) > LEAD_TIME {
                break;
            }
        }
    }
    for entry in journal {
        let end = entry.run.planned.map_or(now, |window| window.end());
        let open = entry.step != Step::Done && entry.outcome.is_none();
        if open && end > now {
            let outcome = match withdrawn(orders, entry) {
                Some(what) => {
                    let message = format!("job {} was {what}", entry.job.id);
                    Some(Outcome::new(RunStatus::Aborted, Stage::Schedule, Reason::JobRemoved, message))
                }
                None => standbys.into_iter().flatten().find_map(|standby| stopped(standby, entry, now)),
            };
            plan.cancel.extend(outcome.map(|outcome| (entry.run.id.clone(), outcome)));
        }
        // The next run of the job may want to know when this one ended.
        let usual = MEMORY.max(entry.job.policies.cooldown);
        let memory = if entry.bundle == Bundle::Dropped { MEMORY_OF_LOSSES } else { usual };
        if entry.is_over() && now.duration_since(end) > memory {
            plan.forget.push(entry.run.id.clone());
        }
    }
    plan
}

/// The runs that may still be started at `now`, in order of their scheduled starts.
fn upcoming(job: &Job, now: Timestamp) -> impl Iterator<Item = Occurrence> + use<> {
    // One that its trigger may hold can begin as long as its time is not over.
    let latest = job.clone();
    let startable = move |window: Window| latest.latest_start(window) >= now && window.end() > now;
    let earliest = now.checked_sub(job.policies.allowed_lateness).unwrap_or(now);
    job.occurrences_after(earliest).filter(move |occurrence| startable(occurrence.window))
}

/// What happened to the booking of a run that is under way, if the orders want it no more.
fn withdrawn(orders: &Orders, entry: &JournalEntry) -> Option<&'static str> {
    match orders.jobs.iter().find(|job| job.is_same_booking(&entry.job)) {
        None => Some("deleted"),
        // A server side goes on until the client's node says so.
        Some(_) if entry.part() == Part::Server => None,
        // It goes on as it was begun where the changed job plans it as well.
        Some(job) if entry.run.planned.is_some_and(|planned| !job.plans(planned)) => Some("changed"),
        Some(_) => None,
    }
}

/// How a run that has been begun ends because of `standby`, if it does.
fn stopped(standby: &Standby, entry: &JournalEntry, now: Timestamp) -> Option<Outcome> {
    let at = entry.run.planned.map_or(now, |planned| planned.start().max(now));
    let started = matches!(entry.step, Step::Starting | Step::Executing | Step::Stopping | Step::Collecting);
    if !standby.hinders(entry.job.overhead, at) || (standby.kind == StandbyKind::Drain && started) {
        return None;
    }
    let (reason, message) = why(standby);
    Some(match standby.kind {
        StandbyKind::Scavenger => Outcome::new(RunStatus::Aborted, Stage::Execute, reason, message),
        // It was being made ready.
        StandbyKind::Drain => Outcome::new(RunStatus::Skipped, Stage::Schedule, reason, message),
    })
}

/// The reason of a run that is not carried out because of `standby`, and its line for people.
fn why(standby: &Standby) -> (Reason, String) {
    let (reason, text) = match standby.kind {
        StandbyKind::Scavenger => {
            (Reason::ScavengerMode, "the owner of the node wants its link for other things")
        }
        StandbyKind::Drain => (Reason::NodeDraining, "the node is being taken out of use"),
    };
    (reason, standby.reason.as_ref().map_or_else(|| text.to_owned(), |why| format!("{text}: {why}")))
}

fn consider(
    plan: &mut Plan,
    hindered: Option<&Standby>,
    job: &Job,
    window: Window,
    journal: &[JournalEntry],
    now: Timestamp,
) {
    let id = RunId::derive(&job.id, job.created, window.start());
    if journal.iter().any(|entry| entry.run.id == id) {
        return;
    }
    let run = Run::planned(id, job.id.clone(), job.node.clone(), job.owner.clone(), window);
    let mut entry = JournalEntry::new(run, job.clone());
    let previous = journal.iter().chain(&plan.begin).find(|other| {
        !job.policies.allows_overlap()
            && other.step != Step::Done
            && job.is_same_booking(&other.job)
            && other.run.planned.is_some_and(|planned| planned.overlap(&window).is_some())
    });
    let skipped = |stage, reason, message: String| Outcome::new(RunStatus::Skipped, stage, reason, message);
    let outcome = match (previous, hindered) {
        (Some(previous), _) => {
            let message = format!("run {} of the same job still has the time", previous.run.id);
            skipped(Stage::Schedule, Reason::PreviousRunning, message)
        }
        (None, Some(standby)) => {
            let (reason, message) = why(standby);
            skipped(Stage::Schedule, reason, message)
        }
        (None, None) => return plan.begin.push(entry),
    };
    entry.run.end(outcome, now);
    entry.step = Step::Done;
    plan.skip.push(entry);
}

#[cfg(test)]
mod tests;
