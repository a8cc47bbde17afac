//! Saying why a condition holds, does not, or cannot be told.

use super::held::Held;
use super::program::{Condition, Leaf, Read, Term, Truth, View, Why};
use super::{Key, Trigger, Value};

/// How many parts of a condition are named.
const NAMED: usize = 4;

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
            Why::TooShort => "it has not held for long enough, and what was before is not known".to_owned(),
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

/// A time in seconds, cut off: one that is not long enough must not look as if it was.
fn whole_millis(us: i64) -> String {
    rounded(seconds(us - us % 1_000))
}

/// A number as people read it.
fn rounded(number: f64) -> String {
    if number.abs() >= 1e15 {
        return format!("{number:e}");
    }
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
