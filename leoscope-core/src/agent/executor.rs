//! Driving one run from its first event to its end.

use jiff::SignedDuration;
use tokio::sync::oneshot;

use super::{Inner, RETRY, container, disk, inputs, observatory, outbox, pairing, results};
use crate::error::{Error, Result};
use crate::gate::{Gate, Known, gate, last_ended};
use crate::ids::RunId;
use crate::lifecycle::{Action, Event};
use crate::model::{
    Bundle, Exit, JournalEntry, Outcome, Prepared, Reason, RuntimeState, Stage, Step, TriggerDecision,
};

/// How often stopping an experiment is tried that the runtime refuses to stop.
const STOP_ATTEMPTS: usize = 30;

/// How long before its instant a run enters the step in which it is started: what has to be on disk
/// then is not to be waited for at the instant.
const AHEAD: SignedDuration = SignedDuration::from_millis(500);

/// How often to look whether a run of another process has ended.
const LOOK: SignedDuration = SignedDuration::from_millis(200);

/// Carries a run out: tell the state machine what happened, do what it asks for, until it asks
/// for nothing more. The entry is in the journal before each action.
pub(super) async fn drive(
    node: &Inner,
    run: &RunId,
    first: Event,
    mut cancelled: oneshot::Receiver<Outcome>,
) -> Result<()> {
    let mut event = first;
    loop {
        results::log(node, run, &format!("{event:?}"));
        let Some(action) = node.journal.advance(run, event, node.clock.now()).await? else { break };
        let entry = node
            .journal
            .entry(run)
            .await
            .ok_or_else(|| Error::internal(format!("run {run} has vanished from the journal")))?;
        event = match action {
            // Once it is being ended there is nothing left to cancel.
            Action::Stop | Action::Collect => perform(node, &entry, action).await,
            Action::Prepare | Action::AwaitStart | Action::Start | Action::Hold | Action::Watch => {
                tokio::select! {
                    event = perform(node, &entry, action) => event,
                    Ok(outcome) = &mut cancelled => Event::Cancelled(outcome),
                }
            }
        };
    }
    if let Some(entry) = node.journal.entry(run).await {
        let (status, reason) = (entry.run.status, &entry.run.message);
        tracing::info!(%run, job = %entry.job.id, %status, reason, "run ended");
        let is_unmet = entry.run.stage == Some(Stage::Trigger) && entry.run.started.is_none();
        // One that its trigger did not let start has no results; its log went on until now.
        if entry.bundle == Bundle::Packed || is_unmet {
            results::clear(node, &entry);
        }
    }
    Ok(())
}

async fn perform(node: &Inner, entry: &JournalEntry, action: Action) -> Event {
    let run = &entry.run.id;
    match action {
        Action::Prepare => match prepare(node, entry).await {
            Ok(prepared) => Event::Prepared(prepared),
            Err(outcome) => Event::Failed(outcome),
        },
        Action::AwaitStart => {
            pairing::await_start(node, entry, AHEAD).await;
            if entry.job.overhead {
                link_is_free(node, entry).await;
            }
            Event::Due { clock_offset_us: node.clock_offset_us() }
        }
        Action::Start => {
            pairing::await_instant(node, entry).await;
            let decision = match entry.is_gated() {
                false => None,
                true => match asked(node, entry).await {
                    (decision, Gate::Start) => Some(decision),
                    (decision, Gate::Hold(_)) => return Event::Held(decision),
                    (decision, Gate::Skip(outcome)) => return Event::Unmet(decision, outcome),
                },
            };
            match (node.runtime.start(run).await, decision) {
                (Ok(at), None) => Event::Started(at),
                (Ok(at), Some(decision)) => Event::Fired { at, decision },
                (Err(outcome), _) => Event::Failed(outcome),
            }
        }
        Action::Hold => hold(node, entry).await,
        Action::Watch => watch(node, entry).await,
        Action::Stop => Event::Exited(stop(node, run).await),
        Action::Collect => {
            match node.journal.under_way().await {
                Ok(under_way) => node.route.release(&under_way).await,
                Err(error) => tracing::warn!(%run, %error, "the route stays until the next run has ended"),
            }
            node.kernel.restore(node).await;
            let stage = entry.outcome.as_ref().map(|outcome| outcome.stage);
            if stage == Some(Stage::Trigger) && entry.run.started.is_none() {
                results::discard(node, entry).await;
                return Event::Cleared;
            }
            match results::collect(node, entry).await {
                Ok(()) => Event::Collected,
                Err(error) => Event::CollectFailed(error.to_string()),
            }
        }
    }
}

/// Asks whether the trigger of a run lets it start at this instant.
async fn asked(node: &Inner, entry: &JournalEntry) -> (TriggerDecision, Gate) {
    let (decision, met_since) = observatory::judge(node, entry).await;
    let journal = node.journal.all().await.unwrap_or_else(|error| {
        tracing::warn!(run = %entry.run.id, %error, "cannot tell when the job ran last");
        Vec::new()
    });
    let known = Known { decision: &decision, met_since, last_ended: last_ended(entry, &journal) };
    let answer =
        entry.run.planned.map_or(Gate::Start, |planned| gate(&entry.job, planned, known, decision.at));
    (decision, answer)
}

/// Waits until the trigger of a run lets it start.
async fn hold(node: &Inner, entry: &JournalEntry) -> Event {
    let mut changes = node.observatory.changes();
    loop {
        changes.borrow_and_update();
        match asked(node, entry).await {
            (_, Gate::Start) => return Event::Due { clock_offset_us: node.clock_offset_us() },
            (decision, Gate::Skip(outcome)) => return Event::Unmet(decision, outcome),
            (_, Gate::Hold(until)) => tokio::select! {
                // The sender lives in the observatory.
                _ = changes.changed() => {}
                () = node.clock.sleep_until(until) => {}
            },
        }
    }
}

async fn prepare(node: &Inner, entry: &JournalEntry) -> Result<Prepared, Outcome> {
    let entry = &inputs::look(node, entry)
        .await
        .map_err(|e| Outcome::failed(Stage::Deploy, Reason::StartFailed, e.to_string()))?;
    let server = pairing::server_address(node, entry).await?;
    let spec = container::spec(node, entry, server)
        .map_err(|e| Outcome::failed(Stage::Config, Reason::ConfigInvalid, e.to_string()))?;
    disk::room(node, entry).await?;
    outbox::room(node).await?;
    container::write_inputs(entry, &spec.results)
        .map_err(|e| Outcome::failed(Stage::Deploy, Reason::StartFailed, e.to_string()))?;
    node.route
        .take()
        .await
        .map_err(|e| Outcome::failed(Stage::Deploy, Reason::RouteFailed, e.to_string()))?;
    node.runtime.prepare(&spec).await
}

/// Waits until no other run that needs the link for itself may have it still: one is being stopped when
/// its window ends, and a node that was away stops late what went on without it. Ends as well once it
/// is too late for this run to start.
async fn link_is_free(node: &Inner, entry: &JournalEntry) {
    let mut changes = node.journal.changes();
    let too_late = entry.run.planned.and_then(|planned| {
        planned.start().checked_add(entry.job.policies.allowed_lateness + SignedDuration::from_millis(1)).ok()
    });
    let too_late = too_late.unwrap_or_else(|| node.clock.now());
    while node.clock.now() < too_late {
        changes.borrow_and_update();
        let has_link =
            |other: &JournalEntry| other.run.id != entry.run.id && other.job.overhead && may_run(other);
        match node.journal.all().await {
            Ok(journal) if !journal.iter().any(has_link) => return,
            Ok(_) => {}
            Err(error) => tracing::warn!(run = %entry.run.id, %error, "cannot tell who has the link"),
        }
        tokio::select! {
            // The sender lives in the journal.
            _ = changes.changed() => {}
            () = node.pause(LOOK), if node.journal.is_shared() => {}
            () = node.clock.sleep_until(too_late) => {}
        }
    }
}

/// Whether the experiment of a run may be running.
fn may_run(entry: &JournalEntry) -> bool {
    match entry.step {
        Step::Planned | Step::Preparing | Step::Ready | Step::Holding | Step::Done => false,
        Step::Starting | Step::Executing | Step::Stopping => true,
        // One that was started though the answer to that was lost is stopped when it is collected.
        Step::Collecting => entry.run.ended.is_none(),
    }
}

async fn watch(node: &Inner, entry: &JournalEntry) -> Event {
    let ended = async {
        loop {
            match node.runtime.wait(&entry.run.id).await {
                Ok(exit) => return exit,
                Err(error) => {
                    tracing::warn!(run = %entry.run.id, %error, "lost sight of the experiment");
                    node.pause(RETRY).await;
                    if node.found(&entry.run.id).await == RuntimeState::Absent {
                        return gone(node);
                    }
                }
            }
        }
    };
    let deadline = async {
        match entry.run.planned {
            Some(planned) => node.clock.sleep_until(planned.end()).await,
            None => std::future::pending().await,
        }
    };
    let peer_over = async {
        pairing::announce(node, entry).await;
        pairing::peer_over(node, entry).await
    };
    let event = tokio::select! {
        biased;
        exit = ended => Event::Exited(exit),
        () = deadline => Event::DeadlineReached,
        outcome = disk::filled(node, entry) => Event::Cancelled(outcome),
        outcome = peer_over => Event::Cancelled(outcome),
    };
    // What was written since the last look counts as well: most programs end when the system lets a
    // file grow no further. A disk that is full afterwards matters only to those that have failed.
    let Event::Exited(exit) = event else { return event };
    let failed = exit.code != Some(0);
    match disk::judge(node, entry).await {
        Some(outcome) if failed || outcome.reason == Reason::DiskLimit => Event::Cancelled(outcome),
        _ => event,
    }
}

/// Stops the experiment and tells how it ended.
async fn stop(node: &Inner, run: &RunId) -> Exit {
    for _ in 0..STOP_ATTEMPTS {
        match node.insist(run, || node.runtime.stop(run, node.config.grace)).await {
            Ok(()) => break,
            Err(error) => {
                tracing::warn!(%run, %error, "cannot stop the experiment");
                node.pause(RETRY).await;
            }
        }
    }
    match node.found(run).await {
        RuntimeState::Exited(exit) => exit,
        RuntimeState::Absent | RuntimeState::Prepared | RuntimeState::Running(_) => gone(node),
    }
}

/// The end of an experiment of which nothing more is known.
fn gone(node: &Inner) -> Exit {
    Exit { code: None, out_of_memory: false, at: node.clock.now() }
}
