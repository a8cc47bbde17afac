//! `leoscope orbit visible`: the satellites above the mask.

use clap::Args;
use leoscope_core::Result;
use leoscope_core::orbit::above;

use super::place::{Place, PlaceArgs, When};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, Seen};

/// Options of `orbit visible`.
#[derive(Debug, Args)]
pub(crate) struct Visible {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    when: When,
    /// Only this many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

pub(super) async fn run(visible: Visible, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Visible { place, when, limit } = visible;
    let now = when.time();
    let Place { site, catalogue, mask } = place.find(session, out).await?;
    let satellites = catalogue.satellites();
    let seen = above(satellites, &site, mask, now).into_iter();
    let seen = seen.map(|(place, look)| Seen::new(&satellites[place], look, now));
    let mut seen: Vec<Seen> = seen.collect();
    seen.sort_by(|one, other| other.elevation().total_cmp(&one.elevation()));
    let count = seen.len();
    seen.truncate(limit.unwrap_or(count));
    out.list(&seen);
    out.note(format_args!(
        "{count} of {} satellites are above the mask at {now}",
        catalogue.satellites().len()
    ));
    Ok(ExitStatus::Done)
}
