//! The calls about satellites.

use super::GrpcClient;
use crate::error::Result;
use crate::ids::NodeId;
use crate::model::{Checksum, Constellation, Forecast};
use crate::proto::sky::Incoming;
use crate::proto::v1;
use crate::time::Window;

impl GrpcClient {
    pub(super) async fn do_elements(
        &self,
        node: &NodeId,
        have: Option<Checksum>,
    ) -> Result<Option<Constellation>> {
        let mut calls = self.sky.clone();
        let have_sha256 = have.map(|have| have.to_string()).unwrap_or_default();
        let request = v1::GetElementsRequest { nodeid: node.to_string(), have_sha256 };
        let mut parts = self.peer.newer("provide orbital elements", calls.get_elements(request)).await?;
        let mut incoming = Incoming::default();
        while let Some(part) = parts.message().await.map_err(|status| self.peer.error(&status))? {
            incoming.take(part).map_err(|error| self.peer.unreadable(&error))?;
        }
        incoming.finish().map_err(|error| self.peer.unreadable(&error))
    }

    pub(super) async fn do_forecast(&self, node: &NodeId, trigger: &str, span: Window) -> Result<Forecast> {
        let mut calls = self.sky.clone();
        let request = v1::GetForecastRequest {
            nodeid: node.to_string(),
            trigger: trigger.to_owned(),
            start_us: span.start().as_microsecond(),
            end_us: span.end().as_microsecond(),
        };
        let answer = self.peer.newer("make forecasts", calls.get_forecast(request)).await?;
        answer.try_into().map_err(|error| self.peer.unreadable(&error))
    }
}
