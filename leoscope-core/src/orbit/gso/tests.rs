use super::*;

/// East, north and up of an azimuth and an elevation in degrees.
fn direction(azimuth: f64, elevation: f64) -> Vector {
    let (azimuth, elevation) = (azimuth.to_radians(), elevation.to_radians());
    [azimuth.sin() * elevation.cos(), azimuth.cos() * elevation.cos(), elevation.sin()]
}

#[test]
fn the_arc_is_overhead_at_the_equator_in_the_south_of_the_north_and_below_the_horizon_of_a_pole() {
    let exclusion = |latitude: f64| Exclusion::new(&Site::new(latitude, -122.0, 0.0).expect("site"), 18.0);
    let equator = exclusion(0.0);
    assert!(equator.excludes(&direction(0.0, 89.0)) && equator.excludes(&direction(180.0, 75.0)));
    assert!(equator.excludes(&direction(90.0, 30.0)) && !equator.excludes(&direction(0.0, 60.0)));
    // At 47.6° north the arc culminates in the south at 35.4°.
    let seattle = exclusion(47.6);
    assert!(seattle.excludes(&direction(180.0, 35.4)) && seattle.excludes(&direction(180.0, 53.0)));
    assert!(!seattle.excludes(&direction(180.0, 54.0)) && !seattle.excludes(&direction(0.0, 35.0)));
    assert!(!exclusion(90.0).excludes(&direction(180.0, 10.0)));
}
