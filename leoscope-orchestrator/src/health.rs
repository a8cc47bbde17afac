//! What load balancers and service managers ask (`grpc.health.v1`): whether this orchestrator can
//! serve.

use std::sync::Arc;
use std::time::Duration;

use leoscope_core::control::Service;
use leoscope_core::proto::unary::leotest_orchestrator_server::SERVICE_NAME;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::metrics::Metrics;

/// Calls below this path need no credentials: they tell nothing but whether it serves.
pub(crate) const PATH: &str = "/grpc.health.v1.Health/";

/// How often the database is asked.
const INTERVAL: Duration = Duration::from_secs(2);

/// Whether the database answers; without it no call can be served.
pub(crate) async fn look(service: &Service) -> bool {
    let looked = service.check().await;
    if let Err(error) = &looked {
        tracing::debug!(%error, "not serving");
    }
    looked.is_ok()
}

/// Says for ever whether the database answers. The empty name stands for the whole server.
pub(crate) async fn keep(service: Arc<Service>, reporter: HealthReporter, metrics: Arc<Metrics>) {
    loop {
        let is_serving = look(&service).await;
        metrics.serving(is_serving);
        let status = if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in ["", SERVICE_NAME] {
            reporter.set_service_status(name, status).await;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
