//! Verdicts on triggers, and what they rest on.

use super::{given, micros, unary};
use crate::error::{Error, Result};
use crate::model::{Reading, TriggerDecision};
use crate::trigger::{Value, Verdict};

/// The most readings of one decision; a trigger has no room to name more.
const MOST_READINGS: usize = 512;

impl From<TriggerDecision> for unary::TriggerDecision {
    fn from(decision: TriggerDecision) -> Self {
        let TriggerDecision { verdict, at, why, readings } = decision;
        Self {
            verdict: verdict.name().to_owned(),
            at_us: at.as_microsecond(),
            why,
            readings: readings.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<unary::TriggerDecision> for TriggerDecision {
    type Error = Error;
    fn try_from(decision: unary::TriggerDecision) -> Result<Self> {
        let unary::TriggerDecision { verdict, at_us, why, readings } = decision;
        let fault = |what: String| Error::invalid(format!("trigger_decision: {what}"));
        if readings.len() > MOST_READINGS {
            let count = readings.len();
            return Err(fault(format!("{count} readings are too many, at most {MOST_READINGS} are allowed")));
        }
        Ok(Self {
            verdict: parse_verdict(&verdict).ok_or_else(|| fault(format!("{verdict:?} is no verdict")))?,
            at: micros("trigger_decision.at_us", at_us)?,
            why,
            readings: readings.into_iter().map(TryInto::try_into).collect::<Result<_>>()?,
        })
    }
}

/// The verdict of that name.
fn parse_verdict(name: &str) -> Option<Verdict> {
    [Verdict::Met, Verdict::NotMet, Verdict::Unknown].into_iter().find(|verdict| verdict.name() == name)
}

impl From<Reading> for unary::Reading {
    fn from(reading: Reading) -> Self {
        use unary::reading::Value as Wire;
        let Reading { field, value, unit, source, at, counts_for_s } = reading;
        Self {
            field,
            value: value.map(|value| match value {
                Value::Number(number) => Wire::Number(number),
                Value::Flag(flag) => Wire::Flag(flag),
                Value::Text(text) => Wire::Text(text.to_string()),
            }),
            unit: unit.unwrap_or_default(),
            source: source.unwrap_or_default(),
            at_us: at.map(|at| at.as_microsecond()),
            counts_for_s,
        }
    }
}

impl TryFrom<unary::Reading> for Reading {
    type Error = Error;
    fn try_from(reading: unary::Reading) -> Result<Self> {
        use unary::reading::Value as Wire;
        let unary::Reading { field, value, unit, source, at_us, counts_for_s } = reading;
        let value = match value {
            None => None,
            Some(Wire::Flag(flag)) => Some(Value::Flag(flag)),
            Some(Wire::Text(text)) => Some(Value::text(&text)),
            Some(Wire::Number(number)) => Some(Value::number(number).ok_or_else(|| {
                Error::invalid(format!("reading of {field:?}: {number} is not a number that can be compared"))
            })?),
        };
        Ok(Self {
            field,
            value,
            unit: given(&unit).map(str::to_owned),
            source: given(&source).map(str::to_owned),
            at: at_us.map(|us| micros("reading.at_us", us)).transpose()?,
            counts_for_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn decisions_come_back_as_they_went() {
        let at = Timestamp::from_microsecond(1_790_000_000_123_456).expect("time");
        let reading = |field: &str, value, unit: Option<&str>, at| Reading {
            field: field.into(),
            value,
            unit: unit.map(Into::into),
            source: Some("dish".into()),
            at,
            counts_for_s: at.map(|_| 900),
        };
        let decision = TriggerDecision {
            verdict: Verdict::NotMet,
            at,
            why: "dish.latency was 50 ms".into(),
            readings: vec![
                reading("dish.latency", Value::number(50.5), Some("ms"), Some(at)),
                reading("dish.obstructed", Some(Value::Flag(false)), None, Some(at)),
                reading("dish.state", Some(Value::text("BOOTING")), None, Some(at)),
                reading("custom.fan", None, None, None),
            ],
        };
        let wire = unary::TriggerDecision::from(decision.clone());
        assert_eq!(TriggerDecision::try_from(wire.clone()).expect("decision"), decision);
        let bad = unary::TriggerDecision { verdict: "MAYBE".into(), ..wire.clone() };
        TriggerDecision::try_from(bad).expect_err("no verdict");
        let many = unary::TriggerDecision { readings: vec![wire.readings[0].clone(); 513], ..wire.clone() };
        TriggerDecision::try_from(many).expect_err("too many");
        let mut endless = wire;
        endless.readings[0].value = Some(unary::reading::Value::Number(f64::INFINITY));
        TriggerDecision::try_from(endless).expect_err("no number");
    }
}
