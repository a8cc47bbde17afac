//! Which jobs would measure at the same time on the same node.

mod overlap;

pub use overlap::{first_overlap, first_self_overlap};

use crate::ids::{JobId, NodeId, UserId};
use crate::model::Job;
use crate::time::{Timestamp, Window};

/// One job in the way of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The job that holds the time.
    pub job: JobId,
    /// Who booked it.
    pub owner: UserId,
    /// A node both need.
    pub node: NodeId,
    /// The first window in which the new job would run.
    pub wanted: Window,
    /// The window of the other job that overlaps it.
    pub taken: Window,
}

/// All jobs of `others` that conflict with `job`, and the job itself where it is longer than the
/// gap between two of its own starts.
///
/// Two jobs conflict when both are overhead jobs, they share a node (each occupies its node and
/// its server), and any of their planned windows overlap. Touching windows do not overlap. The
/// relation is symmetric. What ended before `from` (usually now) counts no more. Jobs of the same id in `others` are passed over, so that a changed job
/// is not compared with its former self.
pub fn conflicts<'a>(job: &Job, others: impl IntoIterator<Item = &'a Job>, from: Timestamp) -> Vec<Conflict> {
    if !job.overhead {
        return Vec::new();
    }
    let itself = first_self_overlap(job, from).map(|(taken, wanted)| (job, &job.node, wanted, taken));
    let rest = others.into_iter().filter_map(|other| {
        let node = shared_node(job, other).filter(|_| other.overhead && other.id != job.id)?;
        let (wanted, taken) = first_overlap(job, other, from)?;
        Some((other, node, wanted, taken))
    });
    itself
        .into_iter()
        .chain(rest)
        .map(|(other, node, wanted, taken)| Conflict {
            job: other.id.clone(),
            owner: other.owner.clone(),
            node: node.clone(),
            wanted,
            taken,
        })
        .collect()
}

fn shared_node<'a>(a: &'a Job, b: &Job) -> Option<&'a NodeId> {
    a.nodes().find(|node| b.nodes().any(|other| other == *node))
}

#[cfg(test)]
mod tests;
