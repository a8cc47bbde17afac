//! The fields that the node knows by itself.

use jiff::tz::TimeZone;

use super::super::Inner;
use crate::model::{ClockReading, Step, WeatherFacts};
use crate::schedule::Zone;
use crate::time::{SignedDuration, Timestamp};
use crate::trigger::{Field, Key, Sample, Value, of_clock};

/// How far apart the readings of dish and containers may be to be told from each other.
const APART: SignedDuration = SignedDuration::from_secs(15);

/// What the node knows of itself at one instant.
#[derive(Debug)]
pub(super) struct Own {
    clock: Option<ClockReading>,
    running: usize,
    zone: TimeZone,
}

impl Own {
    pub(super) async fn of(node: &Inner) -> Self {
        let entries = node.journal.entries().await;
        let zone = node.observatory.zone.as_ref().map_or(TimeZone::UTC, Zone::time_zone);
        Self {
            clock: *node.reading.borrow(),
            running: entries.iter().filter(|entry| entry.step == Step::Executing).count(),
            zone,
        }
    }

    /// What a node knows whose clock was not measured yet.
    #[cfg(test)]
    pub(super) fn unmeasured() -> Self {
        Self { clock: None, running: 0, zone: TimeZone::UTC }
    }

    /// The readings at `now`.
    pub(super) fn samples(&self, weather: Option<&WeatherFacts>, now: Timestamp) -> Vec<Sample> {
        let since = |at: Timestamp| now.duration_since(at).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a count of runs is far below 2^52")]
        let running = self.running as f64;
        let mut samples = of_clock(now, &self.zone).to_vec();
        samples.push(Sample::number(Field::NODE_JOBS_RUNNING, running, now));
        if let Some(clock) = &self.clock {
            let offset = SignedDuration::from_micros(clock.offset_us).as_secs_f64();
            samples.push(Sample::number(Field::NODE_CLOCK_OFFSET, offset, clock.at));
        }
        if let Some(weather) = weather {
            samples.push(Sample::number(Field::WEATHER_AGE, since(weather.at), now));
        }
        samples
    }
}

/// What is needed to tell the traffic of the host's own people.
#[derive(Debug, Default)]
pub(super) struct Background {
    down: Direction,
    up: Direction,
}

#[derive(Debug, Default)]
struct Direction {
    /// What the dish moves, and what the experiments do; without a number where the newest answer had none.
    dish: Option<(Option<f64>, Timestamp)>,
    experiments: Option<(Option<f64>, Timestamp)>,
}

impl Background {
    /// What follows from `samples` and those before.
    pub(super) fn take_in(&mut self, samples: &[Sample]) -> Vec<Sample> {
        let mut changed = (false, false);
        for Sample { key, value, at } in samples {
            let number = match value {
                Some(Value::Number(number)) => Some(*number),
                _ => None,
            };
            let value = Some((number, *at));
            match key {
                Key::Field(Field::DISH_DOWNLINK) => (self.down.dish, changed.0) = (value, true),
                Key::Field(Field::DISH_UPLINK) => (self.up.dish, changed.1) = (value, true),
                Key::Field(Field::NETWORK_RX_RATE) => (self.down.experiments, changed.0) = (value, true),
                Key::Field(Field::NETWORK_TX_RATE) => (self.up.experiments, changed.1) = (value, true),
                _ => {}
            }
        }
        let down = changed.0.then(|| self.down.rest(Field::NETWORK_BACKGROUND_DOWN));
        let up = changed.1.then(|| self.up.rest(Field::NETWORK_BACKGROUND_UP));
        [down, up].into_iter().flatten().flatten().collect()
    }
}

impl Direction {
    fn rest(&self, field: Field) -> Option<Sample> {
        let ((dish, at), (experiments, other)) = (self.dish?, self.experiments?);
        let newest = at.max(other);
        let (Some(dish), Some(experiments)) = (dish, experiments) else {
            return Some(Sample::none(field, newest));
        };
        let apart = at.duration_since(other).abs() > APART;
        // Experiments may be counted a moment later than the dish counts them.
        (!apart).then(|| Sample::number(field, (dish - experiments).max(0.0), newest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect("time")
    }

    fn value(samples: &[Sample], field: Field) -> Option<f64> {
        samples.iter().rev().find(|sample| sample.key == Key::Field(field)).and_then(|sample| {
            match sample.value {
                Some(Value::Number(number)) => Some(number),
                _ => None,
            }
        })
    }

    #[test]
    fn the_time_is_told_in_utc_and_as_the_place_has_it() {
        let zone = TimeZone::get("America/New_York").expect("zone");
        let own = Own { clock: None, running: 2, zone };
        // A Tuesday in UTC, Monday evening in New York.
        let samples = own.samples(None, at("2026-12-01T00:45:30"));
        let told = |field| value(&samples, field);
        assert_eq!(
            (told(Field::TIME_HOUR), told(Field::TIME_WEEKDAY)),
            (Some(0.758_333_333_333_333_3), Some(2.0))
        );
        let local = (told(Field::TIME_LOCAL_HOUR), told(Field::TIME_LOCAL_WEEKDAY));
        assert_eq!(local, (Some(19.758_333_333_333_333), Some(1.0)));
        assert_eq!(told(Field::TIME_UTC), Some(1_796_085_930.0));
        assert_eq!(told(Field::STARLINK_SLOT_PHASE), Some(3.0));
        assert_eq!(told(Field::NODE_JOBS_RUNNING), Some(2.0));
        assert_eq!((told(Field::NODE_CLOCK_OFFSET), told(Field::WEATHER_AGE)), (None, None));
    }

    #[test]
    fn the_traffic_of_the_host_s_people_is_the_dish_s_less_the_experiments() {
        let mut background = Background::default();
        let now = at("2026-12-01T00:00:00");
        let later = at("2026-12-01T00:00:05");
        let dish =
            [Sample::number(Field::DISH_DOWNLINK, 5e6, now), Sample::number(Field::DISH_UPLINK, 1e6, now)];
        assert_eq!(background.take_in(&dish), []);
        let experiments = [
            Sample::number(Field::NETWORK_RX_RATE, 2e6, later),
            Sample::number(Field::NETWORK_TX_RATE, 3e6, later),
        ];
        let told = background.take_in(&experiments);
        assert_eq!(value(&told, Field::NETWORK_BACKGROUND_DOWN), Some(3e6));
        assert_eq!(value(&told, Field::NETWORK_BACKGROUND_UP), Some(0.0));
        assert!(told.iter().all(|sample| sample.at == later));
        // Too old to be compared, and gone.
        assert_eq!(
            background.take_in(&[Sample::number(Field::DISH_DOWNLINK, 5e6, at("2026-12-01T00:01:00"))]),
            []
        );
        assert_eq!(background.take_in(&[Sample::number(Field::DISH_ELEVATION, 60.0, now)]), []);
    }

    #[test]
    fn what_one_side_does_not_know_has_no_value() {
        let (mut background, now) = (Background::default(), at("2026-12-01T00:00:00"));
        let after = |secs| now + SignedDuration::from_secs(secs);
        assert_eq!(background.take_in(&[Sample::none(Field::NETWORK_TX_RATE, now)]), []);
        let dish = |secs| Sample::number(Field::DISH_UPLINK, 5e6, after(secs));
        let none = |secs| Sample::none(Field::NETWORK_BACKGROUND_UP, after(secs));
        let known = |secs| Sample::number(Field::NETWORK_BACKGROUND_UP, 3e6, after(secs));
        let sent = |secs| Sample::number(Field::NETWORK_TX_RATE, 2e6, after(secs));
        for (read, expected) in [
            (dish(1), none(1)),
            (sent(2), known(2)),
            (Sample::none(Field::NETWORK_TX_RATE, after(3)), none(3)),
            (dish(4), none(4)),
            (sent(5), known(5)),
            (Sample::none(Field::DISH_UPLINK, after(6)), none(6)),
            (dish(7), known(7)),
        ] {
            assert_eq!(background.take_in(std::slice::from_ref(&read)), [expected], "{read:?}");
        }
    }
}
