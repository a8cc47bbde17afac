use leoscope_core::model::AuditFilter;
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::history_server::History;
use leoscope_core::{Result, proto};
use tonic::{Request, Response, Status};

use super::{Call, Shared, status};

/// What has happened.
#[derive(Debug)]
pub(crate) struct Past(pub(crate) Shared);

async fn events(call: &Call, request: v1::ListEventsRequest) -> Result<v1::ListEventsResponse> {
    let (scope, limit) = proto::history::events_asked(request)?;
    let events = call.session.events(&scope, limit).await?;
    Ok(v1::ListEventsResponse { events: events.into_iter().map(Into::into).collect() })
}

async fn audit(call: &Call, request: v1::ListAuditRequest) -> Result<v1::ListAuditResponse> {
    let entries = call.session.audit(&AuditFilter::try_from(request)?).await?;
    Ok(v1::ListAuditResponse { entries: entries.into_iter().map(Into::into).collect() })
}

#[tonic::async_trait]
impl History for Past {
    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let call = Call::of(&self.0, &request)?;
        events(&call, request.into_inner()).await.map(Response::new).map_err(|e| status(&e))
    }

    async fn list_audit(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> Result<Response<v1::ListAuditResponse>, Status> {
        let call = Call::of(&self.0, &request)?;
        audit(&call, request.into_inner()).await.map(Response::new).map_err(|e| status(&e))
    }
}
