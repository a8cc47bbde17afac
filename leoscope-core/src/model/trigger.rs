//! What became of the conditions under which runs start.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::time::Timestamp;
use crate::trigger::{Explanation, Key, Sample, Value, Verdict, Watches};

/// A value that a condition was decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The name of the field, as conditions have it.
    pub field: String,
    /// Its value, in the field's unit; left out where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The unit; left out where the value has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The monitor that read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it was observed; left out where it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// For how many seconds from then on it counts; left out where that is as long as the field's values
    /// count anywhere, and of what a decision rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_for_s: Option<u32>,
}

impl Reading {
    /// What is known of `key`.
    pub fn of(key: &Key, value: Option<Value>, at: Option<Timestamp>) -> Self {
        let unit = Some(key.unit()).filter(|unit| !unit.is_empty());
        Self {
            field: key.to_string(),
            value,
            unit: unit.map(str::to_owned),
            source: Some(key.source().name().to_owned()),
            at,
            counts_for_s: None,
        }
    }
}

impl From<Sample> for Reading {
    fn from(sample: Sample) -> Self {
        let Sample { key, value, at } = sample;
        Self::of(&key, value, Some(at))
    }
}

/// The unit and the source of a reading follow from its field, and are left out of this; so is for how
/// long it counts, which is not the sample's.
impl TryFrom<Reading> for Sample {
    type Error = Error;
    fn try_from(reading: Reading) -> Result<Self, Error> {
        let Reading { field, value, unit: _, source: _, at, counts_for_s: _ } = reading;
        let at = at.ok_or_else(|| Error::invalid(format!("{field} was never observed")))?;
        Ok(Self { key: field.parse()?, value, at })
    }
}

/// The newest readings of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReadings {
    /// When they were the newest, by the node's clock.
    pub at: Timestamp,
    /// The newest of each field that has been read.
    pub readings: Vec<Reading>,
}

impl NodeReadings {
    /// Judges the one condition of `watches` on them, and on what was taken in before. Readings of fields
    /// that are not known here are passed over.
    pub fn decide(self, watches: &mut Watches<()>) -> TriggerDecision {
        let Self { at, readings } = self;
        for reading in &readings {
            // What a monitor of that node reads more seldom counts for longer there.
            if let (Some(secs), Ok(key)) = (reading.counts_for_s, reading.field.parse()) {
                watches.allow_age(&key, secs);
            }
        }
        let samples: Vec<_> = readings.into_iter().filter_map(|reading| reading.try_into().ok()).collect();
        watches.take_in(&samples, at);
        let nothing = || Explanation { verdict: Verdict::Unknown, why: String::new(), used: Vec::new() };
        TriggerDecision::of(watches.judge(&(), at).unwrap_or_else(nothing), at)
    }
}

/// How it was decided whether a run starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerDecision {
    /// The verdict.
    pub verdict: Verdict,
    /// When it was passed.
    pub at: Timestamp,
    /// One line for people to read that says why, with the values.
    pub why: String,
    /// What it was decided on.
    #[serde(default)]
    pub readings: Vec<Reading>,
}

impl TriggerDecision {
    /// What was found at `at`.
    pub fn of(explanation: Explanation, at: Timestamp) -> Self {
        let Explanation { verdict, why, used } = explanation;
        let readings = used.into_iter().map(|used| Reading::of(&used.key, used.value, used.at)).collect();
        Self { verdict, at, why, readings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::{Field, Trigger};

    #[test]
    fn a_sample_becomes_a_reading_and_the_same_sample_again() {
        let at = Timestamp::from_second(1_790_000_000).expect("time");
        let satellite = Key::Satellite("STARLINK-1007".into(), Field::SATELLITE_ELEVATION);
        let custom = Key::custom("fan").expect("key");
        for sample in [
            Sample::number(Field::DISH_LATENCY, 40.5, at),
            Sample::flag(Field::DISH_OBSTRUCTED, true, at),
            Sample::text(custom, "on", at),
            Sample::number(satellite, 31.0, at),
            Sample::none(Field::WEATHER_RAIN_1H, at),
        ] {
            let reading = Reading::from(sample.clone());
            assert_eq!(reading.at, Some(at));
            assert_eq!(Sample::try_from(reading).expect("sample"), sample);
        }
        let reading = Reading::from(Sample::number(Field::DISH_LATENCY, 40.5, at));
        assert_eq!((reading.field.as_str(), reading.unit.as_deref()), ("dish.latency", Some("ms")));
        assert_eq!(reading.source.as_deref(), Some("dish"));
        let unknown = Reading { field: "dish.colour".into(), ..reading.clone() };
        Sample::try_from(unknown).expect_err("no field");
        Sample::try_from(Reading { at: None, ..reading }).expect_err("never observed");
    }

    #[test]
    fn what_is_read_seldom_counts_for_whoever_watches_as_long_as_on_the_node() {
        let at = |secs: i64| Timestamp::from_second(1_790_000_000 + secs).expect("time");
        let door = Reading::from(Sample::flag(Key::custom("door").expect("key"), true, at(0)));
        let verdict = |counts_for_s, now| {
            let mut watches = Watches::new();
            watches.set((), &Trigger::parse("custom.door").expect("trigger"));
            let readings = vec![Reading { counts_for_s, ..door.clone() }];
            NodeReadings { at: at(now), readings }.decide(&mut watches).verdict
        };
        assert_eq!((verdict(None, 299), verdict(None, 300)), (Verdict::Met, Verdict::Unknown));
        assert_eq!(
            (verdict(Some(10_800), 10_799), verdict(Some(10_800), 10_800)),
            (Verdict::Met, Verdict::Unknown)
        );
    }
}
