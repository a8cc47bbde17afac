//! Having what runs need fetched long before they begin: over a satellite link an image may take
//! many minutes.

use std::collections::HashMap;

use jiff::SignedDuration;

use super::Inner;
use crate::error::Result;
use crate::ids::JobId;
use crate::model::{ExperimentConfig, Job, JournalEntry, Orders, Step};
use crate::time::Timestamp;

/// How long before a run what it needs is fetched.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// How long to wait before what could not be fetched is tried again.
const RETRY: SignedDuration = SignedDuration::from_mins(5);

/// How far things are with the next run of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Failed,
    Fetched,
}

pub(super) async fn run(node: &Inner) -> Result<()> {
    let mut orders = node.orders.subscribe();
    let mut known: HashMap<(JobId, Timestamp), Progress> = HashMap::new();
    loop {
        let current = orders.borrow_and_update().clone();
        let now = node.clock.now();
        let mut next: Vec<(Timestamp, Job)> =
            current.as_ref().map_or_else(Vec::new, |o| upcoming(node, o, now));
        next.sort_by_key(|(start, _)| *start);
        known.retain(|(job, start), _| next.iter().any(|(s, j)| s == start && j.id == *job));
        let mut wake = None;
        for (start, job) in next {
            let due = start.checked_sub(AHEAD).unwrap_or(now);
            if due > now {
                wake = Some(sooner(wake, due));
                break;
            }
            let before = known.get(&(job.id.clone(), start)).copied();
            if before == Some(Progress::Fetched) {
                // What follows it is found when its time is over.
                wake = Some(sooner(wake, start));
                continue;
            }
            let after = fetch(node, &job, before).await;
            if after == Progress::Failed {
                let again = node.clock.now().checked_add(RETRY).unwrap_or(now);
                wake = Some(sooner(wake, again));
            }
            known.insert((job.id, start), after);
        }
        let asleep = async {
            match wake {
                Some(at) => node.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = asleep => {}
            changed = orders.changed() => if changed.is_err() {
                return Ok(());
            },
        }
    }
}

fn sooner(one: Option<Timestamp>, other: Timestamp) -> Timestamp {
    one.map_or(other, |one| one.min(other))
}

/// The next run of each job that measures or serves on this node. While the owner wants the link for other
/// things there is none: what needs it will not run, and the rest is fetched when it is prepared.
fn upcoming(node: &Inner, orders: &Orders, now: Timestamp) -> Vec<(Timestamp, Job)> {
    let standby = orders.standby.as_ref().is_some_and(|standby| standby.is_active(now));
    let jobs = orders.jobs.iter().filter(|job| job.involves(&node.config.node) && !standby);
    let next = |job: &Job| {
        let mut starts = job.occurrences_after(now).map(|occurrence| occurrence.window.start());
        Some((starts.find(|start| *start > now)?, job.clone()))
    };
    jobs.filter_map(next).collect()
}

/// Fetches what a job's runs need, never while another measures with the link for itself.
async fn fetch(node: &Inner, job: &Job, before: Option<Progress>) -> Progress {
    let Ok(experiment) = ExperimentConfig::parse(&job.config) else { return Progress::Fetched };
    loop {
        link_is_needed(node, false).await;
        let fetched = tokio::select! {
            fetched = node.runtime.fetch(&experiment) => fetched,
            () = link_is_needed(node, true) => continue,
        };
        return match fetched {
            Ok(()) => Progress::Fetched,
            Err(outcome) => {
                if before.is_none() {
                    let reason = outcome.message;
                    tracing::warn!(job = %job.id, reason, "cannot fetch ahead what the next run needs");
                }
                Progress::Failed
            }
        };
    }
}

/// Waits until a run needs the link for itself, or none does.
async fn link_is_needed(node: &Inner, needed: bool) {
    let mut changes = node.journal.changes();
    loop {
        changes.borrow_and_update();
        // What cannot be told is taken for a run that needs the link.
        let is_needed = node.journal.all().await.map_or(true, |runs| runs.iter().any(measures_alone));
        if is_needed == needed {
            return;
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Whether a run measures with the link for itself.
pub(super) fn measures_alone(entry: &JournalEntry) -> bool {
    entry.job.overhead && matches!(entry.step, Step::Starting | Step::Executing | Step::Stopping)
}
