use super::*;
use crate::orbit::Catalogue;
use crate::time::parse_time;

pub(super) fn walker(altitude: f64, inclination: f64, planes: u32, per_plane: u32) -> Catalogue {
    let walker = crate::orbit::Walker {
        name: "TEST".into(),
        first_number: 90_001,
        altitude_km: altitude,
        inclination_deg: inclination,
        planes,
        per_plane,
        phasing: 1,
        first_node_deg: 0.0,
        first_anomaly_deg: 0.0,
    };
    let text = walker.omm(parse_time("2026-11-01T00:00:00").expect("time")).expect("possible");
    Catalogue::parse(text.as_bytes()).expect("elements")
}

#[test]
fn every_pass_of_a_grid_of_two_seconds_is_found_and_no_other() {
    let span = Window::new(
        parse_time("2026-11-02T01:00:00").expect("time"),
        parse_time("2026-11-02T13:00:00").expect("time"),
    )
    .expect("window");
    let catalogue = walker(550.0, 53.0, 6, 4);
    for (latitude, longitude) in [(47.6, -122.3), (0.0, 10.0), (-33.0, 151.0), (70.0, 20.0), (89.9, 0.0)] {
        let site = Site::new(latitude, longitude, 50.0).expect("site");
        for mask in [0.0, 10.0, 25.0, 60.0] {
            for satellite in catalogue.satellites() {
                let found = passes(satellite, &site, Mask::Fixed(mask), span);
                let is_above = |at: Timestamp| {
                    let state = satellite.state(at).expect("state");
                    site.look(&state, at).elevation_deg > mask
                };
                let mut at = span.start();
                while at < span.end() {
                    let inside = found.iter().any(|pass| pass.window.contains(at));
                    let near = found.iter().any(|pass| {
                        [pass.window.start(), pass.window.end()]
                            .iter()
                            .any(|edge| edge.duration_since(at).abs() < SignedDuration::from_millis(50))
                    });
                    assert!(
                        inside == is_above(at) || near,
                        "{satellite:?} {latitude} {mask} {at}: {found:?}"
                    );
                    at = at.checked_add(SignedDuration::from_secs(2)).expect("time");
                }
            }
        }
    }
}

fn elements(lines: &str) -> Catalogue {
    Catalogue::parse(lines.as_bytes()).expect("elements")
}

/// A Molniya orbit, a geostationary one, a retrograde low one and an eccentric low one, made up.
fn odd() -> Catalogue {
    let record = |number: u32, motion: f64, eccentricity: f64, inclination: f64, perigee: f64| {
        format!(
            r#"{{"OBJECT_NAME":"ODD-{number}","OBJECT_ID":null,"EPOCH":"2026-11-01T00:00:00","MEAN_MOTION":{motion},"ECCENTRICITY":{eccentricity},"INCLINATION":{inclination},"RA_OF_ASC_NODE":102.5,"ARG_OF_PERICENTER":{perigee},"MEAN_ANOMALY":85.6,"EPHEMERIS_TYPE":0,"CLASSIFICATION_TYPE":"U","NORAD_CAT_ID":{number},"ELEMENT_SET_NO":1,"REV_AT_EPOCH":1,"BSTAR":0.0001,"MEAN_MOTION_DOT":0,"MEAN_MOTION_DDOT":0}}"#
        )
    };
    let records = [
        record(1, 2.006, 0.72, 63.4, 270.0),
        record(2, 1.0027, 0.0002, 0.05, 0.0),
        record(3, 15.0, 0.001, 142.0, 30.0),
        record(4, 13.5, 0.09, 63.0, 90.0),
        record(5, 2.0057, 0.01, 55.0, 10.0),
        record(6, 15.2, 0.04, 97.5, 200.0),
    ];
    elements(&format!("[{}]", records.join(",")))
}

fn span(hours: i64) -> Window {
    let start = parse_time("2026-11-02T01:00:00").expect("time");
    Window::lasting(start, SignedDuration::from_hours(hours)).expect("window")
}

#[test]
fn odd_orbits_are_found_as_well() {
    let span = span(24);
    for (latitude, longitude) in [(47.6, -122.3), (-5.0, 100.0), (89.99, 0.0)] {
        let site = Site::new(latitude, longitude, 0.0).expect("site");
        for satellite in odd().satellites() {
            for mask in [0.0, 25.0] {
                let found = passes(satellite, &site, Mask::Fixed(mask), span);
                let mut at = span.start();
                while at < span.end() {
                    let state = satellite.state(at).expect("state");
                    let is_above = site.look(&state, at).elevation_deg > mask;
                    let inside = found.iter().any(|pass| pass.window.contains(at));
                    let near = found.iter().any(|pass| {
                        let edges = [pass.window.start(), pass.window.end()];
                        edges
                            .iter()
                            .any(|edge| edge.duration_since(at).abs() < SignedDuration::from_millis(200))
                    });
                    assert!(inside == is_above || near, "{satellite:?} {latitude} {mask} {at}: {found:?}");
                    at += SignedDuration::from_secs(10);
                }
            }
        }
    }
}

#[test]
fn splitting_or_shifting_the_time_changes_nothing_and_a_higher_mask_gives_a_part() {
    let site = Site::new(47.6, -122.3, 0.0).expect("site");
    let whole = span(30);
    let all: Vec<_> =
        walker(550.0, 53.0, 3, 4).satellites().iter().chain(odd().satellites()).cloned().collect();
    for satellite in &all {
        let low = passes(satellite, &site, Mask::Fixed(10.0), whole);
        let high = passes(satellite, &site, Mask::Fixed(30.0), whole);
        for pass in &high {
            let inside = low.iter().any(|other| {
                other.window.start() < pass.window.start() && pass.window.end() < other.window.end()
            });
            let is_cut = pass.window.length() > SignedDuration::from_hours(12);
            assert!(inside || is_cut, "{satellite:?}: {pass:?} {low:?}");
        }
        // What never sets is cut where the search ends.
        if low.iter().any(|pass| pass.window.length() > SignedDuration::from_hours(12)) {
            continue;
        }
        for (from, to) in [(0, 7), (7, 30), (11, 13), (3, 4)] {
            let start = whole.start() + SignedDuration::from_hours(from);
            let part = Window::lasting(start, SignedDuration::from_hours(to - from)).expect("window");
            let expected: Vec<Pass> = low
                .iter()
                .copied()
                .filter(|pass| pass.window.start() < part.end() && pass.window.end() > part.start())
                .collect();
            let found = passes(satellite, &site, Mask::Fixed(10.0), part);
            assert_eq!(found.len(), expected.len(), "{satellite:?} {from} {to}");
            for (one, other) in found.iter().zip(&expected) {
                assert_eq!(one.window, other.window, "{satellite:?} {from} {to}");
            }
        }
    }
}

#[test]
fn a_satellite_that_has_come_down_passes_no_more_and_nothing_panics() {
    let text = r#"{"OBJECT_NAME":"LOW","OBJECT_ID":null,"EPOCH":"2026-11-01T00:00:00","MEAN_MOTION":16.35,"ECCENTRICITY":0.001,"INCLINATION":53.0,"RA_OF_ASC_NODE":102.5,"ARG_OF_PERICENTER":10.0,"MEAN_ANOMALY":85.6,"EPHEMERIS_TYPE":0,"CLASSIFICATION_TYPE":"U","NORAD_CAT_ID":7,"ELEMENT_SET_NO":1,"REV_AT_EPOCH":1,"BSTAR":0.002,"MEAN_MOTION_DOT":0,"MEAN_MOTION_DDOT":0}"#;
    let catalogue = elements(text);
    let satellite = &catalogue.satellites()[0];
    let site = Site::new(47.6, -122.3, 0.0).expect("site");
    let early = Window::lasting(satellite.epoch(), SignedDuration::from_hours(12)).expect("window");
    let anywhere = (0..12).map(|hour| Site::new(30.0, f64::from(hour) * 30.0, 0.0).expect("site"));
    assert!(anywhere.map(|site| passes(satellite, &site, Mask::Fixed(0.0), early).len()).sum::<usize>() > 3);
    let start = satellite.epoch() + SignedDuration::from_hours(24 * 60);
    let late = Window::lasting(start, SignedDuration::from_hours(24)).expect("window");
    assert_eq!(satellite.state(start), None);
    assert_eq!(passes(satellite, &site, Mask::Fixed(0.0), late), []);
}

#[test]
fn no_satellite_is_left_out_for_a_plane_that_its_elements_no_longer_tell() {
    // It sinks, and its plane turns faster and faster.
    let sinking = r#"{"OBJECT_NAME":"SINKING","OBJECT_ID":null,"EPOCH":"2026-11-01T00:00:00","MEAN_MOTION":15.6,"ECCENTRICITY":0.001,"INCLINATION":53.0,"RA_OF_ASC_NODE":102.5,"ARG_OF_PERICENTER":10.0,"MEAN_ANOMALY":85.6,"EPHEMERIS_TYPE":0,"CLASSIFICATION_TYPE":"U","NORAD_CAT_ID":7,"ELEMENT_SET_NO":1,"REV_AT_EPOCH":1,"BSTAR":0.001,"MEAN_MOTION_DOT":0,"MEAN_MOTION_DDOT":0}"#;
    let mut counted = 0;
    for catalogue in [walker(550.0, 53.0, 12, 10), walker(480.0, 97.6, 12, 10), odd(), elements(sinking)] {
        let satellites = catalogue.satellites();
        for (latitude, longitude) in [(47.6, -122.3), (0.0, 10.0), (-60.0, 151.0), (89.9, 0.0)] {
            let site = Site::new(latitude, longitude, 50.0).expect("site");
            for step in -10..200 {
                // From ten days before the epoch to two hundred after it.
                let now = satellites[0].epoch() + SignedDuration::from_mins(step * 1_441);
                for mask in [0.0, 25.0] {
                    let seen: Vec<_> = above(satellites, &site, Mask::Fixed(mask), now);
                    let expected = satellites.iter().enumerate().filter_map(|(place, satellite)| {
                        let look = site.look(&satellite.state(now)?, now);
                        (look.elevation_deg > mask).then_some((place, look))
                    });
                    assert_eq!(seen, expected.collect::<Vec<_>>(), "{latitude} {now} {mask}");
                    counted += seen.len();
                }
            }
        }
    }
    assert!(counted > 10_000, "{counted}");
}
