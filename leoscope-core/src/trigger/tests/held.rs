//! What has held for a time, and since when.

use super::super::*;
use super::at;
use crate::time::SignedDuration;

fn watching(text: &str) -> Watches<()> {
    let mut watches = Watches::new();
    watches.set((), &Trigger::parse(text).expect(text));
    watches
}

fn read(watches: &mut Watches<()>, latency: f64, secs: i64) -> Vec<()> {
    watches.take_in(&[Sample::number(Field::DISH_LATENCY, latency, at(secs))], at(secs))
}

#[test]
fn a_gap_in_which_nobody_looked_is_not_taken_for_time_in_which_it_held() {
    let mut held = watching("for(dish.latency < 40, 60)");
    let mut plain = watching("dish.latency < 40");
    for watches in [&mut held, &mut plain] {
        read(watches, 30.0, 0);
    }
    assert_eq!(plain.met_since(&()), Some(at(0)));
    // The reading of before counted for ten seconds.
    assert_eq!(read(&mut plain, 30.0, 60), [()], "it was not known meanwhile");
    assert_eq!(plain.met_since(&()), Some(at(60)));
    read(&mut held, 30.0, 60);
    assert_ne!(held.verdict(&()), Some(Verdict::Met));
    for secs in (65..=120).step_by(5) {
        assert_ne!(held.verdict(&()), Some(Verdict::Met), "before {secs}");
        read(&mut held, 30.0, secs);
    }
    assert_eq!(held.verdict(&()), Some(Verdict::Met));
    // As long as each still counts when the next comes there is no gap.
    assert_eq!(read(&mut plain, 30.0, 69), []);
    assert_eq!(plain.met_since(&()), Some(at(60)));
    read(&mut plain, 50.0, 70);
    assert_eq!(plain.met_since(&()), None);
}

/// The verdicts, second by second, while the source says these flags; `None` where it has no value.
fn verdicts(text: &str, flags: &[Option<bool>]) -> Vec<Verdict> {
    let mut watches = watching(text);
    let verdict = |(secs, flag): (i64, &Option<bool>)| {
        let sample = match flag {
            Some(flag) => Sample::flag(Field::DISH_OBSTRUCTED, *flag, at(secs)),
            None => Sample::none(Field::DISH_OBSTRUCTED, at(secs)),
        };
        watches.take_in(&[sample], at(secs));
        watches.verdict(&()).expect("watched")
    };
    (0..).zip(flags).map(verdict).collect()
}

#[test]
fn what_was_before_it_was_watched_is_not_taken_for_a_break() {
    use Verdict::{Met, NotMet, Unknown};
    let (yes, no) = (Some(true), Some(false));
    for (flags, expected) in [
        (&[yes, yes, yes, yes, yes][..], &[Unknown, Unknown, Unknown, Met, Met][..]),
        (&[no, yes, yes, yes, yes], &[NotMet, NotMet, NotMet, NotMet, Met]),
        // What is not known breaks it, without being known to have broken it.
        (&[yes, None, yes, yes, yes, yes], &[Unknown, Unknown, Unknown, Unknown, Unknown, Met]),
        (&[yes, yes, yes, yes, None, yes], &[Unknown, Unknown, Unknown, Met, Unknown, Unknown]),
        (&[no, None, None, None, None], &[NotMet, NotMet, NotMet, Unknown, Unknown]),
        (&[no, None, yes, yes, yes, yes], &[NotMet, NotMet, NotMet, Unknown, Unknown, Met]),
        (&[None, no, yes, no, yes, yes], &[Unknown, NotMet, NotMet, NotMet, NotMet, NotMet]),
    ] {
        assert_eq!(verdicts("for(dish.obstructed, 3)", flags), expected, "{flags:?}");
        let turned: Vec<_> = expected
            .iter()
            .map(|verdict| match verdict {
                Met => NotMet,
                NotMet => Met,
                Unknown => Unknown,
            })
            .collect();
        assert_eq!(verdicts("not for(dish.obstructed, 3)", flags), turned, "{flags:?}");
    }
}

#[test]
fn it_is_said_for_how_long_it_has_held_and_what_is_not_known() {
    let text = "for(dish.obstructed, 3)";
    let why = |flags: &[Option<bool>], now: SignedDuration| {
        let mut watches = watching(text);
        for (secs, flag) in (0..).zip(flags) {
            let flag = flag.map(Value::Flag);
            let sample = Sample { key: Field::DISH_OBSTRUCTED.into(), value: flag, at: at(secs) };
            watches.take_in(&[sample], at(secs));
        }
        watches.judge(&(), at(0) + now).expect("watched").why
    };
    let (yes, no, millis) = (Some(true), Some(false), SignedDuration::from_millis);
    for (flags, now, expected) in [
        (
            &[yes][..],
            millis(1_500),
            "for(dish.obstructed, 3) is not known: it has held for 1.5 s, what was before that is not known",
        ),
        (&[yes], millis(3_000), "for(dish.obstructed, 3) holds: it has held for 3 s"),
        (
            &[no, yes],
            SignedDuration::from_micros(3_999_999),
            "for(dish.obstructed, 3) does not hold: it has held for 2.999 s",
        ),
        (&[no, None], millis(2_000), "for(dish.obstructed, 3) does not hold: it did not hold 2 s ago"),
        (&[no], millis(0), "dish.obstructed does not hold: dish.obstructed was false"),
        (
            &[no, None],
            millis(3_000),
            "dish.obstructed is not known: dish.obstructed has no value at this time",
        ),
    ] {
        assert_eq!(why(flags, now), expected);
    }
}
