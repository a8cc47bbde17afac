//! The life of a run on its node: a pure state machine.
//!
//! [`advance`] takes what happened and answers with what to do next. The node writes the entry
//! down before it does it; every action may be done again, so after a crash the entry and
//! [`Event::Recovered`] are enough to go on.

mod phases;

use jiff::SignedDuration;

use crate::model::{
    Bundle, Exit, JournalEntry, Outcome, Phase, Prepared, Reason, Run, RunFacts, RunStatus, RuntimeState,
    Stage, Step, TriggerDecision,
};
use crate::time::{Timestamp, Window, wire_time};

pub use phases::phases;

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It is time to make the run ready.
    Begin,
    /// The runtime has everything ready.
    Prepared(Prepared),
    /// The planned instant has come, or is so near that all there is left to do is to start.
    Due {
        /// The node's clock minus true time in microseconds, as measured last, where it is known.
        clock_offset_us: Option<i64>,
    },
    /// The experiment runs since.
    Started(Timestamp),
    /// The trigger held and the experiment runs.
    Fired {
        /// Since when.
        at: Timestamp,
        /// How it was decided.
        decision: TriggerDecision,
    },
    /// The trigger does not hold, and the run waits until it does.
    Held(TriggerDecision),
    /// The trigger does not hold, and the run ends for it.
    Unmet(TriggerDecision, Outcome),
    /// Preparing or starting failed.
    Failed(Outcome),
    /// The experiment has ended.
    Exited(Exit),
    /// The end of the planned window has come.
    DeadlineReached,
    /// Somebody wants the run to end; the outcome says how it will be recorded.
    Cancelled(Outcome),
    /// The results are packed.
    Collected,
    /// There are no results; what was made ready is gone.
    Cleared,
    /// The results could not be packed.
    CollectFailed(String),
    /// The node has been started anew and found the experiment in this state.
    Recovered(RuntimeState),
}

/// Something to do for a run. Each may be done again without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Make image, container and files ready; answers with [`Event::Prepared`] or `Failed`.
    Prepare,
    /// Wait until shortly before the planned instant; answers with [`Event::Due`].
    AwaitStart,
    /// Start the experiment at the planned instant, not before, if its trigger lets it; answers with
    /// [`Event::Started`], `Failed`, or for a run with a trigger `Fired`, `Held` or `Unmet`.
    Start,
    /// Wait until the trigger holds; answers with [`Event::Due`] or `Unmet`.
    Hold,
    /// Wait for the experiment's end or the deadline; answers with [`Event::Exited`] or
    /// `DeadlineReached`.
    Watch,
    /// Stop the experiment; answers with [`Event::Exited`].
    Stop,
    /// Pack the results and remove the container; answers with [`Event::Collected`], `Cleared` or
    /// `CollectFailed`.
    Collect,
}

/// Changes `entry` by `event` and says what to do next; `None` when nothing is left to do.
///
/// An event that does not belong to the entry's step (it came twice, or too late) changes nothing
/// and asks for nothing.
pub fn advance(entry: &mut JournalEntry, event: Event, now: Timestamp) -> Option<Action> {
    let before = (entry.step, entry.run.clone());
    let action = transition(entry, event, now);
    if before.0 != entry.step {
        entry.enter(entry.step, now);
    }
    if before.1 != entry.run {
        entry.reported = false;
    }
    action
}

fn transition(entry: &mut JournalEntry, event: Event, now: Timestamp) -> Option<Action> {
    use Step::{Collecting, Done, Executing, Holding, Planned, Preparing, Ready, Starting, Stopping};
    match (entry.step, event) {
        (Planned, Event::Begin) => prepare(entry, now),
        (Preparing, Event::Prepared(prepared)) => {
            let Prepared { start, image } = prepared;
            entry.run.facts = RunFacts { start: Some(start), image, ..entry.run.facts.clone() };
            enter(entry, Ready, Action::AwaitStart)
        }
        (Ready, Event::Due { clock_offset_us }) => {
            entry.run.facts.clock_offset_us = clock_offset_us;
            start(entry, now)
        }
        (Holding, Event::Due { clock_offset_us }) => {
            entry.run.facts.clock_offset_us = clock_offset_us;
            // One that is too late now was held in vain: that is for its gate to say, which knows why.
            enter(entry, Starting, Action::Start)
        }
        (Starting, Event::Started(at)) => execute(entry, at),
        (Starting, Event::Fired { at, decision }) => {
            decide(entry, decision);
            entry.run.message.clear();
            execute(entry, at)
        }
        (Starting, Event::Held(decision)) => {
            entry.run.message = format!("held for its trigger: {}", decision.why);
            decide(entry, decision);
            enter(entry, Holding, Action::Hold)
        }
        (Starting | Holding, Event::Unmet(decision, outcome)) => {
            decide(entry, decision);
            collect(entry, outcome)
        }
        (Preparing | Ready | Starting, Event::Failed(outcome)) => collect(entry, outcome),
        (Executing, Event::DeadlineReached) => {
            let length = entry.job.length;
            let outcome = Outcome::new(
                RunStatus::Completed,
                Stage::Execute,
                Reason::LengthReached,
                format!("stopped at its length of {length}"),
            );
            stop(entry, outcome)
        }
        (Executing, Event::Exited(exit)) => {
            note_exit(entry, exit);
            collect(entry, ended(exit))
        }
        (Stopping, Event::Exited(exit)) => {
            note_exit(entry, exit);
            let decided = entry.outcome.clone().filter(|outcome| {
                // A runtime that did not answer at the end of the window has seen it end before that.
                let before = entry
                    .run
                    .planned
                    .is_some_and(|window| window.end().duration_since(exit.at) > INSTANTS_APART);
                !(before && outcome.reason == Reason::LengthReached)
            });
            collect(entry, decided.unwrap_or_else(|| ended(exit)))
        }
        (Planned | Preparing | Ready | Holding, Event::Cancelled(outcome)) => collect(entry, outcome),
        (Starting | Executing, Event::Cancelled(outcome)) => stop(entry, outcome),
        (Collecting, Event::Collected) => {
            entry.bundle = Bundle::Packed;
            finish(entry, None, now)
        }
        (Collecting, Event::Cleared) => finish(entry, None, now),
        (Collecting, Event::CollectFailed(message)) => {
            entry.bundle = Bundle::Unpacked;
            let failure = Outcome::failed(Stage::Finish, Reason::CollectFailed, message);
            finish(entry, Some(failure), now)
        }
        (step, Event::Recovered(found)) => recover(entry, step, found, now),
        (Planned | Preparing | Ready | Holding | Starting | Executing | Stopping | Collecting | Done, _) => {
            None
        }
    }
}

fn enter(entry: &mut JournalEntry, step: Step, action: Action) -> Option<Action> {
    entry.step = step;
    Some(action)
}

/// By how much the instants of a node and of its system may differ: file systems note them in ticks
/// of the kernel.
const INSTANTS_APART: SignedDuration = SignedDuration::from_millis(100);

/// That the run would start later than allowed at `now`, or not before its end.
fn too_late(entry: &JournalEntry, now: Timestamp) -> Option<Outcome> {
    let window = entry.run.planned?;
    let planned = window.start();
    let latest = if entry.is_gated() {
        entry.job.latest_start(window)
    } else {
        planned.checked_add(entry.job.policies.allowed_lateness).unwrap_or(planned)
    };
    let (late, allowed) = (now.duration_since(planned), latest.duration_since(planned));
    (now > latest || now >= window.end()).then(|| {
        Outcome::new(
            RunStatus::Missed,
            Stage::Schedule,
            Reason::StartMissed,
            format!(
                "could not start at {}: it was {} s later, {} s are allowed",
                wire_time(planned),
                late.as_secs(),
                allowed.as_secs_f64()
            ),
        )
    })
}

fn prepare(entry: &mut JournalEntry, now: Timestamp) -> Option<Action> {
    if let Some(missed) = too_late(entry, now) {
        return collect(entry, missed);
    }
    (entry.run.status, entry.run.phase) = (RunStatus::Running, Some(Phase::Deploy));
    enter(entry, Step::Preparing, Action::Prepare)
}

fn start(entry: &mut JournalEntry, now: Timestamp) -> Option<Action> {
    match too_late(entry, now) {
        Some(missed) => collect(entry, missed),
        None => enter(entry, Step::Starting, Action::Start),
    }
}

/// Writes down how it was decided whether the run starts.
fn decide(entry: &mut JournalEntry, decision: TriggerDecision) {
    entry.run.trigger_verdict = Some(decision.verdict.name().to_owned());
    entry.run.facts.trigger = Some(decision);
}

fn execute(entry: &mut JournalEntry, at: Timestamp) -> Option<Action> {
    (entry.run.phase, entry.run.started) = (Some(Phase::Execute), Some(at));
    enter(entry, Step::Executing, Action::Watch)
}

fn stop(entry: &mut JournalEntry, outcome: Outcome) -> Option<Action> {
    entry.outcome = Some(outcome);
    enter(entry, Step::Stopping, Action::Stop)
}

fn collect(entry: &mut JournalEntry, outcome: Outcome) -> Option<Action> {
    entry.outcome = Some(outcome);
    (entry.run.status, entry.run.phase) = (RunStatus::Running, Some(Phase::Finish));
    enter(entry, Step::Collecting, Action::Collect)
}

/// Ends the run as decided; `failure` takes the place of a COMPLETED only, so that an earlier
/// reason is not hidden by the packing that failed after it.
fn finish(entry: &mut JournalEntry, failure: Option<Outcome>, now: Timestamp) -> Option<Action> {
    let decided = entry.outcome.take();
    let completed = decided.as_ref().is_none_or(|outcome| outcome.status == RunStatus::Completed);
    let outcome = if completed { failure.or(decided) } else { decided };
    let outcome = outcome.unwrap_or_else(lost);
    let at = entry.run.ended.unwrap_or(now);
    entry.run.end(outcome, at);
    entry.step = Step::Done;
    None
}

fn note_exit(entry: &mut JournalEntry, exit: Exit) {
    entry.run.exit_code = exit.code;
    entry.run.ended = Some(exit.at);
}

/// How an experiment that ended by itself is recorded.
fn ended(exit: Exit) -> Outcome {
    match exit {
        Exit { out_of_memory: true, .. } => Outcome::failed(
            Stage::Execute,
            Reason::OutOfMemory,
            "the experiment was killed because it used more memory than allowed",
        ),
        Exit { code: Some(0), .. } => Outcome::new(
            RunStatus::Completed,
            Stage::Execute,
            Reason::ExperimentEnded,
            "the experiment ended by itself",
        ),
        Exit { code: Some(code), .. } => Outcome::failed(
            Stage::Execute,
            Reason::ContainerExitNonzero,
            format!("the experiment exited with code {code}"),
        ),
        Exit { code: None, .. } => {
            Outcome::failed(Stage::Execute, Reason::Lost, "the experiment was killed from outside")
        }
    }
}

fn lost() -> Outcome {
    Outcome::failed(Stage::Execute, Reason::Lost, "the experiment was gone when the node came back")
}

fn recover(entry: &mut JournalEntry, step: Step, found: RuntimeState, now: Timestamp) -> Option<Action> {
    match (step, found) {
        (Step::Done, _) => None,
        (Step::Collecting, _) => Some(Action::Collect),
        // It ran although the step says that starting was only intended: the crash came between.
        (Step::Preparing | Step::Ready | Step::Holding | Step::Starting, RuntimeState::Running(at)) => {
            execute(entry, at)
        }
        (Step::Executing, RuntimeState::Running(_)) => Some(Action::Watch),
        (Step::Stopping, _) => Some(Action::Stop),
        (Step::Planned, _)
        | (
            Step::Preparing | Step::Ready | Step::Holding | Step::Starting,
            RuntimeState::Absent | RuntimeState::Prepared,
        ) => prepare(entry, now),
        (
            Step::Preparing | Step::Ready | Step::Holding | Step::Starting | Step::Executing,
            RuntimeState::Exited(exit),
        ) => {
            note_exit(entry, exit);
            // An experiment that was running at the end of its window was due to be stopped.
            let outcome = match entry.run.planned {
                Some(window) if exit.code.is_none() && exit.at >= window.end() => deadline_passed(window),
                _ => ended(exit),
            };
            collect(entry, outcome)
        }
        (Step::Executing, RuntimeState::Absent | RuntimeState::Prepared) => collect(entry, lost()),
    }
}

fn deadline_passed(window: Window) -> Outcome {
    Outcome::new(
        RunStatus::Completed,
        Stage::Execute,
        Reason::LengthReached,
        format!("ended after {}, the end of its window", wire_time(window.end())),
    )
}

/// `existing` with what `reported` adds to it: the rule by which the orchestrator takes in a
/// report that may be late, repeated or out of order.
///
/// An ended run keeps its status, times and reason for ever; only its bundle may still arrive.
#[must_use]
pub fn merge(existing: Run, reported: Run) -> Run {
    if !existing.status.is_terminal() {
        let behind = existing.status == RunStatus::Running && reported.status == RunStatus::Scheduled;
        if behind {
            return existing;
        }
        // Programs of another make leave out later what they have said before.
        return Run {
            planned: reported.planned.or(existing.planned),
            started: reported.started.or(existing.started),
            artifact: reported.artifact.or(existing.artifact),
            bundle: reported.bundle.or(existing.bundle),
            trigger_verdict: reported.trigger_verdict.or(existing.trigger_verdict),
            ..reported
        };
    }
    Run {
        artifact: existing.artifact.clone().or(reported.artifact),
        bundle: existing.bundle.or(reported.bundle),
        ..existing
    }
}

#[cfg(test)]
mod tests;
