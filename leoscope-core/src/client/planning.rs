//! The calls about time before anything is booked.

use super::GrpcClient;
use crate::error::Result;
use crate::model::{JobPlan, JobSpec, SlotRequest};
use crate::proto::v1;
use crate::time::Window;

impl GrpcClient {
    pub(super) async fn do_plan_job(&self, spec: JobSpec, runs: u32) -> Result<JobPlan> {
        let mut planning = self.planning.clone();
        let request = v1::PlanJobRequest { job: Some(spec.into()), runs };
        let plan = self.peer.newer("plan a job", planning.plan_job(request)).await?;
        plan.try_into().map_err(|error| self.peer.unreadable(&error))
    }

    pub(super) async fn do_free_slots(&self, request: &SlotRequest) -> Result<Vec<Window>> {
        let mut planning = self.planning.clone();
        let request = v1::FindSlotsRequest::from(request.clone());
        let answer = self.peer.newer("find free time", planning.find_slots(request)).await?;
        let slots: Result<_> = answer.slots.into_iter().map(Window::try_from).collect();
        slots.map_err(|error| self.peer.unreadable(&error))
    }
}
