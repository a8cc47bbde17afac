//! When a satellite in a nearly circular low orbit comes closest to a site, from its plane alone.
//!
//! The plane of an orbit hardly turns while the earth turns below it, so the angle between the site and
//! the plane is a sine of sidereal time: that says in closed form in which parts of a day a satellite
//! can come near at all. Within those it is closest once in each revolution, where its argument of
//! latitude is that of the site's projection on the plane.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use super::frame::{EARTH_RATE, Site};
use super::satellite::Satellite;
use super::vector::{cross, dot, norm, times};

/// Over how many seconds the motion is taken as even. Stretches begin at whole multiples, so that the
/// same approach is found whoever asks.
const STRETCH: f64 = 86_400.0;

/// Longer revolutions, more eccentric and flatter orbits are not looked at this way.
const LONGEST_PERIOD: f64 = 9_000.0;
const MOST_ECCENTRIC: f64 = 0.05;
const FLATTEST: f64 = 0.05;

/// When an approach is near enough, in seconds.
const NEAR: f64 = 1.0;

/// Whether approaches can be found from the plane of the orbit.
pub(super) fn is_regular(satellite: &Satellite) -> bool {
    let mean = satellite.mean();
    mean.period() <= LONGEST_PERIOD
        && mean.eccentricity <= MOST_ECCENTRIC
        && mean.inclination.sin() > FLATTEST
}

/// The orbit at one instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Osculating {
    node: f64,
    inclination: f64,
    /// Argument of latitude.
    argument: f64,
}

fn osculating(satellite: &Satellite, time: f64) -> Option<Osculating> {
    let state = satellite.state_at(time)?;
    let (position, velocity) = state.parts();
    let h = cross(position, velocity);
    let h = times(&h, norm(&h).recip());
    let flat = h[0].hypot(h[1]);
    let node = [-h[1] / flat, h[0] / flat, 0.0];
    Some(Osculating {
        node: h[0].atan2(-h[1]),
        inclination: flat.atan2(h[2]),
        argument: dot(position, &cross(&h, &node)).atan2(dot(position, &node)),
    })
}

/// An angle between −π and π.
fn wrapped(angle: f64) -> f64 {
    (angle + PI).rem_euclid(TAU) - PI
}

/// The even motion of a satellite over a stretch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Motion {
    from: f64,
    /// Mean argument of latitude, and how fast it grows.
    argument: f64,
    rate: f64,
    node: f64,
    node_rate: f64,
    sin: f64,
    cos: f64,
    eccentricity: f64,
    perigee: f64,
    perigee_rate: f64,
}

impl Motion {
    fn fit(satellite: &Satellite, from: (f64, Osculating), to: (f64, Osculating)) -> Self {
        let mean = satellite.mean();
        let perigee = |time: f64| mean.perigee + mean.perigee_rate * (time - satellite.epoch_seconds());
        // The mean argument: without the equation of the centre.
        let evened = |(time, at): (f64, Osculating)| {
            let anomaly = at.argument - perigee(time);
            at.argument - 2.0 * mean.eccentricity * anomaly.sin()
        };
        let (begin, end) = (evened(from), evened(to));
        let length = to.0 - from.0;
        let expected = begin + (mean.motion + mean.perigee_rate) * length;
        let (sin, cos) = (0.5 * (from.1.inclination + to.1.inclination)).sin_cos();
        Self {
            from: from.0,
            argument: begin,
            rate: (expected - begin + wrapped(end - expected)) / length,
            node: from.1.node,
            node_rate: wrapped(to.1.node - from.1.node) / length,
            sin,
            cos,
            eccentricity: mean.eccentricity,
            perigee: perigee(from.0),
            perigee_rate: mean.perigee_rate,
        }
    }

    /// The argument of latitude.
    fn argument(&self, time: f64) -> f64 {
        let since = time - self.from;
        let mean = self.argument + self.rate * since;
        mean + 2.0 * self.eccentricity * (mean - self.perigee - self.perigee_rate * since).sin()
    }
}

/// A site below a moving plane.
struct Below<'a> {
    motion: &'a Motion,
    /// Sine and cosine of its geocentric latitude.
    sin: f64,
    cos: f64,
    /// The angle from its meridian to the node at the beginning, and how fast it shrinks.
    angle: f64,
    rate: f64,
}

impl Below<'_> {
    /// The argument of latitude of the site's projection, and how fast it grows.
    fn projection(&self, time: f64) -> (f64, f64) {
        let (sin, cos) = (self.angle - self.rate * (time - self.motion.from)).sin_cos();
        let along = self.cos * cos;
        let across = self.sin * self.motion.sin - self.cos * self.motion.cos * sin;
        let along_rate = self.cos * sin * self.rate;
        let across_rate = self.cos * self.motion.cos * cos * self.rate;
        let squared = along * along + across * across;
        (across.atan2(along), (across_rate * along - along_rate * across) / squared)
    }

    /// The parts of `[start, end]` in which the site is within an angle of that sine of the plane.
    fn near(&self, sine: f64, start: f64, end: f64, mut each: impl FnMut(f64, f64)) {
        let (a, b) = (self.cos * self.motion.sin, self.sin * self.motion.cos);
        // The sine of the angle to the plane is a·sin(angle) + b.
        if a < 1e-9 {
            if b.abs() < sine {
                each(start, end);
            }
            return;
        }
        let (low, high) = ((-sine - b) / a, (sine - b) / a);
        if low <= -1.0 && high >= 1.0 {
            return each(start, end);
        }
        if low >= 1.0 || high <= -1.0 {
            return;
        }
        let (low, high) = (low.max(-1.0).asin(), high.min(1.0).asin());
        let mut parts = [(low, high), (PI - high, PI - low)];
        let mut count = 2;
        if high >= FRAC_PI_2 {
            parts[0] = (low, PI - low);
            count = 1;
        } else if low <= -FRAC_PI_2 {
            parts[0] = (PI - high - TAU, high);
            count = 1;
        }
        let at = |time: f64| self.angle - self.rate * (time - self.motion.from);
        let time = |angle: f64| self.motion.from + (self.angle - angle) / self.rate;
        // The angle shrinks with time: from that of the beginning down to that of the end.
        let mut turn = ((at(start) + TAU) / TAU).ceil();
        while (turn + 1.0) * TAU > at(end) - TAU {
            for &(from, to) in parts[..count].iter().rev() {
                let (enters, leaves) = (time(to + turn * TAU), time(from + turn * TAU));
                if enters < end && leaves > start {
                    each(enters.max(start), leaves.min(end));
                }
            }
            turn -= 1.0;
        }
    }
}

/// The motions of one satellite, stretch after stretch.
#[derive(Debug, Default)]
pub(super) struct Motions {
    /// The last instant that was computed: neighbouring stretches share it.
    last: Option<(i64, Option<Osculating>)>,
}

impl Motions {
    /// The motion over the stretch of that number; `None` where the elements do not tell.
    pub(super) fn over(&mut self, satellite: &Satellite, number: i64) -> Option<Motion> {
        let at = |number: i64| osculating(satellite, number as f64 * STRETCH);
        let from = match self.last {
            Some((last, state)) if last == number => state,
            _ => at(number),
        };
        let to = at(number + 1);
        self.last = Some((number + 1, to));
        let begin = number as f64 * STRETCH;
        Some(Motion::fit(satellite, (begin, from?), (begin + STRETCH, to?)))
    }
}

/// The numbers of the stretches that have a part in a time.
pub(super) fn stretches((start, end): (f64, f64)) -> std::ops::RangeInclusive<i64> {
    (start / STRETCH).floor() as i64..=(end / STRETCH).floor() as i64
}

/// Tells about when a satellite comes closest to `site` within `[start, end]`, where its plane comes within
/// `reach` radians; `motion` gives its motion over the stretch of a number. `unknown` gets the times for
/// which there is none.
pub(super) fn approaches(
    period: f64,
    site: &Site,
    reach: f64,
    (start, end): (f64, f64),
    mut motion: impl FnMut(i64) -> Option<Motion>,
    mut approach: impl FnMut(f64),
    mut unknown: impl FnMut(f64, f64),
) {
    let (_, sin, cos) = site.geocentric();
    for number in stretches((start, end)) {
        let from = number as f64 * STRETCH;
        let (begin, finish) = (from.max(start), (from + STRETCH).min(end));
        let Some(motion) = motion(number) else {
            unknown(begin, finish);
            continue;
        };
        let angle = motion.node - site.right_ascension(from);
        let below = Below { motion: &motion, sin, cos, angle, rate: EARTH_RATE - motion.node_rate };
        // Those near the border of two stretches are found in both rather than in none.
        below.near(reach.sin(), begin - 30.0, finish + 30.0, |enters, leaves| {
            let mut time = enters;
            loop {
                let ahead = (below.projection(time).0 - motion.argument(time)).rem_euclid(TAU);
                time += ahead / motion.rate;
                for _ in 0..8 {
                    let (projection, moves) = below.projection(time);
                    let late = wrapped(projection - motion.argument(time)) / (motion.rate - moves);
                    time += late;
                    if late.abs() < NEAR {
                        break;
                    }
                }
                if time > leaves {
                    break;
                }
                approach(time);
                time += 0.5 * period;
            }
        });
    }
}
