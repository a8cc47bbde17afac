//! Whether a run starts, as its trigger says.

use jiff::SignedDuration;

use crate::model::{Job, JournalEntry, Outcome, Reason, RunStatus, Stage, TriggerDecision};
use crate::schedule::Hold;
use crate::time::{Timestamp, Window, wire_time};
use crate::trigger::Verdict;

/// How often a held run is looked at when nothing is heard.
const LOOK: SignedDuration = SignedDuration::from_secs(1);

/// What is known when it is asked whether a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// The verdict of now, and why.
    pub decision: &'a TriggerDecision,
    /// Since when the trigger has held without a break, if it does.
    pub met_since: Option<Timestamp>,
    /// When the last run of the job ended that had been started.
    pub last_ended: Option<Timestamp>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// It starts.
    Start,
    /// It is held. To be asked again when a reading comes, and at this instant.
    Hold(Timestamp),
    /// It is not carried out.
    Skip(Outcome),
}

/// Whether the run of `job` that is planned for `planned` starts at `now`.
///
/// A job that does not [hold](crate::schedule::Policies::hold) its runs starts them when the trigger
/// holds and the [cooldown](crate::schedule::Policies::cooldown) is over, and skips them otherwise. One
/// that does waits for both, and skips them once too little of their length is left.
pub fn gate(job: &Job, planned: Window, known: Known<'_>, now: Timestamp) -> Gate {
    let Known { decision, met_since, last_ended } = known;
    let cool_at = last_ended.and_then(|ended| ended.checked_add(job.policies.cooldown).ok());
    let is_met = decision.verdict == Verdict::Met;
    let Some(hold) = job.policies.hold else {
        return match (is_met, cool_at.filter(|at| *at > now)) {
            (true, None) => Gate::Start,
            (true, Some(cool_at)) => Gate::Skip(cooling(cool_at)),
            (false, _) => Gate::Skip(unmet(decision, &decision.why)),
        };
    };
    let latest = job.latest_start(planned);
    let long_enough_at = met_since.and_then(|since| since.checked_add(hold.met_for).ok());
    if now > latest || now >= planned.end() {
        return Gate::Skip(held_in_vain(decision, hold, cool_at, long_enough_at, latest));
    }
    let ready_at = long_enough_at.map(|at| cool_at.map_or(at, |cool_at| cool_at.max(at)));
    match ready_at {
        Some(at) if is_met && at <= now => Gate::Start,
        _ => {
            let over = latest.checked_add(SignedDuration::from_micros(1)).unwrap_or(latest);
            let look = now.checked_add(LOOK).unwrap_or(over);
            let next = ready_at.filter(|at| *at > now).map_or(look, |at| at.min(look));
            Gate::Hold(next.min(over))
        }
    }
}

/// How a run ends that was held until too late: what stood in its way at `latest`, when it could have
/// started last.
fn held_in_vain(
    decision: &TriggerDecision,
    hold: Hold,
    cool_at: Option<Timestamp>,
    long_enough_at: Option<Timestamp>,
    latest: Timestamp,
) -> Outcome {
    let (why, met_for) = (&decision.why, hold.met_for.as_secs_f64());
    let but = match (decision.verdict, cool_at, long_enough_at) {
        (Verdict::NotMet | Verdict::Unknown, ..) => String::new(),
        (Verdict::Met, Some(cool_at), _) if cool_at > latest => return cooling(cool_at),
        (Verdict::Met, _, Some(at)) if at <= latest => ", but the node looked too late".to_owned(),
        (Verdict::Met, ..) if hold.met_for.is_zero() => ", but not in time".to_owned(),
        (Verdict::Met, ..) => format!(", but not for {met_for} s in time"),
    };
    let least = hold.at_least.as_secs_f64();
    unmet(decision, &format!("{why}{but}; held until less than {least} s of its length were left"))
}

fn cooling(until: Timestamp) -> Outcome {
    let message =
        format!("the last run of the job has ended not long ago, the next starts after {}", wire_time(until));
    Outcome::new(RunStatus::Skipped, Stage::Trigger, Reason::TriggerCooldown, message)
}

fn unmet(decision: &TriggerDecision, why: &str) -> Outcome {
    let reason = match decision.verdict {
        Verdict::Met | Verdict::NotMet => Reason::TriggerNotMet,
        Verdict::Unknown => Reason::TriggerUnknown,
    };
    Outcome::new(RunStatus::Skipped, Stage::Trigger, reason, why)
}

/// When the last run of the job of `entry` ended that had been started, as `journal` has it.
pub fn last_ended(entry: &JournalEntry, journal: &[JournalEntry]) -> Option<Timestamp> {
    let others = journal.iter().filter(|other| other.run.id != entry.run.id);
    let of_job = others.filter(|other| other.job.is_same_booking(&entry.job) && other.run.started.is_some());
    of_job.filter_map(|other| other.run.ended).max()
}

#[cfg(test)]
mod tests;
