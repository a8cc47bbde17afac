//! What a container has moved on a network of its own.

use bollard::errors::Error as EngineError;
use bollard::query_parameters::StatsOptions;
use futures_util::StreamExt as _;

use super::{DockerRuntime, container, fault, is_missing};
use crate::error::Result;
use crate::ids::RunId;
use crate::model::Traffic;

impl DockerRuntime {
    /// What the container of `run` has received and sent; `None` where it is on the host's
    /// network, is not there, or the engine does not count them.
    pub(super) async fn moved(&self, run: &RunId) -> Result<Option<Traffic>> {
        let doing = || format!("ask for the traffic of run {run}");
        let name = container::name(run);
        let inspected = match self.docker.inspect_container(&name, None).await {
            Err(e) if is_missing(&e) => return Ok(None),
            other => other.map_err(|e| fault(doing(), &e))?,
        };
        let host = inspected.host_config.unwrap_or_default();
        match host.network_mode.as_deref() {
            Some("host") | None => return Ok(None),
            Some("none") => return Ok(Some(Traffic::default())),
            Some(_) => {}
        }
        let options = StatsOptions { stream: false, one_shot: true };
        let stats = match self.docker.stats(&name, Some(options)).next().await {
            None => return Ok(None),
            Some(Err(e)) if is_missing(&e) => return Ok(None),
            Some(Err(EngineError::RequestTimeoutError)) => return Ok(None),
            Some(stats) => stats.map_err(|e| fault(doing(), &e))?,
        };
        let moved = stats.networks.map(|networks| {
            let moved = networks.values().map(|network| Traffic {
                received: network.rx_bytes.unwrap_or_default(),
                sent: network.tx_bytes.unwrap_or_default(),
            });
            moved.fold(Traffic::default(), Traffic::and)
        });
        Ok(moved)
    }
}
