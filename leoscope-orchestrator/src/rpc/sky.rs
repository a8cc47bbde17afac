use futures_util::StreamExt as _;
use futures_util::stream;
use leoscope_core::Result;
use leoscope_core::ids::NodeId;
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::sky::{elements_to_wire, had, window_from_wire};
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::sky_server::Sky;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::{Call, Shared, status};

/// Satellites, and what follows from where they are.
#[derive(Debug)]
pub(crate) struct Heaven(pub(crate) Shared);

#[tonic::async_trait]
impl Sky for Heaven {
    async fn get_elements(
        &self,
        request: Request<v1::GetElementsRequest>,
    ) -> Result<Response<BoxStream<v1::ElementsPart>>, Status> {
        let Call { session, .. } = Call::of(&self.0, &request)?;
        let v1::GetElementsRequest { nodeid, have_sha256 } = request.into_inner();
        let asked = || -> Result<_> { Ok((NodeId::parse(&nodeid)?, had(&have_sha256)?)) };
        let (node, have) = asked().map_err(|e| status(&e))?;
        let set = session.elements(&node, have).await.map_err(|e| status(&e))?;
        let parts = elements_to_wire(set.as_ref());
        Ok(Response::new(stream::iter(parts).map(Ok).boxed()))
    }

    async fn get_forecast(
        &self,
        request: Request<v1::GetForecastRequest>,
    ) -> Result<Response<v1::GetForecastResponse>, Status> {
        let Call { session, .. } = Call::of(&self.0, &request)?;
        let v1::GetForecastRequest { nodeid, trigger, start_us, end_us } = request.into_inner();
        let asked = || -> Result<_> { Ok((NodeId::parse(&nodeid)?, window_from_wire(start_us, end_us)?)) };
        let (node, span) = asked().map_err(|e| status(&e))?;
        let forecast = session.forecast(&node, &trigger, span).await.map_err(|e| status(&e))?;
        Ok(Response::new(forecast.into()))
    }
}
