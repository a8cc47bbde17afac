//! Five-field cron expressions as sets of minutes, hours and days.
//!
//! The conflict engine compares these sets, so the parser produces them directly; it accepts what
//! Vixie cron and the Python package `croniter` accept (names, ranges, steps, lists, Sunday as 0
//! and 7, `L`, `5#2`, `@daily` and its kin) and names the field in every error. What it reads
//! differently is listed in `docs/cron.md`.

mod field;
mod shift;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::days::DayRule;
use crate::error::Error;
use field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, Set};

/// A parsed cron expression, in the time of whatever zone it is used in.
///
/// Equal when written the same way up to white space; [`fmt::Display`] gives that text.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CronExpr {
    text: String,
    minutes: u64,
    hours: u32,
    days: DayRule,
}

const ALL_HOURS: u32 = (1 << 24) - 1;
const ALL_WEEKDAYS: u8 = 0x7F;

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
        let parse =
            |field: &field::Field, part: &str| field.parse(part).map_err(|message| fault(text, message));
        let (of_month, of_week) = (parse(&DAY_OF_MONTH, day_of_month)?, parse(&DAY_OF_WEEK, day_of_week)?);
        Ok(Self {
            minutes: parse(&MINUTE, minute)?.values,
            hours: u32::try_from(parse(&HOUR, hour)?.values).unwrap_or(ALL_HOURS),
            days: day_rule(parse(&MONTH, month)?, of_month, of_week),
            text: written.join(" "),
        })
    }

    /// Bit n: it fires in minute n of its hours.
    pub(crate) fn minutes(&self) -> u64 {
        self.minutes
    }

    /// Bit n: it fires in hour n of its days.
    pub(crate) fn hours(&self) -> u32 {
        self.hours
    }

    /// The days on which it fires.
    pub(crate) fn days(&self) -> DayRule {
        self.days
    }

    /// Whether it fires in every hour of its days, so that a clock change does not concern it.
    pub(crate) fn is_hourly(&self) -> bool {
        self.hours == ALL_HOURS
    }
}

/// The days of three fields. When day of month and day of week are both restricted, either is
/// enough (Vixie cron); a field that holds `*` is not restricted.
fn day_rule(month: Set, of_month: Set, of_week: Set) -> DayRule {
    let narrow = |values: u64| u32::try_from(values).unwrap_or(u32::MAX);
    let mut rule = DayRule { months: narrow(month.values), ..DayRule::NEVER };
    if !of_month.any {
        rule.of_month = narrow(of_month.values);
        rule.last_of_month = of_month.last_day;
    }
    if !of_week.any {
        rule.weekdays = u8::try_from(of_week.values).unwrap_or(ALL_WEEKDAYS);
        rule.nth = of_week.nth;
    }
    if of_month.any && of_week.any {
        rule.weekdays = ALL_WEEKDAYS;
    }
    rule
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
mod tests;
