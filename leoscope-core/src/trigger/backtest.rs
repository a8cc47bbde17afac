//! Telling from recorded readings when a condition would have held.

use super::predict::Stretches;
use super::reach::STEP_US;
use super::{Key, Recording, Sample, Source, Trigger, Verdict, Watches, of_clock};
use crate::error::Error;
use crate::schedule::Zone;
use crate::time::{SignedDuration, Timestamp, Window, wire_time};

/// How often a condition is looked at between readings, as nodes do.
const STEP: SignedDuration = SignedDuration::from_micros(STEP_US);

/// The longest time that is looked at. One that is longer has rather a time in it that is wrong.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 10);

/// What is assumed of the runs that would have been started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Assumed {
    /// For how long the condition must have held.
    pub met_for: SignedDuration,
    /// How long a run takes.
    pub length: SignedDuration,
    /// How long after a run there is no other.
    pub cooldown: SignedDuration,
}

/// When a condition would have held.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// The time that was looked at.
    pub span: Window,
    /// When it held: apart from each other, in order.
    pub met: Vec<Window>,
    /// For how long it held.
    pub met_time: SignedDuration,
    /// For how long it did not.
    pub not_met_time: SignedDuration,
    /// For how long it cannot be told.
    pub unknown_time: SignedDuration,
    /// When runs would have been started, in order.
    pub starts: Vec<Timestamp>,
}

impl Backtest {
    /// The part of all the time that was looked at, 0 to 1.
    pub fn share(&self, time: SignedDuration) -> f64 {
        time.as_secs_f64() / self.span.length().as_secs_f64()
    }
}

/// Tells when `trigger` would have held over `recording`.
///
/// It is evaluated whenever there is a reading, and each second after one, with what had been read until
/// then: what is not read any more says nothing after its time, and a gap is not known. What it names
/// of the [clock](Source::Clock) need not be recorded; `zone` is that of the node.
///
/// A run would have been started when it had held for [`Assumed::met_for`]; the next one not before the
/// [cooldown](Assumed::cooldown) after its [end](Assumed::length). Where neither is given there is one
/// run for each time it began to hold.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a recording without a time, or of more than
/// ten years.
pub fn backtest(
    trigger: &Trigger,
    recording: &Recording,
    zone: &Zone,
    assumed: Assumed,
) -> Result<Backtest, Error> {
    let span = recording.span().ok_or_else(|| Error::invalid("nothing is recorded"))?;
    if span.length() > LONGEST {
        let (start, end) = (wire_time(span.start()), wire_time(span.end()));
        return Err(Error::invalid(format!("the recording is of {start} to {end}, more than ten years"))
            .hint("look for times in it that are wrong"));
    }
    let missing: Vec<&Key> = recording.missing().collect();
    let clock: Vec<&Key> =
        trigger.keys().iter().filter(|key| key.source() == Source::Clock && missing.contains(key)).collect();
    let zone = zone.time_zone();
    let clock = |now: Timestamp| -> Vec<Sample> {
        if clock.is_empty() {
            return Vec::new();
        }
        of_clock(now, &zone).into_iter().filter(|sample| clock.contains(&&sample.key)).collect()
    };
    let rest = if clock(span.start()).is_empty() { rest(trigger) } else { None };
    let mut found = Backtest {
        span,
        met: Vec::new(),
        met_time: SignedDuration::ZERO,
        not_met_time: SignedDuration::ZERO,
        unknown_time: SignedDuration::ZERO,
        starts: Vec::new(),
    };
    for (verdict, window) in walk(trigger, &recording.in_order(), span, clock, rest) {
        let time = match verdict {
            Verdict::Met => &mut found.met_time,
            Verdict::NotMet => &mut found.not_met_time,
            Verdict::Unknown => &mut found.unknown_time,
        };
        *time = time.saturating_add(window.length());
        if verdict == Verdict::Met {
            found.met.push(window);
        }
    }
    found.starts = starts(&found.met, assumed);
    Ok(found)
}

/// How long after a reading nothing changes any more without another; `None` where that is never so.
fn rest(trigger: &Trigger) -> Option<SignedDuration> {
    let condition = &trigger.checked().condition;
    let stale = trigger.keys().iter().map(|key| SignedDuration::from_secs(key.stale_after_s().into())).max();
    let looks_back = (0..trigger.keys().len()).map(|slot| condition.reach(slot).1).max();
    let longest = stale.unwrap_or_default().max(SignedDuration::from_micros(looks_back.unwrap_or(0)));
    let settles = SignedDuration::from_micros(condition.settles_after()?);
    // The steps do not fall on the instants at which something changes.
    Some(longest.saturating_add(settles).saturating_add(STEP * 2))
}

/// The verdicts over `span`, each with the time from its beginning to the next one's.
fn walk(
    trigger: &Trigger,
    samples: &[Sample],
    span: Window,
    clock: impl Fn(Timestamp) -> Vec<Sample>,
    rest: Option<SignedDuration>,
) -> Vec<(Verdict, Window)> {
    let mut watches = Watches::new();
    watches.set((), trigger);
    let mut stretches = Stretches::default();
    let (mut at, mut samples, mut last) = (span.start(), samples, span.start());
    while at < span.end() {
        let (news, later) = samples.split_at(samples.partition_point(|sample| sample.at <= at));
        samples = later;
        if !news.is_empty() {
            watches.take_in(news, at);
            last = at;
        }
        watches.take_in(&clock(at), at);
        watches.pass(at);
        let verdict = watches.verdict(&()).unwrap_or(Verdict::Unknown);
        let coming = samples.first().map_or(span.end(), |sample| sample.at);
        let is_at_rest = rest.is_some_and(|rest| at.duration_since(last) > rest);
        let step = at.checked_add(STEP).unwrap_or(Timestamp::MAX);
        let until = if is_at_rest { coming } else { coming.min(step) }.min(span.end());
        stretches.add(verdict, at, until);
        at = until;
    }
    stretches.0
}

/// When runs would have been started by a condition that held in these windows.
fn starts(met: &[Window], assumed: Assumed) -> Vec<Timestamp> {
    let Assumed { met_for, length, cooldown } = assumed;
    let later = |at: Timestamp, by: SignedDuration| at.checked_add(by).unwrap_or(Timestamp::MAX);
    // No run is shorter than a second.
    let pause = length.saturating_add(cooldown);
    let pause = (!pause.is_zero()).then(|| pause.max(STEP));
    let mut starts = Vec::new();
    let mut free = Timestamp::MIN;
    for window in met {
        let mut at = later(window.start(), met_for).max(free);
        while at < window.end() {
            starts.push(at);
            let Some(pause) = pause else { break };
            free = later(at, pause);
            at = free;
        }
    }
    starts
}

#[cfg(test)]
mod tests;
