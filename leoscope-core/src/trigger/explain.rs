//! Saying why a condition holds, does not, or cannot be told.

use super::held::Held;
use super::program::{Condition, Leaf, Read, Term, Truth, View, Why};
use super::{Key, Trigger, Value};

/// How many parts of a condition are named.
const NAMED: usize = 4;

/// From which age on, in microseconds, it is told how old a reading was.
const NOTED_AGE_US: i64 = 50_000;

/// One line that says why, with the values.
pub(super) fn explain(trigger: &Trigger, view: &View<'_>, held: &mut [Held]) -> String {
    let condition = &trigger.checked().condition;
    let truth = view.condition(condition, held);
    let mut telling = Telling { keys: trigger.keys(), view, told: Vec::new() };
    telling.tell(condition, truth, held);
    if telling.told.is_empty() {
        return format!("{} {}", trigger.text(), holds(truth));
    }
    let more = telling.told.len().saturating_sub(NAMED);
    telling.told.truncate(NAMED);
    let told = telling.told.join("; ");
    if more == 0 { told } else { format!("{told}; and {more} more") }
}

const fn holds(truth: Truth) -> &'static str {
    match truth {
        Truth::Met => "holds",
        Truth::NotMet => "does not hold",
        Truth::Unknown(_) => "is not known",
    }
}

struct Telling<'a> {
    keys: &'a [Key],
    view: &'a View<'a>,
    told: Vec<String>,
}

impl Telling<'_> {
    /// Tells of the parts because of which `condition` is as `truth` says.
    fn tell(&mut self, condition: &Condition, truth: Truth, held: &mut [Held]) {
        match condition {
            Condition::Always(_) => {}
            Condition::Leaf(leaf) => self.leaf(leaf, truth),
            Condition::Not(inner) => {
                let inside = self.view.condition(inner, held);
                self.tell(inner, inside, held);
            }
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    let of_part = self.view.condition(part, held);
                    if of_part.verdict() == truth.verdict() {
                        self.tell(part, of_part, held);
                    }
                }
            }
            Condition::Same(left, right, _) => {
                for part in [left, right] {
                    let of_part = self.view.condition(part, held);
                    self.tell(part, of_part, held);
                }
            }
            Condition::For { condition, label, place, .. } => {
                let inside = self.view.condition(condition, held);
                let (held_us, broken_us) =
                    (held[*place].held_us(self.view.now), held[*place].broken_us(self.view.now));
                match (held_us, broken_us) {
                    (Some(us), _) => {
                        let before = match truth {
                            Truth::Unknown(_) => ", what was before that is not known",
                            Truth::Met | Truth::NotMet => "",
                        };
                        let secs = whole_millis(us);
                        self.told.push(format!("{label} {}: it has held for {secs} s{before}", holds(truth)));
                    }
                    // Not known by now, but known not to have held all the time.
                    (None, Some(us)) if inside.verdict() != truth.verdict() => {
                        let secs = whole_millis(us);
                        self.told.push(format!("{label} {}: it did not hold {secs} s ago", holds(truth)));
                    }
                    (None, _) => self.tell(condition, inside, held),
                }
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf, truth: Truth) {
        let mut line = format!("{} {}", leaf.label, holds(truth));
        match truth {
            Truth::Unknown(why) => line.extend([": ", &self.why(why)]),
            Truth::Met | Truth::NotMet => {
                let mut separator = ": ";
                for (place, term) in leaf.terms.iter().enumerate() {
                    if !leaf.terms[..place].iter().any(|before| before.label == term.label) {
                        line.extend([separator, &self.term(term)]);
                        separator = ", ";
                    }
                }
            }
        }
        if !self.told.contains(&line) {
            self.told.push(line);
        }
    }

    /// What something named was, in the unit that it is written in.
    fn term(&self, Term { label, unit, read }: &Term) -> String {
        let number = |number: f64| {
            let number = rounded(number);
            if unit.is_empty() { number } else { format!("{number} {unit}") }
        };
        let (value, at) = match read {
            Read::Sample(sample, factor, offset) => {
                let value = match self.view.value(*sample) {
                    Ok(Value::Number(value)) => number(value * factor + offset),
                    Ok(other) => other.to_string(),
                    Err(_) => "not known".to_owned(),
                };
                (value, self.view.series(sample.slot).sample(sample.back).map(|(at, _)| *at))
            }
            Read::Number(value) => (self.view.number(value).map_or("not known".to_owned(), number), None),
        };
        match at.map(|at| self.view.now - at) {
            Some(age) if age >= NOTED_AGE_US => format!("{label} was {value} {} s ago", whole_millis(age)),
            _ => format!("{label} was {value}"),
        }
    }

    fn why(&self, why: Why) -> String {
        match why {
            Why::NotRead(slot) => {
                let key = &self.keys[slot];
                format!("{key} has not been read; it comes from the monitor {}", key.source())
            }
            Why::NoValue(slot) => format!("{} has no value at this time", self.keys[slot]),
            Why::Stale(slot) => {
                let (key, series) = (&self.keys[slot], self.view.series(slot));
                let age = series.newest_at().map_or(0, |at| self.view.now - at);
                if age < 0 {
                    let ahead = whole_millis(-age);
                    return format!("the last reading of {key} is {ahead} s ahead of the clock");
                }
                let (age, counts) = (whole_millis(age), whole_millis(series.stale_after_us()));
                format!("the last reading of {key} is {age} s old, it counts for {counts} s")
            }
            Why::TooFew(slot) => format!("{} has not been read often enough yet", self.keys[slot]),
            Why::OtherKind(sample) => {
                let value = self.view.series(sample.slot).sample(sample.back);
                let value = value.and_then(|(_, value)| value.as_ref());
                let is = value.map_or_else(String::new, |value| format!(" is {value},"));
                format!("{}{is} which cannot be compared so", self.keys[sample.slot])
            }
            Why::NoNumber => "its arithmetic gives no number".to_owned(),
            Why::TooShort => "it has not held for long enough, and what was before is not known".to_owned(),
        }
    }
}

/// A time in seconds, cut off: one that is not long enough must not look as if it was.
fn whole_millis(us: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52 µs")]
    let secs = (us / 1_000) as f64 / 1e3;
    rounded(secs)
}

/// A number as people read it: with six digits that say something, with three behind the point at least,
/// and with no zeros at the end.
fn rounded(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.abs() >= 1e15 {
        return format!("{number:e}");
    }
    let trimmed = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    let in_powers = format!("{number:.5e}");
    let (digits, power) = in_powers.split_once('e').unwrap_or((&in_powers, "0"));
    match power.parse::<i32>().unwrap_or(0) {
        ..-5 => format!("{}e{power}", trimmed(digits)),
        power => {
            let decimals = usize::try_from(5 - power).unwrap_or(0).max(3);
            trimmed(&format!("{number:.decimals$}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_what_tells_it_from_zero_and_from_its_like() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (40.0, "40"),
            (293.15, "293.15"),
            (40.000_4, "40.0004"),
            (41.234_567_8, "41.2346"),
            (-0.000_4, "-0.0004"),
            (0.000_012_345_67, "0.0000123457"),
            (0.1 + 0.2, "0.3"),
            (9.999_999_9, "10"),
            (1_796_085_930.125, "1796085930.125"),
            (1e-9, "1e-9"),
            (-1.234_567_8e-300, "-1.23457e-300"),
            (1e15, "1e15"),
        ] {
            assert_eq!(rounded(number), text);
        }
    }
}
