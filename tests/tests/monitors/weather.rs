//! The weather monitor and services that are scripted.

pub(crate) mod server;

use std::time::Duration;

use leoscope_core::backends::monitors::{WeatherForecast, WeatherMonitor};
use leoscope_core::model::{ExecutorConfig, Secret, WeatherFacts};
use leoscope_core::ports::{Around, Finding, Monitor as _, Observation, WeatherForecaster as _};
use leoscope_core::time::SignedDuration;
use leoscope_core::trigger::{Field, Source, Value};
use leoscope_core::{Error, ErrorKind};
use leoscope_tests::logs;
use serde_json::{Value as Json, json};

use self::server::{Answer, Weather};
use super::{after, around, number, value};

/// A key that nothing but the service may see.
const KEY: &str = "planted-weather-key-0451";

/// The time of `after(0)` as services write it.
const OBSERVED: i64 = 1_796_149_200;

fn monitor(server: &Weather) -> WeatherMonitor {
    let (openweathermap, open_meteo) = (server.address("/data/2.5/weather"), server.address("/v1/forecast"));
    let text =
        format!("monitors: {{weather: {{openweathermap: '{openweathermap}', open_meteo: '{open_meteo}'}}}}");
    let config = ExecutorConfig::parse(&text).expect("config").monitors.weather.expect("on");
    WeatherMonitor::new(&config).expect("monitor").with_deadline(Duration::from_secs(60))
}

fn with_key(seconds: i64) -> Around {
    logs::plant(KEY);
    Around { weather_key: Some(Secret::new(KEY)), ..without_key(seconds) }
}

fn without_key(seconds: i64) -> Around {
    Around { site: Some("47.6062,-122.3321".parse().expect("coordinates")), ..around(seconds) }
}

async fn read(monitor: &WeatherMonitor, around: &Around) -> Observation {
    monitor.read(around).await.expect("observation")
}

/// The error of a reading, which does not show the key.
async fn fault(monitor: &WeatherMonitor, around: &Around) -> Error {
    let error = monitor.read(around).await.expect_err("a fault");
    for shown in [format!("{error:?}"), format!("{monitor:?}"), format!("{around:?}")] {
        assert!(!shown.contains(KEY) && !shown.contains("appid"), "{shown}");
    }
    error
}

fn facts(observation: &Observation) -> WeatherFacts {
    match observation.findings.as_slice() {
        [Finding::Weather(facts)] => facts.clone(),
        other => panic!("{other:?}"),
    }
}

fn close(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() < 1e-9)
}

/// What OpenWeatherMap answers on a dry day.
fn dry() -> Json {
    json!({
        "coord": {"lon": -122.3321, "lat": 47.6062},
        "weather": [{"id": 802, "main": "Clouds", "description": "scattered clouds", "icon": "03n"}],
        "base": "stations",
        "main": {"temp": 281.65, "feels_like": 279.1, "temp_min": 280.15, "temp_max": 283.15,
                 "pressure": 1018, "humidity": 76, "sea_level": 1018, "grnd_level": 1007},
        "visibility": 10000,
        "wind": {"speed": 3.6, "deg": 200},
        "clouds": {"all": 40},
        "dt": OBSERVED, "timezone": -28800, "id": 5809844, "name": "Seattle", "cod": 200
    })
}

/// What Open-Meteo answers.
fn open_meteo() -> Json {
    json!({
        "utc_offset_seconds": 0,
        "current_units": {
            "time": "unixtime", "temperature_2m": "°C", "relative_humidity_2m": "%", "weather_code": "wmo code",
            "cloud_cover": "%", "pressure_msl": "hPa", "visibility": "m", "wind_speed_10m": "m/s",
            "wind_direction_10m": "°", "wind_gusts_10m": "m/s"
        },
        "current": {
            "time": OBSERVED, "interval": 900, "temperature_2m": -1.5, "relative_humidity_2m": 91,
            "weather_code": 73, "cloud_cover": 100, "pressure_msl": 1003.2, "visibility": 24140.0,
            "wind_speed_10m": 4.5, "wind_direction_10m": 210, "wind_gusts_10m": 9.1
        },
        "hourly_units": {"time": "unixtime", "rain": "mm", "showers": "mm", "snowfall": "cm"},
        "hourly": {
            "time": [OBSERVED - 12_000, OBSERVED - 8400, OBSERVED - 4800, OBSERVED - 1200],
            "rain": [0.0, 0.0, 0.0, 0.0], "showers": [0.0, 0.0, 0.0, 0.0], "snowfall": [0.0, 0.7, 0.7, 1.4]
        }
    })
}

#[tokio::test]
async fn a_dry_day_is_told_by_openweathermap_where_there_is_a_key() {
    let server = Weather::start([Answer::json(&dry())]).await;
    let monitor = monitor(&server);
    assert_eq!((monitor.source(), monitor.uses_link()), (Source::Weather, true));
    assert!(monitor.patience() > SignedDuration::from_secs(60));
    let read = read(&monitor, &with_key(600)).await;
    assert!(read.samples.iter().all(|sample| sample.at == after(0)), "{read:?}");
    for (field, expected) in [
        (Field::WEATHER_TEMPERATURE, 8.5),
        (Field::WEATHER_TEMPERATURE_MIN, 7.0),
        (Field::WEATHER_TEMPERATURE_MAX, 10.0),
        (Field::WEATHER_PRESSURE, 1018.0),
        (Field::WEATHER_HUMIDITY, 76.0),
        (Field::WEATHER_CLOUDS, 40.0),
        (Field::WEATHER_VISIBILITY, 10_000.0),
        (Field::WEATHER_RAIN_1H, 0.0),
        (Field::WEATHER_RAIN_3H, 0.0),
        (Field::WEATHER_SNOW_1H, 0.0),
        (Field::WEATHER_SNOW_3H, 0.0),
        (Field::WEATHER_WIND_SPEED, 3.6),
        (Field::WEATHER_WIND_DIRECTION, 200.0),
        (Field::WEATHER_CODE, 802.0),
    ] {
        assert!(close(number(&read, field), expected), "{field}: {:?}", value(&read, field));
    }
    assert_eq!(value(&read, Field::WEATHER_WIND_GUST), None);
    assert_eq!(value(&read, Field::WEATHER_CONDITION), Some(Value::text("Clouds")));
    assert_eq!(value(&read, Field::WEATHER_DESCRIPTION), Some(Value::text("scattered clouds")));
    assert!(read.samples.iter().all(|sample| sample.key != Field::WEATHER_AGE.into()));
    let facts = facts(&read);
    assert_eq!((facts.provider.as_str(), facts.at), ("OpenWeatherMap", after(0)));
    assert_eq!((facts.condition.as_deref(), facts.rain_1h_mm), (Some("scattered clouds"), Some(0.0)));
    let expected =
        format!("GET /data/2.5/weather?lat=47.6062&lon=-122.3321&units=standard&appid={KEY} HTTP/1.1");
    assert_eq!(server.asked(), [expected]);
}

#[tokio::test]
async fn rain_that_has_stopped_is_gone_and_the_first_of_several_conditions_counts() {
    let mut rainy = dry();
    rainy["rain"] = json!({"1h": 1.2});
    rainy["snow"] = json!({"1h": 0.3, "3h": 2});
    rainy["wind"]["gust"] = json!(11.5);
    rainy["weather"] = json!([
        {"id": 501, "main": "Rain", "description": "moderate rain"},
        {"id": 701, "main": "Mist", "description": "mist"},
    ]);
    let server = Weather::start([Answer::json(&rainy), Answer::json(&dry())]).await;
    let monitor = monitor(&server);
    let wet = read(&monitor, &with_key(600)).await;
    assert_eq!(number(&wet, Field::WEATHER_RAIN_1H), Some(1.2));
    assert_eq!(number(&wet, Field::WEATHER_RAIN_3H), None, "it is not told");
    assert_eq!(number(&wet, Field::WEATHER_SNOW_3H), Some(2.0));
    assert_eq!(number(&wet, Field::WEATHER_WIND_GUST), Some(11.5));
    assert_eq!(value(&wet, Field::WEATHER_CONDITION), Some(Value::text("Rain")));
    let dry = read(&monitor, &with_key(1200)).await;
    assert_eq!(number(&dry, Field::WEATHER_RAIN_1H), Some(0.0));
    assert_eq!(value(&dry, Field::WEATHER_WIND_GUST), None);
}

#[tokio::test]
async fn open_meteo_tells_without_a_key_with_the_units_of_the_answer() {
    let mut kmh = open_meteo();
    kmh["current_units"]["wind_speed_10m"] = json!("km/h");
    kmh["current"]["wind_speed_10m"] = json!(18.0);
    let server = Weather::start([Answer::json(&open_meteo()), Answer::json(&kmh)]).await;
    let monitor = monitor(&server);
    let first = read(&monitor, &without_key(600)).await;
    for (field, expected) in [
        (Field::WEATHER_TEMPERATURE, -1.5),
        (Field::WEATHER_VISIBILITY, 10_000.0),
        (Field::WEATHER_RAIN_1H, 0.0),
        (Field::WEATHER_SNOW_1H, 2.0),
        (Field::WEATHER_SNOW_3H, 4.0),
        (Field::WEATHER_WIND_SPEED, 4.5),
        (Field::WEATHER_WIND_GUST, 9.1),
        (Field::WEATHER_CODE, 73.0),
    ] {
        assert!(close(number(&first, field), expected), "{field}: {:?}", value(&first, field));
    }
    assert_eq!(value(&first, Field::WEATHER_TEMPERATURE_MIN), None);
    assert_eq!(value(&first, Field::WEATHER_CONDITION), Some(Value::text("Snow")));
    let at = |field: Field| {
        let sample = first.samples.iter().find(|sample| sample.key == field.into());
        sample.expect("sample").at
    };
    assert_eq!((at(Field::WEATHER_TEMPERATURE), at(Field::WEATHER_SNOW_1H)), (after(0), after(-1200)));
    assert_eq!(facts(&first).provider, "Open-Meteo");
    // A key without a text is none.
    let empty = Around { weather_key: Some(Secret::default()), ..without_key(1200) };
    let second = read(&monitor, &empty).await;
    assert!(close(number(&second, Field::WEATHER_WIND_SPEED), 5.0));
    for asked in server.asked() {
        assert!(asked.starts_with("GET /v1/forecast?latitude=47.6062&longitude=-122.3321&"), "{asked}");
        assert!(asked.contains("wind_speed_unit=ms") && !asked.contains("appid"), "{asked}");
    }
}

#[tokio::test]
async fn a_unit_that_is_not_known_is_refused() {
    let mut odd = open_meteo();
    odd["current_units"]["temperature_2m"] = json!("K");
    let server = Weather::start([Answer::json(&odd)]).await;
    let error = fault(&monitor(&server), &without_key(600)).await;
    let expected =
        "the answer of Open-Meteo is not usable: temperature_2m is in \"K\", which is not a known unit of it";
    assert_eq!(error.message(), expected);
}

#[tokio::test]
async fn a_node_without_a_place_asks_nobody() {
    let server = Weather::start([]).await;
    let nowhere = Around { site: None, ..with_key(600) };
    let error = fault(&monitor(&server), &nowhere).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.what_to_do().expect("a hint").contains("--coords"), "{error:?}");
    assert_eq!(server.asked(), [""; 0]);
}

#[tokio::test]
async fn a_key_that_is_refused_is_said_but_not_told() {
    let body = json!({"cod": 401, "message": format!("Invalid API key {KEY}")});
    let answers = [Answer::status(401, &body), Answer::json(&dry()), Answer::status(403, &json!({}))];
    let server = Weather::start(answers).await;
    let monitor = monitor(&server);
    let error = fault(&monitor, &with_key(600)).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.message(), "OpenWeatherMap refuses the key of the testbed (status 401)");
    assert!(error.what_to_do().expect("a hint").contains("leoscope config update"), "{error:?}");
    // Nothing is wrong for ever.
    read(&monitor, &with_key(1200)).await;
    let error = fault(&monitor, &without_key(1800)).await;
    assert_eq!(error.message(), "Open-Meteo refuses to tell the weather (status 403)");
}

#[tokio::test]
async fn a_service_that_asks_to_be_left_alone_is_left_alone_until_then() {
    let answers = [
        Answer::status(429, &json!({"cod": 429})).header("retry-after", "1800"),
        Answer::json(&open_meteo()),
        Answer::json(&dry()),
        Answer::status(429, &json!({"cod": 429})),
        Answer::json(&dry()),
    ];
    let server = Weather::start(answers).await;
    let monitor = monitor(&server);
    let error = fault(&monitor, &with_key(600)).await;
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    assert_eq!(error.message(), "OpenWeatherMap asks to be left alone until 2026-12-01T19:00:00Z");
    for second in [601, 1200, 2399] {
        assert_eq!(fault(&monitor, &with_key(second)).await.kind(), ErrorKind::Exhausted);
    }
    assert_eq!(server.asked().len(), 1);
    // The other one did not ask for that.
    read(&monitor, &without_key(1000)).await;
    read(&monitor, &with_key(2400)).await;
    assert_eq!(server.asked().len(), 3);
    let error = fault(&monitor, &with_key(3000)).await;
    assert_eq!(error.message(), "OpenWeatherMap asks to be left alone for a while");
    read(&monitor, &with_key(3001)).await;
}

#[tokio::test]
async fn what_is_no_weather_is_a_fault_and_the_next_reading_starts_anew() {
    let mut with_text = dry();
    with_text["main"]["temp"] = json!(KEY);
    let mut without_time = dry();
    without_time.as_object_mut().expect("object").remove("dt");
    let mut early = dry();
    early["dt"] = json!(OBSERVED + 10_000);
    let whole = dry().to_string();
    let half = whole.split_at(whole.len() / 2).0;
    let redirection = Answer::status(301, &json!({})).header("location", &format!("http://127.0.0.1/?{KEY}"));
    let cases = [
        (Answer::status(500, &json!({})), "OpenWeatherMap cannot tell the weather (status 500)"),
        (Answer::status(404, &json!({})), "OpenWeatherMap cannot tell the weather (status 404)"),
        (redirection, "OpenWeatherMap is at another address (status 301)"),
        (Answer::text(&format!("{KEY} is not JSON")), "is not usable: it is no valid JSON, line 1 column 1"),
        (Answer::text(half), "is not usable: it ends too early, line 1 column "),
        (Answer::json(&with_text), "is not usable: a value is of the wrong type, line 1 column "),
        (Answer::json(&without_time), "is not usable: it does not say when the weather was observed"),
        (Answer::json(&early), "OpenWeatherMap tells of an observation at 2026-12-01T"),
        (Answer::text(&" ".repeat(2 << 20)), "the answer of OpenWeatherMap has more than 1048576 bytes"),
        (Answer::Cut(whole.clone()), "the answer of OpenWeatherMap broke off: "),
        (Answer::Closed, "cannot reach OpenWeatherMap at 127.0.0.1:"),
    ];
    for (answer, expected) in cases {
        let server = Weather::start([answer, Answer::json(&dry())]).await;
        let monitor = monitor(&server);
        let error = fault(&monitor, &with_key(600)).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.message().contains(expected), "{error} instead of {expected}");
        read(&monitor, &with_key(1200)).await;
    }
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up() {
    for hang in [Answer::Hangs, Answer::Stops(dry().to_string())] {
        let server = Weather::start([hang, Answer::json(&dry())]).await;
        let hasty = monitor(&server).with_deadline(Duration::from_millis(300));
        let error = fault(&hasty, &with_key(600)).await;
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.message(), "OpenWeatherMap has not answered within 0.3 s");
        read(&hasty.with_deadline(Duration::from_secs(60)), &with_key(1200)).await;
    }
}

#[tokio::test]
async fn an_old_observation_keeps_its_time() {
    let mut stale = dry();
    stale["dt"] = json!(OBSERVED - 86_400);
    let server = Weather::start([Answer::json(&stale)]).await;
    let read = read(&monitor(&server), &with_key(600)).await;
    assert!(read.samples.iter().all(|sample| sample.at == after(-86_400)), "{read:?}");
    assert_eq!(facts(&read).at, after(-86_400));
}

#[tokio::test]
async fn nobody_there_is_said_by_host_alone() {
    let server = Weather::start([]).await;
    let monitor = monitor(&server);
    server.stop().await;
    let error = fault(&monitor, &with_key(600)).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().starts_with("cannot reach OpenWeatherMap at 127.0.0.1:"), "{error}");
    assert!(error.message().contains("onnection refused"), "{error}");
}

#[tokio::test]
async fn the_weather_to_come_is_told_hour_by_hour() {
    // At 18:00 and the hours around it.
    let hour = |hours: i64| after(hours * 3_600 - 1_200);
    let hours: Vec<i64> = (-4..4).map(|hours| hour(hours).as_second()).collect();
    let each = |value: f64| vec![value; hours.len()];
    let rain: Vec<f64> = (0..hours.len()).map(|place| if place == 6 { 1.5 } else { 0.0 }).collect();
    let answer = json!({
        "utc_offset_seconds": 0,
        "hourly_units": {
            "time": "unixtime", "temperature_2m": "°F", "relative_humidity_2m": "%", "rain": "mm",
            "showers": "mm", "snowfall": "cm", "wind_speed_10m": "km/h"
        },
        "hourly": {
            "time": hours, "temperature_2m": each(50.0), "relative_humidity_2m": each(80.0), "rain": rain,
            "showers": each(0.0), "snowfall": each(0.0), "wind_speed_10m": each(36.0)
        },
    });
    let busy = Answer::status(429, &json!({})).header("retry-after", "60");
    let server = Weather::start([Answer::json(&answer), busy, Answer::text("{")]).await;
    let forecast = WeatherForecast::new(Some(&server.address("/v1/forecast"))).expect("forecast");
    let site = "47.6062,-122.3321".parse().expect("coordinates");
    let samples = forecast.hourly(&site, after(0)).await.expect("told");
    let at = |field: Field, hours: i64| {
        let found =
            samples.iter().rev().find(|sample| sample.key == field.into() && sample.at == hour(hours));
        found.and_then(|sample| sample.value.clone())
    };
    assert_eq!(at(Field::WEATHER_TEMPERATURE, 1), Some(Value::Number(10.0)));
    assert_eq!(at(Field::WEATHER_WIND_SPEED, 3), Some(Value::Number(10.0)));
    assert_eq!(
        (at(Field::WEATHER_RAIN_1H, 1), at(Field::WEATHER_RAIN_1H, 2)),
        (Some(Value::Number(0.0)), Some(Value::Number(1.5)))
    );
    assert_eq!(at(Field::WEATHER_RAIN_3H, 3), Some(Value::Number(1.5)));
    assert!(samples.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(server.asked()[0].contains("hourly=temperature_2m"), "{:?}", server.asked());
    let error = forecast.hourly(&site, after(0)).await.expect_err("busy");
    assert!(error.message().contains("left alone"), "{error}");
    // It is obeyed.
    forecast.hourly(&site, after(30)).await.expect_err("still busy");
    assert_eq!(server.asked().len(), 2);
    let error = forecast.hourly(&site, after(61)).await.expect_err("broken");
    assert!(error.message().contains("not usable"), "{error}");
}
