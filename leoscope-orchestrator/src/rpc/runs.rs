use leoscope_core::model::{Run, RunFilter};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::{planning, unary};
use leoscope_core::{Error, Result};

use super::Call;

pub(super) async fn update_run(
    call: &Call,
    request: unary::UpdateRunRequest,
) -> Result<unary::UpdateRunResponse> {
    let run = request.run.ok_or_else(|| Error::invalid("run is missing"))?;
    call.session.report_run(Run::try_from(run)?).await?;
    Ok(unary::UpdateRunResponse { message: "updated run successfully".to_owned(), ..Default::default() })
}

pub(super) async fn report_job_event(
    call: &Call,
    request: unary::ReportJobEventRequest,
) -> Result<unary::ReportJobEventResponse> {
    call.session.report_event(request.try_into()?).await?;
    Ok(unary::ReportJobEventResponse {
        message: "reported event successfully".to_owned(),
        ..Default::default()
    })
}

pub(super) async fn get_runs(call: &Call, request: unary::GetRunsRequest) -> Result<unary::GetRunsResponse> {
    let runs = call.session.runs(&RunFilter::try_from(request)?).await?;
    Ok(unary::GetRunsResponse { runs: runs.into_iter().map(Into::into).collect(), error: None })
}

pub(super) async fn get_scheduled_runs(
    call: &Call,
    request: unary::GetScheduledRunsRequest,
) -> Result<unary::GetScheduledRunsResponse> {
    let (node, within) = planning::calendar_request(&request)?;
    Ok(call.session.calendar(&node, within).await?.into())
}
