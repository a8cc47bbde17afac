use super::*;
use crate::time::parse_time;
use crate::trigger::Field;

fn at(secs: i64) -> Timestamp {
    parse_time("2026-12-01T00:00:00")
        .expect("time")
        .checked_add(SignedDuration::from_secs(secs))
        .expect("time")
}

fn met(text: &str, from: i64, to: i64) -> Vec<(i64, i64)> {
    let trigger = Trigger::parse(text).expect(text);
    // Climbs by a degree a second, for ever and without a beginning.
    let readings = |now: Timestamp| {
        let degrees = now.duration_since(at(0)).as_secs_f64();
        vec![Sample::number(Field::SATELLITE_ELEVATION, degrees, now)]
    };
    let span = Window::new(at(from), at(to)).expect("window");
    let all = predict(&trigger, span, readings);
    assert_eq!(all.first().map(|(_, window)| window.start()), Some(span.start()), "{text}");
    assert_eq!(all.last().map(|(_, window)| window.end()), Some(span.end()), "{text}");
    assert!(
        all.windows(2).all(|pair| pair[0].1.end() == pair[1].1.start() && pair[0].0 != pair[1].0),
        "{text}"
    );
    let seconds = |time: Timestamp| time.duration_since(at(0)).as_secs();
    let met = all.iter().filter(|(verdict, _)| *verdict == Verdict::Met);
    met.map(|(_, window)| (seconds(window.start()), seconds(window.end()))).collect()
}

#[test]
fn a_condition_holds_from_the_second_on_at_which_it_is_read_to_hold() {
    assert_eq!(met("satellite.elevation > 40", 0, 100), [(41, 100)]);
    assert_eq!(met("satellite.elevation > 40 and satellite.elevation < 50", 0, 100), [(41, 50)]);
    assert_eq!(met("satellite.elevation > 40", 50, 100), [(50, 100)]);
    assert_eq!(met("satellite.elevation > 40", 0, 40), []);
}

#[test]
fn what_looks_back_is_told_from_the_beginning_on() {
    assert_eq!(met("for(satellite.elevation > 40, 10)", 0, 100), [(51, 100)]);
    assert_eq!(met("for(satellite.elevation > 40, 10)", 60, 100), [(60, 100)]);
    assert_eq!(met("avg(satellite.elevation, 10) > 40", 60, 100), [(60, 100)]);
    assert_eq!(met("satellite.elevation_5 == satellite.elevation - 5", 0, 10), [(0, 10)]);
}

#[test]
fn whatever_is_asked_for_the_same_seconds_have_the_same_verdict() {
    let whole = met("for(satellite.elevation > 40 and satellite.elevation < 80, 7)", 0, 100);
    let halves = [
        met("for(satellite.elevation > 40 and satellite.elevation < 80, 7)", 0, 60),
        met("for(satellite.elevation > 40 and satellite.elevation < 80, 7)", 60, 100),
    ];
    assert_eq!(whole, [(48, 80)]);
    assert_eq!(halves.concat(), [(48, 60), (60, 80)]);
}
