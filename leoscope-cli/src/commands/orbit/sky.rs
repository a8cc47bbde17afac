//! `leoscope orbit sky`: the sky as nodes read it.

use std::sync::Arc;

use clap::Args;
use leoscope_core::Result;
use leoscope_core::model::{NodeReadings, Reading};
use leoscope_core::orbit::{Look, Tracker, View, above, of_sky};

use super::place::{Place, PlaceArgs, When};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, ReadingView};

/// Options of `orbit sky`.
#[derive(Debug, Args)]
pub(crate) struct Sky {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    when: When,
    /// Within how many degrees of the geostationary arc satellites cannot be used [default: everywhere
    /// they can]
    #[arg(long, value_name = "DEGREES")]
    gso_exclusion: Option<f64>,
}

pub(super) async fn run(sky: Sky, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Sky { place, when, gso_exclusion } = sky;
    let now = when.time();
    let Place { site, catalogue, mask } = place.find(session, out).await?;
    let view = View { mask, gso_exclusion_deg: gso_exclusion, obstruction: None };
    let mut tracker = Tracker::new(Arc::clone(&catalogue), site, view);
    let readings = of_sky(&tracker.sky(now)).into_iter().map(Reading::from).collect();
    let looks = above(catalogue.satellites(), &site, mask, now).into_iter().map(|(_, look)| look);
    let looks: Vec<Look> = looks.collect();
    out.list(&ReadingView::list(NodeReadings { at: now, readings }));
    out.sky(&looks);
    Ok(ExitStatus::Done)
}
