//! Tasks.

use std::net::IpAddr;

use super::{optional, present, unary};
use crate::error::{Error, Result};
use crate::ids::{JobId, NodeId, RunId, TaskId};
use crate::model::{NewTask, Task, TaskFilter, TaskKind, TaskStatus, TaskTtl};
use crate::time::Timestamp;

fn kind_to_wire(kind: TaskKind) -> unary::TaskType {
    match kind {
        TaskKind::ServerStart => unary::TaskType::ServerStart,
        TaskKind::ServerStop => unary::TaskType::ServerStop,
    }
}

/// The kind of that number; `None` for the one that existing programs send for none.
fn kind_from_wire(number: i32) -> Result<Option<TaskKind>> {
    match unary::TaskType::try_from(number) {
        Ok(unary::TaskType::TypeUnused) => Ok(None),
        Ok(unary::TaskType::ServerStart) => Ok(Some(TaskKind::ServerStart)),
        Ok(unary::TaskType::ServerStop) => Ok(Some(TaskKind::ServerStop)),
        Err(_) => Err(Error::invalid(format!("type: {number} is not a type of a task"))),
    }
}

fn status_to_wire(status: TaskStatus) -> unary::TaskStatus {
    match status {
        TaskStatus::Scheduled => unary::TaskStatus::TaskScheduled,
        TaskStatus::Complete => unary::TaskStatus::TaskComplete,
    }
}

/// The status of that number; `None` for the one that existing programs send for none.
fn status_from_wire(number: i32) -> Result<Option<TaskStatus>> {
    match unary::TaskStatus::try_from(number) {
        Ok(unary::TaskStatus::StatusUnused) => Ok(None),
        Ok(unary::TaskStatus::TaskScheduled) => Ok(Some(TaskStatus::Scheduled)),
        Ok(unary::TaskStatus::TaskComplete) => Ok(Some(TaskStatus::Complete)),
        Err(_) => Err(Error::invalid(format!("status: {number} is not a status of a task"))),
    }
}

impl From<Task> for unary::Task {
    fn from(task: Task) -> Self {
        let Task { id, kind, run, job, node, status, ttl, created: _, address } = task;
        Self {
            r#type: kind_to_wire(kind).into(),
            taskid: id.into(),
            runid: run.into(),
            jobid: job.into(),
            nodeid: node.into(),
            status: status_to_wire(status).into(),
            ttl_secs: ttl.secs().cast_signed(),
            address: address.map(|address| address.to_string()),
        }
    }
}

/// A task as an orchestrator tells it at `now`; since when it stands is not told.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the field.
pub fn task_from_wire(task: unary::Task, now: Timestamp) -> Result<Task> {
    let status = present("status", status_from_wire(task.status)?)?;
    let address = optional(task.address.as_deref(), parse_address)?;
    let NewTask { id, kind, run, job, node, ttl } = new_task(task)?;
    Ok(Task { id, kind, run, job, node, status, ttl, created: now, address })
}

fn parse_address(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| {
        Error::invalid(format!("address: {text:?} is not an address"))
            .hint("give an IP address, like 192.0.2.1")
    })
}

fn new_task(task: unary::Task) -> Result<NewTask> {
    let unary::Task { r#type, taskid, runid, jobid, nodeid, status: _, ttl_secs, address: _ } = task;
    Ok(NewTask {
        id: TaskId::parse(&taskid)?,
        kind: present("type", kind_from_wire(r#type)?)?,
        run: RunId::parse(&runid)?,
        job: JobId::parse(&jobid)?,
        node: NodeId::parse(&nodeid)?,
        ttl: TaskTtl::try_from(i64::from(ttl_secs)).map_err(|error| error.context("ttl_secs"))?,
    })
}

impl From<NewTask> for unary::ScheduleTaskRequest {
    fn from(task: NewTask) -> Self {
        let NewTask { id, kind, run, job, node, ttl } = task;
        Self {
            task: Some(unary::Task {
                r#type: kind_to_wire(kind).into(),
                taskid: id.into(),
                runid: run.into(),
                jobid: job.into(),
                nodeid: node.into(),
                status: unary::TaskStatus::TaskScheduled.into(),
                ttl_secs: ttl.secs().cast_signed(),
                address: None,
            }),
        }
    }
}

impl TryFrom<unary::ScheduleTaskRequest> for NewTask {
    type Error = Error;
    fn try_from(request: unary::ScheduleTaskRequest) -> Result<Self> {
        new_task(present("task", request.task)?)
    }
}

impl From<&TaskFilter> for unary::GetTasksRequest {
    fn from(filter: &TaskFilter) -> Self {
        let TaskFilter { id, kind, run, job, node, status } = filter.clone();
        Self {
            r#type: kind.map(|kind| kind_to_wire(kind).into()),
            taskid: id.map(String::from),
            runid: run.map(String::from),
            jobid: job.map(String::from),
            nodeid: node.map(String::from),
            status: status.map(|status| status_to_wire(status).into()),
        }
    }
}

impl TryFrom<unary::GetTasksRequest> for TaskFilter {
    type Error = Error;
    fn try_from(request: unary::GetTasksRequest) -> Result<Self> {
        let unary::GetTasksRequest { r#type, taskid, runid, jobid, nodeid, status } = request;
        Ok(Self {
            id: optional(taskid.as_deref(), TaskId::parse)?,
            kind: r#type.map(kind_from_wire).transpose()?.flatten(),
            run: optional(runid.as_deref(), RunId::parse)?,
            job: optional(jobid.as_deref(), JobId::parse)?,
            node: optional(nodeid.as_deref(), NodeId::parse)?,
            status: status.map(status_from_wire).transpose()?.flatten(),
        })
    }
}

/// A request to say how far task `id` is.
pub fn update_request(id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> unary::UpdateTaskRequest {
    unary::UpdateTaskRequest {
        taskid: id.to_string(),
        status: status_to_wire(status).into(),
        address: address.map(|address| address.to_string()),
    }
}

impl TryFrom<unary::UpdateTaskRequest> for (TaskId, TaskStatus, Option<IpAddr>) {
    type Error = Error;
    fn try_from(request: unary::UpdateTaskRequest) -> Result<Self> {
        let status = present("status", status_from_wire(request.status)?)?;
        let address = optional(request.address.as_deref(), parse_address)?;
        Ok((TaskId::parse(&request.taskid)?, status, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    fn task() -> NewTask {
        NewTask {
            id: "0123abcd".parse().expect("id"),
            kind: TaskKind::ServerStop,
            run: "r_server".parse().expect("id"),
            job: "j".parse().expect("id"),
            node: "n".parse().expect("id"),
            ttl: TaskTtl::try_from(60).expect("ttl"),
        }
    }

    #[test]
    fn tasks_and_filters_come_back_as_they_went() {
        let request = unary::ScheduleTaskRequest::from(task());
        assert_eq!(NewTask::try_from(request).expect("task"), task());
        let now = parse_time("2026-12-01T00:00").expect("time");
        let NewTask { id, kind, run, job, node, ttl } = task();
        for status in [TaskStatus::Scheduled, TaskStatus::Complete] {
            let (id, run, job, node) = (id.clone(), run.clone(), job.clone(), node.clone());
            let address = Some("2001:db8::1".parse().expect("address"));
            let task = Task { id, kind, run, job, node, status, ttl, created: now, address };
            assert_eq!(task_from_wire(task.clone().into(), now).expect("task"), task);
        }
        let filter = TaskFilter {
            id: Some(id.clone()),
            kind: Some(kind),
            run: Some(run),
            job: Some(job),
            node: Some(node),
            status: Some(TaskStatus::Complete),
        };
        for filter in [filter, TaskFilter::default()] {
            assert_eq!(TaskFilter::try_from(unary::GetTasksRequest::from(&filter)).expect("filter"), filter);
        }
        let address: IpAddr = "192.0.2.7".parse().expect("address");
        for address in [None, Some(address)] {
            let update = update_request(&id, TaskStatus::Complete, address);
            let read = <(TaskId, TaskStatus, Option<IpAddr>)>::try_from(update).expect("update");
            assert_eq!(read, (id.clone(), TaskStatus::Complete, address));
        }
        let somewhere = unary::UpdateTaskRequest {
            address: Some("somewhere".into()),
            ..update_request(&id, TaskStatus::Complete, None)
        };
        let error = <(TaskId, TaskStatus, Option<IpAddr>)>::try_from(somewhere).expect_err("no address");
        assert_eq!(error.message(), "address: \"somewhere\" is not an address");
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let fault = |change: fn(&mut unary::Task)| {
            let mut request = unary::ScheduleTaskRequest::from(task());
            change(request.task.as_mut().expect("task"));
            NewTask::try_from(request).expect_err("fault").to_string()
        };
        assert_eq!(fault(|task| task.r#type = 0), "type is missing");
        assert_eq!(fault(|task| task.r#type = 7), "type: 7 is not a type of a task");
        assert_eq!(fault(|task| task.ttl_secs = 0), "ttl_secs: ttl of 0 seconds is not possible");
        assert_eq!(fault(|task| task.taskid.clear()), "task id \"\" is empty");
        let empty = unary::GetTasksRequest { r#type: Some(0), status: Some(0), ..Default::default() };
        assert_eq!(TaskFilter::try_from(empty).expect("filter"), TaskFilter::default());
        let nothing = unary::UpdateTaskRequest { taskid: "t".into(), ..Default::default() };
        assert_eq!(
            <(TaskId, TaskStatus, Option<IpAddr>)>::try_from(nothing).expect_err("fault").message(),
            "status is missing"
        );
    }
}
