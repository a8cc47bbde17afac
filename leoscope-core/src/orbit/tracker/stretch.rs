//! The paths of all satellites through the sky over a stretch of time.

use std::collections::BTreeMap;

use super::super::arc::{Arc, Grid, cubic, point_before, time_of};
use super::super::elements::Catalogue;
use super::super::frame::{Local, Site};
use super::super::mask::Mask;
use super::super::passes::arcs;
use super::super::plane::{Motion, Motions, is_regular, stretches};
use super::super::satellite::Satellite;

/// How long a stretch is in seconds.
const LENGTH: f64 = 1_800.0;

/// How much longer paths are known than the stretch lasts: what the next slot needs.
const LONGER: f64 = 40.0;

/// How much earlier and later the paths may be that have a part in a stretch.
const MARGIN: f64 = 3_600.0;

/// The motions of all satellites, for the stretches of [`plane`](super::super::plane) that are needed.
#[derive(Debug, Default)]
pub(super) struct Kept(BTreeMap<i64, Vec<Option<Motion>>>);

impl Kept {
    /// Makes those that are needed for a time, and forgets those of before.
    fn make(&mut self, span: (f64, f64), catalogue: &Catalogue) {
        let numbers = stretches(span);
        self.0.retain(|number, _| number + 1 >= *numbers.start());
        for number in numbers {
            self.0.entry(number).or_insert_with(|| {
                let motion = |satellite: &Satellite| {
                    is_regular(satellite).then(|| Motions::default().over(satellite, number))?
                };
                catalogue.satellites().iter().map(motion).collect()
            });
        }
    }

    fn of(&self, number: i64, place: usize) -> Option<Motion> {
        *self.0.get(&number)?.get(place)?
    }
}

/// A path under way, with the cubic of each axis between the two points of the moment.
#[derive(Debug)]
struct Active {
    risen: Risen,
    piece: usize,
    from: f64,
    cubic: [[f64; 4]; 3],
}

impl Active {
    /// Looks at the piece in which `time` is.
    fn turn(&mut self, paths: &[Path], time: f64) {
        let arc = &paths[self.risen.arc].arc;
        let piece = (point_before(time) - arc.first).clamp(0, arc.points.len() as i64 - 2) as usize;
        if piece != self.piece {
            self.piece = piece;
            self.from = time_of(arc.first + piece as i64);
            self.cubic = cubic(&arc.points[piece], &arc.points[piece + 1]);
        }
    }

    fn position(&self, time: f64) -> [f64; 3] {
        let s = time - self.from;
        self.cubic.map(|[a, b, c, d]| ((d * s + c) * s + b) * s + a)
    }
}

/// A path that is in the sky.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Risen {
    arc: usize,
    /// The place of its satellite in the catalogue.
    pub(super) satellite: usize,
}

#[derive(Debug)]
struct Path {
    satellite: usize,
    arc: Arc,
    /// The sine of the satellite's mask, and when it is above that: rise and set.
    mask: f64,
    above: Vec<(f64, f64)>,
}

/// What is in the sky from one time to another.
#[derive(Debug)]
pub(super) struct Stretch {
    start: f64,
    end: f64,
    /// By when they begin.
    paths: Vec<Path>,
    /// How many have begun.
    begun: usize,
    /// Those that have begun and not ended.
    active: Vec<Active>,
    /// The latest time that it was advanced to.
    now: f64,
    /// When satellites rise above their masks, in order.
    rises: Vec<f64>,
}

impl Stretch {
    /// The stretch in which `time` lies.
    pub(super) fn new(catalogue: &Catalogue, site: &Site, mask: Mask, time: f64, motions: &mut Kept) -> Self {
        let start = (time / LENGTH).floor() * LENGTH;
        let end = start + LENGTH;
        let grid = Grid::new(site, start - MARGIN, end + MARGIN);
        motions.make((start - MARGIN, end + MARGIN), catalogue);
        let mut paths = Vec::new();
        for (place, satellite) in catalogue.satellites().iter().enumerate() {
            let motion = |number| motions.of(number, place);
            for arc in arcs(satellite, &grid, 0.0, (start, end + LONGER), motion) {
                let mask = mask.sine(satellite);
                let above = arc.above(mask);
                paths.push(Path { satellite: place, arc, mask, above });
            }
        }
        paths.sort_by_key(|path| path.arc.first);
        let mut rises: Vec<f64> =
            paths.iter().flat_map(|path| path.above.iter().map(|(rise, _)| *rise)).collect();
        rises.retain(|rise| *rise >= start);
        rises.sort_by(f64::total_cmp);
        Self { start, end, paths, begun: 0, active: Vec::new(), now: start, rises }
    }

    pub(super) fn covers(&self, time: f64) -> bool {
        time >= self.start && time < self.end
    }

    pub(super) fn end(&self) -> f64 {
        self.end
    }

    /// Notes what has begun and ended by `time`.
    pub(super) fn advance(&mut self, time: f64) {
        if time < self.now {
            self.begun = 0;
            self.active.clear();
        }
        self.now = time;
        while let Some(path) = self.paths.get(self.begun).filter(|path| path.arc.start() <= time) {
            let risen = Risen { arc: self.begun, satellite: path.satellite };
            self.active.push(Active { risen, piece: usize::MAX, from: 0.0, cubic: [[0.0; 4]; 3] });
            self.begun += 1;
        }
        let paths = &self.paths;
        self.active.retain(|active| paths[active.risen.arc].arc.end() >= time);
        for active in &mut self.active {
            active.turn(paths, time);
        }
    }

    /// The paths under way at the time that it was advanced to, each with where its satellite is: east, north
    /// and up in km.
    pub(super) fn risen(&self, time: f64) -> impl Iterator<Item = (Risen, [f64; 3])> + '_ {
        self.active.iter().map(move |active| (active.risen, active.position(time)))
    }

    /// The paths under way at `time`.
    pub(super) fn all_around(&self, time: f64) -> impl Iterator<Item = Risen> + '_ {
        let begun = self.paths.iter().enumerate().take_while(move |(_, path)| path.arc.start() <= time);
        begun
            .filter(move |(_, path)| path.arc.end() >= time)
            .map(|(arc, path)| Risen { arc, satellite: path.satellite })
    }

    pub(super) fn local(&self, risen: Risen, time: f64) -> Option<Local> {
        self.paths[risen.arc].arc.at(time)
    }

    pub(super) fn mask_sine(&self, risen: Risen) -> f64 {
        self.paths[risen.arc].mask
    }

    pub(super) fn satellite<'a>(&self, risen: Risen, catalogue: &'a Catalogue) -> &'a Satellite {
        &catalogue.satellites()[self.paths[risen.arc].satellite]
    }

    /// When it sets below its mask, and the sine of the highest elevation of its pass; `None` where it is
    /// below.
    pub(super) fn pass(&self, risen: Risen, time: f64) -> Option<(f64, f64)> {
        let path = &self.paths[risen.arc];
        let (rise, set) = path.above.iter().find(|(rise, set)| *rise <= time && time < *set)?;
        Some((*set, path.arc.culmination_within(*rise, *set)?.1))
    }

    /// When the next satellite rises above its mask after `time`, within the stretch.
    pub(super) fn next_rise(&self, time: f64) -> Option<f64> {
        let place = self.rises.partition_point(|rise| *rise <= time);
        self.rises.get(place).copied().filter(|rise| *rise < self.end)
    }
}
