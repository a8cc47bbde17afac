use leoscope_core::model::{JobSpec, SlotRequest};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::planning_server::Planning;
use leoscope_core::{Error, Result};
use tonic::{Request, Response, Status};

use super::{Call, Shared, status};

/// Looking before booking.
#[derive(Debug)]
pub(crate) struct Planner {
    shared: Shared,
}

impl Planner {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared }
    }
}

async fn plan(call: &Call, request: v1::PlanJobRequest) -> Result<v1::PlanJobResponse> {
    let v1::PlanJobRequest { job, runs } = request;
    let spec = JobSpec::try_from(job.ok_or_else(|| Error::invalid("job is missing"))?)?;
    Ok(call.session.plan_job(spec, runs).await?.into())
}

async fn slots(call: &Call, request: v1::FindSlotsRequest) -> Result<v1::FindSlotsResponse> {
    let slots = call.session.free_slots(&SlotRequest::try_from(request)?).await?;
    Ok(v1::FindSlotsResponse { slots: slots.into_iter().map(Into::into).collect() })
}

#[tonic::async_trait]
impl Planning for Planner {
    async fn plan_job(
        &self,
        request: Request<v1::PlanJobRequest>,
    ) -> Result<Response<v1::PlanJobResponse>, Status> {
        let call = Call::of(&self.shared, &request)?;
        plan(&call, request.into_inner()).await.map(Response::new).map_err(|e| status(&e))
    }

    async fn find_slots(
        &self,
        request: Request<v1::FindSlotsRequest>,
    ) -> Result<Response<v1::FindSlotsResponse>, Status> {
        let call = Call::of(&self.shared, &request)?;
        slots(&call, request.into_inner()).await.map(Response::new).map_err(|e| status(&e))
    }
}
