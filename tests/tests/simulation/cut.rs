//! A link to the orchestrator that can be cut.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use leoscope_core::ids::{JobId, NodeId, RunId, TaskId, UserId};
use leoscope_core::model::{
    AuditEntry, AuditFilter, EventScope, Heartbeat, Job, JobChange, JobEvent, JobPlan, JobSpec, NewEvent,
    NewTask, NewUser, Node, NodeFilter, NodeUpdate, Orders, Run, RunFilter, Secret, Settings, SlotRequest,
    Standby, StandbyBy, Task, TaskFilter, TaskStatus,
};
use leoscope_core::ports::{ByteStream, Calendar, ControlPlane, OrdersStream, Scheduled};
use leoscope_core::time::{Timestamp, Window};
use leoscope_core::{Error, Result};

/// The orchestrator over a link that is gone while `cut` is set.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) plane: Arc<dyn ControlPlane>,
    pub(crate) cut: Arc<AtomicBool>,
}

macro_rules! calls {
    ($($call:ident($($name:ident: $kind:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl ControlPlane for Link {
            $(async fn $call(&self, $($name: $kind),*) -> Result<$answer> {
                if self.cut.load(Ordering::SeqCst) {
                    return Err(Error::unavailable("the link is cut"));
                }
                self.plane.$call($($name),*).await
            })+
        }
    };
}

calls! {
    register_user(user: NewUser) -> Secret;
    user(id: &UserId) -> Option<NewUser>;
    modify_user(user: NewUser) -> ();
    delete_user(id: &UserId) -> ();
    rotate_token(id: &UserId) -> Secret;
    revoke_token(id: &UserId) -> ();
    register_node(id: NodeId, details: NodeUpdate) -> Secret;
    nodes(filter: &NodeFilter) -> Vec<Node>;
    update_node(id: &NodeId, update: NodeUpdate) -> ();
    delete_node(id: &NodeId, with_jobs: bool) -> ();
    heartbeat(beat: Heartbeat) -> ();
    time() -> Timestamp;
    schedule_job(spec: JobSpec) -> Scheduled;
    plan_job(spec: JobSpec, runs: u32) -> JobPlan;
    modify_job(id: &JobId, change: JobChange) -> Vec<String>;
    reschedule_job(id: &JobId, within: Window) -> Window;
    free_slots(request: &SlotRequest) -> Vec<Window>;
    calendar(node: &NodeId, within: Window) -> Calendar;
    job(id: &JobId) -> Option<Job>;
    jobs_of_user(user: &UserId) -> Vec<Job>;
    jobs_on_node(node: &NodeId) -> Vec<Job>;
    delete_job(id: &JobId) -> ();
    delete_jobs_on_node(node: &NodeId) -> u32;
    report_run(run: Run) -> ();
    runs(filter: &RunFilter) -> Vec<Run>;
    report_event(event: NewEvent) -> ();
    events(scope: &EventScope, limit: Option<u32>) -> Vec<JobEvent>;
    audit(filter: &AuditFilter) -> Vec<AuditEntry>;
    schedule_task(task: NewTask) -> ();
    tasks(filter: &TaskFilter) -> Vec<Task>;
    update_task(id: &TaskId, status: TaskStatus, address: Option<IpAddr>) -> ();
    kernel_access(user: &UserId) -> ();
    set_standby(node: &NodeId, by: StandbyBy, standby: Option<Standby>) -> ();
    standby(node: &NodeId) -> Option<Standby>;
    settings() -> Settings;
    update_settings(settings: Settings) -> ();
    orders(node: &NodeId) -> Orders;
    watch_orders(node: &NodeId) -> OrdersStream;
    upload(run: &RunId, content: ByteStream) -> ();
    download(run: &RunId) -> ByteStream;
    probe_artifacts(content: Bytes) -> Bytes;
}
