//! What is found of satellites as columns.

use leoscope_core::orbit::{self, Look, Mask, Pass, Satellite, Site, passes_of_all};
use leoscope_core::time::{Timestamp, Window};

use crate::table::{Column, Table};

fn names<'a>(satellites: impl Iterator<Item = &'a Satellite>) -> Column<'a> {
    Column::Texts(satellites.map(|one| one.name().to_string()).collect())
}

/// The satellites that were found at places of a list.
pub(super) fn visible<'a>(satellites: &'a [Satellite], found: &'a [(usize, Look)]) -> Table<'a> {
    let of = |place: usize| satellites.get(place);
    Table(vec![
        ("number", Column::whole(found, |(place, _)| of(*place).map_or(0, |one| one.number().into()))),
        ("name", names(found.iter().filter_map(|(place, _)| of(*place)))),
        ("azimuth", Column::numbers(found, |(_, look)| look.azimuth_deg)),
        ("elevation", Column::numbers(found, |(_, look)| look.elevation_deg)),
        ("range_km", Column::numbers(found, |(_, look)| look.range_km)),
        ("range_rate_km_s", Column::numbers(found, |(_, look)| look.range_rate_km_s)),
    ])
}

/// A pass, and whose.
pub(super) type Found<'a> = (&'a Satellite, Pass);

/// The passes of all satellites, or of those that are named, in the order of their rises.
pub(super) fn find<'a>(
    all: &'a [Satellite],
    named: Option<&[&'a Satellite]>,
    site: &Site,
    mask: Mask,
    span: Window,
) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'a>> = match named {
        Some(named) => {
            let of = |one| orbit::passes(one, site, mask, span).into_iter().map(move |pass| (one, pass));
            named.iter().copied().flat_map(of).collect()
        }
        None => {
            let found = passes_of_all(all, site, mask, span);
            found.filter_map(|(place, pass)| Some((all.get(place)?, pass))).collect()
        }
    };
    found.sort_by_key(|(satellite, pass)| (pass.window.start(), satellite.number()));
    found
}

/// Passes as columns.
pub(super) fn passes<'a>(found: &'a [Found<'a>]) -> Table<'a> {
    Table(vec![
        ("number", Column::whole(found, |(satellite, _)| satellite.number().into())),
        ("name", names(found.iter().map(|(satellite, _)| *satellite))),
        ("rise", Column::times(found, |(_, pass)| Some(pass.window.start()))),
        ("set", Column::times(found, |(_, pass)| Some(pass.window.end()))),
        ("culmination", Column::times(found, |(_, pass)| Some(pass.culmination))),
        ("max_elevation", Column::numbers(found, |(_, pass)| pass.max_elevation_deg)),
        ("rise_azimuth", Column::numbers(found, |(_, pass)| pass.rise_azimuth_deg)),
        ("set_azimuth", Column::numbers(found, |(_, pass)| pass.set_azimuth_deg)),
        ("sigma", Column::numbers(found, |(_, pass)| pass.sigma_s)),
    ])
}

/// Where a satellite is at each of some instants (microseconds since 1970); nothing where its elements do
/// not tell.
pub(super) fn track(satellite: &Satellite, site: &Site, times: &[i64]) -> Vec<Option<Look>> {
    let look = |micros: &i64| {
        let at = Timestamp::from_microsecond(*micros).ok()?;
        Some(site.look(&satellite.state(at)?, at))
    };
    times.iter().map(look).collect()
}

/// A track as columns.
pub(super) fn looks(looks: &[Option<Look>]) -> Table<'_> {
    let numbers =
        |part: fn(&Look) -> f64| Column::numbers(looks, move |look| look.as_ref().map_or(f64::NAN, part));
    Table(vec![
        ("azimuth", numbers(|look| look.azimuth_deg)),
        ("elevation", numbers(|look| look.elevation_deg)),
        ("range_km", numbers(|look| look.range_km)),
        ("range_rate_km_s", numbers(|look| look.range_rate_km_s)),
    ])
}
