//! A link to the orchestrator that can be cut.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use leoscope_core::control::{Service, Session};
use leoscope_core::ids::{FollowerId, JobId, NodeId, RunId, TaskId, UserId};
use leoscope_core::model::{
    AuditEntry, AuditFilter, BundleFacts, Caller, Checksum, Constellation, EventScope, ExperimentFiles,
    Forecast, Heartbeat, Job, JobChange, JobEvent, JobPlan, JobSpec, NewEvent, NewTask, NewUser, Node,
    NodeFilter, NodeReadings, NodeUpdate, Orders, OutputScope, Run, RunFilter, Secret, Settings, SlotRequest,
    Standby, StandbyBy, Task, TaskFilter, TaskStatus,
};
use leoscope_core::ports::{
    ByteStream, Calendar, ControlPlane, Download, FollowerStream, Handover, OrdersStream, OutputStream,
    ReadersStream, ReadingsStream, Scheduled,
};
use leoscope_core::time::{Timestamp, Window};
use leoscope_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use crate::faults::Process;

/// The way of one caller to the orchestrator: gone while the link is cut or the orchestrator is down,
/// and whoever waits for an answer then hears that there is none.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// The orchestrator, while there is one.
    pub(crate) service: watch::Receiver<Option<Arc<Service>>>,
    pub(crate) caller: Caller,
    pub(crate) cut: watch::Receiver<bool>,
    /// What goes wrong with the calls of a node.
    pub(crate) process: Option<Arc<Process>>,
    /// What is to be noted of, or done to, its uploads.
    pub(crate) uploads: Option<Arc<Mutex<Uploads>>>,
}

/// The uploads of a node.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    /// The runs whose uploads were begun, in order.
    pub(crate) begun: Vec<RunId>,
    /// How many are under way, and the most that were.
    pub(crate) now: usize,
    pub(crate) most: usize,
    /// Whether all are refused.
    pub(crate) refuse: bool,
}

impl Link {
    fn session(&self) -> Result<Session> {
        if *self.cut.borrow() {
            return Err(Error::unavailable("the link is cut"));
        }
        let service = self.service.borrow();
        let service = service.as_ref().ok_or_else(|| Error::unavailable("the orchestrator is down"))?;
        Ok(service.session(self.caller.clone()))
    }

    /// Waits until what was reachable is not any more.
    fn broken(&self) -> impl Future<Output = ()> + Send + 'static {
        let (mut service, mut cut) = (self.service.clone(), self.cut.clone());
        service.mark_unchanged();
        async move {
            // Without a sender nothing will ever break.
            let gone = async {
                if service.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let cut = async {
                if cut.wait_for(|cut| *cut).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = gone => {}
                () = cut => {}
            }
        }
    }

    async fn carry<T: Send>(&self, call: &str, answer: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let broken = self.broken();
        let answer = async {
            tokio::select! {
                biased;
                answer = answer => answer,
                () = broken => Err(Error::unavailable("the link broke")),
            }
        };
        match &self.process {
            Some(process) => process.at(call, process.lossy(answer, || Error::unavailable("lost"))).await,
            None => answer.await,
        }
    }
}

macro_rules! calls {
    ($($call:ident($($name:ident: $kind:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl ControlPlane for Link {
            $(async fn $call(&self, $($name: $kind),*) -> Result<$answer> {
                let session = self.session();
                self.carry(stringify!($call), async move { session?.$call($($name),*).await }).await
            })+

            async fn begin_upload(&self, run: &RunId, bundle: &BundleFacts) -> Result<Handover> {
                let session = self.session();
                if let (Some(uploads), Ok(_)) = (&self.uploads, &session) {
                    let mut uploads = uploads.lock().expect("uploads");
                    uploads.begun.push(run.clone());
                    if uploads.refuse {
                        return Err(Error::new(ErrorKind::PermissionDenied, "not you"));
                    }
                }
                self.carry("begin_upload", async move { session?.begin_upload(run, bundle).await }).await
            }

            async fn upload(
                &self,
                run: &RunId,
                bundle: &BundleFacts,
                from: u64,
                content: ByteStream,
            ) -> Result<()> {
                let session = self.session();
                let upload = async move { session?.upload(run, bundle, from, content).await };
                let Some(uploads) = &self.uploads else { return self.carry("upload", upload).await };
                let change = |by: isize| {
                    let mut uploads = uploads.lock().expect("uploads");
                    uploads.now = uploads.now.checked_add_signed(by).expect("as many end as begin");
                    uploads.most = uploads.most.max(uploads.now);
                };
                change(1);
                // What takes no time is never under way with another.
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                let outcome = self.carry("upload", upload).await;
                change(-1);
                outcome
            }

            async fn watch_orders(&self, node: &NodeId) -> Result<OrdersStream> {
                let session = self.session();
                let stream = self
                    .carry("watch_orders", async move { session?.watch_orders(node).await })
                    .await?;
                Ok(Box::pin(stream.take_until(self.broken())))
            }

            async fn watch_readers(&self, node: &NodeId) -> Result<ReadersStream> {
                let session = self.session();
                let stream = self
                    .carry("watch_readers", async move { session?.watch_readers(node).await })
                    .await?;
                Ok(Box::pin(stream.take_until(self.broken())))
            }

            async fn watch_followers(&self, node: &NodeId) -> Result<FollowerStream> {
                let session = self.session();
                let stream = self
                    .carry("watch_followers", async move { session?.watch_followers(node).await })
                    .await?;
                Ok(Box::pin(stream.take_until(self.broken())))
            }
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
    elements(node: &NodeId, have: Option<Checksum>) -> Option<Constellation>;
    forecast(node: &NodeId, trigger: &str, span: Window) -> Forecast;
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
    finish_upload(run: &RunId, bundle: &BundleFacts) -> ();
    download(run: &RunId, from: u64) -> Download;
    follow_output(run: &RunId, scope: OutputScope) -> OutputStream;
    send_output(follower: &FollowerId, output: OutputStream) -> ();
    watch_readings(node: &NodeId) -> ReadingsStream;
    send_readings(node: &NodeId, readings: NodeReadings) -> ();
    experiment_files(node: &NodeId, job: &JobId) -> ExperimentFiles;
    probe_artifacts(content: Bytes) -> Bytes;
}
