//! When satellites pass over a site.

use std::f64::consts::{FRAC_PI_2, TAU};

use super::arc::{Arc, Grid, STEP, climbing, point_before, time_of};
use super::frame::{EARTH_RATE, Local, Look, Site};
use super::mask::Mask;
use super::plane::{Motion, Motions, approaches, is_regular};
use super::satellite::{Satellite, instant, seconds};
use super::vector::{Vector, dot, unit};
use crate::time::{SignedDuration, Timestamp, Window};

/// How long before and after what is asked for a pass of a low orbit may reach, in seconds.
const MARGIN: f64 = 3_600.0;

/// How far the beginning and the end are looked for of a pass that is under way, in points.
const FARTHEST: i64 = (43_200.0 / STEP) as i64;

/// By how many radians an orbit's plane is looked at although it seems too far away: the vertical is off
/// the direction from the earth's centre by up to 0.0034, and orbits are off their mean.
const SLACK: f64 = 0.017;

/// A pass of a satellite over a site: it is above an elevation all the while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pass {
    /// From its rise to its set. What rose or sets more than twelve hours from what was asked for is cut
    /// there.
    pub window: Window,
    /// When it is highest.
    pub culmination: Timestamp,
    /// How high it is then, in degrees.
    pub max_elevation_deg: f64,
    /// Where it rises, in degrees east of north.
    pub rise_azimuth_deg: f64,
    /// Where it sets, likewise.
    pub set_azimuth_deg: f64,
    /// By how much the times may be wrong, as the elements age: one standard deviation, in seconds.
    pub sigma_s: f64,
}

/// By how many seconds a prediction from elements of that age is wrong, one standard deviation.
///
/// Measured on Starlink satellites: half a second after a day, and four after four days. A manoeuvre
/// makes it worse.
pub fn sigma(age: SignedDuration) -> f64 {
    0.5 * (age.as_secs_f64().abs() / 86_400.0).powf(1.5)
}

/// All passes of a satellite above `mask` that have a part in `span`, in order.
pub fn passes(satellite: &Satellite, site: &Site, mask: Mask, span: Window) -> Vec<Pass> {
    let span = (seconds(span.start()), seconds(span.end()));
    let grid = Grid::new(site, span.0 - MARGIN, span.1 + MARGIN);
    of(satellite, &grid, mask.sine(satellite), span).collect()
}

/// All passes of many satellites above `mask` that have a part in `span`: each with the place of its
/// satellite, in the order of the satellites.
pub fn passes_of_all<'a>(
    satellites: &'a [Satellite],
    site: &Site,
    mask: Mask,
    span: Window,
) -> impl Iterator<Item = (usize, Pass)> + 'a {
    let span = (seconds(span.start()), seconds(span.end()));
    let grid = Grid::new(site, span.0 - MARGIN, span.1 + MARGIN);
    satellites.iter().enumerate().flat_map(move |(place, satellite)| {
        let found: Vec<Pass> = of(satellite, &grid, mask.sine(satellite), span).collect();
        found.into_iter().map(move |pass| (place, pass))
    })
}

/// The satellites above `mask` at one instant: the place of each, and where it is.
pub fn above(satellites: &[Satellite], site: &Site, mask: Mask, now: Timestamp) -> Vec<(usize, Look)> {
    let time = seconds(now);
    let frame = site.frame(time);
    let (radius, ..) = site.geocentric();
    let direction = unit(&frame.position);
    let looked = satellites.iter().enumerate().filter_map(|(place, satellite)| {
        if is_far(satellite, time, &direction, reach(satellite, radius, mask.sine(satellite))) {
            return None;
        }
        let state = satellite.state_at(time)?;
        // Most are below the horizon, which a product tells.
        if frame.height(&state) <= 0.0 {
            return None;
        }
        let local = frame.local(&state);
        (local.sine() > mask.sine(satellite)).then(|| (place, local.look()))
    });
    looked.collect()
}

/// How far in radians, seen from the earth's centre, a satellite may be from a site at that distance from it
/// and be above an elevation of that sine.
fn reach(satellite: &Satellite, radius: f64, sine: f64) -> f64 {
    let mean = satellite.mean();
    let farthest = mean.semi_major_axis * (1.0 + mean.eccentricity.min(0.99)) + 20.0;
    let elevation = sine.clamp(-1.0, 1.0).asin();
    (radius * elevation.cos() / farthest).min(1.0).acos() - elevation + SLACK
}

/// Whether even the plane of a satellite is farther than `reach` from a direction, wherever in it the
/// satellite is.
fn is_far(satellite: &Satellite, time: f64, direction: &Vector, reach: f64) -> bool {
    if !is_regular(satellite) {
        return false;
    }
    let (normal, error) = satellite.mean().normal(time - satellite.epoch_seconds());
    let within = reach + error;
    within < FRAC_PI_2 && dot(&normal, direction).abs() > within.sin()
}

fn of<'a>(
    satellite: &'a Satellite,
    grid: &'a Grid,
    sine: f64,
    (start, end): (f64, f64),
) -> impl Iterator<Item = Pass> + 'a {
    let mut motions = Motions::default();
    let motion = |number| motions.over(satellite, number);
    let arcs = arcs(satellite, grid, sine, (start, end), motion);
    arcs.into_iter().flat_map(move |arc| {
        let windows = arc.above(sine).into_iter().filter(|(rise, set)| *rise < end && *set > start);
        windows.filter_map(|window| pass(satellite, &arc, window)).collect::<Vec<_>>()
    })
}

/// The pass in which a satellite on that path is above from `rise` to `set`.
pub(super) fn pass(satellite: &Satellite, arc: &Arc, (rise, set): (f64, f64)) -> Option<Pass> {
    let window = Window::new(instant(rise), instant(set)).ok()?;
    let (top, sine) = arc.culmination_within(rise, set)?;
    let azimuth = |time: f64| Some(arc.at(time)?.azimuth_deg());
    let culmination = instant(top);
    Some(Pass {
        window,
        culmination,
        max_elevation_deg: sine.clamp(-1.0, 1.0).asin().to_degrees(),
        rise_azimuth_deg: azimuth(rise)?,
        set_azimuth_deg: azimuth(set)?,
        sigma_s: sigma(satellite.age(culmination)),
    })
}

/// The paths of a satellite on which it is above an elevation of that sine and that have a part in
/// `[start, end]`, each with a point below at either end. `motion` gives its motion over the stretch of a
/// number.
pub(super) fn arcs(
    satellite: &Satellite,
    grid: &Grid,
    sine: f64,
    (start, end): (f64, f64),
    motion: impl FnMut(i64) -> Option<Motion>,
) -> Vec<Arc> {
    let mut found: Vec<Arc> = Vec::new();
    if !is_regular(satellite) {
        sweep(satellite, grid, sine, (start, end), &mut found);
        return found;
    }
    let site = grid.site();
    let mean = satellite.mean();
    let reach = reach(satellite, site.geocentric().0, sine);
    if reach <= 0.0 {
        return found;
    }
    let reach = reach.min(FRAC_PI_2 - 0.01);
    let half = reach / TAU * mean.period() + 2.0 * STEP;
    let mut unknown = Vec::new();
    let each = |time: f64| {
        let point = point_before(time);
        if found.last().is_none_or(|last| point >= last.last()) {
            found.extend(
                grow(satellite, grid, sine, point).filter(|arc| arc.end() > start && arc.start() < end),
            );
        }
    };
    let span = (start - half, end + half);
    approaches(mean.period(), site, reach, span, motion, each, |from, to| unknown.push((from, to)));
    for (from, to) in unknown {
        sweep(satellite, grid, sine, (from.max(start), to.min(end)), &mut found);
    }
    found.sort_by_key(|arc| arc.first);
    found.dedup_by(|later, earlier| later.first < earlier.last());
    found
}

/// The path around the highest point near `point` and the next, if it comes above.
fn grow(satellite: &Satellite, grid: &Grid, sine: f64, point: i64) -> Option<Arc> {
    let mut first = point;
    let is_above = |local: &Local| local.sine() > sine;
    let mut pair = (grid.local(satellite, first)?, grid.local(satellite, first + 1)?);
    // It was said only about when it is highest.
    for _ in 0..4 {
        if is_above(&pair.0) || is_above(&pair.1) {
            break;
        }
        if climbing(&pair.0) <= 0.0 {
            first -= 1;
            pair = (grid.local(satellite, first)?, pair.0);
        } else if climbing(&pair.1) > 0.0 {
            pair = (pair.1, grid.local(satellite, first + 2)?);
            first += 1;
        } else {
            break;
        }
    }
    let mut arc = Arc { first, points: vec![pair.0, pair.1] };
    if !is_above(&pair.0) && !is_above(&pair.1) && arc.culmination().1 <= sine {
        return None;
    }
    let mut before = Vec::new();
    while before.last().or(arc.points.first()).is_some_and(is_above) && before.len() < FARTHEST as usize {
        let Some(local) = grid.local(satellite, first - 1) else { break };
        first -= 1;
        before.push(local);
    }
    while arc.points.last().is_some_and(is_above) && arc.points.len() < FARTHEST as usize {
        let Some(local) = grid.local(satellite, arc.last() + 1) else { break };
        arc.points.push(local);
    }
    before.reverse();
    before.extend(arc.points);
    Some(Arc { first, points: before })
}

/// Looks at every point at which the satellite may be above, whatever its orbit.
fn sweep(satellite: &Satellite, grid: &Grid, sine: f64, (start, end): (f64, f64), found: &mut Vec<Arc>) {
    let mean = satellite.mean();
    // The fastest that the angle between it and the site changes: at its perigee, and with the earth.
    let e = mean.eccentricity.min(0.99);
    let fastest = mean.motion * (1.0 + e).powi(2) / (1.0 - e * e).powf(1.5) * 1.02 + EARTH_RATE;
    let reach = reach(satellite, grid.site().geocentric().0, sine);
    let mut point = point_before(start);
    let mut done = point;
    while time_of(point) < end {
        let Some(state) = satellite.state_at(time_of(point)) else {
            point += 10;
            continue;
        };
        let frame = grid.frame(point);
        let local = frame.local(&state);
        let cosine = dot(&unit(&frame.position), &unit(&state.position));
        let away = cosine.clamp(-1.0, 1.0).acos() - reach;
        let steps = (away / fastest / STEP).floor();
        if steps >= 2.0 {
            point += (steps as i64).min(FARTHEST);
            continue;
        }
        let next = grid.local(satellite, point + 1);
        let may_be = local.sine() > sine
            || next
                .is_some_and(|next| next.sine() > sine || (climbing(&local) > 0.0 && climbing(&next) <= 0.0));
        if may_be
            && point >= done
            && let Some(arc) = grow(satellite, grid, sine, point)
        {
            done = arc.last();
            point = done;
            if arc.end() > start && arc.start() < end {
                found.push(arc);
            }
            continue;
        }
        point += 1;
    }
}

#[cfg(test)]
mod tests;
