use serde_json::json;

use super::*;

/// A rainy evening: 18:15, two hours of rain and one before of snow.
fn answer() -> Value {
    json!({
        "utc_offset_seconds": 0,
        "current_units": {
            "time": "unixtime", "interval": "seconds", "temperature_2m": "°C", "relative_humidity_2m": "%",
            "weather_code": "wmo code", "cloud_cover": "%", "pressure_msl": "hPa", "visibility": "m",
            "wind_speed_10m": "m/s", "wind_direction_10m": "°", "wind_gusts_10m": "m/s"
        },
        "current": {
            "time": 1_796_148_900, "interval": 900, "temperature_2m": 3.5, "relative_humidity_2m": 91,
            "weather_code": 61, "cloud_cover": 100, "pressure_msl": 1003.2, "visibility": 24140.0,
            "wind_speed_10m": 4.5, "wind_direction_10m": 210, "wind_gusts_10m": 9.1
        },
        "hourly_units": { "time": "unixtime", "rain": "mm", "showers": "mm", "snowfall": "cm" },
        "hourly": {
            "time": [1_796_137_200, 1_796_140_800, 1_796_144_400, 1_796_148_000],
            "rain": [9.0, 0.0, 0.2, 0.5], "showers": [0.0, 0.0, 0.1, 0.25], "snowfall": [0.0, 0.7, 0.0, 0.0]
        }
    })
}

fn read(answer: &Value) -> Result<Conditions> {
    parse(answer.to_string().as_bytes())
}

fn close(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() < 1e-9)
}

#[test]
fn an_answer_is_read_in_the_units_of_the_fields() {
    let read = read(&answer()).expect("answer");
    assert_eq!(read.at.to_string(), "2026-12-01T18:15:00Z");
    assert_eq!(read.fallen_at.to_string(), "2026-12-01T18:00:00Z");
    assert_eq!((read.temperature, read.temperature_min, read.pressure), (Some(3.5), None, Some(1003.2)));
    assert_eq!((read.humidity, read.clouds, read.wind_speed), (Some(91.0), Some(100.0), Some(4.5)));
    assert_eq!((read.code, read.condition.as_deref()), (Some(61.0), Some("Rain")));
    assert_eq!(read.description.as_deref(), Some("slight rain"));
    assert!(close(read.rain_1h, 0.75) && close(read.rain_3h, 1.05), "{read:?}");
    assert!(close(read.snow_1h, 0.0) && close(read.snow_3h, 1.0), "{read:?}");
}

#[test]
fn other_units_are_converted_and_unknown_ones_refused_by_name() {
    let with = |part: &str, name: &str, unit: &str| {
        let mut answer = answer();
        answer[part][name] = json!(unit);
        read(&answer)
    };
    let fahrenheit = with("current_units", "temperature_2m", "°F").expect("known");
    assert!(close(fahrenheit.temperature, (3.5 - 32.0) * 5.0 / 9.0), "{fahrenheit:?}");
    let knots = with("current_units", "wind_speed_10m", "kn").expect("known");
    assert!(close(knots.wind_speed, 2.315), "{knots:?}");
    let inches = with("hourly_units", "rain", "inch").expect("known");
    assert!(close(inches.rain_1h, 0.5 * 25.4 + 0.25), "{inches:?}");
    let snow = with("hourly_units", "snowfall", "inch").expect("known");
    assert!(close(snow.snow_3h, 2.54), "{snow:?}");
    for (part, name) in [
        ("current_units", "temperature_2m"),
        ("current_units", "pressure_msl"),
        ("current_units", "weather_code"),
        ("current_units", "time"),
        ("hourly_units", "rain"),
        ("hourly_units", "time"),
    ] {
        let error = with(part, name, "furlong").expect_err(name);
        assert_eq!(error.message(), format!("{name} is in \"furlong\", which is not a known unit of it"));
    }
    let mut bare = answer();
    bare["current_units"].as_object_mut().expect("object").remove("pressure_msl");
    read(&bare).expect_err("a value without a unit");
}

#[test]
fn times_may_be_texts_of_another_zone() {
    let mut answer = answer();
    answer["utc_offset_seconds"] = json!(-3600);
    answer["current_units"]["time"] = json!("iso8601");
    answer["current"]["time"] = json!("2026-12-01T17:15");
    assert_eq!(read(&answer).expect("answer").at.to_string(), "2026-12-01T18:15:00Z");
}

#[test]
fn what_is_missing_has_no_value_and_nothing_is_made_up_for_it() {
    let mut answer = answer();
    answer["current"]["temperature_2m"] = Value::Null;
    answer["current"].as_object_mut().expect("object").remove("cloud_cover");
    answer["current"]["weather_code"] = json!(42);
    answer["hourly"]["showers"][2] = Value::Null;
    let conditions = read(&answer).expect("answer");
    assert_eq!((conditions.temperature, conditions.clouds), (None, None));
    assert_eq!((conditions.code, conditions.condition.as_deref()), (Some(42.0), None));
    assert!(close(conditions.rain_1h, 0.75) && conditions.rain_3h.is_none());
    // An hour is missing in between.
    answer["hourly"]["time"][2] = Value::Null;
    let conditions = read(&answer).expect("answer");
    assert!(close(conditions.snow_1h, 0.0) && conditions.snow_3h.is_none());
    answer.as_object_mut().expect("object").remove("hourly");
    let conditions = read(&answer).expect("answer");
    assert_eq!((conditions.rain_1h, conditions.snow_1h), (None, None));
    answer["current"].as_object_mut().expect("object").remove("time");
    read(&answer).expect_err("no time");
}

#[test]
fn faults_in_an_answer_are_told_without_what_is_in_it() {
    for (text, expected) in [
        ("{\"current\": \"planted\"}", "a value is of the wrong type, line 1 column "),
        ("{\"current\": {", "it ends too early, line 1 column "),
        ("planted", "it is no valid JSON, line 1 column 1"),
        ("", "it ends too early, line 1 column 0"),
    ] {
        let error = parse(text.as_bytes()).expect_err(text);
        assert!(error.message().starts_with(expected), "{error}");
        assert!(!error.message().contains("planted"), "{error}");
    }
}
