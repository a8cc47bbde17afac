use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use leoscope_core::Error;
use leoscope_core::ids::NodeId;
use leoscope_core::model::{Standby, StandbyBy};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::node_feed_server::NodeFeed;
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::{Call, Shared, status};
use crate::metrics::Metrics;

/// The orders of nodes.
#[derive(Debug)]
pub(crate) struct Feed {
    shared: Shared,
    metrics: Arc<Metrics>,
    stopping: CancellationToken,
}

impl Feed {
    /// A feed whose streams end when `stopping` is cancelled.
    pub(crate) fn new(shared: Shared, metrics: Arc<Metrics>, stopping: CancellationToken) -> Self {
        Self { shared, metrics, stopping }
    }
}

#[tonic::async_trait]
impl NodeFeed for Feed {
    async fn get_orders(
        &self,
        request: Request<v1::GetOrdersRequest>,
    ) -> Result<Response<v1::Orders>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let node = NodeId::parse(&request.into_inner().nodeid).map_err(|e| status(&e))?;
        let orders = session.orders(&node).await.map_err(|e| status(&e))?;
        Ok(Response::new(orders.into()))
    }

    async fn watch_orders(
        &self,
        request: Request<v1::GetOrdersRequest>,
    ) -> Result<Response<BoxStream<v1::Orders>>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let node = NodeId::parse(&request.into_inner().nodeid).map_err(|e| status(&e))?;
        let orders = session.watch_orders(&node).await.map_err(|e| status(&e))?;
        let ended = stream::once(async {
            Err(status(&Error::unavailable("the order feed has ended").hint("ask for it again")))
        });
        let counted = self.metrics.order_stream();
        let orders = orders
            .map(move |orders| {
                // It counts for as long as the stream is there.
                let _ = &counted;
                orders.map(Into::into).map_err(|e| status(&e))
            })
            .take_until(self.stopping.clone().cancelled_owned())
            .chain(ended);
        Ok(Response::new(Box::pin(orders)))
    }

    async fn set_standby(
        &self,
        request: Request<v1::SetStandbyRequest>,
    ) -> Result<Response<v1::SetStandbyResponse>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let v1::SetStandbyRequest { nodeid, by_host, standby } = request.into_inner();
        let node = NodeId::parse(&nodeid).map_err(|e| status(&e))?;
        let standby = standby.map(Standby::try_from).transpose().map_err(|e| status(&e))?;
        let by = if by_host { StandbyBy::Host } else { StandbyBy::Person };
        session.set_standby(&node, by, standby).await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::SetStandbyResponse {}))
    }

    async fn get_time(
        &self,
        request: Request<v1::GetTimeRequest>,
    ) -> Result<Response<v1::GetTimeResponse>, Status> {
        let Call { session, .. } = Call::of(&self.shared, &request)?;
        let time = session.time().await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::GetTimeResponse { time_us: time.as_microsecond() }))
    }
}
