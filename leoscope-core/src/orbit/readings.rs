//! The sky as readings, which conditions name.

use super::sky::{Named, Sky};
use crate::time::Timestamp;
use crate::trigger::{Field, Key, Sample, Value};

/// Metres in a kilometre.
const METRES: f64 = 1_000.0;

/// The readings of a sky: a field that has no value at that instant says so.
pub fn of_sky(sky: &Sky) -> Vec<Sample> {
    of_sky_among(sky, |_| true)
}

/// The readings of a sky of those fields that are wanted.
pub fn of_sky_among(sky: &Sky, is_wanted: impl Fn(Field) -> bool) -> Vec<Sample> {
    let at = sky.at;
    let mut samples = Vec::with_capacity(24);
    let mut tell = |field: Field, value: Option<Value>| {
        if is_wanted(field) {
            samples.push(Sample { key: field.into(), value, at });
        }
    };
    let number = |value: f64| Some(Value::Number(value));
    let highest = sky.highest.as_ref();
    tell(Field::SATELLITE_ELEVATION, highest.and_then(|it| number(it.look.elevation_deg)));
    tell(Field::SATELLITE_AZIMUTH, highest.and_then(|it| number(it.look.azimuth_deg)));
    tell(Field::SATELLITE_RANGE, highest.and_then(|it| number(it.look.range_km)));
    tell(Field::SATELLITE_RANGE_RATE, highest.and_then(|it| number(it.look.range_rate_km_s)));
    tell(Field::SATELLITE_ID, highest.and_then(|it| number(f64::from(it.number))));
    tell(Field::SATELLITE_NAME, highest.map(|it| Value::Text(it.name.clone())));
    tell(Field::SATELLITE_SHELL_ALTITUDE, highest.and_then(|it| number(it.shell.altitude_km)));
    tell(Field::SATELLITE_INCLINATION, highest.and_then(|it| number(it.shell.inclination_deg)));
    tell(Field::SATELLITE_SUNLIT, highest.map(|it| Value::Flag(it.is_sunlit)));
    tell(Field::SATELLITE_TIME_TO_SET, highest.and_then(|it| number(it.time_to_set_s?)));
    tell(Field::SATELLITE_PASS_MAX_ELEVATION, highest.and_then(|it| number(it.pass_max_elevation_deg?)));
    tell(Field::SATELLITE_VISIBLE, number(f64::from(sky.visible)));
    tell(Field::SATELLITE_USABLE, number(f64::from(sky.usable)));
    tell(Field::STARLINK_CANDIDATES, number(f64::from(sky.candidates)));
    tell(Field::SATELLITE_RANGE_MIN, sky.range_km.and_then(|range| number(range.min)));
    tell(Field::SATELLITE_RANGE_MAX, sky.range_km.and_then(|range| number(range.max)));
    tell(Field::SATELLITE_RANGE_MEAN, sky.range_km.and_then(|range| number(range.mean)));
    tell(Field::SAT_DIST_MIN, sky.within_reach_km.and_then(|range| number(range.min * METRES)));
    tell(Field::SAT_DIST_MAX, sky.within_reach_km.and_then(|range| number(range.max * METRES)));
    tell(Field::SAT_DIST_MEAN, sky.within_reach_km.and_then(|range| number(range.mean * METRES)));
    tell(Field::SATELLITE_NEXT_RISE, sky.next_rise_s.and_then(number));
    tell(Field::SATELLITE_ELEMENT_AGE, sky.element_age.and_then(|age| number(age.as_secs_f64() / 3_600.0)));
    tell(Field::SUN_ELEVATION, number(sky.sun_elevation_deg));
    samples
}

/// The reading of a field of one satellite, `None` in it where its elements do not tell.
pub fn of_named(key: &Key, named: Option<&Named>, at: Timestamp) -> Sample {
    let value = match key {
        Key::Satellite(_, field) => named.and_then(|named| {
            let look = &named.look;
            match *field {
                Field::SATELLITE_ELEVATION => Some(Value::Number(look.elevation_deg)),
                Field::SATELLITE_AZIMUTH => Some(Value::Number(look.azimuth_deg)),
                Field::SATELLITE_RANGE => Some(Value::Number(look.range_km)),
                Field::SATELLITE_VISIBLE => Some(Value::Flag(named.is_visible)),
                _ => None,
            }
        }),
        Key::Field(_) | Key::Custom(_) => None,
    };
    Sample { key: key.clone(), value, at }
}
