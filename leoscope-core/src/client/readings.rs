//! The calls about what nodes read.

use futures_util::StreamExt as _;

use super::GrpcClient;
use crate::error::Result;
use crate::ids::NodeId;
use crate::model::NodeReadings;
use crate::ports::{ReadersStream, ReadingsStream};
use crate::proto::v1;

/// What an orchestrator lacks that does not know these calls.
const FEATURE: &str = "show what a node reads";

impl GrpcClient {
    pub(super) async fn do_watch_readings(&self, node: &NodeId) -> Result<ReadingsStream> {
        let mut calls = self.readings.clone();
        let request = v1::WatchReadingsRequest { nodeid: node.to_string() };
        let readings = self.peer.newer(FEATURE, calls.watch_readings(request)).await?;
        let peer = self.peer.clone();
        Ok(Box::pin(readings.map(move |readings| match readings {
            Ok(readings) => NodeReadings::try_from(readings).map_err(|error| peer.unreadable(&error)),
            Err(status) => Err(peer.error(&status)),
        })))
    }

    pub(super) async fn do_watch_readers(&self, node: &NodeId) -> Result<ReadersStream> {
        let mut calls = self.readings.clone();
        let request = v1::WatchReadersRequest { nodeid: node.to_string() };
        let readers = self.peer.newer(FEATURE, calls.watch_readers(request)).await?;
        let peer = self.peer.clone();
        Ok(Box::pin(readers.map(move |readers| match readers {
            Ok(v1::Readers { present }) => Ok(present),
            Err(status) => Err(peer.error(&status)),
        })))
    }

    pub(super) async fn do_send_readings(&self, node: &NodeId, readings: NodeReadings) -> Result<()> {
        let mut calls = self.readings.clone();
        let request = v1::SendReadingsRequest { nodeid: node.to_string(), readings: Some(readings.into()) };
        let v1::SendReadingsResponse {} = self.peer.newer(FEATURE, calls.send_readings(request)).await?;
        Ok(())
    }
}
