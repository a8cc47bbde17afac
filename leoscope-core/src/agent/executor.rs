//! Driving one run from its first event to its end.

use tokio::sync::oneshot;

use super::{Inner, RETRY, container, disk, results};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::lifecycle::{Action, Event};
use crate::model::{Exit, JournalEntry, Outcome, Prepared, Reason, RuntimeState, Stage};

/// How often stopping an experiment is tried before it is given up.
const STOP_ATTEMPTS: usize = 30;

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
            Action::Prepare | Action::AwaitStart | Action::Start | Action::Watch => tokio::select! {
                event = perform(node, &entry, action) => event,
                Ok(outcome) = &mut cancelled => Event::Cancelled(outcome),
            },
        };
    }
    if let Some(entry) = node.journal.entry(run).await {
        let (status, reason) = (entry.run.status, entry.run.message);
        tracing::info!(%run, job = %entry.job.id, %status, reason, "run ended");
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
            if let Some(planned) = entry.run.planned {
                node.clock.sleep_until(planned.start()).await;
            }
            Event::Due
        }
        Action::Start => match node.runtime.start(run).await {
            Ok(at) => Event::Started(at),
            Err(outcome) => Event::Failed(outcome),
        },
        Action::Watch => watch(node, entry).await,
        Action::Stop => Event::Exited(stop(node, run).await),
        Action::Collect => match results::collect(node, entry).await {
            Ok(()) => Event::Collected,
            Err(error) => Event::CollectFailed(error.to_string()),
        },
    }
}

async fn prepare(node: &Inner, entry: &JournalEntry) -> Result<Prepared, Outcome> {
    let spec = container::spec(node, entry)
        .map_err(|e| Outcome::failed(Stage::Config, Reason::ConfigInvalid, e.to_string()))?;
    disk::room(node, entry).await?;
    container::write_inputs(entry, &spec.results)
        .map_err(|e| Outcome::failed(Stage::Deploy, Reason::StartFailed, e.to_string()))?;
    node.runtime.prepare(&spec).await
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
    let event = tokio::select! {
        biased;
        exit = ended => Event::Exited(exit),
        () = deadline => Event::DeadlineReached,
        outcome = disk::filled(node, entry) => Event::Cancelled(outcome),
    };
    // What was written since the last look counts as well, however the experiment has ended: most
    // programs end when the system lets a file grow no further. A disk that is full afterwards
    // matters only to those that have failed.
    let failed = match event {
        Event::Exited(exit) => exit.code != Some(0),
        Event::DeadlineReached => false,
        event => return event,
    };
    match disk::judge(node, entry).await {
        Some(outcome) if failed || outcome.reason == Reason::DiskLimit => Event::Cancelled(outcome),
        _ => event,
    }
}

/// Stops the experiment and tells how it ended.
async fn stop(node: &Inner, run: &RunId) -> Exit {
    for _ in 0..STOP_ATTEMPTS {
        match node.runtime.stop(run, node.config.grace).await {
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
