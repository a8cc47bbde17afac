use leoscope_core::Result;
use leoscope_core::control::Listed;
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::ports::{ControlPlane as _, Scheduled};
use leoscope_core::proto::{change, unary};

use super::Call;

pub(super) async fn schedule_job(
    call: &Call,
    request: unary::ScheduleJobRequest,
) -> Result<unary::ScheduleJobResponse> {
    let Scheduled { id, warnings } = call.session.schedule_job(request.try_into()?).await?;
    let message = "job successfully scheduled".to_owned();
    Ok(unary::ScheduleJobResponse { message, warnings, jobid: id.into(), ..Default::default() })
}

pub(super) async fn get_job_by_id(
    call: &Call,
    request: unary::GetJobRequest,
) -> Result<unary::GetJobResponse> {
    Ok(call.session.job(&JobId::parse(&request.jobid)?).await?.into())
}

pub(super) async fn get_jobs_by_userid(
    call: &Call,
    request: unary::GetJobsOfUserRequest,
) -> Result<unary::GetJobsOfUserResponse> {
    let jobs = call.session.jobs_of_user(&UserId::parse(&request.userid)?).await?;
    let jobs: Vec<_> = jobs.into_iter().map(Into::into).collect();
    Ok(unary::GetJobsOfUserResponse { exists: !jobs.is_empty(), jobs, ..Default::default() })
}

pub(super) async fn get_jobs_by_nodeid(
    call: &Call,
    request: unary::GetJobsOnNodeRequest,
) -> Result<unary::GetJobsOnNodeResponse> {
    let node = NodeId::parse(&request.nodeid)?;
    let listed = call.session.listed_jobs_on_node(&node).await?;
    let jobs = call.encoded.encode(&node, listed.into_iter().map(|Listed { job, view }| (job, view)));
    Ok(unary::GetJobsOnNodeResponse { exists: !jobs.is_empty(), jobs, error: None })
}

pub(super) async fn modify_job(
    call: &Call,
    request: unary::ModifyJobRequest,
) -> Result<unary::ModifyJobResponse> {
    let (id, change) = request.try_into()?;
    let warnings = call.session.modify_job(&id, change).await?;
    let message = "updated job successfully".to_owned();
    Ok(unary::ModifyJobResponse { message, warnings, ..Default::default() })
}

pub(super) async fn reschedule_job_nearest(
    call: &Call,
    request: unary::RescheduleJobRequest,
) -> Result<unary::RescheduleJobResponse> {
    let within = change::reschedule_bounds(&request)?;
    Ok(call.session.reschedule_job(&JobId::parse(&request.jobid)?, within).await?.into())
}

pub(super) async fn delete_job_by_id(
    call: &Call,
    request: unary::DeleteJobRequest,
) -> Result<unary::DeleteJobResponse> {
    call.session.delete_job(&JobId::parse(&request.jobid)?).await?;
    let message = "deleted job successfully".to_owned();
    Ok(unary::DeleteJobResponse { exists: true, message, error: None })
}

pub(super) async fn delete_jobs_by_nodeid(
    call: &Call,
    request: unary::DeleteJobsOnNodeRequest,
) -> Result<unary::DeleteJobsOnNodeResponse> {
    let deleted = call.session.delete_jobs_on_node(&NodeId::parse(&request.nodeid)?).await?;
    let num_deleted = i32::try_from(deleted).unwrap_or(i32::MAX);
    let message = "deleted records successfully".to_owned();
    Ok(unary::DeleteJobsOnNodeResponse { num_deleted, message, error: None })
}
