//! Values that people give to try a condition.

use super::{Explanation, Name, Sample, Trigger, Value, Watches};
use crate::error::Error;
use crate::time::{SignedDuration, Timestamp};

/// How far apart the values of a history are.
const APART: SignedDuration = SignedDuration::from_secs(1);

/// A field with its values: the newest last, `None` where there was none.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The field, under the name that was used.
    pub name: Name,
    /// Its values in its own unit, at least one.
    pub values: Vec<Option<Value>>,
}

impl Given {
    /// Reads `NAME=VALUE` or `NAME=VALUE,VALUE,…`. A text with a comma in it stands in quotes.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that no field has, a value of
    /// another kind, and what has no `=`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (name, values) = text.split_once('=').ok_or_else(|| {
            Error::invalid(format!("{text:?} has no '=' in it"))
                .hint("write NAME=VALUE, for example dish.latency=42")
        })?;
        let name = Name::parse(name.trim())?;
        let values = parts(values).map(|part| name.value(part)).collect::<Result<_, _>>()?;
        Ok(Self { name, values })
    }

    /// The readings: the newest at `now`, each of the others a second before the next.
    pub fn samples(self, now: Timestamp) -> Vec<Sample> {
        let Self { name, values } = self;
        let key = name.key();
        let newest_first = values.into_iter().rev().zip(0_i32..).map(|(value, back)| {
            let at = now.checked_sub(APART * back).unwrap_or(Timestamp::MIN);
            Sample { key: key.clone(), value, at }
        });
        let mut samples: Vec<_> = newest_first.collect();
        samples.reverse();
        samples
    }
}

/// The parts of `text` between commas that stand in no quotes.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut open = None;
    text.split(move |c: char| {
        match (open, c) {
            (None, ',') => return true,
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if quote == c => open = None,
            _ => {}
        }
        false
    })
}

/// Judges `trigger` at `now` on what has been read until then, as a node would that has read it at its
/// time.
pub fn judge_given(trigger: &Trigger, mut samples: Vec<Sample>, now: Timestamp) -> Explanation {
    samples.sort_by_key(|sample| sample.at);
    let mut watches = Watches::new();
    watches.set((), trigger);
    for at_once in samples.chunk_by(|one, other| one.at == other.at) {
        watches.take_in(at_once, at_once[0].at);
    }
    watches.judge(&(), now).unwrap_or_else(|| unreachable!("it was set above"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;
    use crate::trigger::Verdict;

    fn judged(text: &str, given: &[&str]) -> Explanation {
        let now = parse_time("2026-12-01T00:00:00").expect("time");
        let trigger = Trigger::parse(text).expect(text);
        let given = given.iter().flat_map(|given| Given::parse(given).expect(given).samples(now));
        judge_given(&trigger, given.collect(), now)
    }

    #[test]
    fn values_are_of_now_and_histories_end_now() {
        assert_eq!(judged("weather_temp > 299", &["weather_temp=300"]).verdict, Verdict::Met);
        assert_eq!(judged("weather.temperature > 299", &["weather_temp=300"]).verdict, Verdict::NotMet);
        let history = ["dish.latency=60, 50,40", "dish.obstructed=true,false"];
        for met in [
            "dish.latency == 40 and dish.latency_1 == 50 and dish.latency_2 == 60",
            "avg(dish.latency, 2) == 45",
            "changed(dish.obstructed)",
            "for(dish.latency < 55, 1)",
        ] {
            let answer = judged(met, &history);
            assert_eq!(answer.verdict, Verdict::Met, "{met}: {}", answer.why);
        }
        assert_eq!(judged("for(dish.latency < 55, 2)", &history).verdict, Verdict::NotMet);
        assert_eq!(judged("dish.latency < 55", &[]).verdict, Verdict::Unknown);
        assert_eq!(judged("dish.latency < 55", &["dish.latency=50,"]).verdict, Verdict::Unknown);
        let text = ["weather.description=\"rain, heavy\",'clear'"];
        assert_eq!(judged("prev(weather.description, 1) == 'rain, heavy'", &text).verdict, Verdict::Met);
    }

    #[test]
    fn what_is_no_assignment_is_refused() {
        for bad in ["dish.latency", "=1", "dish.latncy=1", "dish.latency=1,x", "dish.latency_1=4", ""] {
            Given::parse(bad).expect_err(bad);
        }
    }
}
