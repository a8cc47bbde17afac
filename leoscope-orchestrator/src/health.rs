//! What load balancers and service managers ask (`grpc.health.v1`): whether this orchestrator can
//! serve.

use std::sync::Arc;
use std::time::Duration;

use leoscope_core::control::Service;
use leoscope_core::proto::unary::leotest_orchestrator_server::SERVICE_NAME;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Calls below this path need no credentials: they tell nothing but whether it serves.
pub(crate) const PATH: &str = "/grpc.health.v1.Health/";

/// How often the database is asked.
const INTERVAL: Duration = Duration::from_secs(2);

/// Says for ever whether the database answers; without it no call can be served. The empty name
/// stands for the whole server.
pub(crate) async fn keep(service: Arc<Service>, reporter: HealthReporter) {
    loop {
        let status = match service.check().await {
            Ok(()) => ServingStatus::Serving,
            Err(error) => {
                tracing::debug!(%error, "not serving");
                ServingStatus::NotServing
            }
        };
        for name in ["", SERVICE_NAME] {
            reporter.set_service_status(name, status).await;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
