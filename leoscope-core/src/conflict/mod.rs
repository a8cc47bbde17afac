//! Which jobs would measure at the same time on the same node, and when there is room.

mod count;
mod overlap;
mod shift;
mod slots;

pub use count::count_overlapping;
pub use overlap::{first_overlap, first_self_overlap};
pub use shift::{Alternative, alternatives, slipped};
pub use slots::{FARTHEST_SLOT, SlotQuery, free_slots};

use crate::ids::{JobId, NodeId, UserId};
use crate::model::Job;
use crate::schedule::Timeline;
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
    /// The first window that the new job would take.
    pub wanted: Window,
    /// The window of the other job that overlaps it.
    pub taken: Window,
    /// How many planned runs of the new job it is in the way of.
    pub clashing: u64,
}

/// Why a booking is refused, and what could be booked instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The jobs in the way.
    pub conflicts: Vec<Conflict>,
    /// How many planned runs of the new job something is in the way of.
    pub clashing: u64,
    /// Other times, nearest first.
    pub alternatives: Vec<Alternative>,
}

/// The jobs that take time for themselves, as far as they still take it.
#[derive(Debug, Default)]
pub struct Bookings<'a>(Vec<(&'a Job, Timeline)>);

impl<'a> Bookings<'a> {
    /// The bookings among `jobs` from `from` (usually now) on. `released` are instants at which a
    /// run of a job would have the time, but has ended before.
    pub fn new(
        jobs: impl IntoIterator<Item = &'a Job>,
        released: &[(JobId, Timestamp)],
        from: Timestamp,
    ) -> Self {
        let timeline = |job: &Job| {
            let timeline = job.timeline().after(from);
            let instants = released.iter().filter(|(id, _)| *id == job.id);
            let instants: Vec<Timestamp> = instants.map(|(_, instant)| *instant).collect();
            if instants.is_empty() { timeline } else { timeline.without(&instants) }
        };
        let taking = jobs.into_iter().filter(|job| job.overhead);
        Self(taking.map(|job| (job, timeline(job))).collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is booked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many patterns they are.
    fn patterns(&self) -> usize {
        self.timelines().map(|timeline| timeline.patterns().len()).sum()
    }

    fn timelines(&self) -> impl Iterator<Item = &Timeline> {
        self.0.iter().map(|(_, timeline)| timeline)
    }

    /// The bookings that share a node with `job`. Those of the same id are passed over, so that a
    /// changed job is not compared with its former self.
    fn in_the_way_of<'b>(&'b self, job: &'b Job) -> impl Iterator<Item = (&'a Job, &'b Timeline)> + Clone {
        let others = self.0.iter().filter(move |(other, _)| other.id != job.id);
        others.filter(move |(other, _)| shared_node(job, other).is_some()).map(|(job, line)| (*job, line))
    }
}

/// All bookings that conflict with `job`, and the job itself where it is longer than the gap
/// between two of its own starts.
///
/// Two jobs conflict when both are overhead jobs, they share a node (each occupies its node and
/// its server), and any of their reserved windows overlap. Touching windows do not overlap. The
/// relation is symmetric. What ended before `from` counts no more.
pub fn conflicts(job: &Job, bookings: &Bookings<'_>, from: Timestamp) -> Vec<Conflict> {
    if !job.overhead {
        return Vec::new();
    }
    let timeline = job.timeline().after(from);
    let conflict = |other: &Job, node: &NodeId, (wanted, taken): (Window, Window), clashing| Conflict {
        job: other.id.clone(),
        owner: other.owner.clone(),
        node: node.clone(),
        wanted,
        taken,
        clashing,
    };
    let itself = first_self_overlap(&timeline).map(|(taken, wanted)| {
        conflict(job, &job.node, (wanted, taken), count_overlapping(&timeline, [], true))
    });
    let others = bookings.0.iter().filter_map(|(other, line)| {
        let node = shared_node(job, other).filter(|_| other.id != job.id)?;
        let pair = first_overlap(&timeline, line)?;
        Some(conflict(other, node, pair, count_overlapping(&timeline, [line], false)))
    });
    itself.into_iter().chain(others).collect()
}

/// Why `job` cannot be booked beside `bookings`, with what could be; `None` when it can.
pub fn refusal(job: &Job, bookings: &Bookings<'_>, from: Timestamp) -> Option<Refusal> {
    let conflicts = conflicts(job, bookings, from);
    if conflicts.is_empty() {
        return None;
    }
    let timeline = job.timeline().after(from);
    let in_the_way = bookings.in_the_way_of(job).map(|(_, line)| line);
    Some(Refusal {
        clashing: count_overlapping(&timeline, in_the_way, true),
        alternatives: alternatives(job, bookings, from),
        conflicts,
    })
}

/// `job` as it can be booked beside `bookings`: moved later within its slip if that is what it takes.
///
/// # Errors
/// Why it cannot be booked, with what could be.
pub fn place(job: &Job, bookings: &Bookings<'_>, from: Timestamp) -> Result<Job, Refusal> {
    // A job that has been moved before stays where it is, if it can.
    let refused = match refusal(job, bookings, from) {
        None => return Ok(job.clone()),
        Some(refused) => refused,
    };
    let moves = !job.policies.slip.is_zero();
    moves.then(|| slipped(job, bookings, from)).flatten().ok_or(refused)
}

fn shared_node<'a>(a: &'a Job, b: &Job) -> Option<&'a NodeId> {
    a.nodes().find(|node| b.nodes().any(|other| other == *node))
}

#[cfg(test)]
mod tests;
