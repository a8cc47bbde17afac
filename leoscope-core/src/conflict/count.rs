//! How many planned runs of a job overlap others, counted by the day instead of one by one.

use super::overlap::{DaysApart, Near};
use crate::schedule::{DAY, Day, Days, Pattern, Timeline};

/// How many reserved windows of `timeline` overlap at least one of `others`, or, where `own` is
/// true, an earlier one of its own.
pub fn count_overlapping<'a>(
    timeline: &Timeline,
    others: impl IntoIterator<Item = &'a Timeline>,
    own: bool,
) -> u64 {
    let others: Vec<&Timeline> = others.into_iter().collect();
    (0..timeline.patterns().len()).map(|index| count_in(timeline, index, &others, own)).sum()
}

fn count_in(timeline: &Timeline, index: usize, others: &[&Timeline], own: bool) -> u64 {
    let (a, reserved) = (&timeline.patterns()[index], timeline.reserved());
    if a.first > a.last {
        return 0;
    }
    let all = Minutes::of(a);
    let mut causes = Vec::new();
    let mut cause = |b: &Pattern, near: Option<Near>| {
        let meets = |near: &Near| {
            a.first <= b.last.saturating_add(near.most) && b.first.saturating_add(near.least) <= a.last
        };
        if let Some(near) = near.filter(meets) {
            Part::of(b).for_each(|part| part.causes(near, &all, &mut causes));
        }
    };
    for other in others {
        for b in other.patterns() {
            cause(b, Near::overlapping(a, reserved, b, other.reserved()));
        }
    }
    if own {
        for before in &timeline.patterns()[..index] {
            cause(before, Near::overlapping(a, reserved, before, reserved));
        }
        cause(a, Near::to_earlier(reserved));
    }
    let (first_day, last_day) = (a.first.div_euclid(DAY), a.last.div_euclid(DAY));
    causes.retain(|cause| cause.from <= last_day && cause.to >= first_day);
    let mut count = 0;
    let mut day = first_day;
    while day <= last_day && !causes.is_empty() {
        let words: Vec<u64> = causes.iter().map(|cause| cause.word(day)).collect();
        let mut left = a.days.word(day) & words.iter().fold(0, |any, word| any | word);
        while left != 0 {
            let bit = left.trailing_zeros();
            let today = day + i64::from(bit);
            if today > last_day {
                return count;
            }
            let mut hit = Minutes::NONE;
            for (cause, word) in causes.iter().zip(&words) {
                if word >> bit & 1 == 1 {
                    hit.add(&cause.hit);
                }
            }
            count += hit.within(a.first - today * DAY, a.last - today * DAY).len();
            left &= left - 1;
        }
        day += i64::from(u64::BITS);
    }
    count
}

/// On each day from `from` to `to` that comes `apart` days after one of `days`, the minutes `hit`
/// overlap something.
struct Cause {
    days: Days,
    /// Both included; several where every pair of minutes is near.
    apart: (i64, i64),
    /// The bounds of the other side's days.
    other: (Day, Day),
    from: Day,
    to: Day,
    hit: Minutes,
}

impl Cause {
    /// Bit n: it holds on the day `first` + n.
    fn word(&self, first: Day) -> u64 {
        let (least, most) = self.apart;
        if least == most {
            let keep = |bit: i64| (self.from..=self.to).contains(&(first + bit));
            let word = self.days.word(first - least);
            return if keep(0) && keep(63) { word } else { mask(word, keep) };
        }
        mask(u64::MAX, |bit| {
            let day = first + bit;
            self.days.next((day - most).max(self.other.0), (day - least).min(self.other.1)).is_some()
        })
    }
}

fn mask(word: u64, keep: impl Fn(i64) -> bool) -> u64 {
    (0..64).filter(|bit| word >> bit & 1 == 1 && keep(*bit)).fold(0, |kept, bit| kept | 1 << bit)
}

/// Days of a pattern on which the same minutes are named: the first and the last day may have
/// fewer than those between.
struct Part {
    days: Days,
    from: Day,
    to: Day,
    minutes: Minutes,
}

impl Part {
    fn of(pattern: &Pattern) -> impl Iterator<Item = Self> {
        let (first, last) = (pattern.first.div_euclid(DAY), pattern.last.div_euclid(DAY));
        let all = Minutes::of(pattern);
        let (from, to) = (pattern.first.rem_euclid(DAY), pattern.last.rem_euclid(DAY));
        let days = pattern.days;
        let part = move |day: (Day, Day), from, to| Self {
            days,
            from: day.0,
            to: day.1,
            minutes: all.within(from, to),
        };
        let end = DAY - 1;
        let parts = if first == last {
            [Some(part((first, first), from, to)), None, None]
        } else {
            [
                Some(part((first, first), from, end)),
                Some(part((first + 1, last - 1), 0, end)),
                Some(part((last, last), 0, to)),
            ]
        };
        parts.into_iter().flatten().filter(|part| part.from <= part.to)
    }

    /// What this part overlaps of `all`, the minutes of the other side.
    fn causes(&self, near: Near, all: &Minutes, causes: &mut Vec<Cause>) {
        let Self { days, from, to, .. } = *self;
        let possible = DaysApart::possible(near);
        let cause = |apart: (i64, i64), hit| Cause {
            days,
            apart,
            other: (from, to),
            from: from + apart.0,
            to: to + apart.1,
            hit,
        };
        for &apart in possible.partial() {
            let hit = self.minutes.spread(near.least - DAY * apart, near.most - DAY * apart).and(all);
            if hit.len() > 0 {
                causes.push(cause((apart, apart), hit));
            }
        }
        if possible.whole.0 <= possible.whole.1 && self.minutes.len() > 0 {
            causes.push(cause(possible.whole, *all));
        }
    }
}

const WORDS: usize = 23;

/// A set of minutes of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Minutes([u64; WORDS]);

impl Minutes {
    const NONE: Self = Self([0; WORDS]);

    fn of(pattern: &Pattern) -> Self {
        let mut set = Self::NONE;
        let mut from = 0;
        while let Some(minute) = pattern.next_of_day(from).filter(|_| from < DAY) {
            set.fill(minute, minute);
            from = minute + 1;
        }
        set
    }

    /// Adds the minutes from `first` to `last`, as far as they are of the day.
    fn fill(&mut self, first: i64, last: i64) {
        let (Ok(first), Ok(last)) = (usize::try_from(first.max(0)), usize::try_from(last.min(DAY - 1)))
        else {
            return;
        };
        for (index, word) in self.0.iter_mut().enumerate().take(last / 64 + 1).skip(first / 64) {
            let start = index * 64;
            let low = first.saturating_sub(start);
            let high = (last - start).min(63);
            if low <= high {
                *word |= (u64::MAX << low) & (u64::MAX >> (63 - high));
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    fn and(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word &= more);
        self
    }

    fn within(self, first: i64, last: i64) -> Self {
        let mut bounds = Self::NONE;
        bounds.fill(first, last);
        self.and(&bounds)
    }

    fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// All minutes that lie from `least` to `most` after one of these.
    fn spread(&self, least: i64, most: i64) -> Self {
        let mut set = Self::NONE;
        let mut filled = -1;
        for (index, word) in (0i64..).zip(self.0) {
            let mut left = word;
            while left != 0 {
                let minute = index * 64 + i64::from(left.trailing_zeros());
                set.fill((minute + least).max(filled + 1), minute + most);
                filled = filled.max(minute + most);
                left &= left - 1;
            }
        }
        set
    }
}
