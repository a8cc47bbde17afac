//! Open-Meteo's forecast interface, <https://open-meteo.com/en/docs>: what it takes for the present
//! weather, and rain and snow of the last full hours.

mod codes;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::conditions::Conditions;
use super::not_valid;
use crate::error::{Error, Result};
use crate::model::{Coordinates, Secret};
use crate::time::{SignedDuration, Timestamp};

pub(super) const NAME: &str = "Open-Meteo";
pub(super) const ADDRESS: &str = "https://api.open-meteo.com/v1/forecast";

/// What is asked for of the present.
const CURRENT: &str = "temperature_2m,relative_humidity_2m,weather_code,cloud_cover,pressure_msl,\
                       visibility,wind_speed_10m,wind_direction_10m,wind_gusts_10m";

/// What is asked for of each hour before. The service tells the present amounts of a quarter of an hour.
const HOURLY: &str = "rain,showers,snowfall";

/// An hour.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Units that a quantity may come in: `value * factor + offset` is in the field's.
type Units = &'static [(&'static str, f64, f64)];

const CELSIUS: Units = &[("°C", 1.0, 0.0), ("°F", 5.0 / 9.0, -160.0 / 9.0)];
const PERCENT: Units = &[("%", 1.0, 0.0)];
const HECTOPASCALS: Units = &[("hPa", 1.0, 0.0)];
const METRES: Units = &[("m", 1.0, 0.0), ("ft", 0.3048, 0.0)];
/// A knot is 1852 m in an hour, a mile 1609.344 m.
const METRES_PER_SECOND: Units = &[
    ("m/s", 1.0, 0.0),
    ("km/h", 1.0 / 3.6, 0.0),
    ("mp/h", 1609.344 / 3600.0, 0.0),
    ("kn", 1852.0 / 3600.0, 0.0),
];
const DEGREES: Units = &[("°", 1.0, 0.0)];
const MILLIMETRES: Units = &[("mm", 1.0, 0.0), ("inch", 25.4, 0.0)];
/// Of snow its depth is told. Molten it has a height of 10 mm for each 7 cm, by the service's manual.
const MOLTEN: Units = &[("cm", 10.0 / 7.0, 0.0), ("inch", 25.4 / 7.0, 0.0)];
const CODE: Units = &[("wmo code", 1.0, 0.0)];

/// What is asked: the weather at `site`.
pub(super) fn query(site: &Coordinates) -> Secret {
    let (latitude, longitude) = (site.latitude(), site.longitude());
    Secret::new(format!(
        "latitude={latitude}&longitude={longitude}&current={CURRENT}&hourly={HOURLY}&past_hours=3&\
         forecast_hours=1&wind_speed_unit=ms&timeformat=unixtime&timezone=GMT"
    ))
}

/// What is asked for a forecast: the weather of each of so many hours to come.
pub(super) fn query_hours(site: &Coordinates, hours: u32) -> Secret {
    let (latitude, longitude) = (site.latitude(), site.longitude());
    Secret::new(format!(
        "latitude={latitude}&longitude={longitude}&hourly={CURRENT},{HOURLY}&past_hours=4&\
         forecast_hours={hours}&wind_speed_unit=ms&timeformat=unixtime&timezone=GMT"
    ))
}

/// Reads the answer to that: the weather at each full hour.
pub(super) fn parse_hours(body: &[u8]) -> Result<Vec<Conditions>> {
    let mut answer: Answer = serde_json::from_slice(body).map_err(|e| not_valid(&e))?;
    let count = answer.hourly.get("time").and_then(Value::as_array).map_or(0, Vec::len);
    let mut all = Vec::with_capacity(count);
    answer.current_units = answer.hourly_units.clone();
    for place in 0..count {
        // An hour as if it were the present one.
        let of_hour = |(name, values): (&String, &Value)| Some((name.clone(), values.get(place)?.clone()));
        answer.current = answer.hourly.iter().filter_map(of_hour).collect();
        all.push(conditions(&answer)?);
    }
    Ok(all)
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    utc_offset_seconds: i64,
    #[serde(default)]
    current: Map<String, Value>,
    #[serde(default)]
    current_units: Map<String, Value>,
    #[serde(default)]
    hourly: Map<String, Value>,
    #[serde(default)]
    hourly_units: Map<String, Value>,
}

/// What an answer says of one sort of time.
struct Part<'a> {
    values: &'a Map<String, Value>,
    units: &'a Map<String, Value>,
    utc_offset: SignedDuration,
}

/// Reads an answer.
pub(super) fn parse(body: &[u8]) -> Result<Conditions> {
    conditions(&serde_json::from_slice(body).map_err(|e| not_valid(&e))?)
}

fn conditions(answer: &Answer) -> Result<Conditions> {
    let utc_offset = SignedDuration::from_secs(answer.utc_offset_seconds);
    let current = Part { values: &answer.current, units: &answer.current_units, utc_offset };
    let hourly = Part { values: &answer.hourly, units: &answer.hourly_units, utc_offset };
    let at = current.time(current.values.get("time"))?;
    let at = at.ok_or_else(|| Error::unavailable("it does not say when the weather was observed"))?;
    let hours = hourly.last_hours(at)?;
    let rain = |count| hourly.fallen(&["rain", "showers"], MILLIMETRES, &hours, count);
    let snow = |count| hourly.fallen(&["snowfall"], MOLTEN, &hours, count);
    let code = current.number("weather_code", CODE)?;
    let words = code.and_then(codes::words);
    Ok(Conditions {
        fallen_at: hours.first().map_or(at, |(at, _)| *at),
        temperature: current.number("temperature_2m", CELSIUS)?,
        pressure: current.number("pressure_msl", HECTOPASCALS)?,
        humidity: current.number("relative_humidity_2m", PERCENT)?,
        clouds: current.number("cloud_cover", PERCENT)?,
        visibility: current.number("visibility", METRES)?,
        rain_1h: rain(1)?,
        rain_3h: rain(3)?,
        snow_1h: snow(1)?,
        snow_3h: snow(3)?,
        wind_speed: current.number("wind_speed_10m", METRES_PER_SECOND)?,
        wind_gust: current.number("wind_gusts_10m", METRES_PER_SECOND)?,
        wind_direction: current.number("wind_direction_10m", DEGREES)?,
        code,
        condition: words.map(|(condition, _)| condition.to_owned()),
        description: words.map(|(_, description)| description.to_owned()),
        ..Conditions::at(at)
    })
}

impl Part<'_> {
    fn unit(&self, name: &str) -> &str {
        self.units.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// What turns a value of that name into the field's unit.
    fn conversion(&self, name: &str, units: Units) -> Result<impl Fn(f64) -> f64 + use<>> {
        let unit = self.unit(name);
        let known = units.iter().find(|(known, _, _)| *known == unit);
        let (_, factor, offset) = known.copied().ok_or_else(|| unknown_unit(name, unit))?;
        Ok(move |value| value * factor + offset)
    }

    /// The value of that name; an error where its unit is not known.
    fn number(&self, name: &str, units: Units) -> Result<Option<f64>> {
        let value = self.values.get(name).and_then(Value::as_f64);
        value.map(|value| Ok(self.conversion(name, units)?(value))).transpose()
    }

    /// The instant that a value of `time` is.
    fn time(&self, value: Option<&Value>) -> Result<Option<Timestamp>> {
        let Some(value) = value else { return Ok(None) };
        Ok(match self.unit("time") {
            "unixtime" => value.as_i64().and_then(|second| Timestamp::from_second(second).ok()),
            "iso8601" => value.as_str().and_then(|text| {
                let local = jiff::tz::TimeZone::UTC.to_timestamp(text.parse().ok()?).ok()?;
                local.checked_sub(self.utc_offset).ok()
            }),
            unit => return Err(unknown_unit("time", unit)),
        })
    }

    /// The ends of the full hours until `now` with their places, the newest first.
    fn last_hours(&self, now: Timestamp) -> Result<Vec<(Timestamp, usize)>> {
        let times = self.values.get("time").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let times = times.iter().map(|time| self.time(Some(time))).collect::<Result<Vec<_>>>()?;
        let mut ends: Vec<_> = (0..)
            .zip(times)
            .filter_map(|(place, end)| Some((end?, place)))
            .filter(|(end, _)| *end <= now && now.duration_since(*end) < HOUR * 4)
            .collect();
        ends.sort_unstable_by_key(|(end, _)| std::cmp::Reverse(*end));
        Ok(ends)
    }

    /// What has fallen in the last `count` of `hours`, all of `names` together; `None` where one of them
    /// is not told.
    fn fallen(
        &self,
        names: &[&str],
        units: Units,
        hours: &[(Timestamp, usize)],
        count: usize,
    ) -> Result<Option<f64>> {
        let Some(hours) = hours.get(..count) else { return Ok(None) };
        if hours.windows(2).any(|pair| matches!(pair, [a, b] if a.0.duration_since(b.0) != HOUR)) {
            return Ok(None);
        }
        let mut all = 0.0;
        for name in names {
            let Some(values) = self.values.get(*name).and_then(Value::as_array) else { return Ok(None) };
            let convert = self.conversion(name, units)?;
            for (_, place) in hours {
                let Some(value) = values.get(*place).and_then(Value::as_f64) else { return Ok(None) };
                all += convert(value);
            }
        }
        Ok(Some(all))
    }
}

fn unknown_unit(name: &str, unit: &str) -> Error {
    let unit: String = unit.chars().filter(|c| !c.is_control()).take(20).collect();
    Error::unavailable(format!("{name} is in {unit:?}, which is not a known unit of it"))
}

#[cfg(test)]
mod tests;
