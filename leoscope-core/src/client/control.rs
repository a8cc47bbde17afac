use std::net::IpAddr;

use async_trait::async_trait;
use bytes::Bytes;

use super::GrpcClient;
use super::answer::{lacking, token};
use super::streams;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{FollowerId, JobId, NodeId, RunId, TaskId, UserId};
use crate::model::{
    AuditEntry, AuditFilter, BundleFacts, Checksum, Constellation, EventScope, ExperimentFiles, Forecast,
    Heartbeat, Job, JobChange, JobEvent, JobPlan, JobSpec, NewEvent, NewTask, NewUser, Node, NodeFilter,
    NodeReadings, NodeUpdate, Orders, OutputScope, Run, RunFilter, Secret, Settings, SlotRequest, Standby,
    StandbyBy, Task, TaskFilter, TaskStatus,
};
use crate::ports::{
    ByteStream, Calendar, ControlPlane, Download, FollowerStream, Handover, OrdersStream, OutputStream,
    ReadersStream, ReadingsStream, Scheduled,
};
use crate::proto::refusal::Refusable as _;
use crate::proto::task::{self, task_from_wire};
use crate::proto::{change, history, job::jobs_from_wire, listing, node, planning, unary, v1};
use crate::time::{Timestamp, Window, wire_time};

#[async_trait]
impl ControlPlane for GrpcClient {
    async fn register_user(&self, user: NewUser) -> Result<Secret> {
        let mut unary = self.unary.clone();
        let answer = self.peer.accepted(unary.register_user(unary::RegisterUserRequest::from(user))).await?;
        token(answer.access_token, &answer.message)
    }

    async fn user(&self, id: &UserId) -> Result<Option<NewUser>> {
        let mut unary = self.unary.clone();
        let request = unary::GetUserRequest { userid: id.to_string() };
        let answer = self.peer.accepted(unary.get_user(request)).await?;
        answer.try_into().map_err(|error| self.peer.unreadable(&error))
    }

    async fn modify_user(&self, user: NewUser) -> Result<()> {
        let mut unary = self.unary.clone();
        self.peer.accepted(unary.modify_user(unary::ModifyUserRequest::from(user))).await?;
        Ok(())
    }

    async fn delete_user(&self, id: &UserId) -> Result<()> {
        let mut unary = self.unary.clone();
        let request = unary::DeleteUserRequest { userid: id.to_string() };
        self.peer.accepted(unary.delete_user(request)).await?;
        Ok(())
    }

    async fn rotate_token(&self, id: &UserId) -> Result<Secret> {
        let mut accounts = self.accounts.clone();
        let request = v1::RotateTokenRequest { userid: id.to_string() };
        let answer = self.peer.newer("rotate tokens", accounts.rotate_token(request)).await?;
        Ok(Secret::new(answer.access_token))
    }

    async fn revoke_token(&self, id: &UserId) -> Result<()> {
        let mut accounts = self.accounts.clone();
        let request = v1::RevokeTokenRequest { userid: id.to_string() };
        self.peer.newer("revoke tokens", accounts.revoke_token(request)).await?;
        Ok(())
    }

    async fn register_node(&self, id: NodeId, details: NodeUpdate) -> Result<Secret> {
        let mut unary = self.unary.clone();
        let request = node::register_request(id, details);
        let answer = self.peer.accepted(unary.register_node(request)).await?;
        token(answer.access_token, &answer.message)
    }

    async fn nodes(&self, filter: &NodeFilter) -> Result<Vec<Node>> {
        let mut unary = self.unary.clone();
        let answer = self.peer.answer(unary.get_nodes(unary::GetNodesRequest::from(filter))).await?;
        let nodes: Result<_> = answer.nodes.into_iter().map(Node::try_from).collect();
        nodes.map_err(|error| self.peer.unreadable(&error))
    }

    async fn update_node(&self, id: &NodeId, update: NodeUpdate) -> Result<()> {
        let mut unary = self.unary.clone();
        self.peer.accepted(unary.update_node(node::update_request(id, update))).await?;
        Ok(())
    }

    async fn delete_node(&self, id: &NodeId, with_jobs: bool) -> Result<()> {
        let mut unary = self.unary.clone();
        let request = unary::DeleteNodeRequest { nodeid: id.to_string(), delete_jobs: with_jobs };
        self.peer.accepted(unary.delete_node(request)).await?;
        Ok(())
    }

    async fn heartbeat(&self, beat: Heartbeat) -> Result<()> {
        let mut unary = self.unary.clone();
        self.peer.accepted(unary.report_heartbeat(unary::HeartbeatRequest::from(beat))).await?;
        Ok(())
    }

    async fn time(&self) -> Result<Timestamp> {
        let mut feed = self.feed.clone();
        let answer = self.peer.newer("tell the time", feed.get_time(v1::GetTimeRequest {})).await?;
        let time = Timestamp::from_microsecond(answer.time_us);
        time.map_err(|e| self.peer.unreadable(&Error::internal(e.to_string())))
    }

    async fn elements(&self, node: &NodeId, have: Option<Checksum>) -> Result<Option<Constellation>> {
        self.do_elements(node, have).await
    }

    async fn forecast(&self, node: &NodeId, trigger: &str, span: Window) -> Result<Forecast> {
        self.do_forecast(node, trigger, span).await
    }

    async fn schedule_job(&self, spec: JobSpec) -> Result<Scheduled> {
        // Orchestrators of another make do not tell the id, and some do not make one either.
        let spec = JobSpec { id: Some(spec.id.map_or_else(JobId::random, Ok)?), ..spec };
        let chosen = spec.id.clone();
        let mut unary = self.unary.clone();
        let answer = self.peer.accepted(unary.schedule_job(unary::ScheduleJobRequest::from(spec))).await?;
        let unary::ScheduleJobResponse { state: _, message: _, warnings, error: _, jobid } = answer;
        let id = match chosen {
            Some(id) if jobid.is_empty() => Ok(id),
            _ => JobId::parse(&jobid).map_err(|error| self.peer.unreadable(&error)),
        };
        Ok(Scheduled { id: id?, warnings })
    }

    async fn plan_job(&self, spec: JobSpec, runs: u32) -> Result<JobPlan> {
        self.do_plan_job(spec, runs).await
    }

    async fn modify_job(&self, id: &JobId, change: JobChange) -> Result<Vec<String>> {
        let mut unary = self.unary.clone();
        let feature = "change a job";
        let answer = unary.modify_job(change::modify_request(id, change));
        let answer = self.peer.newer(feature, answer).await?.accepted()?;
        // Orchestrators of another make answer with nothing, and do nothing.
        if answer.message.is_empty() { Err(lacking(feature)) } else { Ok(answer.warnings) }
    }

    async fn reschedule_job(&self, id: &JobId, within: Window) -> Result<Window> {
        let mut unary = self.unary.clone();
        let request = unary::RescheduleJobRequest {
            jobid: id.to_string(),
            starttime: wire_time(within.start()),
            endtime: wire_time(within.end()),
        };
        let answer = self.peer.accepted(unary.reschedule_job_nearest(request)).await?;
        let length = if answer.end.is_empty() { self.job(id).await?.map(|job| job.length) } else { None };
        change::rescheduled(&answer, length).map_err(|error| self.peer.unreadable(&error))
    }

    async fn free_slots(&self, request: &SlotRequest) -> Result<Vec<Window>> {
        self.do_free_slots(request).await
    }

    async fn calendar(&self, node: &NodeId, within: Window) -> Result<Calendar> {
        let mut unary = self.unary.clone();
        let request = unary::GetScheduledRunsRequest {
            nodeid: node.to_string(),
            start: wire_time(within.start()),
            end: wire_time(within.end()),
        };
        let answer = self.peer.accepted(unary.get_scheduled_runs(request)).await?;
        let events = answer.events.into_iter().map(|event| planning::event_from_wire(node, event));
        let events = events.collect::<Result<_>>().map_err(|error| self.peer.unreadable(&error))?;
        Ok(Calendar { events, complete: !answer.truncated })
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        let mut unary = self.unary.clone();
        let request = unary::GetJobRequest { jobid: id.to_string() };
        let answer = self.peer.accepted(unary.get_job_by_id(request)).await?;
        let Some(job) = answer.into_job() else { return Ok(None) };
        if job.length_secs == 0 {
            return self.job_in_list(id, &job.userid).await;
        }
        job.try_into().map(Some).map_err(|error| self.peer.unreadable(&error))
    }

    async fn jobs_of_user(&self, user: &UserId) -> Result<Vec<Job>> {
        let mut unary = self.unary.clone();
        let request = unary::GetJobsOfUserRequest { userid: user.to_string() };
        let answer = self.peer.accepted(unary.get_jobs_by_userid(request)).await?;
        jobs_from_wire(answer.jobs).map_err(|error| self.peer.unreadable(&error))
    }

    async fn jobs_on_node(&self, node: &NodeId) -> Result<Vec<Job>> {
        let mut unary = self.unary.clone();
        let request = unary::GetJobsOnNodeRequest { nodeid: node.to_string() };
        let answer = self.peer.accepted(unary.get_jobs_by_nodeid(request)).await?;
        listing::decode(answer.jobs).map_err(|error| self.peer.unreadable(&error))
    }

    async fn delete_job(&self, id: &JobId) -> Result<()> {
        let mut unary = self.unary.clone();
        let request = unary::DeleteJobRequest { jobid: id.to_string() };
        self.peer.accepted(unary.delete_job_by_id(request)).await?;
        Ok(())
    }

    async fn delete_jobs_on_node(&self, node: &NodeId) -> Result<u32> {
        let mut unary = self.unary.clone();
        let request = unary::DeleteJobsOnNodeRequest { nodeid: node.to_string() };
        let answer = self.peer.accepted(unary.delete_jobs_by_nodeid(request)).await?;
        Ok(u32::try_from(answer.num_deleted).unwrap_or_default())
    }

    async fn report_run(&self, run: Run) -> Result<()> {
        let mut unary = self.unary.clone();
        let request = unary::UpdateRunRequest { run: Some(run.into()) };
        self.peer.accepted(unary.update_run(request)).await?;
        Ok(())
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        self.do_runs(filter).await
    }

    async fn report_event(&self, event: NewEvent) -> Result<()> {
        let mut unary = self.unary.clone();
        let answer = unary.report_job_event(unary::ReportJobEventRequest::from(event));
        self.peer.newer("report events", answer).await?.accepted()?;
        Ok(())
    }

    async fn events(&self, scope: &EventScope, limit: Option<u32>) -> Result<Vec<JobEvent>> {
        if limit == Some(0) {
            return Ok(Vec::new());
        }
        let mut history = self.history.clone();
        let request = history::events_request(scope, limit.unwrap_or_default());
        let answer = self.peer.newer("list events", history.list_events(request)).await?;
        let events: Result<Vec<JobEvent>> = answer.events.into_iter().map(JobEvent::try_from).collect();
        let mut events = events.map_err(|error| self.peer.unreadable(&error))?;
        events.retain(|event| matches!(scope, EventScope::Run(_)) || scope.contains(event));
        Ok(events)
    }

    async fn schedule_task(&self, task: NewTask) -> Result<()> {
        let mut unary = self.unary.clone();
        self.peer.accepted(unary.schedule_task(unary::ScheduleTaskRequest::from(task))).await?;
        Ok(())
    }

    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<Task>> {
        let mut unary = self.unary.clone();
        let answer = self.peer.answer(unary.get_tasks(unary::GetTasksRequest::from(filter))).await?;
        let now = Timestamp::now();
        let tasks = answer.tasks.into_iter().map(|task| task_from_wire(task, now));
        tasks.collect::<Result<_>>().map_err(|error| self.peer.unreadable(&error))
    }

    async fn update_task(&self, id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> Result<()> {
        let mut unary = self.unary.clone();
        self.peer.accepted(unary.update_task(task::update_request(id, status, address))).await?;
        Ok(())
    }

    async fn kernel_access(&self, user: &UserId) -> Result<()> {
        let mut unary = self.unary.clone();
        let request = unary::KernelAccessRequest { userid: user.to_string() };
        self.peer.accepted(unary.kernel_access(request)).await?;
        Ok(())
    }

    async fn set_standby(&self, node: &NodeId, by: StandbyBy, standby: Option<Standby>) -> Result<()> {
        let nodeid = node.to_string();
        let plain = standby.is_none() || standby == Some(Standby::SCAVENGER);
        if by == StandbyBy::Person && plain {
            // This every orchestrator understands.
            let scavenger_mode_active = standby.is_some();
            let request = unary::SetScavengerStatusRequest { nodeid, scavenger_mode_active };
            self.peer.accepted(self.unary.clone().set_scavenger_status(request)).await?;
        } else {
            let by_host = by == StandbyBy::Host;
            let request = v1::SetStandbyRequest { nodeid, by_host, standby: standby.map(Into::into) };
            let feature = "tell why or until when a node is on standby, or drain it";
            self.peer.newer(feature, self.feed.clone().set_standby(request)).await?;
        }
        Ok(())
    }

    async fn standby(&self, node: &NodeId) -> Result<Option<Standby>> {
        let mut unary = self.unary.clone();
        let request = unary::GetScavengerStatusRequest { nodeid: node.to_string() };
        let answer = self.peer.accepted(unary.get_scavenger_status(request)).await?;
        answer.try_into().map_err(|error| self.peer.unreadable(&error))
    }

    async fn settings(&self) -> Result<Settings> {
        let mut unary = self.unary.clone();
        let answer = self.peer.accepted(unary.get_global_config(unary::GetSettingsRequest {})).await?;
        Ok(answer.config.unwrap_or_default().into())
    }

    async fn update_settings(&self, settings: Settings) -> Result<()> {
        let mut unary = self.unary.clone();
        let request = unary::UpdateSettingsRequest { config: Some(settings.into()) };
        self.peer.accepted(unary.update_global_config(request)).await?;
        Ok(())
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        if filter.limit == Some(0) {
            return Ok(Vec::new());
        }
        let mut history = self.history.clone();
        let request = v1::ListAuditRequest::from(filter);
        let answer = self.peer.newer("show the audit trail", history.list_audit(request)).await?;
        let entries: Result<_> = answer.entries.into_iter().map(AuditEntry::try_from).collect();
        entries.map_err(|error| self.peer.unreadable(&error))
    }

    async fn orders(&self, node: &NodeId) -> Result<Orders> {
        let mut feed = self.feed.clone();
        let request = v1::GetOrdersRequest { nodeid: node.to_string() };
        match self.peer.answer(feed.get_orders(request)).await {
            Ok(orders) => orders.try_into().map_err(|error| self.peer.unreadable(&error)),
            Err(error) if error.kind() == ErrorKind::Unsupported => self.orders_from_list(node).await,
            Err(error) => Err(error),
        }
    }

    async fn watch_orders(&self, node: &NodeId) -> Result<OrdersStream> {
        let mut feed = self.feed.clone();
        let request = v1::GetOrdersRequest { nodeid: node.to_string() };
        let orders = self.peer.answer(feed.watch_orders(request)).await?;
        Ok(streams::orders(orders, self.peer.clone()))
    }

    async fn begin_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<Handover> {
        self.do_begin_upload(run, bundle).await
    }
    async fn upload(&self, run: &RunId, bundle: &BundleFacts, from: u64, content: ByteStream) -> Result<()> {
        self.do_upload(run, bundle, from, content).await
    }
    async fn finish_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<()> {
        self.do_finish_upload(run, bundle).await
    }
    async fn download(&self, run: &RunId, from: u64) -> Result<Download> {
        self.do_download(run, from).await
    }
    async fn experiment_files(&self, node: &NodeId, job: &JobId) -> Result<ExperimentFiles> {
        self.do_experiment_files(node, job).await
    }
    async fn follow_output(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        self.do_follow_output(run, scope).await
    }
    async fn watch_followers(&self, node: &NodeId) -> Result<FollowerStream> {
        self.do_watch_followers(node).await
    }
    async fn send_output(&self, follower: &FollowerId, output: OutputStream) -> Result<()> {
        self.do_send_output(follower, output).await
    }
    async fn watch_readings(&self, node: &NodeId) -> Result<ReadingsStream> {
        self.do_watch_readings(node).await
    }
    async fn watch_readers(&self, node: &NodeId) -> Result<ReadersStream> {
        self.do_watch_readers(node).await
    }
    async fn send_readings(&self, node: &NodeId, readings: NodeReadings) -> Result<()> {
        self.do_send_readings(node, readings).await
    }
    async fn probe_artifacts(&self, content: Bytes) -> Result<Bytes> {
        self.do_probe_artifacts(content).await
    }
}

impl GrpcClient {
    /// A job from the list of its owner's jobs: orchestrators of another make leave the length out
    /// of their answer for one job.
    async fn job_in_list(&self, id: &JobId, owner: &str) -> Result<Option<Job>> {
        let owner = UserId::parse(owner).map_err(|error| self.peer.unreadable(&error))?;
        Ok(self.jobs_of_user(&owner).await?.into_iter().find(|job| job.id == *id))
    }

    /// Orders from the list of a node's jobs, for orchestrators that have no feed.
    async fn orders_from_list(&self, node: &NodeId) -> Result<Orders> {
        let standby = match self.standby(node).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => None,
            other => other?,
        };
        let jobs = self.jobs_on_node(node).await?;
        Ok(Orders { node: node.clone(), revision: 0, jobs, standby, clock_offset_us: None, site: None })
    }
}
