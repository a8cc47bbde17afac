//! Refused bookings in words.

use crate::conflict::{Alternative, Conflict, Refusal};
use crate::error::{Error, ErrorKind};
use crate::ids::{JobId, NodeId};
use crate::model::Job;
use crate::schedule::Schedule;
use crate::time::wire_time;

/// The error for a booking of `job` that was refused.
pub(super) fn conflict(job: &Job, refusal: Refusal) -> Error {
    let first = refusal.conflicts.first().map_or_else(String::new, |conflict| {
        let Conflict { job: other, owner, node, wanted, taken, clashing: _ } = conflict;
        if *other == job.id {
            format!(
                "job {other} overlaps itself: the run of {} is still going at {}",
                wire_time(taken.start()),
                wire_time(wanted.start())
            )
        } else {
            format!("{wanted} overlaps {taken} of job {other} (user {owner}) on node {node}")
        }
    });
    let more = match refusal.conflicts.len() {
        0 | 1 => String::new(),
        2 => ", and 1 more job".to_owned(),
        count => format!(", and {} more jobs", count - 1),
    };
    let runs = match refusal.clashing {
        0 | 1 => String::new(),
        count => format!("; {count} of its runs clash"),
    };
    let hint = hint(&refusal.alternatives);
    Error::conflict(format!("schedule conflict: {first}{more}{runs}"), refusal).hint(hint)
}

fn hint(alternatives: &[Alternative]) -> String {
    let told: Vec<String> = alternatives.iter().map(alternative).collect();
    match told.as_slice() {
        [] => "choose another time or node, or a shorter length".to_owned(),
        [one] => format!("{one} is free"),
        [first @ .., last] => format!("{} or {last} are free", first.join(", ")),
    }
}

/// An alternative as it would be asked for.
fn alternative(alternative: &Alternative) -> String {
    match &alternative.schedule {
        Schedule::Cron(cron) => format!("schedule '{cron}'"),
        Schedule::Once => format!("start {}", wire_time(alternative.first.start())),
    }
}

pub(super) fn exists(id: &JobId) -> Error {
    Error::new(ErrorKind::AlreadyExists, "job with the given id exists")
        .hint(format!("choose another id than {id}, or delete that job first"))
}

pub(super) fn busy(node: &NodeId) -> Error {
    Error::unavailable(format!("too many bookings on node {node} at the same time"))
        .hint("nothing was changed; try again")
}

pub(super) fn missing(id: &JobId) -> Error {
    Error::not_found("job with given jobid does not exist").hint(format!("check the id {id}"))
}
