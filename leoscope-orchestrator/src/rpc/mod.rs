//! The calls, one file per group: convert in, one call on the session, convert out.

mod accounts;
mod feed;
mod history;
mod jobs;
mod logs;
mod nodes;
mod planning;
mod readings;
mod runs;
mod settings;
mod sky;
mod tasks;
mod transfer;
mod users;

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use leoscope_core::control::{Service, Session};
use leoscope_core::model::Caller;
use leoscope_core::proto::listing::EncodedJobs;
use leoscope_core::proto::refusal::{Refusable, is_told_in_band};
use leoscope_core::proto::status::status_of;
use leoscope_core::proto::unary;
use leoscope_core::proto::unary::leotest_orchestrator_server::LeotestOrchestrator;
use leoscope_core::{Error, ErrorKind, Result};
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::auth::Address;
use crate::calls::Refused;

pub(crate) use accounts::Tokens;
pub(crate) use feed::Feed;
pub(crate) use history::Past;
pub(crate) use logs::Printed;
pub(crate) use planning::Planner;
pub(crate) use readings::Shown;
pub(crate) use sky::Heaven;
pub(crate) use transfer::Transfer;

/// What a call is made with.
struct Call {
    session: Session,
    caller: Caller,
    encoded: Arc<EncodedJobs>,
}

/// What all calls share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    service: Arc<Service>,
    encoded: Arc<EncodedJobs>,
}

impl Shared {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self { service, encoded: Arc::default() }
    }
}

impl Call {
    /// The call of the caller that the authentication has put into `request`.
    fn of<T>(shared: &Shared, request: &Request<T>) -> Result<Self, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| status(&Error::internal("a call came without a caller")))?;
        let Shared { service, encoded } = shared;
        let address = request.extensions().get::<Address>().and_then(|Address(address)| *address);
        let session = service.session(caller.clone()).from_address(address);
        Ok(Self { session, caller, encoded: Arc::clone(encoded) })
    }
}

/// `error` as a status; faults of our own are noted.
fn status(error: &Error) -> Status {
    if error.kind() == ErrorKind::Internal {
        tracing::error!(%error, "a call failed");
    }
    status_of(error)
}

/// The messages of a stream, which is cut off when the orchestrator stops.
fn until_stopped<T, M>(
    items: impl Stream<Item = Result<T>> + Send + 'static,
    stopping: &CancellationToken,
) -> BoxStream<M>
where
    T: Into<M> + Send + 'static,
    M: Send + 'static,
{
    let state = Some((Box::pin(items), stopping.clone()));
    Box::pin(stream::unfold(state, |state| async move {
        let (mut items, stopping) = state?;
        let item = tokio::select! {
            item = items.next() => item?,
            () = stopping.cancelled() => Err(Error::unavailable("the orchestrator stops").hint("try again")),
        };
        Some(match item {
            Ok(item) => (Ok(item.into()), Some((items, stopping))),
            Err(error) => (Err(status(&error)), None),
        })
    }))
}

/// The answer to a call: refusals that a retry cannot mend inside it, other errors as a status.
fn answer<R: Refusable>(result: Result<R>) -> Result<Response<R>, Status> {
    match result {
        Ok(answer) => Ok(Response::new(answer)),
        Err(error) => match R::refused(&error).filter(|_| is_told_in_band(&error)) {
            Some(refusal) => {
                let mut answer = Response::new(refusal);
                answer.extensions_mut().insert(Refused(error.kind()));
                Ok(answer)
            }
            None => Err(status(&error)),
        },
    }
}

/// The calls of the public LEOScope testbed.
#[derive(Debug)]
pub(crate) struct Rpc(pub(crate) Shared);

/// Hands each call to the function of its name; calls that are not listed are unimplemented.
macro_rules! calls {
    ($($group:ident { $($call:ident($request:ident) -> $response:ident;)+ })+) => {
        #[tonic::async_trait]
        impl LeotestOrchestrator for Rpc {
            $($(
                async fn $call(
                    &self,
                    request: Request<unary::$request>,
                ) -> Result<Response<unary::$response>, Status> {
                    let call = Call::of(&self.0, &request)?;
                    answer($group::$call(&call, request.into_inner()).await)
                }
            )+)+
        }
    };
}

calls! {
    users {
        register_user(RegisterUserRequest) -> RegisterUserResponse;
        get_user(GetUserRequest) -> GetUserResponse;
        modify_user(ModifyUserRequest) -> ModifyUserResponse;
        delete_user(DeleteUserRequest) -> DeleteUserResponse;
    }
    nodes {
        register_node(RegisterNodeRequest) -> RegisterNodeResponse;
        get_nodes(GetNodesRequest) -> GetNodesResponse;
        update_node(UpdateNodeRequest) -> UpdateNodeResponse;
        delete_node(DeleteNodeRequest) -> DeleteNodeResponse;
        report_heartbeat(HeartbeatRequest) -> HeartbeatResponse;
        get_scavenger_status(GetScavengerStatusRequest) -> GetScavengerStatusResponse;
        set_scavenger_status(SetScavengerStatusRequest) -> SetScavengerStatusResponse;
    }
    jobs {
        schedule_job(ScheduleJobRequest) -> ScheduleJobResponse;
        get_job_by_id(GetJobRequest) -> GetJobResponse;
        get_jobs_by_userid(GetJobsOfUserRequest) -> GetJobsOfUserResponse;
        get_jobs_by_nodeid(GetJobsOnNodeRequest) -> GetJobsOnNodeResponse;
        modify_job(ModifyJobRequest) -> ModifyJobResponse;
        reschedule_job_nearest(RescheduleJobRequest) -> RescheduleJobResponse;
        delete_job_by_id(DeleteJobRequest) -> DeleteJobResponse;
        delete_jobs_by_nodeid(DeleteJobsOnNodeRequest) -> DeleteJobsOnNodeResponse;
    }
    runs {
        update_run(UpdateRunRequest) -> UpdateRunResponse;
        report_job_event(ReportJobEventRequest) -> ReportJobEventResponse;
        get_runs(GetRunsRequest) -> GetRunsResponse;
        get_scheduled_runs(GetScheduledRunsRequest) -> GetScheduledRunsResponse;
    }
    tasks {
        schedule_task(ScheduleTaskRequest) -> ScheduleTaskResponse;
        get_tasks(GetTasksRequest) -> GetTasksResponse;
        update_task(UpdateTaskRequest) -> UpdateTaskResponse;
        kernel_access(KernelAccessRequest) -> KernelAccessResponse;
    }
    settings {
        update_global_config(UpdateSettingsRequest) -> UpdateSettingsResponse;
        get_global_config(GetSettingsRequest) -> GetSettingsResponse;
    }
}
