//! What has held for a time, and since when.

use super::super::*;
use super::at;

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
