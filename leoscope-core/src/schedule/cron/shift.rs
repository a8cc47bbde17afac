//! The same rhythm some minutes later or earlier, where cron can say it.

use super::{ALL_HOURS, CronExpr};

const MINUTES_PER_HOUR: i64 = 60;
const HOURS_PER_DAY: i64 = 24;

impl CronExpr {
    /// The expression whose starts are this one's, `minutes` later (earlier when negative).
    ///
    /// `None` where five fields cannot say it: when the minutes of an hour would have to be
    /// spread over two hours in different ways, or a start would leave its day and the days are
    /// restricted.
    pub fn shifted(&self, minutes: i64) -> Option<Self> {
        let carry = minutes.div_euclid(MINUTES_PER_HOUR);
        let by = minutes.rem_euclid(MINUTES_PER_HOUR);
        let moved: Vec<i64> = bits(self.minutes).map(|minute| minute + by).collect();
        let carried = moved.iter().filter(|minute| **minute >= MINUTES_PER_HOUR).count();
        let set = moved.iter().fold(0u64, |set, minute| set | 1 << (minute % MINUTES_PER_HOUR));
        let hours: Vec<i64> = bits(self.hours.into()).collect();
        // In every hour the carry only changes which hour a start belongs to.
        let carry = if self.hours == ALL_HOURS && self.days.is_every_day() {
            0
        } else if carried == 0 {
            carry
        } else if carried == moved.len() {
            carry + 1
        } else {
            return None;
        };
        let moved_hours: Vec<i64> = hours.iter().map(|hour| hour + carry).collect();
        let leaves_its_day = moved_hours.iter().any(|hour| !(0..HOURS_PER_DAY).contains(hour));
        if leaves_its_day && !self.days.is_every_day() {
            return None;
        }
        let hour_set = moved_hours.iter().fold(0u64, |set, hour| set | 1 << hour.rem_euclid(HOURS_PER_DAY));
        let mut fields: Vec<String> = match self.text.split(' ').collect::<Vec<_>>().as_slice() {
            [_, _, rest @ ..] => rest.iter().map(|field| (*field).to_owned()).collect(),
            // A name like `@daily`: all of them that are not `* * *` are found by their days.
            _ => super::expand_macro(&self.text)?.split(' ').skip(2).map(str::to_owned).collect(),
        };
        let mut text = vec![field(set, 60), field(hour_set, 24)];
        text.append(&mut fields);
        Self::parse(&text.join(" ")).ok()
    }
}

fn bits(set: u64) -> impl Iterator<Item = i64> {
    (0..64).filter(move |bit| set >> bit & 1 == 1)
}

/// A set of values as people write it: `*`, a list, or a range with a step.
fn field(set: u64, size: i64) -> String {
    let values: Vec<i64> = bits(set).collect();
    if i64::try_from(values.len()) == Ok(size) {
        return "*".to_owned();
    }
    if let [first, second, .., last] = values.as_slice() {
        let step = second - first;
        let even = values.windows(2).all(|pair| pair[1] - pair[0] == step);
        if even && values.len() > 2 {
            let from =
                if *first == 0 && last + step >= size { "*".to_owned() } else { format!("{first}-{last}") };
            return if step == 1 { from } else { format!("{from}/{step}") };
        }
    }
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}
