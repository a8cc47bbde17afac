//! The highest satellite while none is above the horizon.

use super::super::arc::{STEP, between, point_before, time_of};
use super::super::frame::{Local, Site};
use super::super::satellite::Satellite;

/// All satellites between two points.
#[derive(Debug)]
pub(super) struct Below {
    point: i64,
    /// Where they are at the former and the latter; the place of each in the catalogue.
    pairs: Vec<(usize, Local, Local)>,
}

impl Below {
    pub(super) fn new(satellites: &[Satellite], site: &Site, time: f64) -> Self {
        let point = point_before(time);
        let frames = [point, point + 1].map(|point| site.frame(time_of(point)));
        let pairs = satellites.iter().enumerate().filter_map(|(place, satellite)| {
            let from = frames[0].local(&satellite.state_at(time_of(point))?);
            let to = frames[1].local(&satellite.state_at(time_of(point) + STEP)?);
            Some((place, from, to))
        });
        Self { point, pairs: pairs.collect() }
    }

    pub(super) fn covers(&self, time: f64) -> bool {
        point_before(time) == self.point
    }

    pub(super) fn highest(&self, time: f64) -> Option<(usize, Local)> {
        let since = time - time_of(self.point);
        let all = self.pairs.iter().map(|(place, from, to)| (*place, between(from, to, since)));
        all.max_by(|(_, one), (_, other)| one.sine().total_cmp(&other.sine()))
    }
}
