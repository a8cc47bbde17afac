//! The planned windows of a job, in order of time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Schedule;
use crate::time::Window;

/// The planned windows of a schedule: each starts where the schedule says, lasts `length`, and
/// lies wholly inside `range`, in order of time.
///
/// One-time and cron schedules both go through here; nothing else decides when a job runs.
pub fn occurrences(schedule: &Schedule, range: Window, length: SignedDuration) -> Occurrences<'_> {
    let day = TimeZone::UTC.to_datetime(range.start()).date();
    let midnight = midnight(day);
    // A cron start lies on a full minute, so the first candidate is the next full minute.
    let minute =
        midnight.map_or(0, |m| (range.start().duration_since(m).as_micros() + 59_999_999) / 60_000_000);
    Occurrences {
        schedule,
        range,
        length,
        day: Some(day),
        minute: u16::try_from(minute).unwrap_or(u16::MAX),
        done: false,
    }
}

/// The first instant of `day`; `None` beyond the range of representable times.
fn midnight(day: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

/// The iterator behind [`occurrences`].
#[derive(Debug, Clone)]
pub struct Occurrences<'a> {
    schedule: &'a Schedule,
    range: Window,
    length: SignedDuration,
    day: Option<Date>,
    minute: u16,
    done: bool,
}

impl Occurrences<'_> {
    /// The next instant the schedule names, whether or not a whole run still fits.
    fn next_start(&mut self) -> Option<Timestamp> {
        let cron = match self.schedule {
            Schedule::Once => return (!self.done).then_some(self.range.start()),
            Schedule::Cron(cron) => cron,
        };
        loop {
            let day = self.day?;
            let midnight = midnight(day)?;
            if midnight >= self.range.end() {
                return None;
            }
            if cron.fires_on(day)
                && let Some(minute) = cron.next_minute_of_day(self.minute)
            {
                self.minute = minute + 1;
                return midnight.checked_add(SignedDuration::from_mins(minute.into())).ok();
            }
            (self.day, self.minute) = (day.tomorrow().ok(), 0);
        }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        if self.done {
            return None;
        }
        let window = self.next_start().and_then(|start| Window::lasting(start, self.length));
        // Starts only grow, so the first that does not fit is the end of all.
        let window = window.filter(|window| self.range.covers(window));
        self.done = window.is_none() || *self.schedule == Schedule::Once;
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::CronExpr;
    use crate::time::{parse_time, wire_time};

    fn starts(cron: &str, from: &str, to: &str, secs: i64) -> Vec<String> {
        let schedule = match cron {
            "once" => Schedule::Once,
            _ => Schedule::Cron(CronExpr::parse(cron).expect(cron)),
        };
        let range = Window::new(parse_time(from).expect(from), parse_time(to).expect(to)).expect("range");
        occurrences(&schedule, range, SignedDuration::from_secs(secs)).map(|w| wire_time(w.start())).collect()
    }

    #[test]
    fn cron_starts_lie_inside_the_range_and_end_inside_it() {
        assert_eq!(
            starts("*/20 * * * *", "2026-12-01T00:00:30", "2026-12-01T01:20:00", 60),
            ["2026-12-01T00:20:00", "2026-12-01T00:40:00", "2026-12-01T01:00:00"]
        );
        // 01:19 + 60 s ends exactly with the range and still fits; 01:20 does not start inside.
        assert_eq!(
            starts("19,20 1 * * *", "2026-12-01T00:00", "2026-12-01T01:20", 60),
            ["2026-12-01T01:19:00"]
        );
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
        assert_eq!(
            starts("0 12 29 2 *", "2026-01-01T00:00", "2029-01-01T00:00", 60),
            ["2028-02-29T12:00:00"]
        );
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
}
