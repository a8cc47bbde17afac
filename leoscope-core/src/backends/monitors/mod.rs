//! What watches the world around a node.

mod custom;
mod dish;
mod host;
mod latency;
mod node;
mod satellite;
mod traffic;
mod weather;

use std::path::PathBuf;
use std::sync::Arc;

pub use custom::CustomMonitor;
pub use dish::DishMonitor;
pub use host::SystemFacts;
pub use latency::LatencyMonitor;
pub use node::NodeMonitor;
pub use satellite::SatelliteMonitor;
pub use traffic::{InterfacesMonitor, KernelMeter, ManualMeter, TrafficMonitor};
pub use weather::{WeatherForecast, WeatherMonitor};

use crate::error::Result;
use crate::model::MonitorsConfig;
use crate::ports::{Monitor, Runtime, TrafficMeter};
use crate::time::SignedDuration;

/// For how many intervals a reading counts that is made less often than its field is read elsewhere: so
/// many may fail but one.
const COUNTS_FOR: i32 = 3;

/// For how long a reading counts that is made once in `interval`.
fn counts_for(interval: SignedDuration) -> SignedDuration {
    interval.saturating_mul(COUNTS_FOR)
}

/// What the monitors of a node look at besides the network.
#[derive(Debug, Clone)]
pub struct Sights {
    /// What runs its experiments.
    pub runtime: Arc<dyn Runtime>,
    /// What counts the traffic of the host.
    pub meter: Arc<dyn TrafficMeter>,
    /// Where results are kept.
    pub work_dir: PathBuf,
}

/// The monitors of a node: those of its machine and its experiments always, the others as `config` says.
///
/// # Errors
/// [`Internal`](crate::ErrorKind::Internal) where one cannot be set up;
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a config that was not parsed.
pub fn all(config: &MonitorsConfig, sights: Sights) -> Result<Vec<Arc<dyn Monitor>>> {
    // Verdicts are told by who passes them.
    let MonitorsConfig { dish, weather, latency, interfaces, custom, satellite, mqtt: _ } = config;
    let Sights { runtime, meter, work_dir } = sights;
    let mut monitors: Vec<Arc<dyn Monitor>> =
        vec![Arc::new(NodeMonitor::new(work_dir)), Arc::new(TrafficMonitor::new(runtime))];
    monitors.push(Arc::new(SatelliteMonitor::new(satellite.clone())));
    if !interfaces.is_empty() {
        monitors.push(Arc::new(InterfacesMonitor::new(interfaces.clone(), meter)));
    }
    if let Some(dish) = dish {
        monitors.push(Arc::new(DishMonitor::new(dish)?));
    }
    if let Some(weather) = weather {
        monitors.push(Arc::new(WeatherMonitor::new(weather)?));
    }
    if let Some(latency) = latency {
        monitors.push(Arc::new(LatencyMonitor::new(latency)));
    }
    for field in custom {
        monitors.push(Arc::new(CustomMonitor::new(field)?));
    }
    Ok(monitors)
}
