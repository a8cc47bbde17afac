//! What nodes read, on its way.

use super::{Message as _, micros, v1};
use crate::error::{Error, Result};
use crate::model::NodeReadings;

/// The most readings at once: more than there are fields, and some of the operator's own.
const MOST: usize = 512;

/// The most that all of them may take, in bytes.
const MOST_BYTES: usize = 128 << 10;

impl From<NodeReadings> for v1::NodeReadings {
    fn from(readings: NodeReadings) -> Self {
        let NodeReadings { at, readings } = readings;
        Self { at_us: at.as_microsecond(), readings: readings.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<v1::NodeReadings> for NodeReadings {
    type Error = Error;
    fn try_from(wire: v1::NodeReadings) -> Result<Self> {
        let (count, bytes) = (wire.readings.len(), wire.encoded_len());
        if count > MOST {
            return Err(Error::invalid(format!("{count} readings are too many, at most {MOST} are taken")));
        }
        if bytes > MOST_BYTES {
            return Err(Error::invalid(format!(
                "readings of {bytes} bytes are too many, at most {MOST_BYTES} are taken"
            )));
        }
        let v1::NodeReadings { at_us, readings } = wire;
        let readings = readings.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        Ok(Self { at: micros("at_us", at_us)?, readings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reading;
    use crate::time::Timestamp;
    use crate::trigger::{Field, Key, Sample};

    #[test]
    fn readings_come_back_as_they_went_and_too_many_do_not() {
        let at = Timestamp::from_microsecond(1_790_000_000_123_456).expect("time");
        let sample = Sample::number(Field::DISH_LATENCY, 40.5, at);
        let readings = NodeReadings { at, readings: vec![Reading::from(sample)] };
        let wire = v1::NodeReadings::from(readings.clone());
        assert_eq!(NodeReadings::try_from(wire.clone()).expect("readings"), readings);
        let many = v1::NodeReadings { readings: vec![wire.readings[0].clone(); MOST + 1], ..wire.clone() };
        NodeReadings::try_from(many).expect_err("too many");
        let key = Key::custom("fan").expect("key");
        let long = Reading::from(Sample::text(key, &"x".repeat(MOST_BYTES), at));
        let long = v1::NodeReadings { readings: vec![long.into()], ..wire.clone() };
        NodeReadings::try_from(long).expect_err("too long");
        NodeReadings::try_from(v1::NodeReadings { at_us: i64::MAX, ..wire }).expect_err("no time");
    }
}
