use super::*;
use crate::orbit::Walker;
use crate::time::parse_time;
use crate::trigger::{Field, Value};

fn elements(number: u32) -> Constellation {
    let walker = Walker {
        name: "TEST".into(),
        first_number: number,
        altitude_km: 550.0,
        inclination_deg: 53.0,
        planes: 24,
        per_plane: 20,
        phasing: 1,
        first_node_deg: 0.0,
        first_anomaly_deg: 0.0,
    };
    let text = walker.omm(parse_time("2026-12-01T00:00:00").expect("time")).expect("possible");
    Constellation::read(text.into(), None, None).expect("elements")
}

fn around() -> Around {
    Around {
        now: parse_time("2026-12-01T01:00:00").expect("time"),
        site: "47.6,-122.3".parse().ok(),
        weather_key: None,
        all: false,
        elements: Some(elements(90_001)),
        satellites: vec![
            Key::Satellite("TEST-0001".into(), Field::SATELLITE_RANGE),
            Key::Satellite("90002".into(), Field::SATELLITE_VISIBLE),
            Key::Satellite("none".into(), Field::SATELLITE_ELEVATION),
        ],
        obstruction: None,
    }
}

fn number(observation: &Observation, key: impl Into<Key>) -> Option<f64> {
    let key = key.into();
    let sample = observation.samples.iter().find(|sample| sample.key == key).expect("a sample");
    match sample.value.as_ref()? {
        Value::Number(number) => Some(*number),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_sky_is_told_and_the_satellites_that_are_named() {
    let monitor = SatelliteMonitor::new(SatelliteConfig::default());
    let around = around();
    let read = monitor.read(&around).await.expect("read");
    assert_eq!(read.findings, [Finding::Elements(elements(90_001).facts().clone())]);
    assert!(number(&read, Field::SATELLITE_VISIBLE).expect("visible") >= 1.0);
    assert!(number(&read, Field::SATELLITE_ELEVATION).expect("elevation") > 25.0);
    assert!(number(&read, around.satellites[0].clone()).expect("range") > 500.0);
    let flag = read.samples.iter().find(|sample| sample.key == around.satellites[1]).expect("sample");
    assert!(matches!(flag.value, Some(Value::Flag(_))), "{flag:?}");
    // What is not there has no value.
    assert_eq!(number(&read, around.satellites[2].clone()), None);
}

#[tokio::test]
async fn without_elements_there_is_nothing_to_tell_and_without_a_place_that_is_said() {
    let monitor = SatelliteMonitor::new(SatelliteConfig::default());
    let nothing = monitor.read(&Around { elements: None, ..around() }).await.expect("read");
    assert_eq!(nothing, Observation::default());
    let error = monitor.read(&Around { site: None, ..around() }).await.expect_err("no place");
    assert!(error.message().starts_with("the sky is not known"), "{error}");
}

#[tokio::test]
async fn other_elements_and_another_map_are_used_from_the_next_reading_on() {
    let monitor = SatelliteMonitor::new(SatelliteConfig::default());
    let before = monitor.read(&around()).await.expect("read");
    let other = Around { elements: Some(elements(80_001)), ..around() };
    let after = monitor.read(&other).await.expect("read");
    let id = |read: &Observation| number(read, Field::SATELLITE_ID).expect("id");
    assert_eq!(id(&before) - id(&after), 10_000.0);
    let map = ObstructionMap {
        at: around().now,
        rows: 123,
        columns: 123,
        clear: vec![Some(0.0); 123 * 123],
        min_elevation_deg: Some(10.0),
        max_theta_deg: Some(80.0),
        frame: Some(MapFrame::Earth),
    };
    assert!(number(&after, Field::SATELLITE_USABLE).expect("usable") >= 1.0);
    let blocked = Around { obstruction: Some(map.clone()), ..other.clone() };
    let read = monitor.read(&blocked).await.expect("read");
    assert_eq!(number(&read, Field::SATELLITE_USABLE), Some(0.0));
    assert_eq!(number(&read, Field::STARLINK_CANDIDATES), Some(0.0));
    // How the dish is turned is not known.
    let turned = ObstructionMap { frame: Some(MapFrame::Dish), at: Timestamp::UNIX_EPOCH, ..map };
    let read = monitor.read(&Around { obstruction: Some(turned), ..other }).await.expect("read");
    assert!(number(&read, Field::SATELLITE_USABLE).expect("usable") >= 1.0);
}
