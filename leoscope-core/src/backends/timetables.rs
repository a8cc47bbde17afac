//! Timetables that have been read, by their version.
//!
//! A booking looks at every job of its nodes. Reading a thousand documents takes longer than all
//! else it does, and whether they are still what they were is told by a single number.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::NodeId;
use crate::model::Job;

/// The most jobs that are kept; when there would be more, all are forgotten.
const MOST_JOBS: usize = 100_000;

/// The live jobs of nodes, each as of a version.
#[derive(Debug, Default)]
pub(super) struct Timetables {
    nodes: HashMap<NodeId, (u64, Vec<Arc<Job>>)>,
    jobs: usize,
}

/// What a commit did to the timetable of each node of a job.
#[derive(Debug)]
pub(super) struct Committed {
    /// The nodes, with the version that the commit gave them.
    pub(super) versions: Vec<(NodeId, u64)>,
    /// The definitions it wrote; those that are not live are no longer on the timetable.
    pub(super) jobs: Vec<Arc<Job>>,
}

impl Timetables {
    /// The jobs of `node` as of `version`, if they are known.
    pub(super) fn get(&self, node: &NodeId, version: u64) -> Option<&[Arc<Job>]> {
        self.nodes.get(node).filter(|(known, _)| *known == version).map(|(_, jobs)| jobs.as_slice())
    }

    /// Keeps the jobs of `node` as they were read at `version`.
    pub(super) fn keep(&mut self, node: NodeId, version: u64, jobs: Vec<Arc<Job>>) {
        self.forget(&node);
        if self.jobs + jobs.len() > MOST_JOBS {
            *self = Self::default();
        }
        self.jobs += jobs.len();
        self.nodes.insert(node, (version, jobs));
    }

    /// Carries a commit that has succeeded over to what is known. Where another process came in
    /// between, what is known of the node is forgotten.
    pub(super) fn apply(&mut self, committed: &Committed) {
        for (node, version) in &committed.versions {
            match self.nodes.get_mut(node) {
                Some((known, jobs)) if *known + 1 == *version => {
                    let before = jobs.len();
                    jobs.retain(|job| committed.jobs.iter().all(|changed| changed.id != job.id));
                    let live =
                        committed.jobs.iter().filter(|job| job.deleted.is_none() && job.involves(node));
                    jobs.extend(live.cloned());
                    (*known, self.jobs) = (*version, self.jobs + jobs.len() - before);
                }
                _ => self.forget(node),
            }
        }
    }

    fn forget(&mut self, node: &NodeId) {
        if let Some((_, jobs)) = self.nodes.remove(node) {
            self.jobs -= jobs.len();
        }
    }
}
