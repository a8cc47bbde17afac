//! One field of a cron expression as a set of values.

/// What a field is called and what may stand in it.
pub(super) struct Field {
    pub(super) name: &'static str,
    min: u8,
    max: u8,
    /// The number of values; a weekday has seven, though Sunday is both 0 and 7.
    size: u8,
    names: &'static [&'static str],
    /// Whether `?` may stand for `*`.
    question: bool,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const PLAIN: Field = Field { name: "", min: 0, max: 59, size: 60, names: &[], question: false };
pub(super) const MINUTE: Field = Field { name: "minute", ..PLAIN };
pub(super) const HOUR: Field = Field { name: "hour", max: 23, size: 24, ..PLAIN };
pub(super) const DAY_OF_MONTH: Field =
    Field { name: "day of month", min: 1, max: 31, size: 31, question: true, ..PLAIN };
pub(super) const MONTH: Field = Field { name: "month", min: 1, max: 12, size: 12, names: &MONTHS, ..PLAIN };
pub(super) const DAY_OF_WEEK: Field =
    Field { name: "day of week", max: 7, size: 7, names: &WEEKDAYS, question: true, ..PLAIN };

/// The values a field names.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set {
    /// Bit n: the value n.
    pub(super) values: u64,
    /// Whether `*` (or `?`) is among the items: the field restricts nothing.
    pub(super) any: bool,
    /// `L`: the last day of the month.
    pub(super) last_day: bool,
    /// `5#2`, `L5`: for each weekday, bit n the n-th in the month, bit [`LAST`] the last one.
    pub(super) nth: [u8; 7],
}

/// The bit of the last such weekday of a month in [`Set::nth`].
pub(super) const LAST: u8 = 6;

impl Field {
    pub(super) fn parse(&self, text: &str) -> Result<Set, String> {
        let mut set = Set::default();
        if self.question && text == "?" {
            return self.parse("*");
        }
        for item in text.split(',') {
            self.parse_item(item, &mut set)?;
        }
        Ok(set)
    }

    /// One list item: `*`, `5`, `1-5`, `mon-fri`, each with an optional `/step`; in the day fields
    /// also `L`, `5#2` and `L5`.
    fn parse_item(&self, item: &str, set: &mut Set) -> Result<(), String> {
        if self.parse_special(item, set)? {
            return Ok(());
        }
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.parse_step(item, step)?)),
            None => (item, None),
        };
        set.any |= item == "*";
        let (first, last) = if range == "*" {
            (self.min, self.top())
        } else if let Some((first, last)) = range.split_once('-') {
            self.parse_range(first, last)?
        } else {
            let value = self.parse_value(range)?;
            // `5/15` starts at 5 and goes on to the field's end.
            (value, if step.is_some() { self.top() } else { value })
        };
        // A range that runs backwards goes over the field's end: `22-4`, `nov-feb`, `fri-mon`.
        let length = if first <= last { last - first + 1 } else { last + self.size - first + 1 };
        for place in (0..length).step_by(usize::from(step.unwrap_or(1))) {
            set.values |= 1 << ((first - self.min + place) % self.size + self.min);
        }
        Ok(())
    }

    /// The largest value that is no second name of a smaller one.
    const fn top(&self) -> u8 {
        self.min + self.size - 1
    }

    fn parse_special(&self, item: &str, set: &mut Set) -> Result<bool, String> {
        if self.name == DAY_OF_MONTH.name && item.eq_ignore_ascii_case("l") {
            set.last_day = true;
            return Ok(true);
        }
        if self.name != DAY_OF_WEEK.name {
            return Ok(false);
        }
        let (day, nth) = if let Some((day, nth)) = item.split_once('#') {
            let number = nth.parse::<u8>().ok().filter(|number| (1..=5).contains(number));
            (
                day,
                number
                    .ok_or_else(|| format!("{} {item:?} needs a number from 1 to 5 after '#'", self.name))?,
            )
        } else if let Some(day) = item.strip_prefix(['l', 'L']) {
            (day, LAST)
        } else {
            return Ok(false);
        };
        let day = self.parse_value(day)? % self.size;
        set.nth[usize::from(day)] |= 1 << nth;
        Ok(true)
    }

    /// First and last value of a range, a Sunday written as 7 at its end kept from being its start.
    fn parse_range(&self, first: &str, last: &str) -> Result<(u8, u8), String> {
        let (start, end) = (self.parse_value(first)?, self.parse_value(last)?);
        let whole_week = start == 0 && end == self.max && self.max != self.top();
        let fold = |value: u8| if value > self.top() { self.min } else { value };
        Ok(if whole_week { (self.min, self.top()) } else { (fold(start), fold(end)) })
    }

    fn parse_step(&self, item: &str, step: &str) -> Result<u8, String> {
        match step.parse::<u8>() {
            Ok(step) if step > 0 && step <= self.size => Ok(step),
            _ => Err(format!("{} {item:?} needs a step from 1 to {}", self.name, self.size)),
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
