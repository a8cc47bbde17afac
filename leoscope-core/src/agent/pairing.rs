//! The two sides of a run on two nodes: being asked for a server, waiting for one, and saying that
//! a side is over.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{Inner, RETRY};
use crate::error::{ErrorKind, Result};
use crate::ids::{NodeId, TaskId};
use crate::model::{Job, JournalEntry, NodeFilter, Outcome, Part, Task, TaskFilter, TaskKind, TaskStatus};
use crate::pairing::{self, Serving};
use crate::time::Timestamp;

/// How often the other side is looked at before the start, and during the run.
const POLL: SignedDuration = SignedDuration::from_millis(500);
const WATCH: SignedDuration = SignedDuration::from_secs(2);

/// How long before the start of an experiment only the start counts.
const MOMENT: SignedDuration = SignedDuration::from_millis(20);

/// How many looks at the tasks there are for one at when the other node called last.
const LOOKS: u32 = 5;

/// Answers the nodes that ask this one for server sides. It is asked only when its orders say that
/// it may be, so that a node without such jobs asks for nothing.
pub(super) async fn serve(node: &Inner) -> Result<()> {
    let mut orders = node.orders.subscribe();
    loop {
        let current = orders.borrow_and_update().clone();
        let jobs = current.map(|orders| orders.jobs).unwrap_or_default();
        let serving = pairing::serving(&jobs, &node.config.node, node.clock.now());
        if matches!(serving, Serving::Soon | Serving::Perhaps)
            && let Err(error) = answer(node, &jobs).await
        {
            tracing::debug!(%error, "cannot ask for tasks");
        }
        let due = async {
            match serving {
                Serving::Soon => node.pause(POLL).await,
                Serving::Perhaps => node.pause(WATCH).await,
                Serving::From(from) => node.clock.sleep_until(from).await,
                Serving::Never => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            changed = orders.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// Enters a server side for each task that asks for one.
async fn answer(node: &Inner, jobs: &[Job]) -> Result<()> {
    let own = &node.config.node;
    let filter = TaskFilter {
        node: Some(own.clone()),
        kind: Some(TaskKind::ServerStart),
        status: Some(TaskStatus::Scheduled),
        ..TaskFilter::default()
    };
    for task in node.control.tasks(&filter).await? {
        let serves = |job: &&Job| job.id == task.job && job.server.as_ref() == Some(own);
        let Some(job) = jobs.iter().find(serves) else { continue };
        let entry = match pairing::server_side(job, &task, own, node.clock.now()) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::warn!(task = %task.id, %error, "cannot serve a run");
                continue;
            }
        };
        if node.journal.entry(&entry.run.id).await.is_none() {
            node.invited.lock().await.push(entry);
            node.runs_changed.notify_one();
        }
    }
    Ok(())
}

/// The address of the server of a client's run, once that is ready; `None` for a run alone, and for
/// the server itself.
pub(super) async fn server_address(node: &Inner, entry: &JournalEntry) -> Result<Option<String>, Outcome> {
    let (Part::Client, Some(server)) = (entry.part(), &entry.job.server) else { return Ok(None) };
    let start = entry.run.planned.map_or_else(|| node.clock.now(), |planned| planned.start());
    let latest = start.checked_add(entry.job.policies.allowed_lateness).unwrap_or(start);
    tokio::select! {
        address = ready(node, entry, server) => address.map(Some),
        () = node.clock.sleep_until(latest) => {
            Err(pairing::not_ready(server, "it said nothing until the run had to start"))
        }
    }
}

/// Asks for the server and waits until it is ready.
async fn ready(node: &Inner, entry: &JournalEntry, server: &NodeId) -> Result<String, Outcome> {
    let not_ready = |why: &str| pairing::not_ready(server, why);
    let task = pairing::ask(entry, server, node.clock.now()).map_err(|error| not_ready(error.message()))?;
    loop {
        match node.control.schedule_task(task.clone()).await {
            Ok(()) => break,
            // Asked before a restart, or the answer was lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => break,
            Err(error) if error.kind().is_transient() => node.pause(POLL).await,
            Err(error) => return Err(not_ready(error.message())),
        }
    }
    let filter = TaskFilter { run: Some(task.run.clone()), ..TaskFilter::default() };
    loop {
        match node.control.tasks(&filter).await {
            Ok(tasks) => {
                if tasks.iter().any(|task| is_end_for(task, &node.config.node)) {
                    return Err(not_ready("its side of the run has ended"));
                }
                if let Some(done) =
                    tasks.iter().find(|known| known.id == task.id && known.status == TaskStatus::Complete)
                {
                    return address(node, done, server).await;
                }
            }
            Err(error) => {
                tracing::debug!(run = %entry.run.id, %error, "cannot ask whether the server is ready");
            }
        }
        node.pause(POLL).await;
    }
}

/// Where the server is: as its node told with the task, else as its record says.
async fn address(node: &Inner, task: &Task, server: &NodeId) -> Result<String, Outcome> {
    if let Some(address) = task.address {
        return Ok(address.to_string());
    }
    let nodes = node.control.nodes(&of(server)).await.map_err(|error| {
        pairing::not_ready(server, &format!("its address cannot be asked for: {}", error.message()))
    })?;
    let known = nodes.into_iter().map(|node| node.public_ip).find(|address| !address.trim().is_empty());
    known.ok_or_else(|| {
        pairing::not_ready(server, "nobody knows its address; its operator gives it with --address")
    })
}

fn of(node: &NodeId) -> NodeFilter {
    NodeFilter { id: Some(node.clone()), ..NodeFilter::default() }
}

fn is_end_for(task: &Task, node: &NodeId) -> bool {
    task.kind == TaskKind::ServerStop && task.node == *node
}

/// Says that the server side is ready, until the orchestrator has it; nothing for other sides.
pub(super) async fn announce(node: &Inner, entry: &JournalEntry) {
    let Some(task) = &entry.task else { return };
    loop {
        match update(node, task).await {
            Ok(()) => return tracing::info!(run = %entry.run.id, "the server side is ready"),
            Err(error) if error.kind().is_transient() => node.pause(POLL).await,
            Err(error) => {
                return tracing::warn!(run = %entry.run.id, %error, "cannot say that the server side is ready");
            }
        }
    }
}

async fn update(node: &Inner, task: &TaskId) -> Result<()> {
    node.control.update_task(task, TaskStatus::Complete, node.config.address).await
}

/// Waits until the other side of a run under way is over, or its node silent for too long; for ever
/// for a run alone.
pub(super) async fn peer_over(node: &Inner, entry: &JournalEntry) -> Outcome {
    let Some(peer) = entry.peer() else { return std::future::pending().await };
    let filter = TaskFilter {
        run: Some(entry.run.id.client_side()),
        node: Some(node.config.node.clone()),
        kind: Some(TaskKind::ServerStop),
        ..TaskFilter::default()
    };
    for look in 0_u32.. {
        node.pause(WATCH).await;
        match node.control.tasks(&filter).await {
            Ok(tasks) => {
                if let Some(end) = tasks.first() {
                    // It has been heard; that is all there is to it.
                    let _ = update(node, &end.id).await;
                    return pairing::peer_ended(entry);
                }
            }
            Err(error) => tracing::debug!(run = %entry.run.id, %error, "cannot ask about the other side"),
        }
        if look % LOOKS == 0
            && let Some(silent) = silence(node, entry, peer).await
        {
            return silent;
        }
    }
    std::future::pending().await
}

async fn silence(node: &Inner, entry: &JournalEntry, peer: &NodeId) -> Option<Outcome> {
    let nodes = node.control.nodes(&of(peer)).await.ok()?;
    let last: Option<Timestamp> = nodes.into_iter().find(|node| node.id == *peer)?.last_active;
    pairing::peer_silent(entry, last, node.clock.now())
}

/// Tells the other side that this one is over. The outer error is the node's own.
pub(super) async fn tell(node: &Inner, entry: &JournalEntry) -> Result<Result<()>> {
    if !entry.is_to_tell() {
        return Ok(Ok(()));
    }
    let now = node.clock.now();
    let word = if pairing::is_worth_telling(entry, now) { pairing::word(entry, now) } else { Ok(None) };
    let told = match word {
        Ok(Some(task)) => node.control.schedule_task(task).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match told {
        Err(error) if error.kind().is_transient() => return Ok(Err(error)),
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            tracing::warn!(run = %entry.run.id, %error, "cannot tell the other side that this one is over");
        }
        _ => {}
    }
    node.journal.change(&entry.run.id, |entry| entry.told = true).await?;
    Ok(Ok(()))
}

/// The server sides that this node has been asked for since the last call.
pub(super) async fn invited(node: &Arc<Inner>) -> Vec<JournalEntry> {
    std::mem::take(&mut *node.invited.lock().await)
}

/// Waits until the experiment is to be started in no more than `ahead`, and gives that instant.
pub(super) async fn await_start(
    node: &Inner,
    entry: &JournalEntry,
    ahead: SignedDuration,
) -> Option<Timestamp> {
    loop {
        let journal = node.journal.all().await.unwrap_or_else(|error| {
            tracing::warn!(run = %entry.run.id, %error, "cannot tell who has the node");
            Vec::new()
        });
        let start = pairing::starts_at(entry, &journal)?;
        let at = start.checked_sub(ahead).unwrap_or(start);
        if at <= node.clock.now() {
            return Some(start);
        }
        // An exclusive run that begins meanwhile is seen at the next look.
        let look = node.clock.now().checked_add(RETRY).unwrap_or(at);
        match entry.part() {
            Part::Server => node.clock.sleep_until(at.min(look)).await,
            Part::Alone | Part::Client => node.clock.sleep_until(at).await,
        }
    }
}

/// Waits until the experiment is to be started, as exactly as the clock can.
pub(super) async fn await_instant(node: &Inner, entry: &JournalEntry) {
    if let Some(start) = await_start(node, entry, MOMENT).await {
        node.clock.meet(start).await;
    }
}
