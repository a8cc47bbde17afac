//! `leoscope orbit walker`: a constellation that does not exist.

use clap::Args;
use leoscope_core::Result;
use leoscope_core::orbit::Walker;
use leoscope_core::time::{Timestamp, parse_time};

use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `orbit walker`.
///
/// Elements (OMM in JSON) are printed, for --elements of the orchestrator and of other commands.
#[derive(Debug, Args)]
pub(crate) struct WalkerArgs {
    /// What the satellites are called: this and a number
    #[arg(long, value_name = "NAME", default_value = "WALKER")]
    name: String,
    /// The altitude in km
    #[arg(long, value_name = "KM", default_value_t = 550.0)]
    altitude: f64,
    /// The inclination in degrees
    #[arg(long, value_name = "DEGREES", default_value_t = 53.0)]
    inclination: f64,
    /// The number of planes
    #[arg(long, value_name = "COUNT", default_value_t = 72)]
    planes: u32,
    /// The number of satellites in each plane
    #[arg(long, value_name = "COUNT", default_value_t = 22)]
    per_plane: u32,
    /// The phasing between planes: 0 up to the number of planes
    #[arg(long, value_name = "COUNT", default_value_t = 17)]
    phasing: u32,
    /// The first catalogue number
    #[arg(long, value_name = "NUMBER", default_value_t = 900_001)]
    first_number: u32,
    /// The epoch of the elements (UTC) [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    epoch: Option<Timestamp>,
}

pub(super) fn run(walker: &WalkerArgs, out: &Output) -> Result<ExitStatus> {
    let WalkerArgs { name, altitude, inclination, planes, per_plane, phasing, first_number, epoch } = walker;
    let constellation = Walker {
        name: name.clone(),
        first_number: *first_number,
        altitude_km: *altitude,
        inclination_deg: *inclination,
        planes: *planes,
        per_plane: *per_plane,
        phasing: *phasing,
        first_node_deg: 0.0,
        first_anomaly_deg: 0.0,
    };
    out.line(constellation.omm(epoch.unwrap_or_else(Timestamp::now))?);
    Ok(ExitStatus::Done)
}
