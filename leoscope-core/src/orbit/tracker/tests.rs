use super::*;
use crate::orbit::{Walker, above};
use crate::time::parse_time;

fn time(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

fn walker(planes: u32, per_plane: u32, inclination: f64) -> Arc<Catalogue> {
    let walker = Walker {
        name: "TEST".into(),
        first_number: 90_001,
        altitude_km: 550.0,
        inclination_deg: inclination,
        planes,
        per_plane,
        phasing: 1,
        first_node_deg: 0.0,
        first_anomaly_deg: 0.0,
    };
    let text = walker.omm(time("2026-12-01T00:00:00")).expect("possible");
    Arc::new(Catalogue::parse(text.as_bytes()).expect("elements"))
}

fn site(latitude: f64) -> Site {
    Site::new(latitude, -122.3, 50.0).expect("site")
}

/// The highest of all, computed one by one.
fn highest(catalogue: &Catalogue, site: &Site, now: Timestamp) -> (usize, f64) {
    let looks = catalogue
        .satellites()
        .iter()
        .map(|satellite| site.look(&satellite.state(now).expect("state"), now).elevation_deg);
    looks.enumerate().max_by(|one, other| one.1.total_cmp(&other.1)).expect("one")
}

#[test]
fn what_is_followed_is_what_is_computed_anew() {
    for (catalogue, latitude) in [
        (walker(24, 20, 53.0), 47.6),
        (walker(6, 8, 53.0), 47.6),
        (walker(8, 11, 98.0), 89.99),
        (walker(3, 4, 10.0), 70.0),
    ] {
        let site = site(latitude);
        let view = View { mask: Mask::Fixed(20.0), ..View::default() };
        let mut tracker = Tracker::new(Arc::clone(&catalogue), site, view);
        // Seconds, then minutes, and some of it a second time.
        let start = time("2026-12-01T05:58:30.25");
        let steps = (0..120).chain((0..120).map(|minute| minute * 53)).chain([7, 6_000, 86_400 * 3]);
        for secs in steps {
            let now = start + SignedDuration::from_secs(secs);
            let sky = tracker.sky(now);
            let seen = above(catalogue.satellites(), &site, Mask::Fixed(20.0), now);
            assert_eq!(sky.visible as usize, seen.len(), "{now}");
            assert_eq!(sky.usable, sky.visible);
            let (place, elevation) = highest(&catalogue, &site, now);
            let best = sky.highest.as_ref().expect("one");
            assert!((best.look.elevation_deg - elevation).abs() < 1e-3, "{now}: {best:?} {elevation}");
            let same = best.place == place || elevation < 0.0;
            assert!(same, "{now}: {} {place}", best.place);
            let ranges = seen.iter().map(|(_, look)| look.range_km);
            let (min, max) = ranges.fold((f64::MAX, 0.0_f64), |(min, max), km| (min.min(km), max.max(km)));
            match sky.range_km {
                Some(spread) => {
                    assert!((spread.min - min).abs() < 0.01 && (spread.max - max).abs() < 0.01, "{now}");
                    assert!(spread.min <= spread.mean && spread.mean <= spread.max);
                }
                None => assert!(seen.is_empty(), "{now}"),
            }
        }
    }
}

#[test]
fn rises_sets_and_culminations_are_those_that_come() {
    let catalogue = walker(6, 8, 53.0);
    let site = site(47.6);
    let mask = Mask::Fixed(25.0);
    let mut tracker = Tracker::new(Arc::clone(&catalogue), site, View { mask, ..View::default() });
    let start = time("2026-12-01T05:00:00");
    let mut before: Option<Sky> = None;
    let mut seen = 0;
    for secs in 0..7_200 {
        let now = start + SignedDuration::from_secs(secs);
        let sky = tracker.sky(now);
        if let Some(before) = &before {
            // The next rise comes when it was told.
            let next = before.next_rise_s.expect("one within a day");
            if sky.visible > before.visible {
                assert!(next <= 1.001, "{now}: {next}");
                seen += 1;
            }
            if let (Some(one), Some(other)) = (&before.highest, &sky.highest)
                && let (Some(set), Some(top)) = (one.time_to_set_s, one.pass_max_elevation_deg)
            {
                assert!(one.look.elevation_deg <= top + 1e-6, "{now}");
                if one.place == other.place && set > 1.0 {
                    assert!((set - 1.0 - other.time_to_set_s.expect("still up")).abs() < 0.01, "{now}");
                }
                if one.place == other.place && set < 1.0 {
                    assert!(other.time_to_set_s.is_none() && other.look.elevation_deg < 25.0, "{now}");
                }
            }
        }
        before = Some(sky);
    }
    assert!(seen > 3, "{seen}");
}

#[test]
fn what_is_excluded_or_obstructed_is_not_usable() {
    let catalogue = walker(24, 20, 53.0);
    let now = time("2026-12-01T05:00:00");
    let sky = |view: View| Tracker::new(Arc::clone(&catalogue), site(20.0), view).sky(now);
    let all = sky(View::default());
    let over_an_hour = |view: View| -> (u32, u32) {
        let mut tracker = Tracker::new(Arc::clone(&catalogue), site(20.0), view);
        let skies = (0..60).map(|minute| tracker.sky(now + SignedDuration::from_mins(minute)));
        skies.fold((0, 0), |(visible, usable), sky| (visible + sky.visible, usable + sky.usable))
    };
    let (visible, usable) = over_an_hour(View::default());
    let (same, outside) = over_an_hour(View { gso_exclusion_deg: Some(22.0), ..View::default() });
    assert!(visible == usable && visible == same && outside > 0 && outside < usable, "{outside} of {usable}");
    assert!(sky(View { gso_exclusion_deg: Some(180.0), ..View::default() }).usable == 0);
    let blocked = Obstruction::new(3, 3, &[Some(0.0); 9], 90.0);
    let hidden = sky(View { obstruction: blocked, ..View::default() });
    assert_eq!((hidden.usable, hidden.candidates, hidden.visible), (0, 0, all.visible));
    assert!(all.candidates > 0 && all.candidates <= all.usable + 2, "{all:?}");
}

#[test]
fn named_satellites_are_told_wherever_they_are() {
    let catalogue = walker(6, 8, 53.0);
    let tracker = Tracker::new(Arc::clone(&catalogue), site(47.6), View::default());
    let now = time("2026-12-01T05:00:00");
    let place = catalogue.find("test-0007").expect("there");
    assert_eq!(catalogue.find("90007"), Some(place));
    let named = tracker.named(place, now).expect("told");
    let satellite = &catalogue.satellites()[place];
    assert_eq!(named.look, site(47.6).look(&satellite.state(now).expect("state"), now));
    assert_eq!(tracker.named(999, now), None);
}
