use std::collections::BTreeSet;

use super::Service;
use crate::conflict::{Conflict, conflicts};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId};
use crate::model::Job;
use crate::ports::{Booking, Timetable};
use crate::time::wire_time;

/// How often a booking is tried again after somebody else's came first.
const ATTEMPTS: usize = 64;

impl Service {
    /// The timetable of these nodes.
    pub(super) async fn timetable(&self, nodes: impl Iterator<Item = &NodeId>) -> Result<Timetable> {
        let nodes: BTreeSet<NodeId> = nodes.cloned().collect();
        self.store.timetable(&nodes).await
    }

    /// Books `job` unless it conflicts with what is booked.
    ///
    /// The check and the booking are one: when the timetable changed in between, both are done
    /// again against what it has become.
    pub(super) async fn book(&self, job: &Job) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let Timetable { jobs, versions } = self.timetable(job.nodes()).await?;
            if jobs.iter().any(|other| other.id == job.id) {
                return Err(exists(&job.id));
            }
            let found = conflicts(job, &jobs, self.clock.now());
            if !found.is_empty() {
                return Err(refusal(job, found));
            }
            match self.store.commit(&versions, Booking::Insert(Box::new(job.clone()))).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(&job.id)),
                other => {
                    other?;
                    self.changes.announce(job.nodes());
                    return Ok(());
                }
            }
        }
        Err(busy(&job.node))
    }

    /// Deletes a job; its definition and runs stay.
    pub(super) async fn unbook(&self, job: &Job) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let Timetable { jobs, versions } = self.timetable(job.nodes()).await?;
            if !jobs.iter().any(|other| other.id == job.id && other.created == job.created) {
                return Err(super::jobs::missing(&job.id));
            }
            match self.store.commit(&versions, Booking::Delete(job.id.clone(), self.clock.now())).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                other => {
                    other?;
                    self.changes.announce(job.nodes());
                    return Ok(());
                }
            }
        }
        Err(busy(&job.node))
    }

    /// Deletes all jobs that involve `node` and gives their number.
    pub(super) async fn delete_jobs(&self, node: &NodeId) -> Result<u32> {
        let jobs = self.timetable(std::iter::once(node)).await?.jobs;
        let mut deleted = 0;
        for job in &jobs {
            match self.unbook(job).await {
                // Somebody else deleted it meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => {
                    other?;
                    deleted += 1;
                }
            }
        }
        Ok(deleted)
    }
}

fn exists(id: &JobId) -> Error {
    Error::new(ErrorKind::AlreadyExists, "job with the given id exists")
        .hint(format!("choose another id than {id}, or delete that job first"))
}

fn busy(node: &NodeId) -> Error {
    Error::unavailable(format!("too many bookings on node {node} at the same time"))
        .hint("nothing was changed; try again")
}

fn refusal(job: &Job, found: Vec<Conflict>) -> Error {
    let first = found.first().map_or_else(String::new, |conflict| {
        let Conflict { job: other, owner, node, wanted, taken } = conflict;
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
    let more = match found.len() {
        0 | 1 => String::new(),
        count => format!(", and {} more jobs", count - 1),
    };
    Error::conflict(format!("schedule conflict: {first}{more}"), found)
        .hint("choose another time or node, or a shorter length")
}
