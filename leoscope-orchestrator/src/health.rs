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

/// How often nodes are counted.
const CENSUS: Duration = Duration::from_secs(10);

/// Says for ever whether the database answers; without it no call can be served. The empty name
/// stands for the whole server.
pub(crate) async fn keep(service: Arc<Service>, reporter: HealthReporter, metrics: Arc<Metrics>) {
    let counting = async {
        loop {
            // What was counted before stays when the database does not answer.
            if let Ok(census) = service.census().await {
                metrics.take_census(census);
            }
            tokio::time::sleep(CENSUS).await;
        }
    };
    let looking = async {
        loop {
            let looked = service.check().await;
            if let Err(error) = &looked {
                tracing::debug!(%error, "not serving");
            }
            metrics.serving(looked.is_ok());
            let status = if looked.is_ok() { ServingStatus::Serving } else { ServingStatus::NotServing };
            for name in ["", SERVICE_NAME] {
                reporter.set_service_status(name, status).await;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::join!(counting, looking);
}
