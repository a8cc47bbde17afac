//! `leoscope orbit passes`: when satellites pass over.

use clap::Args;
use leoscope_core::orbit::{Satellite, passes_of_all};
use leoscope_core::time::{SignedDuration, Window, parse_duration};
use leoscope_core::{Error, Result};

use super::place::{Place, PlaceArgs, When};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, Passing};

/// How far ahead it can be looked.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Options of `orbit passes`.
#[derive(Debug, Args)]
pub(crate) struct Passes {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    when: When,
    /// How far ahead to look, for example 90m or 2d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    horizon: SignedDuration,
    /// Only of this satellite, by its name or catalogue number; may be given several times
    #[arg(long, value_name = "NAME")]
    satellite: Vec<String>,
    /// Only passes that get at least this high, in degrees
    #[arg(long, value_name = "DEGREES", default_value_t = 0.0)]
    min_elevation: f64,
    /// Only this many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

pub(super) async fn run(passes: Passes, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Passes { place, when, horizon, satellite, min_elevation, limit } = passes;
    if horizon > LONGEST {
        return Err(Error::invalid("it is not possible to look more than 14 days ahead")
            .hint("orbital elements are too old by then"));
    }
    let start = when.time();
    let span = Window::lasting(start, horizon).ok_or_else(|| Error::invalid("that is beyond all times"))?;
    let Place { site, catalogue, mask } = place.find(session, out).await?;
    let chosen: Vec<Satellite> = satellite
        .iter()
        .map(|name| {
            let place = catalogue.find(name).ok_or_else(|| {
                Error::invalid(format!("satellite {name:?} is not among the orbital elements"))
                    .hint("leoscope orbit visible tells how they are named")
            })?;
            Ok(catalogue.satellites()[place].clone())
        })
        .collect::<Result<_>>()?;
    let satellites = if satellite.is_empty() { catalogue.satellites() } else { &chosen };
    let found = passes_of_all(satellites, &site, mask, span);
    let found = found.filter(|(_, pass)| pass.max_elevation_deg >= min_elevation);
    let mut found: Vec<Passing> = found.map(|(place, pass)| Passing::new(&satellites[place], pass)).collect();
    found.sort_by_key(Passing::rise);
    let count = found.len();
    found.truncate(limit.unwrap_or(count));
    out.list(&found);
    out.note(format_args!("{count} passes within {span}"));
    Ok(ExitStatus::Done)
}
