//! The last probes, and what they say together.

use std::collections::VecDeque;
use std::time::Duration;

/// How many probes are kept.
const SIZE: usize = 20;

/// The last probes, the newest last: round trips in milliseconds, or that there was no answer.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Option<f64>>);

impl Window {
    pub(super) fn push(&mut self, trip: Option<Duration>) {
        if self.0.len() == SIZE {
            self.0.pop_front();
        }
        self.0.push_back(trip.map(|trip| trip.as_secs_f64() * 1000.0));
    }

    /// The round trip of the newest probe in milliseconds, if it was answered.
    pub(super) fn latency(&self) -> Option<f64> {
        self.0.back().copied().flatten()
    }

    /// The part that was not answered, 0 to 1.
    pub(super) fn loss(&self) -> Option<f64> {
        let lost = self.0.iter().filter(|trip| trip.is_none()).count();
        #[expect(clippy::cast_precision_loss, reason = "twenty at most")]
        let part = lost as f64 / self.0.len() as f64;
        (!self.0.is_empty()).then_some(part)
    }

    /// The mean absolute difference of successive answered round trips, in milliseconds.
    pub(super) fn jitter(&self) -> Option<f64> {
        let trips: Vec<f64> = self.0.iter().copied().flatten().collect();
        let differences = trips.windows(2).map(|pair| match pair {
            [a, b] => (b - a).abs(),
            _ => 0.0,
        });
        #[expect(clippy::cast_precision_loss, reason = "twenty at most")]
        let count = trips.len().saturating_sub(1) as f64;
        (count > 0.0).then(|| differences.sum::<f64>() / count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(trips: &[Option<u64>]) -> (Option<f64>, Option<f64>, Option<f64>) {
        let mut window = Window::default();
        trips.iter().for_each(|trip| window.push(trip.map(Duration::from_millis)));
        let rounded = |value: Option<f64>| value.map(|value| (value * 1e6).round() / 1e6);
        (rounded(window.latency()), window.loss(), rounded(window.jitter()))
    }

    #[test]
    fn latency_is_that_of_the_newest_probe_and_the_rest_of_all_that_are_kept() {
        assert_eq!(says(&[]), (None, None, None));
        assert_eq!(says(&[None]), (None, Some(1.0), None));
        assert_eq!(says(&[Some(20)]), (Some(20.0), Some(0.0), None));
        assert_eq!(says(&[Some(20), Some(30), Some(24)]), (Some(24.0), Some(0.0), Some(8.0)));
        // Unanswered ones are not between those that were answered.
        assert_eq!(says(&[Some(20), None, Some(30), None]), (None, Some(0.5), Some(10.0)));
    }

    #[test]
    fn twenty_are_kept() {
        let mut trips = vec![None; 20];
        assert_eq!(says(&trips), (None, Some(1.0), None));
        trips.extend([Some(5); 15]);
        assert_eq!(says(&trips), (Some(5.0), Some(0.25), Some(0.0)));
        trips.extend([Some(5); 5]);
        assert_eq!(says(&trips), (Some(5.0), Some(0.0), Some(0.0)));
    }
}
