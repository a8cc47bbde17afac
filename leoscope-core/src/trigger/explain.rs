//! Saying why a condition holds, does not, or cannot be told.

use super::program::{Condition, Leaf, Read, Term, Truth, View, Why};
use super::{Key, Trigger, Value};

/// How many parts of a condition are named.
const NAMED: usize = 4;

/// One line that says why, with the values.
pub(super) fn explain(trigger: &Trigger, view: &View<'_>, since: &mut [Option<i64>]) -> String {
    let condition = &trigger.checked().condition;
    let truth = view.condition(condition, since);
    let mut telling = Telling { keys: trigger.keys(), view, told: Vec::new() };
    telling.tell(condition, truth, since);
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
    fn tell(&mut self, condition: &Condition, truth: Truth, since: &mut [Option<i64>]) {
        match condition {
            Condition::Always(_) => {}
            Condition::Leaf(leaf) => self.leaf(leaf, truth),
            Condition::Not(inner) => {
                let inside = self.view.condition(inner, since);
                self.tell(inner, inside, since);
            }
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    let of_part = self.view.condition(part, since);
                    if of_part.verdict() == truth.verdict() {
                        self.tell(part, of_part, since);
                    }
                }
            }
            Condition::Same(left, right, _) => {
                for part in [left, right] {
                    let of_part = self.view.condition(part, since);
                    self.tell(part, of_part, since);
                }
            }
            Condition::For { condition, label, place, .. } => {
                let inside = self.view.condition(condition, since);
                if inside == Truth::Met {
                    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52 µs")]
                    let secs = since[*place].map_or(0.0, |since| (self.view.now - since) as f64 / 1e6);
                    self.told.push(format!("{label} {}: it has held for {} s", holds(truth), rounded(secs)));
                } else {
                    self.tell(condition, inside, since);
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
        match at.map(|at| age(self.view.now, at)) {
            Some(age) if age >= 0.05 => format!("{label} was {value} {} s ago", rounded(age)),
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
                let age = series.newest_at().map_or(0.0, |at| age(self.view.now, at));
                if age < 0.0 {
                    return format!("the last reading of {key} is {} s ahead of the clock", rounded(-age));
                }
                let counts = seconds(series.stale_after_us());
                format!(
                    "the last reading of {key} is {} s old, it counts for {}",
                    rounded(age),
                    rounded(counts) + " s"
                )
            }
            Why::TooFew(slot) => format!("{} has not been read often enough yet", self.keys[slot]),
            Why::OtherKind(sample) => {
                let value = self.view.series(sample.slot).sample(sample.back);
                let value = value.and_then(|(_, value)| value.as_ref());
                let is = value.map_or_else(String::new, |value| format!(" is {value},"));
                format!("{}{is} which cannot be compared so", self.keys[sample.slot])
            }
            Why::NoNumber => "its arithmetic gives no number".to_owned(),
        }
    }
}

fn age(now: i64, at: i64) -> f64 {
    seconds(now - at)
}

#[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52 µs")]
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

/// A number as people read it.
fn rounded(number: f64) -> String {
    if number.abs() >= 1e15 {
        return format!("{number:e}");
    }
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
