//! Five-field cron expressions as sets of minutes, hours, days, months and weekdays.
//!
//! The conflict engine compares these sets, so the parser produces them directly; it accepts what
//! Vixie cron accepts (names, ranges, steps, lists, Sunday as 0 and 7, `@daily` and its kin) and
//! names the field in every error.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A parsed cron expression in UTC.
///
/// Equal when written the same way up to white space; [`fmt::Display`] gives that text.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CronExpr {
    text: String,
    minutes: u64,
    hours: u64,
    days_of_month: u64,
    months: u64,
    days_of_week: u64,
}

struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const MINUTE: Field = Field { name: "minute", min: 0, max: 59, names: &[] };
const HOUR: Field = Field { name: "hour", min: 0, max: 23, names: &[] };
const DAY_OF_MONTH: Field = Field { name: "day of month", min: 1, max: 31, names: &[] };
const MONTH: Field = Field { name: "month", min: 1, max: 12, names: &MONTHS };
const DAY_OF_WEEK: Field = Field { name: "day of week", min: 0, max: 7, names: &WEEKDAYS };

const ALL_DAYS_OF_MONTH: u64 = 0xFFFF_FFFE;
const ALL_DAYS_OF_WEEK: u64 = 0x7F;

impl CronExpr {
    /// Parses five fields: minute, hour, day of month, month, day of week.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the field and the part of it that is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let written: Vec<&str> = text.split_ascii_whitespace().collect();
        let expanded = match written.as_slice() {
            [single] if single.starts_with('@') => expand_macro(single)
                .ok_or_else(|| fault(text, format!("unknown name {single:?}")))?
                .split(' ')
                .collect(),
            _ => written.clone(),
        };
        let [minute, hour, day_of_month, month, day_of_week] = expanded.as_slice() else {
            let count = expanded.len();
            return Err(fault(
                text,
                format!("has {count} field{}, 5 are needed", if count == 1 { "" } else { "s" }),
            ));
        };
        let parse = |field: &Field, part: &str| field.parse(part).map_err(|message| fault(text, message));
        let weekdays = parse(&DAY_OF_WEEK, day_of_week)?;
        Ok(Self {
            minutes: parse(&MINUTE, minute)?,
            hours: parse(&HOUR, hour)?,
            days_of_month: parse(&DAY_OF_MONTH, day_of_month)?,
            months: parse(&MONTH, month)?,
            // Sunday is both 0 and 7; only 0 is kept.
            days_of_week: (weekdays | (weekdays >> 7)) & ALL_DAYS_OF_WEEK,
            text: written.join(" "),
        })
    }

    /// Whether the expression fires on `date`.
    ///
    /// When day of month and day of week are both restricted, either is enough (Vixie cron).
    pub fn fires_on(&self, date: Date) -> bool {
        let has = |set: u64, value: i8| set >> value & 1 == 1;
        let by_month_day = has(self.days_of_month, date.day());
        let by_weekday = has(self.days_of_week, date.weekday().to_sunday_zero_offset());
        let both_restricted =
            self.days_of_month != ALL_DAYS_OF_MONTH && self.days_of_week != ALL_DAYS_OF_WEEK;
        has(self.months, date.month())
            && if both_restricted { by_month_day || by_weekday } else { by_month_day && by_weekday }
    }

    /// The first minute of the day, counted from midnight, at or after `from` at which the
    /// expression fires on a day it fires on.
    pub fn next_minute_of_day(&self, from: u16) -> Option<u16> {
        let (mut hour, mut minute) = (from / 60, from % 60);
        while hour < 24 {
            if self.hours >> hour & 1 == 1 {
                let rest = self.minutes >> minute;
                if rest != 0 {
                    let found = minute + u16::try_from(rest.trailing_zeros()).ok()?;
                    return Some(hour * 60 + found);
                }
            }
            (hour, minute) = (hour + 1, 0);
        }
        None
    }
}

fn fault(text: &str, message: impl fmt::Display) -> Error {
    let message = message.to_string();
    let separator = if message.starts_with("has ") { " " } else { ": " };
    Error::invalid(format!("cron expression {text:?}{separator}{message}"))
        .hint("write minute hour day-of-month month day-of-week, for example '*/5 * * * *'")
}

fn expand_macro(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        _ => return None,
    })
}

impl Field {
    fn parse(&self, text: &str) -> Result<u64, String> {
        text.split(',').try_fold(0, |set, item| Ok(set | self.parse_item(item)?))
    }

    /// One list item: `*`, `5`, `1-5`, `mon-fri`, each with an optional `/step`.
    fn parse_item(&self, item: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.parse_step(item, step)?)),
            None => (item, None),
        };
        let (first, last) = if range == "*" {
            // The whole of the weekday field is Sunday to Saturday; 7 is only another name.
            (self.min, if self.max == 7 { 6 } else { self.max })
        } else if let Some((first, last)) = range.split_once('-') {
            (self.parse_value(first)?, self.parse_value(last)?)
        } else {
            let value = self.parse_value(range)?;
            // `5/15` starts at 5 and goes on to the field's end.
            (value, if step.is_some() { self.max } else { value })
        };
        // `fri-sun` ends on the Sunday after.
        let last = if self.max == 7 && last == 0 && first > 0 { 7 } else { last };
        if first > last {
            return Err(format!("{} range {range:?} runs backwards", self.name));
        }
        let step = usize::from(step.unwrap_or(1));
        Ok((first..=last).step_by(step).fold(0, |set, value| set | 1 << value))
    }

    fn parse_step(&self, item: &str, step: &str) -> Result<u8, String> {
        match step.parse::<u8>() {
            Ok(step) if step > 0 && step <= self.max => Ok(step),
            _ => Err(format!("{} {item:?} needs a step from 1 to {}", self.name, self.max)),
        }
    }

    fn parse_value(&self, text: &str) -> Result<u8, String> {
        let lower = text.to_ascii_lowercase();
        if let Some(index) = self.names.iter().position(|name| *name == lower) {
            return u8::try_from(index).map(|i| i + self.min).map_err(|e| e.to_string());
        }
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("{} {text:?} is not a number", self.name));
        }
        match text.parse::<u8>() {
            Ok(value) if (self.min..=self.max).contains(&value) => Ok(value),
            _ => Err(format!("{} {text} is out of range {} to {}", self.name, self.min, self.max)),
        }
    }
}

impl FromStr for CronExpr {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for CronExpr {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<CronExpr> for String {
    fn from(cron: CronExpr) -> String {
        cron.text
    }
}

impl fmt::Display for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        CronExpr::parse(text).expect_err(text).message().to_owned()
    }

    #[test]
    fn errors_name_the_field_and_the_part() {
        let cases = [
            ("* * * *", "cron expression \"* * * *\" has 4 fields, 5 are needed"),
            ("* * * * * *", "cron expression \"* * * * * *\" has 6 fields, 5 are needed"),
            ("0 0 0 1 1 ? 2026", "cron expression \"0 0 0 1 1 ? 2026\" has 7 fields, 5 are needed"),
            ("", "cron expression \"\" has 0 fields, 5 are needed"),
            ("60 * * * *", "cron expression \"60 * * * *\": minute 60 is out of range 0 to 59"),
            ("* 24 * * *", "cron expression \"* 24 * * *\": hour 24 is out of range 0 to 23"),
            ("* * 0 * *", "cron expression \"* * 0 * *\": day of month 0 is out of range 1 to 31"),
            ("* * * 13 *", "cron expression \"* * * 13 *\": month 13 is out of range 1 to 12"),
            ("* * * * 8", "cron expression \"* * * * 8\": day of week 8 is out of range 0 to 7"),
            ("1,,2 * * * *", "cron expression \"1,,2 * * * *\": minute \"\" is not a number"),
            ("*/0 * * * *", "cron expression \"*/0 * * * *\": minute \"*/0\" needs a step from 1 to 59"),
            ("10-5 * * * *", "cron expression \"10-5 * * * *\": minute range \"10-5\" runs backwards"),
            ("* * * foo *", "cron expression \"* * * foo *\": month \"foo\" is not a number"),
            ("-1 * * * *", "cron expression \"-1 * * * *\": minute \"\" is not a number"),
            ("@reboot", "cron expression \"@reboot\": unknown name \"@reboot\""),
        ];
        for (text, expected) in cases {
            assert_eq!(message(text), expected);
        }
    }

    #[test]
    fn names_steps_lists_and_both_sundays_give_the_same_sets() {
        let same = [
            ("*/15 * * * *", "0,15,30,45 * * * *"),
            ("5/15 * * * *", "5,20,35,50 * * * *"),
            ("0 0 * jan-mar Mon", "0 0 * 1-3 1"),
            ("0 0 * * 7", "0 0 * * 0"),
            ("0 0 * * fri-sun", "0 0 * * 5,6,0"),
            ("@daily", "0 0 * * *"),
            ("0 0 * * */2", "0 0 * * 0,2,4,6"),
        ];
        for (a, b) in same {
            let (a, b) = (CronExpr::parse(a).expect(a), CronExpr::parse(b).expect(b));
            let sets = |c: &CronExpr| (c.minutes, c.hours, c.days_of_month, c.months, c.days_of_week);
            assert_eq!(sets(&a), sets(&b), "{a} and {b}");
        }
    }

    #[test]
    fn month_day_or_weekday_when_both_are_restricted() {
        let date = |day| Date::new(2026, 11, day).expect("date");
        let both = CronExpr::parse("0 0 13 * 5").expect("cron");
        // 2026-11-13 is a Friday, so are the 6th and 20th; the 14th is neither.
        assert!(both.fires_on(date(13)) && both.fires_on(date(6)) && !both.fires_on(date(14)));
        let weekday = CronExpr::parse("0 0 * * 5").expect("cron");
        assert!(weekday.fires_on(date(6)) && !weekday.fires_on(date(14)));
    }
}
