use std::sync::Arc;

use super::*;
use crate::orbit::{Catalogue, Site, View, Walker};
use crate::time::parse_time;

fn time(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

fn tracker() -> Tracker {
    let walker = Walker {
        name: "TEST".into(),
        first_number: 90_001,
        altitude_km: 550.0,
        inclination_deg: 53.0,
        planes: 6,
        per_plane: 8,
        phasing: 1,
        first_node_deg: 0.0,
        first_anomaly_deg: 0.0,
    };
    let text = walker.omm(time("2026-12-01T00:00:00")).expect("possible");
    let catalogue = Catalogue::parse(text.as_bytes()).expect("elements");
    Tracker::new(Arc::new(catalogue), Site::new(47.6, -122.3, 0.0).expect("site"), View::default())
}

fn forecast(text: &str, hours: i64) -> Result<Forecast, Error> {
    let start = time("2026-12-01T06:00:00.5");
    let span = Window::lasting(start, SignedDuration::from_hours(hours)).expect("window");
    let trigger = Trigger::parse(text).expect(text);
    let mut tracker = tracker();
    Outlook { tracker: Some(&mut tracker), zone: Some(&Zone::UTC), weather: &[] }.forecast(&trigger, span)
}

#[test]
fn a_condition_on_satellites_is_foretold_as_it_will_be_read() {
    let found = forecast("satellite_elevation > 40", 3).expect("possible");
    assert_eq!(found.reach, Reach::Exact);
    assert!(found.windows.len() > 3, "{found:?}");
    assert!(found.unknown.is_empty(), "{found:?}");
    let mut tracker = tracker();
    let mut at = found.span.start();
    while at < found.span.end() {
        let elevation = tracker.sky(at).highest.expect("one").look.elevation_deg;
        let inside = found.windows.iter().any(|expected| expected.window.contains(at));
        // The forecast is made for full seconds, and this looks at halves.
        let edge = found.windows.iter().any(|expected| {
            let near = |edge: Timestamp| edge.duration_since(at).abs() < SignedDuration::from_secs(1);
            near(expected.window.start()) || near(expected.window.end())
        });
        assert!(inside == (elevation > 40.0) || edge, "{at}: {elevation}");
        at = at.checked_add(SignedDuration::from_secs(1)).expect("time");
    }
    let age = found.windows[0].element_age.expect("elements");
    assert_eq!(
        age.as_hours(),
        found.windows[0].window.start().duration_since(time("2026-12-01T00:00:00")).as_hours()
    );
    assert!(found.windows[0].sigma_s > 0.05 && found.windows[0].sigma_s < 0.2, "{found:?}");
}

#[test]
fn of_a_mixed_condition_only_what_it_needs_is_told() {
    let whole = forecast("satellite_elevation > 40", 2).expect("possible");
    let mixed = forecast("satellite_elevation > 40 and dish.latency < 50", 2).expect("possible");
    assert_eq!(mixed.windows, whole.windows);
    let latency = Key::from(Field::DISH_LATENCY);
    let Reach::Necessary { part, unforeseen } = mixed.reach else { panic!("{:?}", mixed.reach) };
    assert_eq!((part.as_str(), unforeseen), ("satellite.elevation > 40", vec![latency]));
}

#[test]
fn what_cannot_be_foretold_is_named() {
    for text in [
        "dish.latency < 50",
        "satellite_elevation > 40 or dish.latency < 50",
        "not (dish.latency > 9 and satellite_elevation > 40)",
    ] {
        let error = forecast(text, 2).expect_err(text);
        assert!(error.message().ends_with("dish.latency is not known before its time"), "{error}");
    }
    let error = forecast("satellite[\"NONE\"].elevation > 4", 2).expect_err("unknown");
    assert_eq!(error.message(), "satellite \"NONE\" is not among the orbital elements");
    let error = forecast("time.hour > 4", 73).expect_err("too far");
    assert_eq!(error.message(), "73 hours are too far ahead");
    let trigger = Trigger::parse("satellite_elevation > 40").expect("condition");
    let span = Window::lasting(time("2026-12-01T06:00:00"), SignedDuration::from_hours(1)).expect("window");
    let error = Outlook { tracker: None, zone: Some(&Zone::UTC), weather: &[] }
        .forecast(&trigger, span)
        .expect_err("none");
    assert!(error.what_to_do().is_some_and(|hint| hint.contains("orbital elements are needed")), "{error}");
}

#[test]
fn the_clock_is_foretold_without_elements_and_the_weather_by_the_hour() {
    let start = time("2026-12-01T06:00:00");
    let span = Window::lasting(start, SignedDuration::from_hours(4)).expect("window");
    let hour = |hours: i64| start.checked_add(SignedDuration::from_hours(hours)).expect("time");
    let weather: Vec<Sample> =
        (0..5).map(|at| Sample::number(Field::WEATHER_TEMPERATURE, 10.0 * at as f64, hour(at))).collect();
    let mut outlook = Outlook { tracker: None, zone: Some(&Zone::UTC), weather: &weather };
    let mut met = |text: &str| -> Vec<Window> {
        let found = outlook.forecast(&Trigger::parse(text).expect(text), span).expect(text);
        found.windows.into_iter().map(|expected| expected.window).collect()
    };
    let window = |from: i64, to: i64| Window::new(hour(from), hour(to)).expect("window");
    assert_eq!(met("time.hour >= 7 and time.hour < 8"), [window(1, 2)]);
    assert_eq!(met("weather.temperature > 15"), [window(2, 4)]);
    assert_eq!(met("weather.temperature < 15 and time.hour >= 7"), [window(1, 2)]);
}

#[test]
fn shifting_or_splitting_the_time_changes_nothing() {
    let trigger = Trigger::parse("satellite_elevation > 35 and satellite.visible >= 1").expect("condition");
    let start = time("2026-12-01T06:00:00");
    let hour = |hours: i64| start.checked_add(SignedDuration::from_hours(hours)).expect("time");
    let met = |from: i64, to: i64| -> Vec<Window> {
        let span = Window::new(hour(from), hour(to)).expect("window");
        let mut tracker = tracker();
        let mut outlook = Outlook { tracker: Some(&mut tracker), zone: Some(&Zone::UTC), weather: &[] };
        let found = outlook.forecast(&trigger, span).expect("possible");
        found.windows.into_iter().map(|expected| expected.window).collect()
    };
    let whole = met(0, 6);
    let cut = |from: i64, to: i64| -> Vec<Window> {
        let inside =
            |window: &Window| Window::new(window.start().max(hour(from)), window.end().min(hour(to))).ok();
        whole.iter().filter_map(inside).collect()
    };
    for (from, to) in [(0, 1), (1, 2), (2, 6), (3, 5)] {
        assert_eq!(met(from, to), cut(from, to), "{from} {to}");
    }
}
