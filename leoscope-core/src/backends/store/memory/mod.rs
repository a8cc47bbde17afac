//! A store in memory, for tests, simulations and embedding.

mod archive;
mod history;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::broadcast;

use super::{missing, stale, taken};
use crate::error::{Error, Result};
use crate::ids::{AuditId, EventId, JobId, NodeId, RunId, TaskId, UserId};
use crate::model::{
    AuditEntry, Job, JobEvent, Node, Revision, Run, RunFilter, Settings, Standby, StandbyBy, Task,
    TaskFilter, TaskStatus, User,
};
use crate::ports::{
    Booking, JobStore, NodeStore, PAGE, RunStore, SettingsStore, TaskStore, Timetable, TimetableChanges,
    Unsettled, UserStore, Versions,
};
use crate::schedule::Zone;
use crate::time::Timestamp;

/// A store that lives as long as its object.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    users: BTreeMap<UserId, User>,
    nodes: BTreeMap<NodeId, Node>,
    /// Every definition a job id ever had, by the times it was booked and changed.
    jobs: BTreeMap<Definition, Job>,
    /// How far each is settled, and when to look again.
    settled: BTreeMap<Definition, (Timestamp, Option<Timestamp>)>,
    versions: Versions,
    runs: BTreeMap<RunId, (Run, Revision)>,
    tasks: BTreeMap<TaskId, Task>,
    events: BTreeMap<EventId, JobEvent>,
    audit: BTreeMap<AuditId, AuditEntry>,
    settings: Option<Settings>,
    changes: Option<broadcast::Sender<BTreeSet<NodeId>>>,
}

/// Changes of timetables that a listener may fall behind before it has to start over.
const BACKLOG: usize = 1_024;

/// A definition of a job: its id, when it was booked, and since when it holds.
type Definition = (JobId, Timestamp, Timestamp);

fn definition(job: &Job) -> Definition {
    (job.id.clone(), job.created, job.since)
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A panic elsewhere cannot leave the tables half changed: every change is one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn live_jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter(|job| job.deleted.is_none())
    }

    fn version(&self, node: &NodeId) -> u64 {
        self.versions.get(node).copied().unwrap_or_default()
    }

    fn check(&self, seen: &Versions) -> Result<()> {
        match seen.iter().find(|(node, version)| self.version(node) != **version) {
            Some((node, _)) => Err(stale(format!("the timetable of node {node}"))),
            None => Ok(()),
        }
    }

    fn grow(&mut self, nodes: BTreeSet<NodeId>) {
        for node in &nodes {
            *self.versions.entry(node.clone()).or_default() += 1;
        }
        if let Some(changes) = &self.changes {
            // An error only says that nobody listens.
            let _ = changes.send(nodes);
        }
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn insert_user(&self, user: &User) -> Result<()> {
        let mut tables = self.tables();
        if tables.users.contains_key(&user.id) {
            return Err(taken("user", &user.id));
        }
        tables.users.insert(user.id.clone(), user.clone());
        Ok(())
    }

    async fn update_user(&self, user: &User) -> Result<()> {
        let mut tables = self.tables();
        let stored = tables.users.get_mut(&user.id).ok_or_else(|| missing("user", &user.id))?;
        *stored = user.clone();
        Ok(())
    }

    async fn delete_user(&self, id: &UserId) -> Result<()> {
        self.tables().users.remove(id).map(drop).ok_or_else(|| missing("user", id))
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>> {
        Ok(self.tables().users.get(id).cloned())
    }
}

#[async_trait]
impl NodeStore for MemoryStore {
    async fn insert_node(&self, node: &Node) -> Result<()> {
        let mut tables = self.tables();
        if tables.nodes.contains_key(&node.id) {
            return Err(taken("node", &node.id));
        }
        tables.nodes.insert(node.id.clone(), node.clone());
        Ok(())
    }

    async fn update_node(&self, node: &Node) -> Result<()> {
        let mut tables = self.tables();
        let stored = tables.nodes.get_mut(&node.id).ok_or_else(|| missing("node", &node.id))?;
        *stored = node.clone();
        Ok(())
    }

    async fn touch_node(&self, id: &NodeId, at: Timestamp) -> Result<()> {
        let mut tables = self.tables();
        let node = tables.nodes.get_mut(id).ok_or_else(|| missing("node", id))?;
        node.touch(at);
        Ok(())
    }

    async fn set_node_zone(&self, id: &NodeId, zone: Option<&Zone>) -> Result<()> {
        let mut tables = self.tables();
        tables.nodes.get_mut(id).ok_or_else(|| missing("node", id))?.time_zone = zone.cloned();
        Ok(())
    }

    async fn set_node_standby(&self, id: &NodeId, by: StandbyBy, standby: Option<&Standby>) -> Result<()> {
        let mut tables = self.tables();
        tables.nodes.get_mut(id).ok_or_else(|| missing("node", id))?.standby.set(by, standby.cloned());
        Ok(())
    }

    async fn set_node_clock(&self, id: &NodeId, offset_us: Option<i64>) -> Result<()> {
        let mut tables = self.tables();
        tables.nodes.get_mut(id).ok_or_else(|| missing("node", id))?.clock_offset_us = offset_us;
        Ok(())
    }

    async fn delete_node(&self, id: &NodeId) -> Result<()> {
        self.tables().nodes.remove(id).map(drop).ok_or_else(|| missing("node", id))
    }

    async fn node(&self, id: &NodeId) -> Result<Option<Node>> {
        Ok(self.tables().nodes.get(id).cloned())
    }

    async fn nodes(&self, after: Option<&NodeId>) -> Result<Vec<Node>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tables = self.tables();
        let nodes = tables.nodes.range::<NodeId, _>((from, Bound::Unbounded));
        Ok(nodes.take(PAGE).map(|(_, node)| node.clone()).collect())
    }
}

#[async_trait]
impl JobStore for MemoryStore {
    async fn timetable(&self, nodes: &BTreeSet<NodeId>) -> Result<Timetable> {
        let tables = self.tables();
        let involved = |job: &&Job| job.nodes().any(|node| nodes.contains(node));
        Ok(Timetable {
            jobs: tables.live_jobs().filter(involved).cloned().map(Arc::new).collect(),
            versions: nodes.iter().map(|node| (node.clone(), tables.version(node))).collect(),
        })
    }

    async fn commit(&self, seen: &Versions, booking: Booking) -> Result<()> {
        let mut tables = self.tables();
        tables.check(seen)?;
        let live = |id: &JobId| {
            let found = tables.live_jobs().find(|job| job.id == *id).cloned();
            found.ok_or_else(|| missing("job", id))
        };
        let changed = match booking {
            Booking::Insert(job) => {
                if tables.jobs.values().any(|other| job.is_same_booking(other)) || live(&job.id).is_ok() {
                    return Err(taken("job", &job.id));
                }
                vec![*job]
            }
            Booking::Replace(job) => {
                let old = live(&job.id)?;
                if !old.is_same_booking(&job) {
                    return Err(missing("job", &job.id));
                }
                vec![Job { deleted: Some(job.since), ..old }, *job]
            }
            Booking::Delete(id, at) => vec![Job { deleted: Some(at), ..live(&id)? }],
        };
        let nodes: BTreeSet<NodeId> = changed.iter().flat_map(Job::nodes).cloned().collect();
        tables.grow(nodes);
        for job in changed {
            let key = definition(&job);
            if job.deleted.is_none() {
                tables.settled.insert(key.clone(), (job.since, Some(job.since)));
            }
            tables.jobs.insert(key, job);
        }
        Ok(())
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        let tables = self.tables();
        let of_id = tables.jobs.values().filter(|job| job.id == *id);
        Ok(of_id.max_by_key(|job| (job.deleted.is_none(), job.created, job.since)).cloned())
    }

    async fn jobs_of_user(&self, owner: &UserId, after: Option<&JobId>) -> Result<Vec<Job>> {
        let tables = self.tables();
        let wanted = |job: &&Job| job.owner == *owner && after.is_none_or(|after| job.id > *after);
        Ok(tables.live_jobs().filter(wanted).take(PAGE).cloned().collect())
    }

    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<Unsettled>> {
        let tables = self.tables();
        let due = tables.settled.iter().filter_map(|(key, (settled, next))| {
            let next = (*next).filter(|next| *next <= now)?;
            Some((next, Unsettled { job: tables.jobs.get(key)?.clone(), settled: *settled }))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(next, _)| *next);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due.into_iter().map(|(_, unsettled)| unsettled).collect())
    }

    async fn settle(&self, job: &Job, settled: Timestamp, next: Option<Timestamp>) -> Result<()> {
        if let Some(stored) = self.tables().settled.get_mut(&definition(job)) {
            *stored = (settled, next);
        }
        Ok(())
    }

    async fn watch_timetables(&self) -> Result<TimetableChanges> {
        let mut tables = self.tables();
        let changes = tables.changes.get_or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe();
        Ok(Box::pin(stream::unfold(changes, |mut changes| async move {
            let item = match changes.recv().await {
                Ok(nodes) => Ok(nodes),
                Err(broadcast::error::RecvError::Closed) => return None,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    Err(Error::unavailable(format!("{missed} changes were missed")))
                }
            };
            Some((item, changes))
        })))
    }

    async fn jobs_over(&self, before: Timestamp, after: Option<&Job>) -> Result<Vec<Job>> {
        let tables = self.tables();
        let place = |job: &Job| (job.over(), definition(job));
        let is_settled =
            |job: &Job| tables.settled.get(&definition(job)).is_none_or(|(_, next)| next.is_none());
        let wanted = |job: &&Job| {
            job.over() < before && is_settled(job) && after.is_none_or(|after| place(job) > place(after))
        };
        let mut jobs: Vec<Job> = tables.jobs.values().filter(wanted).cloned().collect();
        jobs.sort_by_key(place);
        jobs.truncate(PAGE);
        Ok(jobs)
    }

    async fn forget_job(&self, job: &Job) -> Result<bool> {
        let (mut tables, key) = (self.tables(), definition(job));
        if tables.jobs.get(&key) != Some(job) {
            return Ok(false);
        }
        tables.jobs.remove(&key);
        tables.settled.remove(&key);
        if job.deleted.is_none() {
            tables.grow(job.nodes().cloned().collect());
        }
        Ok(true)
    }
}

#[async_trait]
impl RunStore for MemoryStore {
    async fn run(&self, id: &RunId) -> Result<Option<(Run, Revision)>> {
        Ok(self.tables().runs.get(id).cloned())
    }

    async fn put_run(&self, run: &Run, seen: Option<Revision>) -> Result<()> {
        let mut tables = self.tables();
        if tables.runs.get(&run.id).map(|(_, revision)| *revision) != seen {
            return Err(stale(format!("run {}", run.id)));
        }
        tables.runs.insert(run.id.clone(), (run.clone(), seen.unwrap_or_default() + 1));
        Ok(())
    }

    async fn runs(&self, filter: &RunFilter, after: Option<&Run>) -> Result<Vec<Run>> {
        let tables = self.tables();
        let place = |run: &Run| (Reverse(run.sort_key()), run.id.clone());
        let wanted = |run: &&Run| filter.matches(run) && after.is_none_or(|after| place(run) > place(after));
        let mut runs: Vec<Run> = tables.runs.values().map(|(run, _)| run).filter(wanted).cloned().collect();
        runs.sort_by_key(place);
        let limit = filter.limit.and_then(|limit| usize::try_from(limit).ok());
        runs.truncate(limit.map_or(PAGE, |limit| limit.min(PAGE)));
        Ok(runs)
    }

    async fn runs_over(&self, before: Timestamp) -> Result<Vec<(Run, Revision)>> {
        let tables = self.tables();
        let is_over = |run: &Run| run.over().is_some_and(|over| over < before);
        let mut runs: Vec<_> = tables.runs.values().filter(|(run, _)| is_over(run)).cloned().collect();
        runs.sort_by_key(|(run, _)| run.over());
        runs.truncate(PAGE);
        Ok(runs)
    }

    async fn forget_run(&self, id: &RunId, seen: Revision) -> Result<bool> {
        let mut tables = self.tables();
        let found = tables.runs.get(id).is_some_and(|(_, revision)| *revision == seen);
        if found {
            tables.runs.remove(id);
        }
        Ok(found)
    }
}

#[async_trait]
impl TaskStore for MemoryStore {
    async fn insert_task(&self, task: &Task) -> Result<()> {
        let mut tables = self.tables();
        if tables.tasks.contains_key(&task.id) {
            return Err(taken("task", &task.id));
        }
        tables.tasks.insert(task.id.clone(), task.clone());
        Ok(())
    }

    async fn set_task_status(&self, id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> Result<()> {
        let mut tables = self.tables();
        let task = tables.tasks.get_mut(id).ok_or_else(|| missing("task", id))?;
        task.status = status;
        task.address = address.or(task.address);
        Ok(())
    }

    async fn tasks(&self, filter: &TaskFilter, now: Timestamp, after: Option<&TaskId>) -> Result<Vec<Task>> {
        let tables = self.tables();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tasks = tables.tasks.range::<TaskId, _>((from, Bound::Unbounded)).map(|(_, task)| task);
        let stands = |task: &&Task| filter.matches(task) && task.expires() > now;
        Ok(tasks.filter(stands).take(PAGE).cloned().collect())
    }

    async fn forget_tasks(&self, before: Timestamp) -> Result<u64> {
        let mut tables = self.tables();
        let count = tables.tasks.len();
        tables.tasks.retain(|_, task| task.expires() > before);
        Ok((count - tables.tasks.len()) as u64)
    }
}

#[async_trait]
impl SettingsStore for MemoryStore {
    async fn settings(&self) -> Result<Settings> {
        Ok(self.tables().settings.clone().unwrap_or_default())
    }

    async fn put_settings(&self, settings: &Settings) -> Result<()> {
        self.tables().settings = Some(settings.clone());
        Ok(())
    }
}
