//! The path of a satellite through the sky of a site, between points that were computed.

use super::frame::{Frame, Local, Site};
use super::satellite::Satellite;
use super::vector::dot;

/// The distance of the computed points in seconds. Between them the path is the cubic that has their
/// positions and velocities, which is right to six metres in low orbits.
pub(super) const STEP: f64 = 120.0;

/// When a root is near enough, in seconds.
const NEAR: f64 = 1e-4;

/// The frames of a site at the points, which all satellites share: whole multiples of [`STEP`] since
/// J2000, so that the same pass has the same points whoever asks.
#[derive(Debug)]
pub(super) struct Grid {
    site: Site,
    first: i64,
    frames: Vec<Frame>,
}

/// The number of the last point not after `time`.
pub(super) fn point_before(time: f64) -> i64 {
    (time / STEP).floor() as i64
}

pub(super) fn time_of(point: i64) -> f64 {
    point as f64 * STEP
}

impl Grid {
    /// The points from that of `start` to that of `end` are made ready.
    pub(super) fn new(site: &Site, start: f64, end: f64) -> Self {
        let (first, last) = (point_before(start), point_before(end) + 1);
        let frames = (first..=last).map(|point| site.frame(time_of(point))).collect();
        Self { site: *site, first, frames }
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// The site at a point.
    pub(super) fn frame(&self, point: i64) -> Frame {
        let ready = usize::try_from(point - self.first).ok().and_then(|place| self.frames.get(place));
        ready.copied().unwrap_or_else(|| self.site.frame(time_of(point)))
    }

    /// Where a satellite is at a point; `None` where its elements do not tell.
    pub(super) fn local(&self, satellite: &Satellite, point: i64) -> Option<Local> {
        let state = satellite.state_at(time_of(point))?;
        Some(self.frame(point).local(&state))
    }
}

/// A path through the points `first` and on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arc {
    pub(super) first: i64,
    pub(super) points: Vec<Local>,
}

/// Where a path is between two points: a cubic of the time since the former.
pub(super) fn between(from: &Local, to: &Local, since: f64) -> Local {
    let s = since / STEP;
    let (s2, s3) = (s * s, s * s * s);
    let (h00, h10) = (2.0 * s3 - 3.0 * s2 + 1.0, (s3 - 2.0 * s2 + s) * STEP);
    let (h01, h11) = (3.0 * s2 - 2.0 * s3, (s3 - s2) * STEP);
    let (d00, d10) = ((6.0 * s2 - 6.0 * s) / STEP, 3.0 * s2 - 4.0 * s + 1.0);
    let d11 = 3.0 * s2 - 2.0 * s;
    let mut local = Local { position: [0.0; 3], velocity: [0.0; 3] };
    for axis in 0..3 {
        let (p, v, q, w) = (from.position[axis], from.velocity[axis], to.position[axis], to.velocity[axis]);
        local.position[axis] = h00 * p + h10 * v + h01 * q + h11 * w;
        local.velocity[axis] = d00 * (p - q) + d10 * v + d11 * w;
    }
    local
}

/// The same as the coefficients of each axis, for the time since the former.
pub(super) fn cubic(from: &Local, to: &Local) -> [[f64; 4]; 3] {
    std::array::from_fn(|axis| {
        let (p, v, q, w) = (from.position[axis], from.velocity[axis], to.position[axis], to.velocity[axis]);
        let slope = (q - p) / STEP;
        [p, v, (3.0 * slope - 2.0 * v - w) / STEP, (v + w - 2.0 * slope) / (STEP * STEP)]
    })
}

impl Arc {
    pub(super) fn start(&self) -> f64 {
        time_of(self.first)
    }

    pub(super) fn end(&self) -> f64 {
        time_of(self.last())
    }

    /// Its last point.
    pub(super) fn last(&self) -> i64 {
        self.first + self.points.len() as i64 - 1
    }

    /// Where the satellite is at `time`; `None` outside.
    pub(super) fn at(&self, time: f64) -> Option<Local> {
        let last = self.points.len().checked_sub(2)?;
        let place = (point_before(time) - self.first).min(last as i64);
        let place = usize::try_from(place).ok()?;
        let since = time - time_of(self.first + place as i64);
        (since <= STEP).then(|| between(&self.points[place], &self.points[place + 1], since))
    }

    /// When it is highest, and the sine of its elevation then.
    pub(super) fn culmination(&self) -> (f64, f64) {
        self.culmination_within(self.start(), self.end()).unwrap_or((self.start(), -1.0))
    }

    /// When it is highest between two times, and the sine of its elevation then; `None` outside the path.
    pub(super) fn culmination_within(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        let mut best = (from, self.at(from)?.sine());
        let mut keep = |time: f64, sine: f64| {
            if sine > best.1 && time >= from && time <= to {
                best = (time, sine);
            }
        };
        keep(to, self.at(to)?.sine());
        for (place, pair) in self.points.windows(2).enumerate() {
            if climbing(&pair[0]) > 0.0 && climbing(&pair[1]) <= 0.0 {
                let since = root(|since| climbing(&between(&pair[0], &pair[1], since)));
                keep(time_of(self.first + place as i64) + since, between(&pair[0], &pair[1], since).sine());
            }
        }
        Some(best)
    }

    /// When it is above an elevation of that sine: from where it rises or begins to where it sets or ends.
    pub(super) fn above(&self, sine: f64) -> Vec<(f64, f64)> {
        let height = |local: &Local| local.position[2] - sine * local.range();
        let mut found = Vec::new();
        let mut since = self.points.first().filter(|first| height(first) > 0.0).map(|_| self.start());
        let mut cross = |time: f64, is_above: bool| match (since, is_above) {
            (None, true) => since = Some(time),
            (Some(start), false) => {
                found.push((start, time));
                since = None;
            }
            _ => {}
        };
        for (place, pair) in self.points.windows(2).enumerate() {
            let start = time_of(self.first + place as i64);
            let at = |since: f64| height(&between(&pair[0], &pair[1], since));
            let (from, to) = (height(&pair[0]), height(&pair[1]));
            if (from > 0.0) != (to > 0.0) {
                cross(start + root(at), to > 0.0);
            } else if from <= 0.0 && climbing(&pair[0]) > 0.0 && climbing(&pair[1]) <= 0.0 {
                // It may rise and set again between the two.
                let top = root(|since| climbing(&between(&pair[0], &pair[1], since)));
                if at(top) > 0.0 {
                    cross(start + root_in(at, 0.0, top), true);
                    cross(start + root_in(at, top, STEP), false);
                }
            }
        }
        if let Some(start) = since {
            found.push((start, self.end()));
        }
        found
    }
}

/// Positive while the elevation grows: the derivative of its sine, times the cube of the range.
pub(super) fn climbing(local: &Local) -> f64 {
    let (p, v) = (&local.position, &local.velocity);
    v[2] * dot(p, p) - p[2] * dot(p, v)
}

/// The root of `f` between two points, at which it has not the same sign.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    root_in(f, 0.0, STEP)
}

/// The root of `f` between `low` and `high`, by the Illinois form of false position (Dowell and Jarratt,
/// 1971).
fn root_in(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut at_low, mut at_high) = (f(low), f(high));
    let mut last = f64::INFINITY;
    let mut moved_low = None;
    for _ in 0..60 {
        let middle = (low * at_high - high * at_low) / (at_high - at_low);
        if !middle.is_finite() {
            return low;
        }
        let value = f(middle);
        if value == 0.0 || (middle - last).abs() < NEAR {
            return middle;
        }
        last = middle;
        if (value > 0.0) == (at_high > 0.0) {
            (high, at_high) = (middle, value);
            // An end that stays twice pulls less.
            if moved_low == Some(false) {
                at_low *= 0.5;
            }
            moved_low = Some(false);
        } else {
            (low, at_low) = (middle, value);
            if moved_low == Some(true) {
                at_high *= 0.5;
            }
            moved_low = Some(true);
        }
    }
    last
}
