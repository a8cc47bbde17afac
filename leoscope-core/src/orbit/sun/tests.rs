use super::*;
use crate::time::parse_time;

fn time(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

#[test]
fn the_sun_is_where_it_is_at_solstices_equinoxes_and_noon() {
    let elevation = |latitude: f64, longitude: f64, at: &str| {
        sun_elevation(&Site::new(latitude, longitude, 0.0).expect("site"), time(at))
    };
    // At the poles the elevation is the declination: none at the equinox, the obliquity at the solstices.
    assert!(elevation(90.0, 0.0, "2026-03-20T14:46:00").abs() < 0.02);
    assert!((elevation(90.0, 0.0, "2026-06-21T08:25:00") - 23.436).abs() < 0.02);
    assert!((elevation(-90.0, 0.0, "2026-12-21T20:50:00") - 23.436).abs() < 0.02);
    // Below the sun at noon, with the equation of time of 3 November, 16 minutes 27 seconds.
    let noon = elevation(0.0, 0.0, "2026-11-03T11:43:33");
    assert!((noon - (90.0 - 15.0)).abs() < 0.3, "{noon}");
    assert!(elevation(0.0, 180.0, "2026-11-03T11:43:33") < -70.0);
}

#[test]
fn a_satellite_behind_the_earth_is_dark_unless_it_is_far_aside() {
    let sun = [UNIT, 0.0, 0.0];
    assert!(is_lit(&[7_000.0, 0.0, 0.0], &sun));
    assert!(!is_lit(&[-7_000.0, 0.0, 0.0], &sun));
    assert!(is_lit(&[-7_000.0, 6_400.0, 0.0], &sun) && !is_lit(&[-7_000.0, 6_300.0, 0.0], &sun));
    // The umbra narrows: at the moon's distance it is 4,600 km wide.
    assert!(is_lit(&[-384_400.0, 4_700.0, 0.0], &sun) && !is_lit(&[-384_400.0, 4_500.0, 0.0], &sun));
    assert!(is_lit(&[0.0, 6_400.0, 0.0], &sun));
}
