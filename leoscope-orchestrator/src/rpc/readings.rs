use futures_util::StreamExt as _;
use leoscope_core::ids::NodeId;
use leoscope_core::model::NodeReadings;
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::readings_server::Readings;
use leoscope_core::{Error, Result};
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::{Call, Shared, status, until_stopped};

/// What nodes read.
#[derive(Debug)]
pub(crate) struct Shown {
    shared: Shared,
    stopping: CancellationToken,
}

impl Shown {
    /// One whose streams end when `stopping` is cancelled.
    pub(crate) fn new(shared: Shared, stopping: CancellationToken) -> Self {
        Self { shared, stopping }
    }
}

#[tonic::async_trait]
impl Readings for Shown {
    async fn watch_readings(
        &self,
        request: Request<v1::WatchReadingsRequest>,
    ) -> Result<Response<BoxStream<v1::NodeReadings>>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let node = NodeId::parse(&request.into_inner().nodeid).map_err(|e| status(&e))?;
        let readings = session.watch_readings(&node).await.map_err(|e| status(&e))?;
        Ok(Response::new(until_stopped(readings, &self.stopping)))
    }

    async fn watch_readers(
        &self,
        request: Request<v1::WatchReadersRequest>,
    ) -> Result<Response<BoxStream<v1::Readers>>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let node = NodeId::parse(&request.into_inner().nodeid).map_err(|e| status(&e))?;
        let readers = session.watch_readers(&node).await.map_err(|e| status(&e))?;
        let readers = readers.map(|present| present.map(|present| v1::Readers { present }));
        Ok(Response::new(until_stopped(readers, &self.stopping)))
    }

    async fn send_readings(
        &self,
        request: Request<v1::SendReadingsRequest>,
    ) -> Result<Response<v1::SendReadingsResponse>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let (node, readings) = asked(request.into_inner()).map_err(|e| status(&e))?;
        session.send_readings(&node, readings).await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::SendReadingsResponse {}))
    }
}

fn asked(request: v1::SendReadingsRequest) -> Result<(NodeId, NodeReadings)> {
    let v1::SendReadingsRequest { nodeid, readings } = request;
    let readings = readings.ok_or_else(|| Error::invalid("readings is missing"))?;
    Ok((NodeId::parse(&nodeid)?, readings.try_into()?))
}
