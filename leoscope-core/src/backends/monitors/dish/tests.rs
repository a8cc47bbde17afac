use super::history::{Fresh, Ring, Row};
use super::lines::quoted;
use super::status::{exact, misalignment};
use super::wire::{AlignmentStats, DishGetHistoryResponse};
use super::*;
use crate::error::{Error, ErrorKind};
use crate::time::parse_time;

fn time(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

/// A ring of `length` after `current` seconds, in which the downlink of second n is n.
fn history(current: u64, length: u64) -> DishGetHistoryResponse {
    let mut ring = vec![0.0; usize::try_from(length).expect("length")];
    for number in current.saturating_sub(length) + 1..=current {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let value = number as f32;
        ring[usize::try_from((number - 1) % length).expect("place")] = value;
    }
    DishGetHistoryResponse { current, downlink_throughput_bps: ring, ..Default::default() }
}

fn numbers(fresh: &Fresh) -> Vec<f32> {
    fresh.rows.iter().map(|(_, row)| row.downlink_bps.expect("downlink")).collect()
}

#[test]
fn a_ring_is_read_without_gaps_across_its_end() {
    let start = time("2026-12-01T00:00:00");
    let mut ring = Ring::default();
    let first = ring.take(&history(3, 10), start);
    assert_eq!(numbers(&first), [1.0, 2.0, 3.0]);
    assert_eq!(first.rows[0].0, time("2026-11-30T23:59:58"));
    let second = ring.take(&history(12, 10), start + SignedDuration::from_millis(9_400));
    assert_eq!(numbers(&second), [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    // Seconds are a second apart, also where answers were not.
    assert_eq!(second.rows[0].0, time("2026-12-01T00:00:01"));
    assert_eq!(second.rows[8].0, time("2026-12-01T00:00:09"));
    let nothing = ring.take(&history(12, 10), start + SignedDuration::from_secs(10));
    assert_eq!(nothing, Fresh::default());
    // At the end of its second, and a little late.
    let slow = ring.take(&history(13, 10), start + SignedDuration::from_millis(11_500));
    assert_eq!(slow.rows[0].0, time("2026-12-01T00:00:10"));
    // Two seconds late by now: timed anew.
    let late = ring.take(&history(14, 10), start + SignedDuration::from_secs(13));
    assert_eq!(late.rows[0].0, time("2026-12-01T00:00:13"));
}

#[test]
fn a_history_without_rings_takes_no_seconds_away() {
    let now = time("2026-12-01T00:00:00");
    let mut ring = Ring::default();
    let _ = ring.take(&history(3, 10), now);
    let later = now + SignedDuration::from_secs(2);
    let bare = DishGetHistoryResponse { current: 5, ..Default::default() };
    assert_eq!(ring.take(&bare, later), Fresh::default());
    assert_eq!(numbers(&ring.take(&history(5, 10), later)), [4.0, 5.0]);
    // Nor does it hide that the dish was started anew.
    ring.boot(7);
    ring.boot(8);
    let _ = ring.take(&bare, later);
    assert!(ring.take(&history(6, 10), later).rebooted);
}

#[test]
fn a_ring_says_how_many_seconds_are_lost_and_starts_anew_with_the_dish() {
    let now = time("2026-12-01T00:00:00");
    let mut ring = Ring::default();
    let _ = ring.take(&history(5, 10), now);
    let later = now + SignedDuration::from_secs(13);
    let lost = ring.take(&history(18, 10), later);
    assert_eq!((lost.lost, lost.rebooted, numbers(&lost)[0], lost.rows.len()), (3, false, 9.0, 10));
    let smaller = ring.take(&history(2, 10), later + SignedDuration::from_secs(9));
    assert_eq!((smaller.lost, smaller.rebooted, numbers(&smaller)), (0, true, vec![1.0, 2.0]));
    // Started anew, and longer on than before already.
    ring.boot(7);
    ring.boot(0);
    ring.boot(8);
    let other = ring.take(&history(4, 10), later + SignedDuration::from_secs(30));
    assert_eq!((other.lost, other.rebooted, numbers(&other)), (0, true, vec![1.0, 2.0, 3.0, 4.0]));
    ring.boot(8);
    assert!(!ring.take(&history(5, 10), later).rebooted);
}

#[test]
fn a_ring_that_is_empty_odd_or_absurd_tells_nothing_false() {
    let now = time("2026-12-01T00:00:00");
    let take = |history| Ring::default().take(&history, now).rows;
    assert_eq!(take(DishGetHistoryResponse::default()), []);
    for current in [7, u64::MAX] {
        assert_eq!(take(DishGetHistoryResponse { current, ..Default::default() }), []);
    }
    let odd = DishGetHistoryResponse {
        current: 2,
        pop_ping_drop_rate: vec![1.0, 0.5],
        pop_ping_latency_ms: vec![20.0, 30.0],
        power_in: vec![50.0],
        uplink_throughput_bps: vec![f32::NAN, 1.0],
        ..Default::default()
    };
    let rows: Vec<Row> = take(odd).into_iter().map(|(_, row)| row).collect();
    let lost = Row { drop_rate: Some(1.0), ..Row::default() };
    let half = Row { drop_rate: Some(0.5), latency_ms: Some(30.0), uplink_bps: Some(1.0), ..Row::default() };
    assert_eq!(rows, [lost, half]);
    assert_eq!(take(DishGetHistoryResponse { current: u64::MAX, ..history(3, 10) }).len(), 10);
}

#[test]
fn the_angle_between_two_directions_is_that_of_the_great_circle() {
    let angle = |from: (f32, f32), to: (f32, f32)| {
        misalignment(&AlignmentStats {
            boresight_azimuth_deg: from.0,
            boresight_elevation_deg: from.1,
            desired_boresight_azimuth_deg: to.0,
            desired_boresight_elevation_deg: to.1,
            ..Default::default()
        })
    };
    // A dish that does not tell where it should point.
    assert_eq!(angle((120.0, 65.0), (0.0, 0.0)), None);
    for (from, to, expected) in [
        ((10.0, 60.0), (10.0, 60.0), 0.0),
        ((0.0, 60.0), (0.0, 61.5), 1.5),
        ((-179.0, 0.0), (179.0, 0.0), 2.0),
        // Near the zenith azimuths hardly matter, and at it not at all.
        ((0.0, 90.0), (180.0, 90.0), 0.0),
        ((0.0, 80.0), (180.0, 80.0), 20.0),
        ((0.0, 0.0), (180.0, 0.0), 180.0),
        ((0.0, 60.0), (1.0, 60.0), 0.499_996_8),
    ] {
        let angle = angle(from, to).expect("both are told");
        assert!((angle - expected).abs() < 1e-5, "{from:?} to {to:?}: {angle}");
    }
}

#[test]
fn single_precision_is_told_as_the_decimal_it_stands_for() {
    assert_eq!(exact(0.05).to_string(), "0.05");
    assert_eq!(exact(1.5e9).to_string(), "1500000000");
    assert!(exact(f32::NAN).is_nan());
}

#[test]
fn fields_of_csv_are_quoted_where_they_must_be() {
    for (text, expected) in
        [("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("a\r\nb", "a  b")]
    {
        assert_eq!(quoted(text), expected);
    }
}

#[test]
fn what_is_refused_is_asked_for_much_later_and_also_after_the_clock_was_set_back() {
    let now = time("2026-12-01T00:00:00");
    let after = |seconds| now + SignedDuration::from_secs(seconds);
    let mut part = Part::new("history", HISTORY_EVERY);
    assert!(part.is_due(now, false));
    part.asked(now, None);
    assert!(!part.is_due(after(19), false) && part.is_due(after(20), false) && part.is_due(after(-1), false));
    assert!(part.is_due(after(1), true), "wanted at once");
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Unsupported] {
        part.asked(now, Some(&Error::new(kind, "no")));
        assert!(!part.is_due(after(599), false) && part.is_due(after(600), false));
        assert!(!part.is_due(after(1), true), "it has just refused");
    }
}

#[test]
fn what_was_not_answered_is_asked_for_again_ever_later_and_at_once_where_it_is_wanted() {
    let now = time("2026-12-01T00:00:00");
    let after = |seconds| now + SignedDuration::from_secs(seconds);
    let mut part = Part::new("history", HISTORY_EVERY);
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Internal, ErrorKind::Exhausted] {
        part.asked(now, None);
        for pause in [20, 40, 80, 160, 320, 600, 600] {
            part.asked(now, Some(&Error::new(kind, "not now")));
            assert!(!part.is_due(after(pause - 1), false) && part.is_due(after(pause), false), "{pause}");
            assert!(part.is_due(after(1), true), "wanted at once");
        }
    }
    part.asked(now, Some(&Error::new(ErrorKind::Unsupported, "no")));
    part.asked(now, Some(&Error::unavailable("not now")));
    assert!(part.is_due(after(20), false), "it does not refuse any more");
}

#[test]
fn an_address_that_is_none_is_refused() {
    let config =
        |address: &str| DishConfig { address: address.to_owned(), interval: SignedDuration::from_secs(1) };
    for bad in ["", "192.168.100.1", "http://192.168.100.1:9200", "a b:1", "a:b", "u@h:1"] {
        let error = DishMonitor::new(&config(bad)).expect_err(bad);
        assert!(error.message().contains("cannot be the address of a dish"), "{error}");
    }
    DishMonitor::new(&config("192.168.100.1:9200")).expect("address");
    DishMonitor::new(&config("[fe80::1]:9200")).expect("address");
}
