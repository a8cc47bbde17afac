//! OpenWeatherMap's current weather, <https://openweathermap.org/current>.

use serde::Deserialize;

use super::conditions::Conditions;
use super::not_valid;
use crate::error::{Error, Result};
use crate::model::{Coordinates, Secret};
use crate::time::Timestamp;

pub(super) const NAME: &str = "OpenWeatherMap";
pub(super) const ADDRESS: &str = "https://api.openweathermap.org/data/2.5/weather";

/// 0 °C in kelvins.
const ZERO_CELSIUS: f64 = 273.15;

/// What is asked: the weather at `site` in kelvins, metres and seconds.
pub(super) fn query(site: &Coordinates, key: &Secret) -> Secret {
    let (latitude, longitude) = (site.latitude(), site.longitude());
    let key = encoded(key.expose());
    Secret::new(format!("lat={latitude}&lon={longitude}&units=standard&appid={key}"))
}

/// A text as it stands in a query (RFC 3986, section 2).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[derive(Deserialize)]
struct Answer {
    dt: Option<i64>,
    #[serde(default)]
    weather: Vec<Weather>,
    #[serde(default)]
    main: Main,
    visibility: Option<f64>,
    #[serde(default)]
    wind: Wind,
    #[serde(default)]
    clouds: Clouds,
    rain: Option<Fallen>,
    snow: Option<Fallen>,
}

#[derive(Deserialize)]
struct Weather {
    id: Option<f64>,
    main: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize, Default)]
struct Main {
    temp: Option<f64>,
    temp_min: Option<f64>,
    temp_max: Option<f64>,
    pressure: Option<f64>,
    humidity: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Wind {
    speed: Option<f64>,
    deg: Option<f64>,
    gust: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Clouds {
    all: Option<f64>,
}

/// Millimetres of rain or snow.
#[derive(Deserialize)]
struct Fallen {
    #[serde(rename = "1h")]
    last_hour: Option<f64>,
    #[serde(rename = "3h")]
    last_three_hours: Option<f64>,
}

impl Fallen {
    /// The service leaves out what has not fallen. Of two amounts it tells one where it knows one.
    fn amounts(fallen: Option<&Self>) -> (Option<f64>, Option<f64>) {
        match fallen {
            None | Some(Self { last_hour: None, last_three_hours: None }) => (Some(0.0), Some(0.0)),
            Some(Self { last_hour, last_three_hours }) => (*last_hour, *last_three_hours),
        }
    }
}

/// Reads an answer.
pub(super) fn parse(body: &[u8]) -> Result<Conditions> {
    let answer: Answer = serde_json::from_slice(body).map_err(|e| not_valid(&e))?;
    let Answer { dt, weather, main, visibility, wind, clouds, rain, snow } = answer;
    let observed = dt.and_then(|second| Timestamp::from_second(second).ok());
    let at = observed.ok_or_else(|| Error::unavailable("it does not say when the weather was observed"))?;
    // The first of several is the main one.
    let (code, condition, description) = match weather.into_iter().next() {
        Some(Weather { id, main, description }) => (id, main, description),
        None => (None, None, None),
    };
    let celsius = |kelvins: Option<f64>| kelvins.map(|kelvins| kelvins - ZERO_CELSIUS);
    let (rain_1h, rain_3h) = Fallen::amounts(rain.as_ref());
    let (snow_1h, snow_3h) = Fallen::amounts(snow.as_ref());
    Ok(Conditions {
        temperature: celsius(main.temp),
        temperature_min: celsius(main.temp_min),
        temperature_max: celsius(main.temp_max),
        pressure: main.pressure,
        humidity: main.humidity,
        clouds: clouds.all,
        visibility,
        rain_1h,
        rain_3h,
        snow_1h,
        snow_3h,
        wind_speed: wind.speed,
        wind_gust: wind.gust,
        wind_direction: wind.deg,
        code,
        condition,
        description,
        ..Conditions::at(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_amounts_one_may_be_unknown_but_none_means_dry() {
        let rain = |text: &str| {
            let read = parse(format!("{{\"dt\": 1{text}}}").as_bytes()).expect(text);
            (read.rain_1h, read.rain_3h)
        };
        assert_eq!(rain(""), (Some(0.0), Some(0.0)));
        assert_eq!(rain(", \"rain\": {}"), (Some(0.0), Some(0.0)));
        assert_eq!(rain(", \"rain\": {\"1h\": 0.5}"), (Some(0.5), None));
        assert_eq!(rain(", \"rain\": {\"3h\": 2}"), (None, Some(2.0)));
        assert_eq!(rain(", \"rain\": {\"1h\": 0.5, \"3h\": 2}"), (Some(0.5), Some(2.0)));
    }

    #[test]
    fn a_key_with_any_characters_stays_one_value_of_the_query() {
        let site = "47.6,-122.3".parse().expect("coordinates");
        let query = query(&site, &Secret::new("a b&c=d%é"));
        assert_eq!(query.expose(), "lat=47.6&lon=-122.3&units=standard&appid=a%20b%26c%3Dd%25%C3%A9");
    }

    #[test]
    fn an_answer_without_a_time_is_none() {
        for bad in ["{}", "{\"dt\": null}", "{\"dt\": 999999999999999}"] {
            parse(bad.as_bytes()).expect_err(bad);
        }
    }
}
