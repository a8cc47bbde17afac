//! What becomes of planned runs of which no node says anything.

use jiff::SignedDuration;

use crate::ids::RunId;
use crate::model::{Job, Node, Outcome, Reason, Run, RunStatus, Stage};
use crate::schedule::Occurrence;
use crate::time::{Timestamp, Window, wire_time};

/// How long after the end of a run, and after its node is back, its report may be under way.
pub const GRACE: SignedDuration = SignedDuration::from_mins(2);

/// How long a node that has its orders may be silent before its runs are given up: it carries on
/// without the orchestrator, and reports when the link is back.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// How long a node may not have called and still be counted as present.
pub const ABSENT_AFTER: SignedDuration = SignedDuration::from_secs(600);

/// How often it is looked whether a silent node is back.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// The most runs that are judged at once; more than can be waiting for a silent node.
const MOST: usize = 5_000;

/// The resolution of instants.
const INSTANT: SignedDuration = SignedDuration::from_micros(1);

/// What is known of the runs of a job.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The records of its runs that start from the instant up to which it is settled.
    pub runs: &'a [Run],
    /// When its node called; `None` for one that never did, or is no more.
    pub contact: Option<Contact>,
}

/// When a node called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// Since when it has been calling.
    pub since: Timestamp,
    /// When it called last.
    pub last: Timestamp,
}

impl Contact {
    /// The contact with `node`.
    pub fn of(node: &Node) -> Option<Self> {
        let last = node.last_active?;
        Some(Self { since: node.contact_since.unwrap_or(last), last })
    }
}

/// The judgement on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The records to write: of runs that have none, and of runs that were never ended.
    pub records: Vec<Run>,
    /// Once they are written, every run planned to start before this instant has its final record.
    pub settled: Timestamp,
    /// When to look again; `None` when the job is over and everything is settled.
    pub next: Option<Timestamp>,
}

/// Judges the runs of `job` that are planned to start from `settled` on, at `now`.
///
/// A run ends without its node where it is certain that the node cannot have carried it out (it
/// never got the orders), where the node was there after the end and reported nothing, and where
/// it has been silent for longer than [`PATIENCE`]. Judging again at the same instant, with the
/// records written, gives no records.
pub fn judge(job: &Job, settled: Timestamp, evidence: Evidence<'_>, now: Timestamp) -> Judgement {
    let mut judgement = Judgement { records: Vec::new(), settled, next: None };
    let mut waiting = false;
    let open = job.timeline().starting_from(settled).into_occurrences();
    for (index, occurrence) in open.enumerate() {
        let start = occurrence.reserved.start();
        if index == MOST {
            if !waiting {
                judgement.wait_until(now);
            }
            break;
        }
        let withdrawn = job.deleted.is_some_and(|deleted| occurrence.window.start() >= deleted);
        match verdict(job, occurrence, evidence, now) {
            _ if withdrawn => {}
            Verdict::Ended => {}
            Verdict::Ends(run) => judgement.records.push(*run),
            Verdict::Wait(until) => {
                judgement.wait_until(until);
                waiting = true;
                if start > now {
                    break;
                }
            }
        }
        if !waiting {
            judgement.settled = start.checked_add(INSTANT).unwrap_or(start);
        }
    }
    judgement
}

/// The time in which the runs start that [`judge`] looks at; `None` when there are none.
pub fn scope(job: &Job, settled: Timestamp, now: Timestamp) -> Option<Window> {
    let open = job.timeline().starting_from(settled).into_occurrences();
    let judged = open.take(MOST).take_while(|occurrence| occurrence.reserved.start() <= now);
    Window::new(settled, judged.map(|occurrence| occurrence.reserved.end()).max()?).ok()
}

impl Judgement {
    fn wait_until(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

enum Verdict {
    /// Its final record is there.
    Ended,
    /// This is its final record.
    Ends(Box<Run>),
    /// Nothing can be said before this instant.
    Wait(Timestamp),
}

fn verdict(job: &Job, occurrence: Occurrence, evidence: Evidence<'_>, now: Timestamp) -> Verdict {
    let Occurrence { reserved, window } = occurrence;
    let id = RunId::derive(&job.id, job.created, window.start());
    // Nodes of another make give their runs ids of their own; they are known by their start.
    let belongs = |run: &&Run| {
        run.id == id
            || (run.planned.is_none()
                && run.node == job.node
                && run.sort_key().is_some_and(|start| reserved.contains(start)))
    };
    let record = evidence.runs.iter().filter(belongs).max_by_key(|run| run.status.is_terminal());
    if record.is_some_and(|run| run.status.is_terminal()) {
        return Verdict::Ended;
    }
    let after = |at: Timestamp, wait: SignedDuration| at.checked_add(wait).unwrap_or(Timestamp::MAX);
    let (grace_over, given_up) = (after(window.end(), GRACE), after(window.end(), PATIENCE));
    let end = |mut run: Run, status, reason, message: &str| {
        run.end(Outcome::new(status, Stage::Reconcile, reason, message), now);
        Verdict::Ends(Box::new(run))
    };
    if let Some(run) = record {
        return if now < given_up {
            Verdict::Wait(given_up)
        } else {
            end(
                run.clone(),
                RunStatus::Failed,
                Reason::NoExecutorReport,
                "the node began it and never said how it ended",
            )
        };
    }
    let planned = Run::planned(id, job.id.clone(), job.node.clone(), job.owner.clone(), window);
    let missed = |reason, message: &str| end(planned.clone(), RunStatus::Missed, reason, message);
    let start_over = after(window.start(), job.policies.allowed_lateness.max(SignedDuration::ZERO) + GRACE);
    // A node calls every few seconds, so one that was absent when the job was made has not got it.
    let had_orders = evidence.contact.is_some_and(|contact| after(contact.last, ABSENT_AFTER) >= job.created);
    if !had_orders {
        return if now < start_over {
            Verdict::Wait(start_over)
        } else {
            missed(Reason::NodeOffline, &offline(evidence.contact))
        };
    }
    if now < grace_over {
        return Verdict::Wait(grace_over);
    }
    // A node that was cut off has much to report when it is back.
    let had_time = |contact: Contact| contact.last >= grace_over.max(after(contact.since, GRACE));
    if evidence.contact.is_some_and(had_time) {
        return missed(Reason::NoExecutorReport, "the node is there, but reported nothing of this run");
    }
    if now < given_up {
        // Whether the node is back is looked at now and then, not only at the end.
        return Verdict::Wait(given_up.min(after(now, LOOK_AGAIN)));
    }
    missed(Reason::NodeOffline, &offline(evidence.contact))
}

fn offline(contact: Option<Contact>) -> String {
    match contact {
        Some(contact) => format!("the node has not called since {}", wire_time(contact.last)),
        None => "the node has never called, or is no more".to_owned(),
    }
}

#[cfg(test)]
mod tests;
