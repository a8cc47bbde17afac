//! Runs with two sides: a client that measures, and a server that it measures against.
//!
//! The client's node asks the server's node for its side of a run with a task, waits until that
//! side is ready, and starts its own at the planned instant. Whoever ends first tells the other.

use jiff::SignedDuration;

use crate::error::Error;
use crate::ids::{NodeId, RunId, TaskId};
use crate::model::{
    Job, JournalEntry, NewTask, Outcome, Part, Reason, Run, RunStatus, Stage, Step, Task, TaskKind, TaskTtl,
};
use crate::schedule::LEAD_TIME;
use crate::time::{Timestamp, Window, wire_time};

/// How long before the planned instant the server side is started: the client has to hear of it and
/// to be made ready with its address.
pub const HEAD_START: SignedDuration = SignedDuration::from_secs(5);

/// How long the node of the other side may be silent before the run is given up. Links over
/// satellites may be gone for some seconds.
pub const SILENCE: SignedDuration = SignedDuration::from_secs(60);

/// How much earlier and later than our own nodes others may ask.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// How long a task outlives the run it is about, so that neither side looks for it in vain.
const AFTERWARDS: SignedDuration = SignedDuration::from_secs(60);

/// When a node may be asked for server sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// At any moment.
    Soon,
    /// Hardly, but it may: a run that it might serve is under way.
    Perhaps,
    /// Not before this instant.
    From(Timestamp),
    /// Not at all.
    Never,
}

/// When `node` may be asked for the server sides of runs of `jobs`.
pub fn serving(jobs: &[Job], node: &NodeId, now: Timestamp) -> Serving {
    let served = jobs.iter().filter(|job| job.server.as_ref() == Some(node));
    let each = served.filter_map(|job| {
        // The first that has not ended is the first that can be asked for.
        let window = runs_from(job, now).find(|window| window.end() > now)?;
        let from = window.start().checked_sub(LEAD_TIME + MARGIN).unwrap_or(now);
        let begun = window.start().checked_add(job.policies.allowed_lateness + MARGIN).unwrap_or(now);
        Some(match from {
            from if now < from => Serving::From(from),
            _ if now < begun => Serving::Soon,
            _ => Serving::Perhaps,
        })
    });
    each.min_by_key(|serving| match serving {
        Serving::Soon => (0, None),
        Serving::Perhaps => (1, None),
        Serving::From(from) => (2, Some(*from)),
        Serving::Never => (3, None),
    })
    .unwrap_or(Serving::Never)
}

/// The planned runs of `job` that may be under way at `now`, and those after them.
fn runs_from(job: &Job, now: Timestamp) -> impl Iterator<Item = Window> + use<> {
    let longest = job.length.duration() + job.policies.random_slip.max(SignedDuration::ZERO);
    let earliest = now.checked_sub(longest).unwrap_or(now);
    job.occurrences_after(earliest).map(|occurrence| occurrence.window)
}

/// The server side that `task` asks of `node` at `now`.
///
/// Its window is that of the client's run; where that is not one of ours, it is the time for which
/// the task stands.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the client's run id leaves no room.
pub fn server_side(job: &Job, task: &Task, node: &NodeId, now: Timestamp) -> Result<JournalEntry, Error> {
    let soon = now.checked_add(LEAD_TIME + MARGIN).unwrap_or(now);
    let window = runs_from(job, now)
        .take_while(|window| window.start() <= soon)
        .find(|window| RunId::derive(&job.id, job.created, window.start()) == task.run);
    let window = window.map_or_else(|| Window::new(now, task.expires()), Ok)?;
    let id = task.run.server_side()?;
    let run = Run::planned(id, job.id.clone(), node.clone(), job.owner.clone(), window);
    Ok(JournalEntry { task: Some(task.id.clone()), ..JournalEntry::new(run, job.clone()) })
}

/// When the experiment of `entry` is to be started: at its planned instant, and a server side ahead
/// of it, unless another exclusive run of `journal` has the node until then.
pub fn starts_at(entry: &JournalEntry, journal: &[JournalEntry]) -> Option<Timestamp> {
    let planned = entry.run.planned?;
    if entry.part() != Part::Server {
        return Some(planned.start());
    }
    let ahead = planned.start().checked_sub(HEAD_START).ok()?;
    let Ok(head_start) = Window::new(ahead, planned.start()) else { return Some(planned.start()) };
    let is_taken = entry.job.overhead
        && journal.iter().any(|other| {
            other.run.id != entry.run.id
                && other.job.overhead
                && other.step != Step::Done
                && other.run.planned.is_some_and(|window| window.overlap(&head_start).is_some())
        });
    Some(if is_taken { planned.start() } else { ahead })
}

/// The task by which the client of `entry` asks for the server side.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the run id leaves no room for a task's.
pub fn ask(entry: &JournalEntry, server: &NodeId, now: Timestamp) -> Result<NewTask, Error> {
    task(entry, TaskKind::ServerStart, "start", server, now)
}

/// The task by which a side that is over tells the other; `None` where that needs no telling: a
/// server that has done its part does not hurry a client that still measures.
///
/// # Errors
/// Those of [`ask`].
pub fn word(entry: &JournalEntry, now: Timestamp) -> Result<Option<NewTask>, Error> {
    let Some(server) = &entry.job.server else { return Ok(None) };
    let status = entry.outcome.as_ref().map_or(entry.run.status, |outcome| outcome.status);
    match entry.part() {
        Part::Alone => Ok(None),
        Part::Server if status == RunStatus::Completed => Ok(None),
        Part::Client => task(entry, TaskKind::ServerStop, "stop", server, now).map(Some),
        Part::Server => task(entry, TaskKind::ServerStop, "over", &entry.job.node, now).map(Some),
    }
}

fn task(
    entry: &JournalEntry,
    kind: TaskKind,
    what: &str,
    node: &NodeId,
    now: Timestamp,
) -> Result<NewTask, Error> {
    let run = entry.run.id.client_side();
    let end = entry.run.planned.map_or(now, |window| window.end());
    let secs = (end.duration_since(now).max(SignedDuration::ZERO) + AFTERWARDS).as_secs();
    Ok(NewTask {
        id: TaskId::parse(&format!("{run}.{what}"))?,
        kind,
        run,
        job: entry.job.id.clone(),
        node: node.clone(),
        ttl: TaskTtl::try_from(secs.clamp(1, TaskTtl::MOST_SECS.into()))?,
    })
}

/// Whether the word that `entry` is over can still matter to the other side at `now`: after the
/// window that both have, it has ended by itself.
pub fn is_worth_telling(entry: &JournalEntry, now: Timestamp) -> bool {
    entry.run.planned.is_some_and(|window| now < window.end())
}

/// A run whose server was not ready when the client had to start.
pub fn not_ready(server: &NodeId, why: &str) -> Outcome {
    let message = format!("server {server} was not ready: {why}");
    Outcome::failed(Stage::Deploy, Reason::ServerNotReady, message)
}

/// How a side ends whose other side is over.
pub fn peer_ended(entry: &JournalEntry) -> Outcome {
    let status = match entry.part() {
        // Serving until the client has what it wants is all a server is to do.
        Part::Server => RunStatus::Completed,
        Part::Alone | Part::Client => RunStatus::Failed,
    };
    let (side, id) = match entry.part() {
        Part::Server => ("client", entry.run.id.client_side().to_string()),
        Part::Alone | Part::Client => ("server", format!("{}_server", entry.run.id)),
    };
    Outcome::new(status, Stage::Execute, Reason::PeerEnded, format!("the {side} side, run {id}, is over"))
}

/// How a side ends whose other side has not been heard of since `last`, if it is too long ago.
pub fn peer_silent(entry: &JournalEntry, last: Option<Timestamp>, now: Timestamp) -> Option<Outcome> {
    let peer = entry.peer()?;
    let is_silent = last.is_none_or(|last| now.duration_since(last) > SILENCE);
    let since = last.map_or_else(|| "it was registered".to_owned(), wire_time);
    is_silent.then(|| {
        let message = format!("node {peer}, the other side, has not called since {since}");
        Outcome::failed(Stage::Execute, Reason::PeerSilent, message)
    })
}

#[cfg(test)]
mod tests;
