use std::num::NonZeroU32;

use super::*;
use crate::schedule::Zone;
use crate::time::{parse_time, wire_time};

fn at(text: &str) -> Timestamp {
    parse_time(text).expect(text)
}

fn timeline(cron: &str, policies: &Policies, from: &str, to: &str, secs: i64) -> Timeline {
    let schedule = match cron {
        "once" => Schedule::Once,
        _ => Schedule::Cron(CronExpr::parse(cron).expect(cron)),
    };
    let range = Window::new(at(from), at(to)).expect("range");
    let timing = Timing::new(&schedule, policies, range, SignedDuration::from_secs(secs));
    Timeline::of(&Timing { seed: 7, ..timing })
}

fn list(timeline: &Timeline) -> Vec<String> {
    timeline.occurrences().map(|occurrence| wire_time(occurrence.window.start())).collect()
}

fn starts(cron: &str, from: &str, to: &str, secs: i64) -> Vec<String> {
    list(&timeline(cron, &Policies::default(), from, to, secs))
}

fn in_zone(cron: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
    let policies = Policies { time_zone: Zone::parse(zone).expect(zone), ..Policies::default() };
    list(&timeline(cron, &policies, from, to, 60))
}

#[test]
fn cron_starts_lie_inside_the_range_and_end_inside_it() {
    assert_eq!(
        starts("*/20 * * * *", "2026-12-01T00:00:30", "2026-12-01T01:20:00", 60),
        ["2026-12-01T00:20:00", "2026-12-01T00:40:00", "2026-12-01T01:00:00"]
    );
    // 01:19 + 60 s ends exactly with the range and still fits; 01:20 does not start inside.
    assert_eq!(starts("19,20 1 * * *", "2026-12-01T00:00", "2026-12-01T01:20", 60), ["2026-12-01T01:19:00"]);
    assert_eq!(starts("19 1 * * *", "2026-12-01T00:00", "2026-12-01T01:20", 61), [""; 0]);
}

#[test]
fn a_fraction_of_a_second_before_midnight_starts_on_the_next_day() {
    assert_eq!(
        starts("* * * * *", "2026-12-01T23:59:00.000001", "2026-12-02T00:01:30", 60),
        ["2026-12-02T00:00:00"]
    );
}

#[test]
fn leap_days_and_impossible_dates() {
    assert_eq!(starts("0 12 29 2 *", "2026-01-01T00:00", "2029-01-01T00:00", 60), ["2028-02-29T12:00:00"]);
    assert_eq!(starts("0 0 30 2 *", "2026-01-01T00:00", "2036-01-01T00:00", 60), [""; 0]);
}

#[test]
fn one_time_runs_once_at_the_start_of_the_range() {
    assert_eq!(
        starts("once", "2026-12-01T00:00:07.5", "2026-12-01T01:00", 60),
        ["2026-12-01T00:00:07.500000"]
    );
    assert_eq!(starts("once", "2026-12-01T00:00", "2026-12-01T00:01", 61), [""; 0]);
}

#[test]
fn times_before_1970_count_like_others() {
    assert_eq!(
        starts("30 6 * * *", "1968-02-28T07:00", "1968-03-02T00:00", 60),
        ["1968-02-29T06:30:00", "1968-03-01T06:30:00"]
    );
}

#[test]
fn a_local_time_is_what_the_clock_on_the_wall_shows() {
    assert_eq!(
        in_zone("0 9 * * *", "Europe/Berlin", "2026-10-24T00:00", "2026-10-27T00:00"),
        ["2026-10-24T07:00:00", "2026-10-25T08:00:00", "2026-10-26T08:00:00"]
    );
    assert_eq!(
        in_zone("15 0 1 * *", "Asia/Kolkata", "2026-11-30T00:00", "2026-12-02T00:00"),
        ["2026-11-30T18:45:00"]
    );
}

#[test]
fn the_hour_that_spring_skips_does_not_fire() {
    // Berlin: 2027-03-28, 02:00 to 03:00 does not exist; 01:00 UTC is 03:00.
    assert_eq!(
        in_zone("30 2 * * *", "Europe/Berlin", "2027-03-27T00:00", "2027-03-30T00:00"),
        ["2027-03-27T01:30:00", "2027-03-29T00:30:00"]
    );
    let hourly = in_zone("0 * * * *", "Europe/Berlin", "2027-03-28T00:00", "2027-03-28T04:00");
    assert_eq!(hourly.len(), 4, "an hourly job misses nothing: {hourly:?}");
}

#[test]
fn the_hour_that_autumn_repeats_fires_once_unless_the_job_is_hourly() {
    // Berlin: 2026-10-25, 02:00 to 03:00 happens at 00:00 and again at 01:00 UTC.
    assert_eq!(
        in_zone("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00"),
        ["2026-10-25T00:30:00"]
    );
    assert_eq!(
        in_zone("0 2,3 * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00"),
        ["2026-10-25T00:00:00", "2026-10-25T02:00:00"]
    );
    assert_eq!(
        in_zone("30 * * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-25T03:00"),
        ["2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T02:30:00"]
    );
}

#[test]
fn aligned_starts_wait_for_their_place_in_a_slot() {
    let align = |text: &str| Policies { align: text.parse().ok(), ..Policies::default() };
    let cases = [
        ("slot", "2026-12-01T00:00:00", "2026-12-01T00:00:12"),
        ("slot+3", "2026-12-01T00:00:00", "2026-12-01T00:00:00"),
        ("slot+3.5", "2026-12-01T00:00:00", "2026-12-01T00:00:00.500000"),
        ("slot", "2026-12-01T00:00:12.000001", "2026-12-01T00:00:27"),
        ("slot+14", "2026-12-01T00:00:57", "2026-12-01T00:01:11"),
    ];
    for (text, from, expected) in cases {
        let found = list(&timeline("once", &align(text), from, "2026-12-01T01:00", 60));
        assert_eq!(found, [expected], "{text} from {from}");
    }
    let found = list(&timeline("*/30 * * * *", &align("slot+2"), "2026-12-01T00:00", "2026-12-01T01:00", 60));
    assert_eq!(found, ["2026-12-01T00:00:14", "2026-12-01T00:30:14"]);
}

#[test]
fn random_starts_stay_in_what_is_reserved_and_are_the_same_every_time() {
    let minutes = |count| SignedDuration::from_mins(count);
    let policies = Policies { random_slip: minutes(5), ..Policies::default() };
    let line = timeline("*/10 * * * *", &policies, "2026-12-01T00:00", "2026-12-02T00:00", 60);
    let found: Vec<_> = line.occurrences().collect();
    assert_eq!(found, line.occurrences().collect::<Vec<_>>());
    assert!(found.iter().all(|o| o.reserved.covers(&o.window) && o.reserved.length() == minutes(6)));
    let slips: Vec<_> = found.iter().map(|o| o.window.start().duration_since(o.reserved.start())).collect();
    assert!(slips.iter().any(|slip| *slip < minutes(1)) && slips.iter().any(|slip| *slip > minutes(4)));
    for occurrence in &found {
        assert_eq!(line.planned_at(occurrence.window.start()), Some(*occurrence));
    }
    // Aligned ones slip by whole slots.
    let policies = Policies { align: "slot+1".parse().ok(), ..policies };
    let line = timeline("*/10 * * * *", &policies, "2026-12-01T00:00", "2026-12-02T00:00", 60);
    assert!(line.occurrences().all(|o| (o.window.start().as_microsecond() / 1_000_000 - 13) % 15 == 0));
}

#[test]
fn a_job_is_over_after_its_number_of_runs() {
    let first = |count| Policies { max_runs: NonZeroU32::new(count), ..Policies::default() };
    let (from, to) = ("2026-12-01T10:30", "2027-12-01T00:00");
    for (cron, count, last) in [
        ("0 * * * *", 1, "2026-12-01T11:00:00"),
        ("0 * * * *", 14, "2026-12-02T00:00:00"),
        ("*/20 * * * *", 1000, "2026-12-15T07:40:00"),
        ("0 0 * * 1", 3, "2026-12-21T00:00:00"),
    ] {
        let found = list(&timeline(cron, &first(count), from, to, 60));
        assert_eq!((found.len(), found.last().map(String::as_str)), (count as usize, Some(last)), "{cron}");
    }
    let zone = Policies { time_zone: Zone::parse("Europe/Berlin").expect("zone"), ..first(400) };
    assert_eq!(list(&timeline("0 9 * * *", &zone, "2026-01-01T00:00", "2029-01-01T00:00", 60)).len(), 400);
}

#[test]
fn what_is_over_or_taken_out_is_not_listed() {
    let line = timeline("0 * * * *", &Policies::default(), "2026-12-01T00:00", "2026-12-01T06:00", 600);
    let after = line.clone().after(at("2026-12-01T02:09:59.999999"));
    assert_eq!(list(&after)[0], "2026-12-01T02:00:00");
    assert_eq!(list(&line.clone().after(at("2026-12-01T02:10")))[0], "2026-12-01T03:00:00");
    let without =
        line.clone().without(&[at("2026-12-01T01:00"), at("2026-12-01T03:09:59"), at("2026-12-01T04:30")]);
    let hours: Vec<_> = list(&without).iter().map(|text| text[11..13].to_owned()).collect();
    assert_eq!(hours, ["00", "02", "04", "05"]);
    assert_eq!(line.planned_at(at("2026-12-01T02:00:01")), None);
}
