use std::collections::HashMap;
use std::net::IpAddr;

use super::Session;
use super::refusal::missing;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, TaskId};
use crate::model::{Job, NewTask, Task, TaskFilter, TaskStatus};
use crate::policy::{self, Action};
use crate::ports::PAGE;

impl Session {
    pub(super) async fn do_schedule_task(&self, task: NewTask) -> Result<()> {
        let NewTask { id, kind, run, job, node, ttl } = task;
        let of = self.service.store.job(&job).await?.ok_or_else(|| missing(&job))?;
        self.require(&Action::UseTasks(&of))?;
        if !of.involves(&node) {
            return Err(Error::invalid(format!("node {node} has no part in job {job}"))
                .hint("name the node that measures or the one that serves"));
        }
        let created = self.service.clock.now();
        let task =
            Task { id, kind, run, job, node, status: TaskStatus::Scheduled, ttl, created, address: None };
        match self.service.store.insert_task(&task).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(Error::new(ErrorKind::AlreadyExists, "task with the given id exists")
                    .hint(format!("choose another id than {}", task.id)))
            }
            other => other,
        }
    }

    /// The tasks that stand; those of other people's jobs are left out.
    pub(super) async fn do_tasks(&self, filter: &TaskFilter) -> Result<Vec<Task>> {
        self.require(&Action::ListTasks)?;
        let now = self.service.clock.now();
        let mut jobs: HashMap<JobId, bool> = HashMap::new();
        let mut tasks: Vec<Task> = Vec::new();
        let mut last: Option<TaskId> = None;
        loop {
            let page = self.service.store.tasks(filter, now, last.as_ref()).await?;
            let is_last = page.len() < PAGE;
            last = page.last().map(|task| task.id.clone());
            for task in page {
                let may_see = match jobs.get(&task.job) {
                    Some(may_see) => *may_see,
                    None => {
                        let job: Option<Job> = self.service.store.job(&task.job).await?;
                        let may = |job: &Job| policy::may(&self.caller, &Action::UseTasks(job));
                        let may_see = job.as_ref().is_some_and(may);
                        jobs.insert(task.job.clone(), may_see);
                        may_see
                    }
                };
                tasks.extend(may_see.then_some(task));
            }
            if is_last {
                return Ok(tasks);
            }
        }
    }

    pub(super) async fn do_update_task(
        &self,
        id: &TaskId,
        status: TaskStatus,
        address: Option<IpAddr>,
    ) -> Result<()> {
        let unknown = || {
            Error::not_found(format!("task {id} does not exist"))
                .hint("it may have expired; schedule it again")
        };
        let filter = TaskFilter { id: Some(id.clone()), ..TaskFilter::default() };
        let found = self.service.store.tasks(&filter, self.service.clock.now(), None).await?;
        let task = found.into_iter().next().ok_or_else(unknown)?;
        let job = self.service.store.job(&task.job).await?.ok_or_else(unknown)?;
        self.require(&Action::UseTasks(&job))?;
        match self.service.store.set_task_status(id, status, address).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(unknown()),
            other => other,
        }
    }
}
