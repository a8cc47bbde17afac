//! Whether and where the reserved times of two timelines overlap, without listing either.
//!
//! A pattern is a set of minutes on a set of days, so two starts are `1440 k + d` minutes apart: `k`
//! days, and `d` minutes of the day. Two patterns overlap when some `k` has both a pair of minutes
//! that are the right number apart and a pair of days that are `k` apart. Both are questions about
//! small sets of bits; where the answer is yes, the first pair is looked for on the first such day
//! alone.

use crate::schedule::{DAY, Day, MINUTE_US, Minute, Pattern, Timeline};
use crate::time::{Timestamp, Window};

/// The first pair of overlapping reserved windows of `a` and `b` (`a`'s first), by `a`'s window,
/// then by `b`'s.
pub fn first_overlap(a: &Timeline, b: &Timeline) -> Option<(Window, Window)> {
    for x in a.patterns() {
        let pairs = b.patterns().iter().filter_map(|y| {
            let near = Near::overlapping(x, a.reserved(), y, b.reserved())?;
            let (m, n) = near.first(x, y)?;
            Some((x.start(m), y.start(n)))
        });
        if let Some((from, to)) = pairs.min() {
            return Some((window(from, a.reserved())?, window(to, b.reserved())?));
        }
    }
    None
}

/// The first two reserved windows of `timeline` that overlap each other, the earlier one first.
pub fn first_self_overlap(timeline: &Timeline) -> Option<(Window, Window)> {
    let (patterns, reserved) = (timeline.patterns(), timeline.reserved());
    for (index, later) in patterns.iter().enumerate() {
        let before = patterns[..index].iter().filter_map(|earlier| {
            let (n, m) = Near::overlapping(later, reserved, earlier, reserved)?.first(later, earlier)?;
            Some((later.start(n), earlier.start(m)))
        });
        let within = Near::to_earlier(reserved)
            .and_then(|near| near.first(later, later))
            .map(|(n, m)| (later.start(n), later.start(m)));
        if let Some((late, early)) = before.chain(within).min() {
            return Some((window(early, reserved)?, window(late, reserved)?));
        }
    }
    None
}

fn window(start: i64, reserved: i64) -> Option<Window> {
    let at = |us| Timestamp::from_microsecond(us).ok();
    Window::new(at(start)?, at(start + reserved)?).ok()
}

/// How many minutes after a minute of one pattern a minute of another may lie: from `least` to
/// `most`, both included, negative for before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Near {
    /// The differences (minute of `a` less minute of `b`) at which windows of these lengths
    /// overlap; `None` when there is none.
    pub(super) fn overlapping(a: &Pattern, length_a: i64, b: &Pattern, length_b: i64) -> Option<Self> {
        // start(a) < start(b) + length(b) and start(b) < start(a) + length(a), in microseconds.
        let offset = a.offset - b.offset;
        let least = (-length_a - offset).div_euclid(MINUTE_US) + 1;
        let most = -(offset - length_b).div_euclid(MINUTE_US) - 1;
        Self { least, most }.checked()
    }

    /// The differences at which a window overlaps an earlier one of the same pattern.
    pub(super) fn to_earlier(length: i64) -> Option<Self> {
        Self { least: 1, most: (length - 1).div_euclid(MINUTE_US) }.checked()
    }

    fn checked(self) -> Option<Self> {
        (self.least <= self.most).then_some(self)
    }

    /// The first minute of `a` that has a minute of `b` this near, and the first such one.
    pub(super) fn first(self, a: &Pattern, b: &Pattern) -> Option<(Minute, Minute)> {
        let Self { least, most } = self;
        let (first, last) =
            (a.first.max(b.first.saturating_add(least)), a.last.min(b.last.saturating_add(most)));
        if first > last {
            return None;
        }
        let days = DaysApart::of(self, a, b)?;
        let a = &Pattern { first, last, ..*a };
        let (mut day, last_day) = (first.div_euclid(DAY), last.div_euclid(DAY));
        while day <= last_day {
            let mut candidates = days.candidates(a, b, day);
            while candidates != 0 {
                let found = day + i64::from(candidates.trailing_zeros());
                if found > last_day {
                    return None;
                }
                if let Some(pair) = self.first_of_day(a, b, found) {
                    return Some(pair);
                }
                candidates &= candidates - 1;
            }
            day += i64::from(u64::BITS);
        }
        None
    }

    /// [`first`](Self::first) on one day of `a`. Either side jumps to where the other could reach
    /// it, so this takes no more steps than the sparser one has minutes.
    fn first_of_day(self, a: &Pattern, b: &Pattern, day: Day) -> Option<(Minute, Minute)> {
        let end = (day + 1) * DAY;
        let mut from = day * DAY;
        loop {
            let minute = a.next(from).filter(|minute| *minute < end)?;
            let other = b.next(minute - self.most)?;
            if other <= minute - self.least {
                return Some((minute, other));
            }
            from = other + self.least;
        }
    }
}

/// The most numbers of days apart at which only some pairs of minutes are near enough: two at
/// either end.
const MAX_PARTIAL: usize = 6;

/// By how many days a day of one pattern may come after one of the other so that some of their
/// minutes are near.
#[derive(Debug)]
pub(super) struct DaysApart {
    partial: [i64; MAX_PARTIAL],
    count: usize,
    /// Those at which every pair of minutes is near; both included, empty if they run backwards.
    pub(super) whole: (i64, i64),
}

impl DaysApart {
    /// `None` when there is no such number.
    fn of(near: Near, a: &Pattern, b: &Pattern) -> Option<Self> {
        let mut days = Self::possible(near);
        let minutes = MinutesApart::of(a, b);
        let mut kept = 0;
        for index in 0..days.count {
            let apart = days.partial[index];
            if minutes.any(near.least - DAY * apart, near.most - DAY * apart) {
                days.partial[kept] = apart;
                kept += 1;
            }
        }
        days.count = kept;
        let whole = days.whole.0 <= days.whole.1 && a.starts_per_day() > 0 && b.starts_per_day() > 0;
        (kept > 0 || whole).then_some(days)
    }

    /// What `near` leaves possible, whatever the minutes are.
    pub(super) fn possible(Near { least, most }: Near) -> Self {
        // Two minutes of a day differ by at most this much.
        const WIDEST: i64 = DAY - 1;
        let ceil = |value: i64| -(-value).div_euclid(DAY);
        let (first, last) = (ceil(least - WIDEST), (most + WIDEST).div_euclid(DAY));
        let whole = (ceil(least + WIDEST), (most - WIDEST).div_euclid(DAY));
        let mut partial = [0; MAX_PARTIAL];
        let mut count = 0;
        let mut add = |apart: i64| {
            partial[count] = apart;
            count += 1;
        };
        if whole.0 <= whole.1 {
            (first..whole.0).chain(whole.1 + 1..=last).for_each(&mut add);
        } else {
            (first..=last).for_each(&mut add);
        }
        Self { partial, count, whole }
    }

    /// Those at which only some pairs of minutes are near.
    pub(super) fn partial(&self) -> &[i64] {
        &self.partial[..self.count]
    }

    /// Bit n: the day `first` + n is one of `a`'s and has one of `b`'s days so many days before.
    fn candidates(&self, a: &Pattern, b: &Pattern, first: Day) -> u64 {
        let own = a.days.word(first);
        if own == 0 {
            return 0;
        }
        let some = self.partial().iter().fold(0, |some, apart| some | b.days.word(first - apart));
        let (least, most) = self.whole;
        let mut found = own & some;
        let mut rest = if least <= most { own & !some } else { 0 };
        let bounds = (b.first.div_euclid(DAY), b.last.div_euclid(DAY));
        while rest != 0 {
            let day = first + i64::from(rest.trailing_zeros());
            if b.days.next((day - most).max(bounds.0), (day - least).min(bounds.1)).is_some() {
                found |= rest & rest.wrapping_neg();
            }
            rest &= rest - 1;
        }
        found
    }
}

/// Which differences there are between the minutes of the day of two patterns.
struct MinutesApart {
    /// Bit n + 23: some hours are n apart.
    hours: u64,
    /// Bit n + 59: some minutes of the hour are n apart.
    minutes: u128,
}

const MAX_HOUR: i64 = 23;
const MAX_MINUTE: i64 = 59;

impl MinutesApart {
    fn of(a: &Pattern, b: &Pattern) -> Self {
        Self {
            hours: u64::try_from(differences(a.hours.into(), b.hours.into(), 24)).unwrap_or(u64::MAX),
            minutes: differences(a.minutes, b.minutes, 60),
        }
    }

    /// Whether some pair is from `least` to `most` minutes apart.
    fn any(&self, least: i64, most: i64) -> bool {
        let from = (-(MAX_MINUTE - least).div_euclid(60)).max(-MAX_HOUR);
        let to = (most + MAX_MINUTE).div_euclid(60).min(MAX_HOUR);
        (from..=to).any(|hours| {
            let (low, high) = ((least - 60 * hours).max(-MAX_MINUTE), (most - 60 * hours).min(MAX_MINUTE));
            self.hours >> (hours + MAX_HOUR) & 1 == 1
                && low <= high
                && self.minutes >> (low + MAX_MINUTE) & ((1 << (high - low + 1)) - 1) != 0
        })
    }
}

/// Bit n + `size` − 1: some member of `a` is n more than some member of `b`; both below `size`.
fn differences(a: u64, b: u64, size: u32) -> u128 {
    let mut found = 0;
    if a.count_ones() < b.count_ones() {
        let mirrored = u128::from(b.reverse_bits() >> (u64::BITS - size));
        let mut left = a;
        while left != 0 {
            found |= mirrored << left.trailing_zeros();
            left &= left - 1;
        }
    } else {
        let mut left = b;
        while left != 0 {
            found |= u128::from(a) << (size - 1 - left.trailing_zeros());
            left &= left - 1;
        }
    }
    found
}
