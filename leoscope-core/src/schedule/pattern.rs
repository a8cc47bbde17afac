//! Starts in the form in which they can be compared: a set of minutes of the day on a set of days.

use super::days::{Day, DayRule};

/// A minute, counted from 1970-01-01T00:00 of the calendar the pattern is written in.
pub(crate) type Minute = i64;

/// Minutes in a day.
pub(crate) const DAY: i64 = 1440;

/// Microseconds in a minute.
pub(crate) const MINUTE_US: i64 = 60_000_000;

/// The days of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Days {
    /// This day alone.
    One(Day),
    /// Those a rule names.
    Rule(DayRule),
}

impl Days {
    /// Bit n tells whether the day `first` + n is among them.
    pub(crate) fn word(&self, first: Day) -> u64 {
        match self {
            Self::Rule(rule) => rule.word(first),
            Self::One(day) => match u32::try_from(day - first) {
                Ok(bit) if bit < u64::BITS => 1 << bit,
                _ => 0,
            },
        }
    }

    /// The first of them from `from` to `last`, both included.
    pub(crate) fn next(&self, from: Day, last: Day) -> Option<Day> {
        match self {
            Self::Rule(rule) => rule.next(from, last),
            Self::One(day) => Some(*day).filter(|day| (from..=last).contains(day)),
        }
    }
}

/// Every named minute of every named hour of every named day, from `first` to `last`.
///
/// A start lies `offset` microseconds after its minute, read as UTC. A schedule in a zone with
/// clock changes is several patterns, one for each stretch of constant UTC offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) days: Days,
    /// Bit n: hour n.
    pub(crate) hours: u32,
    /// Bit n: minute n of those hours.
    pub(crate) minutes: u64,
    pub(crate) first: Minute,
    pub(crate) last: Minute,
    /// In microseconds.
    pub(crate) offset: i64,
}

impl Pattern {
    /// The start that belongs to `minute`, in microseconds since 1970.
    pub(crate) fn start(&self, minute: Minute) -> i64 {
        minute * MINUTE_US + self.offset
    }

    /// The first minute whose start is not before `instant` (microseconds since 1970).
    pub(crate) fn minute_from(&self, instant: i64) -> Minute {
        -(self.offset - instant).div_euclid(MINUTE_US)
    }

    /// The last minute whose start is before `instant`.
    pub(crate) fn minute_before(&self, instant: i64) -> Minute {
        self.minute_from(instant) - 1
    }

    /// The first minute of the pattern from `from` on.
    pub(crate) fn next(&self, from: Minute) -> Option<Minute> {
        let from = from.max(self.first);
        let (mut day, minute) = (from.div_euclid(DAY), from.rem_euclid(DAY));
        let last_day = self.last.div_euclid(DAY);
        if self.days.next(day, day.min(last_day)).is_some()
            && let Some(found) = self.next_of_day(minute)
        {
            return Some(day * DAY + found).filter(|found| *found <= self.last);
        }
        day = self.days.next(day + 1, last_day)?;
        Some(day * DAY + self.next_of_day(0)?).filter(|found| *found <= self.last)
    }

    /// The first named minute of a day from `from` on, counted from its midnight.
    pub(crate) fn next_of_day(&self, from: Minute) -> Option<Minute> {
        let (hour, minute) = (from / 60, from % 60);
        let (here, rest) = (self.hours >> hour & 1 == 1, self.minutes >> minute);
        if here && rest != 0 {
            return Some(from + i64::from(rest.trailing_zeros()));
        }
        let later = if hour >= 23 { 0 } else { self.hours >> (hour + 1) };
        if later == 0 || self.minutes == 0 {
            return None;
        }
        let next_hour = hour + 1 + i64::from(later.trailing_zeros());
        Some(next_hour * 60 + i64::from(self.minutes.trailing_zeros()))
    }

    /// How many minutes of a day are named.
    pub(crate) fn starts_per_day(&self) -> i64 {
        i64::from(self.hours.count_ones()) * i64::from(self.minutes.count_ones())
    }

    /// The minute of its `count`-th start, from 1; else how many starts it has in all.
    pub(crate) fn nth(&self, count: i64) -> Result<Minute, i64> {
        let mut seen = 0;
        let Some(mut minute) = self.next(self.first) else { return Err(seen) };
        loop {
            let day = minute.div_euclid(DAY);
            let whole =
                minute == day * DAY + self.next_of_day(0).unwrap_or(0) && (day + 1) * DAY <= self.last;
            if whole && seen + self.starts_per_day() < count {
                seen += self.starts_per_day();
                match self.next((day + 1) * DAY) {
                    Some(next) => minute = next,
                    None => return Err(seen),
                }
                continue;
            }
            seen += 1;
            if seen == count {
                return Ok(minute);
            }
            match self.next(minute + 1) {
                Some(next) => minute = next,
                None => return Err(seen),
            }
        }
    }
}
