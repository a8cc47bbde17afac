//! The weather as fields have it, whoever tells it.

use crate::model::WeatherFacts;
use crate::time::Timestamp;
use crate::trigger::{Field, Sample};

/// The farthest that is told of the visibility, in metres.
const MOST_VISIBILITY: f64 = 10_000.0;

/// The weather at one instant, in the units of the fields; what is not told is `None`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conditions {
    /// When it was observed.
    pub(super) at: Timestamp,
    /// The end of the hours of which rain and snow are told.
    pub(super) fallen_at: Timestamp,
    pub(super) temperature: Option<f64>,
    pub(super) temperature_min: Option<f64>,
    pub(super) temperature_max: Option<f64>,
    pub(super) pressure: Option<f64>,
    pub(super) humidity: Option<f64>,
    pub(super) clouds: Option<f64>,
    pub(super) visibility: Option<f64>,
    pub(super) rain_1h: Option<f64>,
    pub(super) rain_3h: Option<f64>,
    pub(super) snow_1h: Option<f64>,
    pub(super) snow_3h: Option<f64>,
    pub(super) wind_speed: Option<f64>,
    pub(super) wind_gust: Option<f64>,
    pub(super) wind_direction: Option<f64>,
    pub(super) code: Option<f64>,
    pub(super) condition: Option<String>,
    pub(super) description: Option<String>,
}

impl Conditions {
    /// That nothing is known but the time.
    pub(super) fn at(at: Timestamp) -> Self {
        Self {
            at,
            fallen_at: at,
            temperature: None,
            temperature_min: None,
            temperature_max: None,
            pressure: None,
            humidity: None,
            clouds: None,
            visibility: None,
            rain_1h: None,
            rain_3h: None,
            snow_1h: None,
            snow_3h: None,
            wind_speed: None,
            wind_gust: None,
            wind_direction: None,
            code: None,
            condition: None,
            description: None,
        }
    }

    /// A reading of each field; what is not told has no value.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let number = |field, value: Option<f64>, at| match value {
            Some(value) => Sample::number(field, value, at),
            None => Sample::none(field, at),
        };
        let text = |field, value: &Option<String>| match value {
            Some(value) => Sample::text(field, value, self.at),
            None => Sample::none(field, self.at),
        };
        let now = |field, value| number(field, value, self.at);
        let fallen = |field, value| number(field, value, self.fallen_at);
        vec![
            now(Field::WEATHER_TEMPERATURE, self.temperature),
            now(Field::WEATHER_TEMPERATURE_MIN, self.temperature_min),
            now(Field::WEATHER_TEMPERATURE_MAX, self.temperature_max),
            now(Field::WEATHER_PRESSURE, self.pressure),
            now(Field::WEATHER_HUMIDITY, self.humidity),
            now(Field::WEATHER_CLOUDS, self.clouds),
            now(Field::WEATHER_VISIBILITY, self.visibility.map(|metres| metres.min(MOST_VISIBILITY))),
            fallen(Field::WEATHER_RAIN_1H, self.rain_1h),
            fallen(Field::WEATHER_RAIN_3H, self.rain_3h),
            fallen(Field::WEATHER_SNOW_1H, self.snow_1h),
            fallen(Field::WEATHER_SNOW_3H, self.snow_3h),
            now(Field::WEATHER_WIND_SPEED, self.wind_speed),
            now(Field::WEATHER_WIND_GUST, self.wind_gust),
            now(Field::WEATHER_WIND_DIRECTION, self.wind_direction),
            now(Field::WEATHER_CODE, self.code),
            text(Field::WEATHER_CONDITION, &self.condition),
            text(Field::WEATHER_DESCRIPTION, &self.description),
        ]
    }

    /// What manifests say of it.
    pub(super) fn facts(&self, provider: &str) -> WeatherFacts {
        WeatherFacts {
            provider: provider.to_owned(),
            at: self.at,
            condition: self.description.clone().or_else(|| self.condition.clone()),
            temperature_c: self.temperature,
            pressure_hpa: self.pressure,
            humidity_percent: self.humidity,
            clouds_percent: self.clouds,
            rain_1h_mm: self.rain_1h,
            snow_1h_mm: self.snow_1h,
            wind_speed_m_s: self.wind_speed,
            wind_direction_deg: self.wind_direction,
        }
    }
}
