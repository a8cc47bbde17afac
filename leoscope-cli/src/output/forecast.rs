//! When conditions will hold.

use leoscope_core::model::{Expected, Forecast, Reach};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_core::trigger::Trigger;
use serde_json::{Value, json};

use super::{Output, Record, Slot, grid, or_dash, utc};

/// How much of the time a chart shows at most, a line an hour.
const MOST_CHARTED: SignedDuration = SignedDuration::from_hours(24);

/// How many columns an hour has: one a minute.
const COLUMNS: i64 = 60;

struct Row<'a>(&'a Expected);

impl Record for Row<'_> {
    const HEADER: &'static [&'static str] =
        &["from (UTC)", "until (UTC)", "length (s)", "± (s)", "elements (h)"];

    fn id(&self) -> String {
        utc(self.0.window.start())
    }

    fn row(&self) -> Vec<String> {
        let Expected { window, sigma_s, element_age } = self.0;
        vec![
            utc(window.start()),
            utc(window.end()),
            window.length().as_secs().to_string(),
            format!("{sigma_s:.1}"),
            or_dash(element_age.map(|age| format!("{:.1}", age.as_secs_f64() / 3_600.0))),
        ]
    }

    fn json(&self) -> Value {
        let Expected { window, sigma_s, element_age } = self.0;
        json!({
            "start": window.start(),
            "end": window.end(),
            "length_secs": window.length().as_secs_f64(),
            "sigma_s": sigma_s,
            "element_age_h": element_age.map(|age| age.as_secs_f64() / 3_600.0),
        })
    }
}

impl Output {
    /// When a condition is expected to hold.
    pub(crate) fn forecast(&self, trigger: &Trigger, forecast: &Forecast) {
        let Forecast { span, reach, windows, unknown } = forecast;
        let rows: Vec<Row<'_>> = windows.iter().map(Row).collect();
        if self.quiet {
            self.print(&rows.iter().map(|row| row.id() + "\n").collect::<String>());
            return;
        }
        if self.is_for_programs() {
            self.value(&to_json(trigger, forecast));
            return;
        }
        self.print(&grid(Row::HEADER, rows.iter().map(Record::row)));
        if !windows.is_empty() && span.length() <= MOST_CHARTED {
            self.print(&chart(*span, windows, unknown));
        }
        let lengths = windows.iter().map(|expected| expected.window.length().as_secs_f64());
        // The sum of nothing would be below zero.
        let held = lengths.fold(0.0, |sum, length| sum + length);
        let share = 100.0 * held / span.length().as_secs_f64();
        match reach {
            Reach::Exact => self.note(format_args!(
                "expected to hold in {}, {share:.1} % of {span}",
                counted(windows.len(), "window")
            )),
            Reach::Necessary { part, unforeseen } => {
                let names: Vec<String> = unforeseen.iter().map(ToString::to_string).collect();
                self.note(format_args!(
                    "'{part}' is expected to hold in {}, {share:.1} % of {span}; all of it holds there at most, for it depends on {} as well, which cannot be told",
                    counted(windows.len(), "window"),
                    names.join(", ")
                ));
            }
        }
        if let Some(first) = unknown.first() {
            self.warning(format_args!(
                "it cannot be told for {}, the first {first}: what it names has no value then",
                counted(unknown.len(), "stretch")
            ));
        }
    }
}

fn to_json(trigger: &Trigger, forecast: &Forecast) -> Value {
    let Forecast { span, reach, windows, unknown } = forecast;
    let (kind, part, unforeseen) = match reach {
        Reach::Exact => ("exact", trigger.to_string(), Vec::new()),
        Reach::Necessary { part, unforeseen } => {
            ("necessary", part.clone(), unforeseen.iter().map(ToString::to_string).collect())
        }
    };
    json!({
        "trigger": trigger.text(),
        "kind": kind,
        "part": part,
        "unforeseen": unforeseen,
        "start": span.start(),
        "end": span.end(),
        "windows": windows.iter().map(|expected| Row(expected).json()).collect::<Vec<_>>(),
        "unknown": Slot::list(unknown).iter().map(Record::json).collect::<Vec<_>>(),
    })
}

fn counted(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "stretch") => format!("{count} stretches"),
        _ => format!("{count} {what}s"),
    }
}

/// A line for each hour with a character for each minute: full where it holds all the minute, half where it
/// holds for a part, a question mark where it cannot be told, a dot where it does not.
fn chart(span: Window, windows: &[Expected], unknown: &[Window]) -> String {
    let hour = |at: Timestamp| at.as_second().div_euclid(3_600);
    let held = |from: i64| -> i64 {
        let part = |window: &Window| {
            let (start, end) =
                (window.start().as_second().max(from), window.end().as_second().min(from + 60));
            (end - start).max(0)
        };
        windows.iter().map(|expected| part(&expected.window)).sum()
    };
    let is_unknown = |from: i64| {
        unknown.iter().any(|window| window.start().as_second() < from + 60 && window.end().as_second() > from)
    };
    let mut text = String::from("\n");
    for hour in hour(span.start())..=hour(span.end()) {
        let minutes = (0..COLUMNS).map(|minute| {
            let from = hour * 3_600 + minute * 60;
            match held(from) {
                _ if from + 60 <= span.start().as_second() || from >= span.end().as_second() => ' ',
                60 => '█',
                1.. => '▒',
                _ if is_unknown(from) => '?',
                _ => '·',
            }
        });
        let line: String = minutes.collect();
        if !line.trim().is_empty() {
            let at = Timestamp::from_second(hour * 3_600).map(|at| at.strftime("%m-%d %Hh").to_string());
            text += &format!("{}  {}\n", at.unwrap_or_default(), line.trim_end());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use leoscope_core::time::parse_time;

    #[test]
    fn a_chart_has_a_line_for_each_hour_and_a_character_for_each_minute() {
        let at = |text: &str| parse_time(text).expect(text);
        let window = |from: &str, to: &str| Window::new(at(from), at(to)).expect("window");
        let expected =
            |from: &str, to: &str| Expected { window: window(from, to), sigma_s: 0.1, element_age: None };
        let windows = [
            expected("2026-12-01T00:31:00", "2026-12-01T00:33:30"),
            expected("2026-12-01T00:59:00", "2026-12-01T01:02:00"),
        ];
        let unknown = [window("2026-12-01T01:20:00", "2026-12-01T01:21:00")];
        insta::assert_snapshot!(chart(
            window("2026-12-01T00:30:00", "2026-12-01T01:30:00"),
            &windows,
            &unknown
        ));
    }
}
