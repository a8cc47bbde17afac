//! Which days a schedule names, as bits: 64 days at a time, without a list and without a date type.

/// A day, counted from 1970-01-01.
pub(crate) type Day = i64;

/// A rule for days: those of the named months that match one of the other conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DayRule {
    /// Bit n: month n, from 1.
    pub(crate) months: u32,
    /// Bit n: day n of the month, from 1.
    pub(crate) of_month: u32,
    /// The last day of the month.
    pub(crate) last_of_month: bool,
    /// Bit n: weekday n, Sunday is 0.
    pub(crate) weekdays: u8,
    /// For each weekday, bit n (1 to 5): the n-th of the month, bit 6: the last of the month.
    pub(crate) nth: [u8; 7],
}

const ALL_MONTHS: u32 = 0x1FFE;
const ALL_WEEKDAYS: u8 = 0x7F;

/// The bit of the last such weekday of a month in [`DayRule::nth`].
const LAST: u32 = 6;

impl DayRule {
    /// No day at all.
    pub(crate) const NEVER: Self =
        Self { months: 0, of_month: 0, last_of_month: false, weekdays: 0, nth: [0; 7] };

    /// Whether it names every day there is.
    pub(crate) fn is_every_day(&self) -> bool {
        self.months == ALL_MONTHS && self.weekdays == ALL_WEEKDAYS
    }

    /// Bit n tells whether the rule names the day `first` + n.
    pub(crate) fn word(&self, first: Day) -> u64 {
        let weekly = weekly(self.weekdays, first);
        let by_weekday_alone = self.of_month == 0 && !self.last_of_month && self.nth == [0; 7];
        if self.months == ALL_MONTHS && by_weekday_alone {
            return weekly;
        }
        let Civil { mut year, mut month, mut day } = Civil::of(first);
        let (mut word, mut at) = (0u64, 0u32);
        while at < u64::BITS {
            let length = days_in_month(year, month);
            let count = (length - day + 1).min(u64::BITS - at);
            if self.months >> month & 1 == 1 {
                let named = u64::from(self.in_month(first + i64::from(at), day, length) >> day);
                word |= ((named | weekly >> at) & ones(count)) << at;
            }
            (at, day) = (at + count, 1);
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        word
    }

    /// Bit n: day n of a month of `length` days is named by its number. `at` is its day `day`.
    fn in_month(&self, at: Day, day: u32, length: u32) -> u32 {
        let mut set = self.of_month;
        if self.last_of_month {
            set |= 1 << length;
        }
        if self.nth != [0; 7] {
            let first_weekday = weekday(at - i64::from(day) + 1);
            for (number, nth) in (0u32..).zip(self.nth) {
                let first = (number + 7 - first_weekday) % 7 + 1;
                let all = (first..=length).step_by(7);
                for (place, date) in (1u32..).zip(all) {
                    let is_last = date + 7 > length;
                    if nth >> place & 1 == 1 || (is_last && nth >> LAST & 1 == 1) {
                        set |= 1 << date;
                    }
                }
            }
        }
        set
    }

    /// The first named day from `from` to `last`, both included.
    pub(crate) fn next(&self, from: Day, last: Day) -> Option<Day> {
        let mut at = from;
        while at <= last {
            let word = self.word(at);
            if word != 0 {
                return Some(at + i64::from(word.trailing_zeros())).filter(|day| *day <= last);
            }
            at += i64::from(u64::BITS);
        }
        None
    }
}

/// The lowest `count` bits.
pub(crate) const fn ones(count: u32) -> u64 {
    if count >= u64::BITS { u64::MAX } else { (1 << count) - 1 }
}

/// The weekday of a day, Sunday is 0; 1970-01-01 was a Thursday.
fn weekday(day: Day) -> u32 {
    // The remainder is below seven.
    u32::try_from((day + 4).rem_euclid(7)).unwrap_or(0)
}

/// Bit n: the day `first` + n is one of `weekdays`.
fn weekly(weekdays: u8, first: Day) -> u64 {
    /// Bits 0, 7, 14, …: multiplying by it repeats seven bits over the word.
    const EVERY_WEEK: u64 = 0x8102_0408_1020_4081;
    if weekdays == ALL_WEEKDAYS {
        return u64::MAX;
    }
    let (week, today) = (u64::from(weekdays), weekday(first));
    let rotated = (week >> today | week << (7 - today)) & u64::from(ALL_WEEKDAYS);
    rotated.wrapping_mul(EVERY_WEEK)
}

struct Civil {
    year: i64,
    month: u32,
    day: u32,
}

impl Civil {
    /// The date of a day in the proleptic Gregorian calendar, by Howard Hinnant's `civil_from_days`
    /// ("chrono-Compatible Low-Level Date Algorithms").
    fn of(day: Day) -> Self {
        let shifted = day + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let small = |value: i64| u32::try_from(value).unwrap_or(1);
        Self { year, month: small(month), day: small(day) }
    }
}

fn days_in_month(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::{Date, date};

    use super::*;

    fn day_of(date: Date) -> Day {
        date.since(jiff::civil::date(1970, 1, 1)).expect("span").get_days().into()
    }

    fn every_way() -> Vec<DayRule> {
        let rule = |months, of_month, last_of_month, weekdays, nth| DayRule {
            months,
            of_month,
            last_of_month,
            weekdays,
            nth,
        };
        vec![
            rule(ALL_MONTHS, 0, false, ALL_WEEKDAYS, [0; 7]),
            rule(ALL_MONTHS, 0, false, 0b10, [0; 7]),
            rule(ALL_MONTHS, 1 << 31, false, 0, [0; 7]),
            rule(1 << 2, 1 << 29 | 1 << 1, false, 0b100_0000, [0; 7]),
            rule(ALL_MONTHS, 0, true, 0, [0; 7]),
            rule(1 << 2 | 1 << 12, 0, true, 0, [0, 0, 0, 1 << 2, 0, 1 << LAST, 1 << 5]),
            DayRule::NEVER,
        ]
    }

    /// The rule, read day by day with a calendar.
    fn names(rule: &DayRule, date: Date) -> bool {
        let weekday = usize::try_from(date.weekday().to_sunday_zero_offset()).expect("weekday");
        let place = (date.day() - 1) / 7 + 1;
        let is_last = date.day() + 7 > date.days_in_month();
        rule.months >> date.month() & 1 == 1
            && (rule.of_month >> date.day() & 1 == 1
                || rule.last_of_month && date.day() == date.days_in_month()
                || rule.weekdays >> weekday & 1 == 1
                || rule.nth[weekday] >> place & 1 == 1
                || is_last && rule.nth[weekday] >> LAST & 1 == 1)
    }

    #[test]
    fn words_are_what_a_calendar_says_over_leap_years_and_centuries() {
        for start in [date(1967, 12, 3), date(1999, 11, 30), date(2024, 1, 1), date(2099, 12, 31)] {
            for rule in every_way() {
                for offset in (0..1500).step_by(41) {
                    let first = start + offset.days();
                    let word = rule.word(day_of(first));
                    for bit in 0..64 {
                        let date = first + i64::from(bit).days();
                        assert_eq!(word >> bit & 1 == 1, names(&rule, date), "{rule:?} on {date}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_next_day_is_found_within_its_bounds_and_never_beyond() {
        let leap = DayRule { months: 1 << 2, of_month: 1 << 29, ..DayRule::NEVER };
        let (from, found) = (day_of(date(2025, 3, 1)), day_of(date(2028, 2, 29)));
        assert_eq!(leap.next(from, found), Some(found));
        assert_eq!(leap.next(from, found - 1), None);
        assert_eq!(leap.next(found, found), Some(found));
        let never = DayRule { months: 1 << 2, of_month: 1 << 30, ..DayRule::NEVER };
        assert_eq!(never.next(from, from + 400 * 366), None);
    }
}
