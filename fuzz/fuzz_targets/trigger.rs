//! Any text is a condition, or is refused with places that are in it.
//!
//! A condition is printed and read again as the same one, and is judged without a panic on no readings
//! and on one of each field that it names.

#![no_main]

use leoscope_core::time::Timestamp;
use leoscope_core::trigger::{Key, Kind, MAX_BYTES, Sample, Trigger, Value, Watches};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Trigger::parse(text) {
        Err(mistakes) => {
            assert!(!mistakes.mistakes.is_empty());
            for mistake in &mistakes.mistakes {
                assert!(mistakes.text.get(mistake.span.clone()).is_some(), "{mistake:?}");
            }
            assert!(!mistakes.render().is_empty());
        }
        Ok(trigger) => {
            let printed = trigger.to_string();
            if printed.len() <= MAX_BYTES {
                let again = Trigger::parse(&printed).expect("what was printed");
                assert_eq!(again.to_string(), printed);
                assert_eq!(again.keys(), trigger.keys());
            }
            let mut watches = Watches::new();
            watches.set((), &trigger);
            let at = |secs: i64| Timestamp::from_second(1_800_000_000 + secs).expect("time");
            watches.judge(&(), at(0));
            for secs in 1..4 {
                let samples = trigger.keys().iter().map(|key| sample(key, at(secs)));
                watches.take_in(&samples.collect::<Vec<_>>(), at(secs));
                let answer = watches.judge(&(), at(secs)).expect("it is watched");
                let alone = watches.evaluate(&(), at(secs));
                assert_eq!(alone, Some(answer.verdict));
                assert!(!answer.why.is_empty());
            }
        }
    }
});

fn sample(key: &Key, at: Timestamp) -> Sample {
    let value = match key.kind() {
        Some(Kind::Text) => Value::text("CONNECTED"),
        Some(Kind::Flag) => Value::Flag(at.as_second() % 2 == 0),
        Some(Kind::Number) | None => Value::Number(f64::from(at.subsec_nanosecond()) + 40.0),
    };
    Sample { key: key.clone(), value: Some(value), at }
}
