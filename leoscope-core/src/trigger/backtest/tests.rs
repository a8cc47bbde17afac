use proptest::prelude::*;

use super::*;
use crate::time::parse_time;
use crate::trigger::Field;

fn at(millis: i64) -> Timestamp {
    let start = parse_time("2026-12-01T00:00:00").expect("time");
    start.checked_add(SignedDuration::from_millis(millis)).expect("time")
}

fn window(start: i64, end: i64) -> Window {
    Window::new(at(start * 1_000), at(end * 1_000)).expect("window")
}

/// A recording of the latency, at these seconds.
fn recorded(trigger: &Trigger, latencies: &[(i64, f64)]) -> Recording {
    let mut recording = Recording::of(trigger.keys());
    for (secs, latency) in latencies {
        recording.add(Sample::number(Field::DISH_LATENCY, *latency, at(secs * 1_000)));
    }
    recording
}

fn tested(text: &str, latencies: &[(i64, f64)], assumed: Assumed) -> Backtest {
    let trigger = Trigger::parse(text).expect(text);
    backtest(&trigger, &recorded(&trigger, latencies), &Zone::UTC, assumed).expect("recording")
}

fn secs(secs: i64) -> SignedDuration {
    SignedDuration::from_secs(secs)
}

#[test]
fn it_holds_from_a_reading_to_the_next_and_a_gap_is_not_known() {
    let recording = [(0, 30.0), (1, 50.0), (2, 30.0), (30, 30.0), (31, 50.0)];
    let found = tested("dish.latency < 40", &recording, Assumed::default());
    assert_eq!(found.span, window(0, 32));
    // For ten seconds after it was read, the latency may still be what it was.
    assert_eq!(found.met, [window(0, 1), window(2, 12), window(30, 31)]);
    assert_eq!((found.met_time, found.not_met_time), (secs(12), secs(2)));
    assert_eq!(found.unknown_time, secs(18));
    assert_eq!(found.starts, [at(0), at(2_000), at(30_000)]);
    assert!((found.share(found.unknown_time) - 18.0 / 32.0).abs() < 1e-12);
}

#[test]
fn runs_start_when_it_has_held_long_enough_and_the_one_before_is_over() {
    let recording: Vec<_> = (0..60).map(|at| (at, if at == 30 { 50.0 } else { 30.0 })).collect();
    let starts = |met_for, length, cooldown| {
        let assumed = Assumed { met_for: secs(met_for), length: secs(length), cooldown: secs(cooldown) };
        let found = tested("dish.latency < 40", &recording, assumed);
        found.starts.iter().map(|start| start.duration_since(at(0)).as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(starts(0, 0, 0), [0, 31]);
    assert_eq!(starts(5, 0, 0), [5, 36]);
    assert_eq!(starts(30, 0, 0), [0; 0], "the end is no more in it");
    assert_eq!(starts(29, 0, 0), [29]);
    assert_eq!(starts(0, 10, 0), [0, 10, 20, 31, 41, 51]);
    assert_eq!(starts(0, 10, 15), [0, 25, 50]);
    // The time it has held counts while the last run cools down.
    assert_eq!(starts(5, 20, 10), [5, 36]);
    assert_eq!(starts(0, 0, 40), [0, 40]);
}

#[test]
fn what_follows_from_the_time_needs_no_recording() {
    let recording = [(-2, 30.0), (-1, 30.0), (0, 30.0), (1, 30.0)];
    let found = tested("dish.latency < 40 and time.hour < 1", &recording, Assumed::default());
    assert_eq!(found.met, [window(0, 2)]);
    // One that is recorded is as it was recorded.
    let trigger = Trigger::parse("time.hour < 1").expect("trigger");
    let mut recording = Recording::of(trigger.keys());
    recording.add(Sample::number(Field::TIME_HOUR, 5.0, at(0)));
    let found = backtest(&trigger, &recording, &Zone::UTC, Assumed::default()).expect("recording");
    assert_eq!((found.met.len(), found.not_met_time), (0, secs(1)));
    let zone = Zone::parse("Asia/Tokyo").expect("zone");
    let trigger = Trigger::parse("time.local_hour == 9").expect("trigger");
    let found = backtest(&trigger, &recorded(&trigger, &[(0, 1.0)]), &zone, Assumed::default());
    assert_eq!(found.expect("recording").met, [window(0, 1)]);
}

#[test]
fn a_recording_without_a_time_or_of_too_long_a_time_is_refused() {
    let trigger = Trigger::parse("dish.latency < 40").expect("trigger");
    let refused = |latencies: &[(i64, f64)]| {
        let recording = recorded(&trigger, latencies);
        backtest(&trigger, &recording, &Zone::UTC, Assumed::default()).expect_err("refused").to_string()
    };
    assert_eq!(refused(&[]), "nothing is recorded");
    assert_eq!(
        refused(&[(-1_796_083_200, 1.0), (0, 1.0)]),
        "the recording is of 1970-01-01T00:00:00 to 2026-12-01T00:00:01, more than ten years"
    );
    // Nine years without a reading are passed over.
    let gap = 9 * 365 * 24 * 3_600;
    let found =
        backtest(&trigger, &recorded(&trigger, &[(0, 30.0), (gap, 30.0)]), &Zone::UTC, Assumed::default())
            .expect("recording");
    assert_eq!(found.met, [window(0, 10), window(gap, gap + 1)]);
    assert_eq!(found.unknown_time, secs(gap - 10));
}

/// Conditions whose verdict changes with readings, as they age, as time passes, or never.
const CONDITIONS: [&str; 12] = [
    "dish.latency < 40",
    "not dish.latency < 40 or dish.obstructed",
    "for(dish.latency < 60, 7) or for(for(age(dish.latency) > 3, 2), 3)",
    "age(dish.latency) > 25",
    "for(not dish.obstructed, 12) and dish.latency_1 > 20",
    "avg(dish.latency, 20) > 50 or stddev(dish.latency, 60) > 30",
    "changed(dish.latency) and starlink.slot_phase < 7",
    "for(true, 40)",
    "for(dish.latency < 60 or true, 30) and not for(true, 50)",
    "not for(dish.obstructed, 17) or not for(not for(dish.latency < 60, 5), 8)",
    "for(for(for(for(for(for(true, 0.1), 0.1), 0.1), 0.1), 0.1), 0.1)",
    "not for(not for(not for(false, 30), 1.5), 2.5) == for(dish.latency > 30, 20)",
];

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (0_i64..40_000, prop::option::weighted(0.9, 0_u32..100), any::<bool>());
    prop::collection::vec(sample, 1..30).prop_map(|parts| {
        let mut millis = 0;
        let sample = |(pause, latency, is_of_latency): (i64, Option<u32>, bool)| {
            // Most are close together, some far apart.
            millis += if pause < 30_000 { pause / 20 } else { pause };
            match (is_of_latency, latency) {
                (true, Some(latency)) => Sample::number(Field::DISH_LATENCY, latency.into(), at(millis)),
                (true, None) => Sample::none(Field::DISH_LATENCY, at(millis)),
                (false, latency) => {
                    Sample::flag(Field::DISH_OBSTRUCTED, latency.unwrap_or(0) % 2 == 0, at(millis))
                }
            }
        };
        parts.into_iter().map(sample).collect()
    })
}

/// Whether the latency is below 40 at an instant, in as many words.
fn plain(samples: &[Sample], now: Timestamp) -> Verdict {
    let of_latency = |sample: &&Sample| sample.key == Key::Field(Field::DISH_LATENCY) && sample.at <= now;
    let Some(newest) = samples.iter().rfind(of_latency) else { return Verdict::Unknown };
    match &newest.value {
        Some(super::super::Value::Number(number)) if now.duration_since(newest.at) < secs(10) => {
            if *number < 40.0 { Verdict::Met } else { Verdict::NotMet }
        }
        _ => Verdict::Unknown,
    }
}

proptest! {
    #[test]
    fn times_add_up_and_what_is_passed_over_would_have_been_the_same(
        samples in samples(),
        condition in prop::sample::select(CONDITIONS.to_vec()),
    ) {
        let trigger = Trigger::parse(condition).expect(condition);
        let mut recording = Recording::of(trigger.keys());
        samples.iter().for_each(|sample| recording.add(sample.clone()));
        let found = backtest(&trigger, &recording, &Zone::UTC, Assumed::default()).expect("recording");
        let span = found.span;
        prop_assert_eq!(found.met_time + found.not_met_time + found.unknown_time, span.length());
        prop_assert_eq!(found.met.iter().map(Window::length).sum::<SignedDuration>(), found.met_time);
        prop_assert!(found.met.windows(2).all(|pair| pair[0].end() < pair[1].start()), "apart, in order");
        prop_assert!(found.met.iter().all(|window| span.covers(window)));
        prop_assert_eq!(&found.starts, &found.met.iter().map(Window::start).collect::<Vec<_>>());
        let is_wanted = |sample: &Sample| trigger.keys().contains(&sample.key);
        let clock = |now| of_clock(now, &Zone::UTC.time_zone()).into_iter().filter(is_wanted).collect();
        let every_second = walk(&trigger, &recording.in_order(), span, clock, None);
        let met = every_second.iter().filter(|(verdict, _)| *verdict == Verdict::Met);
        prop_assert_eq!(found.met, met.map(|(_, window)| *window).collect::<Vec<_>>());
    }

    #[test]
    fn each_second_is_as_a_look_at_the_readings_tells(samples in samples()) {
        let trigger = Trigger::parse("dish.latency < 40").expect("trigger");
        let mut recording = Recording::of(trigger.keys());
        samples.iter().for_each(|sample| recording.add(sample.clone()));
        let Some(span) = recording.span() else { return Ok(()) };
        let stretches = walk(&trigger, &recording.in_order(), span, |_| Vec::new(), rest(&trigger));
        // At each reading and each second after it, which is when it is looked at.
        let mut now = span.start();
        let relevant = |sample: &&Sample| sample.key == Key::Field(Field::DISH_LATENCY);
        let times: Vec<_> = recording.in_order().iter().filter(relevant).map(|sample| sample.at).collect();
        while now < span.end() {
            let (verdict, _) = stretches.iter().find(|(_, window)| window.contains(now)).expect("no gap");
            prop_assert_eq!(*verdict, plain(&samples, now), "at {}", now);
            let step = now.checked_add(STEP).expect("time");
            now = times.iter().copied().find(|time| *time > now).map_or(step, |time| time.min(step));
        }
    }
}
