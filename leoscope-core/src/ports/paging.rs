use async_trait::async_trait;

use super::{PAGE, Store};
use crate::error::Result;
use crate::ids::UserId;
use crate::model::{Job, Node, Run, RunFilter};

/// Whole lists, read page by page.
#[async_trait]
pub trait StoreExt: Store {
    /// All nodes, by id.
    async fn all_nodes(&self) -> Result<Vec<Node>> {
        let mut nodes: Vec<Node> = Vec::new();
        loop {
            let page = self.nodes(nodes.last().map(|node| &node.id)).await?;
            let is_last = page.len() < PAGE;
            nodes.extend(page);
            if is_last {
                return Ok(nodes);
            }
        }
    }

    /// All jobs of a user that have not been deleted, by id.
    async fn all_jobs_of_user(&self, owner: &UserId) -> Result<Vec<Job>> {
        let mut jobs: Vec<Job> = Vec::new();
        loop {
            let page = self.jobs_of_user(owner, jobs.last().map(|job| &job.id)).await?;
            let is_last = page.len() < PAGE;
            jobs.extend(page);
            if is_last {
                return Ok(jobs);
            }
        }
    }

    /// All runs that match `filter`, at most as many as its limit says, in the order of
    /// [`RunStore::runs`](super::RunStore::runs).
    async fn all_runs(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        let mut runs: Vec<Run> = Vec::new();
        loop {
            let got = u32::try_from(runs.len()).unwrap_or(u32::MAX);
            let limit = filter.limit.map(|limit| limit.saturating_sub(got));
            let page = self.runs(&RunFilter { limit, ..filter.clone() }, runs.last()).await?;
            let is_last = page.len() < PAGE || limit.is_some_and(|limit| page.len() >= limit as usize);
            runs.extend(page);
            if is_last {
                return Ok(runs);
            }
        }
    }
}

impl<T: Store + ?Sized> StoreExt for T {}
