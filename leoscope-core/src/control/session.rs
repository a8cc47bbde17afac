use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::Service;
use crate::error::Result;
use crate::ids::{FollowerId, JobId, NodeId, RunId, TaskId, UserId};
use crate::model::{
    AuditAction, AuditEntry, AuditFilter, BundleFacts, Caller, Checksum, Constellation, EventScope,
    ExperimentFiles, Forecast, Heartbeat, Job, JobChange, JobEvent, JobPlan, JobSpec, NewEvent, NewTask,
    NewUser, Node, NodeFilter, NodeReadings, NodeUpdate, Orders, OutputScope, Run, RunFilter, Secret,
    Settings, SlotRequest, Standby, StandbyBy, Task, TaskFilter, TaskStatus,
};
use crate::policy::{self, Action};
use crate::ports::{
    ByteStream, Calendar, ControlPlane, Download, FollowerStream, Handover, OrdersStream, OutputStream,
    ReadersStream, ReadingsStream, Scheduled,
};
use crate::time::{Timestamp, Window};

/// The orchestrator bound to one authenticated caller.
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) service: Arc<Service>,
    pub(super) caller: Caller,
    pub(super) origin: Option<IpAddr>,
}

impl Session {
    /// The same session, of a caller at that address.
    #[must_use]
    pub fn from_address(self, address: Option<IpAddr>) -> Self {
        Self { origin: address, ..self }
    }

    /// Refuses what the policy does not allow this caller.
    pub(super) fn require(&self, action: &Action<'_>) -> Result<()> {
        policy::require(&self.caller, action)
    }
}

/// Every call is carried out by the group it belongs to; this is only the list of them, with what
/// each is called in the audit trail.
#[async_trait]
impl ControlPlane for Session {
    async fn register_user(&self, user: NewUser) -> Result<Secret> {
        let object = user.id.to_string();
        let work = async move |session: Self| session.do_register_user(user).await;
        self.changed(AuditAction::RegisterUser, Some(object), work).await
    }
    async fn user(&self, id: &UserId) -> Result<Option<NewUser>> {
        self.audited(AuditAction::ReadUser, id, self.do_user(id)).await
    }
    async fn modify_user(&self, user: NewUser) -> Result<()> {
        let object = user.id.to_string();
        let work = async move |session: Self| session.do_modify_user(user).await;
        self.changed(AuditAction::ModifyUser, Some(object), work).await
    }
    async fn delete_user(&self, id: &UserId) -> Result<()> {
        let id = id.clone();
        let object = id.to_string();
        let work = async move |session: Self| session.do_delete_user(&id).await;
        self.changed(AuditAction::DeleteUser, Some(object), work).await
    }
    async fn rotate_token(&self, id: &UserId) -> Result<Secret> {
        let id = id.clone();
        let object = id.to_string();
        let work = async move |session: Self| session.do_rotate_token(&id).await;
        self.changed(AuditAction::RotateToken, Some(object), work).await
    }
    async fn revoke_token(&self, id: &UserId) -> Result<()> {
        let id = id.clone();
        let object = id.to_string();
        let work = async move |session: Self| session.do_revoke_token(&id).await;
        self.changed(AuditAction::RevokeToken, Some(object), work).await
    }
    async fn register_node(&self, id: NodeId, details: NodeUpdate) -> Result<Secret> {
        let object = id.to_string();
        let work = async move |session: Self| session.do_register_node(id, details).await;
        self.changed(AuditAction::RegisterNode, Some(object), work).await
    }
    async fn nodes(&self, filter: &NodeFilter) -> Result<Vec<Node>> {
        self.do_nodes(filter).await
    }
    async fn update_node(&self, id: &NodeId, update: NodeUpdate) -> Result<()> {
        let id = id.clone();
        let object = id.to_string();
        let work = async move |session: Self| session.do_update_node(&id, update).await;
        self.changed(AuditAction::UpdateNode, Some(object), work).await
    }
    async fn delete_node(&self, id: &NodeId, with_jobs: bool) -> Result<()> {
        let id = id.clone();
        let object = id.to_string();
        let work = async move |session: Self| session.do_delete_node(&id, with_jobs).await;
        self.changed(AuditAction::DeleteNode, Some(object), work).await
    }
    async fn heartbeat(&self, beat: Heartbeat) -> Result<()> {
        self.audited(AuditAction::Heartbeat, beat.node.clone(), self.do_heartbeat(beat)).await
    }
    async fn time(&self) -> Result<Timestamp> {
        Ok(self.service.clock.now())
    }
    async fn elements(&self, node: &NodeId, have: Option<Checksum>) -> Result<Option<Constellation>> {
        self.audited(AuditAction::ReadElements, node, self.do_elements(node, have)).await
    }
    async fn forecast(&self, node: &NodeId, trigger: &str, span: Window) -> Result<Forecast> {
        self.audited(AuditAction::Forecast, node, self.do_forecast(node, trigger, span)).await
    }
    async fn schedule_job(&self, spec: JobSpec) -> Result<Scheduled> {
        // So that a refusal names it as well.
        let id = spec.id.clone().map_or_else(JobId::random, Ok)?;
        let (object, spec) = (id.to_string(), JobSpec { id: Some(id), ..spec });
        let work = async move |session: Self| session.do_schedule_job(spec).await;
        self.changed(AuditAction::ScheduleJob, Some(object), work).await
    }
    async fn plan_job(&self, spec: JobSpec, runs: u32) -> Result<JobPlan> {
        let result = self.do_plan_job(spec, runs).await;
        self.note(AuditAction::PlanJob, None, result.as_ref().err()).await;
        result
    }
    async fn modify_job(&self, id: &JobId, change: JobChange) -> Result<Vec<String>> {
        let id = id.clone();
        let object = id.to_string();
        let work = async move |session: Self| session.do_modify_job(&id, change).await;
        self.changed(AuditAction::ModifyJob, Some(object), work).await
    }
    async fn reschedule_job(&self, id: &JobId, within: Window) -> Result<Window> {
        let id = id.clone();
        let object = id.to_string();
        let work = async move |session: Self| session.do_reschedule_job(&id, within).await;
        self.changed(AuditAction::RescheduleJob, Some(object), work).await
    }
    async fn free_slots(&self, request: &SlotRequest) -> Result<Vec<Window>> {
        self.do_free_slots(request).await
    }
    async fn calendar(&self, node: &NodeId, within: Window) -> Result<Calendar> {
        self.do_calendar(node, within).await
    }
    async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        self.audited(AuditAction::ReadJobs, id, self.do_job(id)).await
    }
    async fn jobs_of_user(&self, user: &UserId) -> Result<Vec<Job>> {
        self.audited(AuditAction::ReadJobs, user, self.do_jobs_of_user(user)).await
    }
    async fn jobs_on_node(&self, node: &NodeId) -> Result<Vec<Job>> {
        self.do_jobs_on_node(node).await
    }
    async fn delete_job(&self, id: &JobId) -> Result<()> {
        let id = id.clone();
        let object = id.to_string();
        let work = async move |session: Self| session.do_delete_job(&id).await;
        self.changed(AuditAction::DeleteJob, Some(object), work).await
    }
    async fn delete_jobs_on_node(&self, node: &NodeId) -> Result<u32> {
        let node = node.clone();
        let object = node.to_string();
        let work = async move |session: Self| session.do_delete_jobs_on_node(&node).await;
        self.changed(AuditAction::DeleteJobsOfNode, Some(object), work).await
    }
    async fn report_run(&self, run: Run) -> Result<()> {
        self.audited(AuditAction::ReportRun, run.id.clone(), self.do_report_run(run)).await
    }
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        self.do_runs(filter).await
    }
    async fn report_event(&self, event: NewEvent) -> Result<()> {
        let object = event.run.as_ref().map_or_else(|| event.job.to_string(), ToString::to_string);
        self.audited(AuditAction::ReportEvent, object, self.do_report_event(event)).await
    }
    async fn events(&self, scope: &EventScope, limit: Option<u32>) -> Result<Vec<JobEvent>> {
        self.audited(AuditAction::ReadRuns, scope, self.do_events(scope, limit)).await
    }
    async fn schedule_task(&self, task: NewTask) -> Result<()> {
        self.audited(AuditAction::ScheduleTask, task.id.clone(), self.do_schedule_task(task)).await
    }
    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<Task>> {
        let result = self.do_tasks(filter).await;
        self.note(AuditAction::ReadTasks, None, result.as_ref().err()).await;
        result
    }
    async fn update_task(&self, id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> Result<()> {
        self.audited(AuditAction::UpdateTask, id, self.do_update_task(id, status, address)).await
    }
    async fn kernel_access(&self, user: &UserId) -> Result<()> {
        self.audited(AuditAction::AskKernelAccess, user, self.do_kernel_access(user)).await
    }
    async fn set_standby(&self, node: &NodeId, by: StandbyBy, standby: Option<Standby>) -> Result<()> {
        let node = node.clone();
        let object = node.to_string();
        let work = async move |session: Self| session.do_set_standby(&node, by, standby).await;
        self.changed(AuditAction::SetScavengerMode, Some(object), work).await
    }
    async fn standby(&self, node: &NodeId) -> Result<Option<Standby>> {
        self.do_standby(node).await
    }
    async fn settings(&self) -> Result<Settings> {
        self.do_settings().await
    }
    async fn update_settings(&self, settings: Settings) -> Result<()> {
        let work = async move |session: Self| session.do_update_settings(settings).await;
        self.changed(AuditAction::UpdateSettings, None, work).await
    }
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let result = self.do_audit(filter).await;
        self.note(AuditAction::ReadAudit, None, result.as_ref().err()).await;
        result
    }
    async fn orders(&self, node: &NodeId) -> Result<Orders> {
        self.audited(AuditAction::ReadOrders, node, self.do_orders(node)).await
    }
    async fn watch_orders(&self, node: &NodeId) -> Result<OrdersStream> {
        self.audited(AuditAction::ReadOrders, node, self.do_watch_orders(node)).await
    }
    async fn begin_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<Handover> {
        self.audited(AuditAction::Upload, run, self.do_begin_upload(run, bundle)).await
    }
    async fn upload(&self, run: &RunId, bundle: &BundleFacts, from: u64, content: ByteStream) -> Result<()> {
        self.audited(AuditAction::Upload, run, self.do_upload(run, bundle, from, content)).await
    }
    async fn finish_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<()> {
        self.audited(AuditAction::Upload, run, self.do_finish_upload(run, bundle)).await
    }
    async fn download(&self, run: &RunId, from: u64) -> Result<Download> {
        self.audited(AuditAction::Download, run, self.do_download(run, from)).await
    }
    async fn experiment_files(&self, node: &NodeId, job: &JobId) -> Result<ExperimentFiles> {
        self.audited(AuditAction::ReadJobs, job, self.do_experiment_files(node, job)).await
    }
    async fn follow_output(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        self.audited(AuditAction::FollowOutput, run, self.do_follow_output(run, scope)).await
    }
    async fn watch_followers(&self, node: &NodeId) -> Result<FollowerStream> {
        self.audited(AuditAction::SendOutput, node, self.do_watch_followers(node)).await
    }
    async fn send_output(&self, follower: &FollowerId, output: OutputStream) -> Result<()> {
        self.audited(AuditAction::SendOutput, follower, self.do_send_output(follower, output)).await
    }
    async fn watch_readings(&self, node: &NodeId) -> Result<ReadingsStream> {
        self.audited(AuditAction::WatchReadings, node, self.do_watch_readings(node)).await
    }
    async fn watch_readers(&self, node: &NodeId) -> Result<ReadersStream> {
        self.audited(AuditAction::SendReadings, node, self.do_watch_readers(node)).await
    }
    async fn send_readings(&self, node: &NodeId, readings: NodeReadings) -> Result<()> {
        self.audited(AuditAction::SendReadings, node, self.do_send_readings(node, readings)).await
    }
    async fn probe_artifacts(&self, content: Bytes) -> Result<Bytes> {
        let result = self.do_probe_artifacts(content).await;
        self.note(AuditAction::ProbeArtifacts, None, result.as_ref().err()).await;
        result
    }
}
