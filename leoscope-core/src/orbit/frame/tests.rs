use super::*;
use crate::time::parse_time;

#[test]
fn sidereal_time_is_that_of_the_almanac() {
    // Meeus, Astronomical Algorithms, example 12.b: 1987 April 10, 19:21:00 UT, 8h 34m 57.0896s.
    let at = seconds(parse_time("1987-04-10T19:21:00").expect("time"));
    let hours = sidereal_time(at).to_degrees() / 15.0;
    assert!((hours - (8.0 + 34.0 / 60.0 + 57.0896 / 3_600.0)).abs() < 1e-7, "{hours}");
}

#[test]
fn a_site_is_on_the_ellipsoid_and_looks_up() {
    let site = Site::new(47.6, -122.3, 100.0).expect("site");
    let now = parse_time("2026-12-01T00:00:00").expect("time");
    let frame = site.frame(seconds(now));
    // Right above, and a little to the north, the east and below.
    let at = |east: f64, north: f64, up: f64| {
        let position: Vector = std::array::from_fn(|axis| {
            frame.position[axis] + east * frame.east[axis] + north * frame.north[axis] + up * frame.up[axis]
        });
        let turning = cross(&[0.0, 0.0, EARTH_RATE], &position);
        site.look(&State { position, velocity: turning }, now)
    };
    let above = at(0.0, 0.0, 500.0);
    assert!((above.elevation_deg - 90.0).abs() < 1e-6 && (above.range_km - 500.0).abs() < 1e-6);
    assert!(above.range_rate_km_s.abs() < 1e-9, "what turns with the earth stays");
    let north = at(0.0, 300.0, 300.0);
    assert!(
        (north.elevation_deg - 45.0).abs() < 1e-9 && north.azimuth_deg.min(360.0 - north.azimuth_deg) < 1e-9
    );
    let east = at(300.0, 0.0, -300.0);
    assert!((east.elevation_deg + 45.0).abs() < 1e-9 && (east.azimuth_deg - 90.0).abs() < 1e-9);
    let (radius, sin, _) = site.geocentric();
    // Geocentric latitude 47.408°, radius 6366.69 km for a geodetic one of 47.6°.
    assert!((sin.asin().to_degrees() - 47.4084).abs() < 1e-3 && (radius - 6_366.6).abs() < 1.0, "{radius}");
}

#[test]
fn what_is_no_place_is_refused() {
    for (latitude, longitude, altitude) in
        [(90.1, 0.0, 0.0), (f64::NAN, 0.0, 0.0), (0.0, 361.0, 0.0), (0.0, -181.0, 0.0), (0.0, 0.0, 1e6)]
    {
        Site::new(latitude, longitude, altitude).expect_err("no place");
    }
}
