mod held;
mod laws;
mod manual;
mod mistakes;

use proptest::prelude::*;

use super::*;
use crate::time::{SignedDuration, Timestamp, parse_time};

fn at(secs: i64) -> Timestamp {
    let start = parse_time("2026-12-01T00:00:00").expect("time");
    start.checked_add(SignedDuration::from_secs(secs)).expect("time")
}

/// The verdict on `text` when these numbers have just been read.
fn verdict(text: &str, numbers: &[(Field, f64)]) -> Verdict {
    let mut watches = Watches::new();
    watches.set((), &Trigger::parse(text).unwrap_or_else(|mistakes| panic!("{text}: {mistakes}")));
    let samples: Vec<_> =
        numbers.iter().map(|(field, number)| Sample::number(*field, *number, at(0))).collect();
    watches.take_in(&samples, at(0));
    watches.judge(&(), at(0)).expect("watched").verdict
}

#[test]
fn conditions_are_taken() {
    for good in [
        "satellite_elevation > 40",
        "weather.temperature < 30",
        "network.latency < 100",
        "(uplink_throughput_bps - exp_tx_rate_bytes*8 > 100000) & (downlink_throughput_bps - exp_rx_rate_bytes*8 > 40000)",
        "currently_obstructed == true",
        "satellite_elevation > 40 & weather.temperature < 30 | !dish.obstructed",
        "dish.obstructed && dish.snr_ok || not dish.snr_low and (dish.gps_valid or dish.alert.roaming)",
        "|sun.elevation - 3.5e-2| <= .5 * -dish.latency_1",
        "prev(dish.obstructed, 1) == false or for(dish.snr_low, 30) ",
        "satellite[\"STARLINK-1007\"].elevation >= 25",
        "satellite['44714'].visible",
        "dish.state == 'CONNECTED'",
        "  not(not dish.obstructed)",
        "custom.fan > 3 and custom.door and custom.mode == 'eco' and custom.a != custom.b",
        "true",
        "-dish.latency < 2 | |dish.latency| > 1",
        "dish.snr_ok || ||dish.latency| - 3| > 2 || |3 - |dish.latency|| > 2",
        "dish.latency_avg < 40 and avg(pop_ping_latency_ms, 60) < 50 and stddev(dish.latency, 30) < 5",
        "changed(dish.state) or age(weather.temperature) > 600",
    ] {
        Trigger::parse(good).unwrap_or_else(|mistakes| panic!("{good}:\n{}", mistakes.render()));
    }
}

#[test]
fn an_error_names_the_mistakes_and_one_thing_to_do() {
    let error =
        crate::Error::from(Trigger::parse("dish.latancy < 40 and wether.temperature > 3").expect_err("two"));
    let message = "trigger: at character 1: there is no field dish.latancy; \
                   at character 23: there is no field wether.temperature";
    assert_eq!(error.message(), message);
    assert_eq!(error.what_to_do(), Some("did you mean dish.latency?"));
    let many = Trigger::parse("a > 1 and b > 1 and c > 1 and d > 1 and e > 1 and f > 1 and g > 1");
    assert!(many.expect_err("seven").to_string().ends_with("; and 2 more"));
}

#[test]
fn a_long_row_of_anything_takes_little_room() {
    let rows = [
        "1".to_owned() + &"+1".repeat(249) + ">0",
        "true".to_owned() + &"&!true".repeat(250),
        "dish.snr_ok".to_owned() + &"|dish.snr_ok".repeat(160),
        "(".repeat(64) + "1" + &"+1+1+1)".repeat(64) + ">0",
        "(".repeat(64) + "1" + &"+1+1+1+1)".repeat(64) + ">0",
        "dish.latency > ".to_owned() + &"-".repeat(64) + "1",
        "1".to_owned() + &" 1".repeat(1_000),
        "x()".repeat(600),
    ];
    // Half of what threads have usually.
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        for row in rows {
            if let Ok(trigger) = Trigger::parse(&row) {
                let mut watches = Watches::new();
                watches.set((), &trigger);
                watches.judge(&(), at(0)).expect("watched");
                assert_eq!(trigger.clone(), trigger);
                assert!(!format!("{trigger:?}").is_empty());
            }
        }
    });
    thread.expect("thread").join().expect("no panic");
    let long = "1".to_owned() + &"+1".repeat(250) + ">0";
    assert_eq!(
        Trigger::parse(&long).expect_err("long").to_string(),
        "at character 502: there are more than 250 operators in it"
    );
}

#[test]
fn what_is_known_decides_and_what_is_not_is_never_a_value() {
    use Field as F;
    use Verdict::{Met, NotMet, Unknown};
    for (text, expected) in [
        ("dish.latency < 40", Met),
        ("dish.latency > 40", NotMet),
        ("dish.uptime > 1", Unknown),
        ("dish.latency < 40 and dish.uptime > 1", Unknown),
        ("dish.latency > 40 and dish.uptime > 1", NotMet),
        ("dish.uptime > 1 or dish.latency < 40", Met),
        ("dish.uptime > 1 or dish.latency > 40", Unknown),
        ("not dish.uptime > 1", Unknown),
        ("dish.latency / (dish.latency - 30) > 1", Unknown),
        ("|10 - dish.latency| == 20 and -dish.latency < 0", Met),
        ("weather_temp == 300", Met),
        ("weather.temperature == 26.85", Met),
        ("exp_tx_rate_bytes * 8 == network.tx_rate and exp_tx_rate_bytes == 100", Met),
        ("2 + 3 * 4 == 14 and (2 + 3) * 4 == 20 and 8 / 2 / 2 == 2", Met),
        ("true and not false", Met),
        ("(dish.latency < 40) == true", Met),
    ] {
        let read = [(F::DISH_LATENCY, 30.0), (F::WEATHER_TEMPERATURE, 26.85), (F::NETWORK_TX_RATE, 800.0)];
        assert_eq!(verdict(text, &read), expected, "{text}");
    }
}

#[test]
fn history_is_that_of_the_readings_and_the_time() {
    let judged = |text: &str, now: i64| {
        let mut watches = Watches::new();
        watches.set((), &Trigger::parse(text).expect(text));
        for (secs, latency) in [(0, 10.0), (1, 20.0), (2, 30.0), (3, 40.0), (4, 50.0), (5, 60.0), (6, 70.0)] {
            watches.take_in(&[Sample::number(Field::DISH_LATENCY, latency, at(secs))], at(secs));
        }
        watches.judge(&(), at(now)).expect("watched")
    };
    for met in [
        "dish.latency == 70 and dish.latency_1 == 60 and pop_ping_latency_ms_5 == 20",
        "prev(dish.latency, 0) == 70 and prev(dish.latency, 6) == 10",
        "dish.latency_avg == 45",
        "avg(dish.latency, 2) == 65 and min(dish.latency, 3) == 50 and max(dish.latency, 3600) == 70",
        "stddev(dish.latency, 3) == 10",
        "changed(dish.latency) and age(dish.latency) == 0",
        "for(dish.latency > 30, 3)",
    ] {
        assert_eq!(judged(met, 6).verdict, Verdict::Met, "{met}: {}", judged(met, 6).why);
    }
    assert_eq!(judged("for(dish.latency > 30, 4)", 6).verdict, Verdict::NotMet);
    assert_eq!(judged("prev(dish.latency, 7) > 0", 6).verdict, Verdict::Unknown);
    assert_eq!(judged("age(dish.latency) > 60", 67).verdict, Verdict::Met);
    let stale = judged("dish.latency > 40", 17);
    let why =
        "dish.latency > 40 is not known: the last reading of dish.latency is 11 s old, it counts for 10 s";
    assert_eq!((stale.verdict, stale.why.as_str()), (Verdict::Unknown, why));
}

#[test]
fn conditions_are_evaluated_when_what_they_name_is_read_and_as_time_passes() {
    let mut watches = Watches::new();
    watches.set("fast", &Trigger::parse("dish.latency < 40").expect("trigger"));
    watches.set("dry", &Trigger::parse("weather.rain_1h == 0").expect("trigger"));
    let latency = |number, secs| [Sample::number(Field::DISH_LATENCY, number, at(secs))];
    assert_eq!(watches.take_in(&latency(30.0, 0), at(0)), ["fast"]);
    assert_eq!(watches.take_in(&latency(35.0, 1), at(1)), [""; 0]);
    assert_eq!(watches.take_in(&latency(50.0, 2), at(2)), ["fast"]);
    // What is older than the newest is no news.
    assert_eq!(watches.take_in(&latency(30.0, 1), at(2)), [""; 0]);
    assert_eq!(watches.verdict(&"fast"), Some(Verdict::NotMet));
    assert_eq!(watches.pass(at(11)), ["dry"], "judged for the first time");
    assert_eq!(watches.pass(at(12)), ["fast"], "too old now");
    assert_eq!(watches.latest(), latency(50.0, 2));
    watches.remove(&"fast");
    assert_eq!(watches.take_in(&latency(30.0, 14), at(14)), [""; 0]);
    assert_eq!(watches.names().collect::<Vec<_>>(), [&"dry"]);
}

/// What is said about `text` when `readings` were taken in at their times and it is judged `now`.
fn why(text: &str, readings: &[Sample], now: i64) -> String {
    let mut watches = Watches::new();
    watches.set((), &Trigger::parse(text).expect(text));
    for reading in readings {
        watches.take_in(std::slice::from_ref(reading), reading.at);
    }
    watches.judge(&(), at(now)).expect("watched").why
}

#[test]
fn it_is_explained_with_what_was_compared_as_it_is_written() {
    let latency = |number, secs| Sample::number(Field::DISH_LATENCY, number, at(secs));
    let readings = [
        latency(30.0, 0),
        latency(60.0, 1),
        Sample::number(Field::WEATHER_TEMPERATURE, 20.0, at(0)),
        Sample::number(Field::NETWORK_TX_RATE, 8000.0, at(0)),
        Sample::text(Field::DISH_STATE, "SEARCHING", at(0)),
        Sample::text(Field::DISH_STATE, "CONNECTED", at(1)),
        Sample::flag(Key::custom("door").expect("key"), true, at(1)),
        Sample::number(satellite(), 31.25, at(1)),
    ];
    let shown: Vec<String> = [
        "dish.latency < 40",
        "dish.latency_1 < 40",
        "prev(dish.latency, 1) > 40",
        "pop_ping_latency_ms - pop_ping_latency_ms_1 > 20",
        "avg(dish.latency, 10) == 45 and dish.latency_avg > 50",
        "weather_temp > 300",
        "exp_tx_rate_bytes * 8 > 10000",
        "changed(dish.state)",
        "age(dish.latency) > 5",
        "custom.door == false",
        "not custom.door",
        "satellite['STARLINK-1007'].elevation < 25",
        "for(dish.latency > 40, 1) and dish.latency > 70",
        "dish.latency > 70 or weather.temperature < 10 or dish.state == 'BOOTING'",
        "dish.uptime > 3",
        "prev(dish.latency, 5) > 3",
        "dish.latency / (dish.latency - 60) > 3",
        "custom.door > 3",
        "1 > 2",
        "false",
    ]
    .iter()
    .map(|text| format!("{text}\n  {}", why(text, &readings, 1)))
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(
        why("weather_temp > 290", &readings, 600),
        "weather_temp > 290 holds: weather_temp was 293.15 K 600 s ago"
    );
}

#[test]
fn what_is_nearly_what_was_wanted_is_not_shown_as_that() {
    let readings = [Sample::number(Field::DISH_DROP_RATE, 0.0004, at(0))];
    assert_eq!(
        why("dish.drop_rate == 0", &readings, 0),
        "dish.drop_rate == 0 does not hold: dish.drop_rate was 0.0004"
    );
}

#[test]
fn each_side_of_a_comparison_is_told_with_what_it_names() {
    let readings = [
        Sample::flag(Key::custom("a").expect("key"), true, at(0)),
        Sample::flag(Field::DISH_OBSTRUCTED, false, at(0)),
        Sample::number(Field::DISH_LATENCY, 30.0, at(0)),
    ];
    let (a, obstructed) =
        ("custom.a holds: custom.a was true", "dish.obstructed does not hold: dish.obstructed was false");
    let fast = "dish.latency < 40 holds: dish.latency was 30 ms";
    for (text, expected) in [
        ("custom.a == dish.obstructed", format!("{a}; {obstructed}")),
        ("dish.obstructed == custom.a", format!("{obstructed}; {a}")),
        ("custom.a == (dish.latency < 40)", format!("{a}; {fast}")),
        ("dish.obstructed != (dish.latency < 40)", format!("{obstructed}; {fast}")),
        ("custom.a == custom.a", "custom.a == custom.a holds: custom.a was true".to_owned()),
    ] {
        assert_eq!(why(text, &readings, 0), expected);
    }
}

fn satellite() -> Key {
    "satellite[\"STARLINK-1007\"].elevation".parse().expect("key")
}

#[test]
fn a_value_counts_until_its_time_is_over_and_an_own_field_as_long_as_it_is_told() {
    let mut watches = Watches::new();
    let door = Key::custom("door").expect("key");
    watches.allow_age(&door, 86_400);
    watches.set("dish", &Trigger::parse("dish.latency > 1").expect("trigger"));
    watches.set("door", &Trigger::parse("custom.door").expect("trigger"));
    watches
        .take_in(&[Sample::number(Field::DISH_LATENCY, 30.0, at(0)), Sample::flag(door, true, at(0))], at(0));
    let mut verdict = |name, secs| watches.judge(&name, at(secs)).expect("watched").verdict;
    assert_eq!((verdict("dish", 9), verdict("dish", 10)), (Verdict::Met, Verdict::Unknown));
    assert_eq!((verdict("door", 86_399), verdict("door", 86_400)), (Verdict::Met, Verdict::Unknown));
}

#[test]
fn a_clock_that_is_set_back_neither_keeps_old_values_nor_refuses_new_ones() {
    let mut watches = Watches::new();
    watches.set("high", &Trigger::parse("dish.latency > 40").expect("trigger"));
    watches.set("held", &Trigger::parse("for(dish.latency > 20, 5)").expect("trigger"));
    let read = |watches: &mut Watches<_>, number, secs| {
        watches.take_in(&[Sample::number(Field::DISH_LATENCY, number, at(secs))], at(secs))
    };
    for secs in 3_600..3_606 {
        read(&mut watches, 50.0, secs);
    }
    assert_eq!(watches.verdict(&"held"), Some(Verdict::Met));
    let answer = watches.judge(&"high", at(0)).expect("watched");
    let why = "dish.latency > 40 is not known: the last reading of dish.latency is 3605 s ahead of the clock";
    assert_eq!((answer.verdict, answer.why.as_str()), (Verdict::Unknown, why));
    read(&mut watches, 30.0, 1);
    assert_eq!(watches.verdict(&"high"), Some(Verdict::NotMet));
    for secs in 2..6 {
        read(&mut watches, 30.0, secs);
        assert_eq!(watches.verdict(&"held"), Some(Verdict::Unknown), "{secs}");
    }
    read(&mut watches, 30.0, 6);
    assert_eq!(watches.verdict(&"held"), Some(Verdict::Met));
}

#[test]
fn the_age_is_that_of_the_last_value() {
    let read = |secs| Sample::none(Field::DISH_UPTIME, at(secs));
    let mut readings = vec![Sample::number(Field::DISH_UPTIME, 3.0, at(0))];
    readings.extend((1..20).map(read));
    assert_eq!(
        why("age(dish.uptime) > 5", &readings, 20),
        "age(dish.uptime) > 5 holds: age(dish.uptime) was 20 s"
    );
    assert_eq!(
        why("age(dish.uptime) >= 0", &readings[1..], 20),
        "age(dish.uptime) >= 0 is not known: dish.uptime has no value at this time"
    );
    // A source whose clock is ahead of the node's.
    assert_eq!(
        why("age(dish.uptime) == 0", &readings[..1], -2),
        "age(dish.uptime) == 0 holds: age(dish.uptime) was 0 s"
    );
}

#[test]
fn what_is_summed_up_has_no_value_where_the_newest_reading_has_none() {
    let read = |value, secs| Sample { key: Field::NETWORK_LATENCY.into(), value, at: at(secs) };
    let mut readings: Vec<_> = (0..3).map(|secs| read(Value::number(50.0), secs)).collect();
    let conditions = [
        "network.latency_avg",
        "avg(network.latency, 60)",
        "min(network.latency, 60)",
        "max(network.latency, 60)",
    ];
    let conditions = conditions.map(|value| format!("{value} == 50"));
    let all = || conditions.iter().map(String::as_str).chain(["stddev(network.latency, 60) == 0"]);
    for text in all() {
        assert!(why(text, &readings, 3).contains("holds"), "{}", why(text, &readings, 3));
    }
    readings.push(read(None, 3));
    for text in all() {
        let expected = format!("{text} is not known: network.latency has no value at this time");
        assert_eq!(why(text, &readings, 3), expected);
    }
    // One without a value before is left out.
    readings.push(read(Value::number(70.0), 4));
    assert!(why("avg(network.latency, 60) == 55", &readings, 4).contains("holds"));
}

#[test]
fn history_is_behind_an_operator_s_own_field_as_behind_any_other() {
    let read = |value, secs| Sample::number(Key::custom("fan").expect("key"), value, at(secs));
    let readings = [read(10.0, 0), read(30.0, 1)];
    for text in ["custom.fan_1 == 10", "custom.fan_avg == 20", "custom.fan - custom.fan_1 == 20"] {
        assert!(why(text, &readings, 1).starts_with(&format!("{text} holds")), "{}", why(text, &readings, 1));
        let trigger = Trigger::parse(text).expect(text);
        assert_eq!(trigger.keys(), [Key::custom("fan").expect("key")], "{text}");
    }
}

#[test]
fn what_nothing_names_any_more_is_forgotten() {
    let mut watches = Watches::new();
    for number in 0..1_000 {
        let key: Key = format!("satellite[\"{number}\"].elevation").parse().expect("key");
        watches.set((), &Trigger::parse(&format!("{key} > 3")).expect("trigger"));
        watches.take_in(&[Sample::number(key, 4.0, at(number))], at(number));
        assert_eq!(watches.verdict(&()), Some(Verdict::Met));
        assert_eq!(watches.latest().len(), 1);
    }
    watches.set((), &Trigger::parse("avg(dish.latency, 3600) > 3").expect("trigger"));
    let take_in = |watches: &mut Watches<()>, secs| {
        watches.take_in(&[Sample::number(Field::DISH_LATENCY, 4.0, at(secs))], at(secs))
    };
    for secs in 0..100 {
        take_in(&mut watches, secs);
    }
    watches.set((), &Trigger::parse("prev(dish.latency, 9) > 3").expect("trigger"));
    take_in(&mut watches, 100);
    assert_eq!(watches.verdict(&()), Some(Verdict::Met));
    watches.set((), &Trigger::parse("prev(dish.latency, 10) > 3").expect("trigger"));
    watches.judge(&(), at(100));
    assert_eq!(watches.verdict(&()), Some(Verdict::Unknown), "only ten were kept");
}

#[test]
fn an_operator_s_own_field_of_another_kind_is_not_known() {
    let mut watches = Watches::new();
    watches.set((), &Trigger::parse("custom.fan > 3").expect("trigger"));
    let key = Key::custom("fan").expect("key");
    watches.take_in(&[Sample::text(key, "fast", at(0))], at(0));
    let answer = watches.judge(&(), at(0)).expect("watched");
    let why = "custom.fan > 3 is not known: custom.fan is \"fast\", which cannot be compared so";
    assert_eq!((answer.verdict, answer.why.as_str()), (Verdict::Unknown, why));
}

/// Conditions of all forms, as text.
fn condition() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (0_u32..1_000).prop_map(|number| (f64::from(number) / 8.0).to_string()),
        Just("dish.latency".to_owned()),
        Just("pop_ping_latency_ms_2".to_owned()),
        Just("weather_temp".to_owned()),
        Just("avg(dish.latency, 10)".to_owned()),
    ]
    .prop_recursive(3, 12, 2, |inner| {
        let sign = prop::sample::select(vec!["+", "-", "*", "/"]);
        prop_oneof![
            (inner.clone(), sign, inner.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            inner.clone().prop_map(|a| format!("-{a}")),
            inner.prop_map(|a| format!("|{a}|")),
        ]
    });
    let sign = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let leaf = prop_oneof![
        (number.clone(), sign, number).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        Just("dish.obstructed".to_owned()),
        Just("dish.state == 'SEARCHING'".to_owned()),
        Just("changed(dish.state)".to_owned()),
        Just("true".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        let word = prop::sample::select(vec!["and", "or", "&", "|", "=="]);
        prop_oneof![
            (inner.clone(), word, inner.clone()).prop_map(|(a, word, b)| format!("({a}) {word} ({b})")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            inner.prop_map(|a| format!("for({a}, 5)")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same_condition(text in condition()) {
        let trigger = Trigger::parse(&text).expect("condition");
        let printed = trigger.to_string();
        let again = Trigger::parse(&printed).map_err(|mistakes| TestCaseError::fail(format!("{text} -> {printed}: {mistakes}")))?;
        prop_assert_eq!(again.to_string(), printed);
        prop_assert_eq!(again.checked(), trigger.checked());
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        if let Err(mistakes) = Trigger::parse(&text) {
            mistakes.render();
        }
    }

    #[test]
    fn no_mixture_of_its_own_signs_makes_it_panic(
        parts in prop::collection::vec(
            prop::sample::select(vec!["dish", ".", "latency", "1", "e", "|", "(", ")", "[", "]", "'", "\"", "!", "=", "<", "and ", " or ", "-", "ü", ",", "satellite", "avg"]),
            0..40,
        )
    ) {
        let text = parts.concat();
        if let Err(Mistakes { mistakes, .. }) = Trigger::parse(&text) {
            for mistake in mistakes {
                prop_assert!(text.get(mistake.span).is_some());
            }
        }
    }
}
