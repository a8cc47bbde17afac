//! The planned windows of a job: the only place that says when it runs.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::pattern::{DAY, Days, MINUTE_US, Pattern};
use super::policies::{SLOT, SLOT_PHASE, micros};
use super::{CronExpr, Overlap, Policies, Schedule};
use crate::time::Window;

/// Everything the starts of a job depend on.
#[derive(Debug, Clone, Copy)]
pub struct Timing<'a> {
    /// How starts follow from the date range.
    pub schedule: &'a Schedule,
    /// What the job wants of them beyond that.
    pub policies: &'a Policies,
    /// By how much all starts have been moved to be free of conflicts.
    pub shift: SignedDuration,
    /// The date range in which every run lies wholly.
    pub range: Window,
    /// The length of one run.
    pub length: SignedDuration,
    /// Starts before this instant do not belong to the job.
    pub since: Option<Timestamp>,
    /// Starts from this instant on do not belong to the job.
    pub until: Option<Timestamp>,
    /// Where random starts come from: the same seed gives the same ones.
    pub seed: u64,
}

impl<'a> Timing<'a> {
    /// The timing of a job that has neither been moved nor begun later than its date range.
    pub fn new(
        schedule: &'a Schedule,
        policies: &'a Policies,
        range: Window,
        length: SignedDuration,
    ) -> Self {
        Self {
            schedule,
            policies,
            shift: SignedDuration::ZERO,
            range,
            length,
            since: None,
            until: None,
            seed: 0,
        }
    }
}

/// How long a start that was moved by `shift` waits for its alignment.
///
/// All starts of a job wait equally long: they differ by whole minutes, and slots fit a minute.
pub fn alignment_wait(
    schedule: &Schedule,
    policies: &Policies,
    range: Window,
    shift: SignedDuration,
) -> SignedDuration {
    let base = match schedule {
        Schedule::Once => range.start().as_microsecond(),
        Schedule::Cron(_) => 0,
    };
    let at = base + micros(shift);
    SignedDuration::from_micros(aligned(at, policies) - at)
}

/// One planned run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// The time that is kept for it: longer than the run where its start is random.
    pub reserved: Window,
    /// When it runs.
    pub window: Window,
}

/// The planned windows of a job as sets of minutes and days, which can be compared with another
/// job's without listing either.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    patterns: Patterns,
    /// In microseconds.
    length: i64,
    /// The longest random slip, in microseconds.
    spread: i64,
    /// Random slips are multiples of this, in microseconds.
    grain: i64,
    seed: u64,
}

/// Most timelines are one pattern, and ten thousand of them are made for one booking.
#[derive(Debug, Clone, PartialEq)]
enum Patterns {
    One(Pattern),
    Many(Vec<Pattern>),
}

impl Patterns {
    fn each(&mut self, change: impl FnMut(&mut Pattern)) {
        match self {
            Self::One(pattern) => std::slice::from_mut(pattern),
            Self::Many(patterns) => patterns,
        }
        .iter_mut()
        .for_each(change);
    }
}

impl Timeline {
    /// The timeline of a job.
    pub fn of(timing: &Timing<'_>) -> Self {
        let Timing { schedule, policies, shift, range, length, since: _, until: _, seed } = *timing;
        let slot = policies.align.is_some();
        let grain = if slot { micros(SLOT) } else { 1_000 };
        let patterns = match schedule {
            Schedule::Once => {
                let start = aligned(range.start().as_microsecond() + micros(shift), policies);
                Patterns::One(once(start))
            }
            Schedule::Cron(cron) => repeated(cron, timing),
        };
        let spread = micros(policies.random_slip) / grain * grain;
        let mut timeline = Self { patterns, length: micros(length), spread, grain, seed };
        timeline.bound(timing);
        timeline
    }

    /// Keeps what lies inside the bounds of `timing`.
    fn bound(&mut self, timing: &Timing<'_>) {
        let latest_end = timing.range.end().as_microsecond() - self.length - self.spread;
        let since = timing.since.map(Timestamp::as_microsecond);
        let until = timing.until.map(Timestamp::as_microsecond);
        let mut left = timing.policies.max_runs.map(|count| i64::from(count.get()));
        self.patterns.each(|pattern| {
            pattern.last = pattern.last.min(pattern.minute_before(latest_end + 1));
            if let Some(since) = since {
                pattern.first = pattern.first.max(pattern.minute_from(since));
            }
            if let Some(until) = until {
                pattern.last = pattern.last.min(pattern.minute_before(until));
            }
            match left {
                None => {}
                Some(0) => pattern.last = pattern.first - 1,
                Some(count) => match pattern.nth(count) {
                    Ok(minute) => (pattern.last, left) = (minute, Some(0)),
                    Err(seen) => left = Some(count - seen),
                },
            }
        });
    }

    /// The same timeline without what is over at `instant`.
    #[must_use]
    pub fn after(mut self, instant: Timestamp) -> Self {
        let over = instant.as_microsecond() - self.reserved() + 1;
        self.patterns.each(|pattern| pattern.first = pattern.first.max(pattern.minute_from(over)));
        self
    }

    /// The same timeline without what is scheduled before `instant`.
    #[must_use]
    pub fn starting_from(mut self, instant: Timestamp) -> Self {
        let earliest = instant.as_microsecond();
        self.patterns.each(|pattern| pattern.first = pattern.first.max(pattern.minute_from(earliest)));
        self
    }

    /// The same timeline without the occurrences whose reserved time holds one of `instants`.
    #[must_use]
    pub fn without(self, instants: &[Timestamp]) -> Self {
        let mut timeline = self;
        for instant in instants {
            let at = instant.as_microsecond();
            let reserved = timeline.reserved();
            let split = |pattern: &Pattern| {
                let (from, to) = (pattern.minute_from(at - reserved + 1), pattern.minute_before(at + 1));
                let gone = pattern.next(from).filter(|minute| *minute <= to);
                match gone {
                    None => [Some(*pattern), None],
                    Some(gone) => [
                        Some(Pattern { last: gone - 1, ..*pattern }),
                        Some(Pattern { first: gone + 1, ..*pattern }),
                    ],
                }
            };
            let parts = timeline.patterns().iter().flat_map(split).flatten();
            timeline.patterns = Patterns::Many(parts.filter(|part| part.first <= part.last).collect());
        }
        timeline
    }

    /// The patterns, in order of time.
    pub(crate) fn patterns(&self) -> &[Pattern] {
        match &self.patterns {
            Patterns::One(pattern) => std::slice::from_ref(pattern),
            Patterns::Many(patterns) => patterns,
        }
    }

    /// For how long the time of one occurrence is kept, in microseconds.
    pub(crate) fn reserved(&self) -> i64 {
        self.length + self.spread
    }

    /// The occurrences, in order of their scheduled starts.
    pub fn occurrences(&self) -> Occurrences<'_> {
        Occurrences { timeline: Cow::Borrowed(self), pattern: 0, minute: i64::MIN }
    }

    /// [`occurrences`](Self::occurrences) of a timeline that nobody else needs.
    pub fn into_occurrences(self) -> Occurrences<'static> {
        Occurrences { timeline: Cow::Owned(self), pattern: 0, minute: i64::MIN }
    }

    /// Whether a run is planned to start at `start`, and how it lies.
    pub fn planned_at(&self, start: Timestamp) -> Option<Occurrence> {
        let earliest = start.as_microsecond() - self.spread;
        let latest = start.as_microsecond();
        self.patterns().iter().find_map(|pattern| {
            let mut minute = pattern.next(pattern.minute_from(earliest))?;
            while pattern.start(minute) <= latest {
                let found = self.occurrence(pattern, minute)?;
                if found.window.start() == start {
                    return Some(found);
                }
                minute = pattern.next(minute + 1)?;
            }
            None
        })
    }

    /// The occurrence of `pattern` that belongs to `minute`; `None` beyond the representable times.
    fn occurrence(&self, pattern: &Pattern, minute: i64) -> Option<Occurrence> {
        let scheduled = pattern.start(minute);
        let start = scheduled + self.slip(scheduled);
        let at = |us| Timestamp::from_microsecond(us).ok();
        let window = |from, to| Window::new(at(from)?, at(to)?).ok();
        Some(Occurrence {
            reserved: window(scheduled, scheduled + self.reserved())?,
            window: window(start, start + self.length)?,
        })
    }

    /// The random slip of the run scheduled for `at`. Orchestrator and nodes must find the same
    /// one, so the way it is computed is part of the protocol: SplitMix64 (Steele, Lea, Flood,
    /// 2014) of the seed and the instant.
    fn slip(&self, at: i64) -> i64 {
        if self.spread == 0 {
            return 0;
        }
        let mut z = (self.seed ^ at.cast_unsigned()).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let steps = (self.spread / self.grain).cast_unsigned() + 1;
        (z % steps).cast_signed() * self.grain
    }
}

/// The first instant not before `at` that the job's alignment allows, in microseconds since 1970.
fn aligned(at: i64, policies: &Policies) -> i64 {
    let Some(align) = policies.align else { return at };
    let phase = micros(SLOT_PHASE) + micros(align.after_start());
    at + (phase - at).rem_euclid(micros(SLOT))
}

/// The pattern of a single start.
fn once(start: i64) -> Pattern {
    let minute = start.div_euclid(MINUTE_US);
    Pattern {
        days: Days::One(minute.div_euclid(DAY)),
        hours: 1 << (minute.rem_euclid(DAY) / 60),
        minutes: 1 << (minute.rem_euclid(DAY) % 60),
        first: minute,
        last: minute,
        offset: start.rem_euclid(MINUTE_US),
    }
}

/// The patterns of a cron schedule: one for each stretch of constant UTC offset of its zone.
fn repeated(cron: &CronExpr, timing: &Timing<'_>) -> Patterns {
    let Timing { policies, shift, range, .. } = *timing;
    let (from, to) = (range.start().as_microsecond(), range.end().as_microsecond());
    // The minute is read as UTC, so its instant lies the UTC offset earlier; alignment only looks
    // at the place inside a minute, which all minutes have in common.
    let pattern = |from: i64, to: i64, utc_offset: i64| {
        let unmoved = Pattern {
            days: Days::Rule(cron.days()),
            hours: cron.hours(),
            minutes: cron.minutes(),
            first: i64::MIN,
            last: i64::MAX,
            offset: -utc_offset,
        };
        let (first, last) = (unmoved.minute_from(from), unmoved.minute_before(to));
        Pattern { first, last, offset: aligned(micros(shift) - utc_offset, policies), ..unmoved }
    };
    let Some(rules) = policies.time_zone.rules() else { return Patterns::One(pattern(from, to, 0)) };
    let offset_at = |at: Timestamp| i64::from(rules.to_offset(at).seconds()) * 1_000_000;
    let mut patterns = Vec::new();
    let (mut begun, mut offset) = (from, offset_at(range.start()));
    for change in rules.following(range.start()).take_while(|change| change.timestamp() < range.end()) {
        let at = change.timestamp().as_microsecond();
        let new_offset = i64::from(change.offset().seconds()) * 1_000_000;
        if new_offset == offset {
            continue;
        }
        patterns.push(pattern(begun, at, offset));
        // The time that the clock repeats has fired already, except where every hour does.
        let repeated = (offset - new_offset).max(0);
        begun = if cron.is_hourly() { at } else { at + repeated };
        offset = new_offset;
    }
    patterns.push(pattern(begun, to, offset));
    Patterns::Many(patterns)
}

/// The occurrences of a timeline, in order of their scheduled starts.
#[derive(Debug, Clone)]
pub struct Occurrences<'a> {
    timeline: Cow<'a, Timeline>,
    pattern: usize,
    minute: i64,
}

impl Iterator for Occurrences<'_> {
    type Item = Occurrence;

    fn next(&mut self) -> Option<Occurrence> {
        loop {
            let pattern = self.timeline.patterns().get(self.pattern)?;
            match pattern.next(self.minute) {
                Some(minute) => {
                    self.minute = minute + 1;
                    return self.timeline.occurrence(pattern, minute);
                }
                None => (self.pattern, self.minute) = (self.pattern + 1, i64::MIN),
            }
        }
    }
}

impl Policies {
    /// Whether a run may begin while another of the same job has the time.
    pub fn allows_overlap(&self) -> bool {
        self.overlap == Overlap::Allow
    }
}

#[cfg(test)]
mod tests;
