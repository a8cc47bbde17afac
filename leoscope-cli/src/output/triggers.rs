//! Conditions, what they name, and what becomes of them.

use std::io;

use leoscope_core::model::{NodeReadings, Reading, TriggerDecision};
use leoscope_core::time::{SignedDuration, Timestamp};
use leoscope_core::trigger::{Ahead, Alias, Backtest, Key, Kind, Mistakes, Trigger, Value as Read};
use serde_json::{Value, json};

use super::{Output, Record, Slot, clean, grid, or_dash, put, text_or_dash, to_json, utc, write};

/// A field and its other names.
pub(crate) struct FieldView(pub(crate) Key);

impl FieldView {
    fn aliases(&self) -> impl Iterator<Item = &'static Alias> {
        Alias::all().filter(|alias| self.0 == alias.field.into())
    }

    fn meaning(&self) -> Option<&'static str> {
        match &self.0 {
            Key::Field(field) => Some(field.info().meaning),
            Key::Custom(_) | Key::Satellite(..) => None,
        }
    }

    /// Whether its values can be told before their time.
    fn ahead(&self) -> Option<&'static str> {
        match self.0.ahead() {
            Ahead::Exact => Some("exact"),
            Ahead::Hourly => Some("hourly"),
            Ahead::No => None,
        }
    }
}

impl Record for FieldView {
    const HEADER: &'static [&'static str] = &["field", "unit", "also named", "meaning"];

    fn id(&self) -> String {
        self.0.to_string()
    }

    fn row(&self) -> Vec<String> {
        let named = |alias: &Alias| match alias.conversion {
            Some(conversion) => format!("{} ({})", alias.name, conversion.unit),
            None => alias.name.to_owned(),
        };
        let aliases: Vec<_> = self.aliases().map(named).collect();
        vec![
            self.id(),
            text_or_dash(self.0.unit()),
            text_or_dash(&aliases.join(", ")),
            or_dash(self.meaning()),
        ]
    }

    fn json(&self) -> Value {
        let key = &self.0;
        let unit = |unit: &'static str| Some(unit).filter(|unit| !unit.is_empty());
        let kind = key.kind().map(|kind| match kind {
            Kind::Number => "number",
            Kind::Flag => "flag",
            Kind::Text => "text",
        });
        let alias = |alias: &Alias| {
            let unit = alias.conversion.map_or_else(|| unit(key.unit()), |conversion| unit(conversion.unit));
            json!({ "name": alias.name, "unit": unit })
        };
        json!({
            "name": key.to_string(),
            "kind": kind,
            "unit": unit(key.unit()),
            "aliases": self.aliases().map(alias).collect::<Vec<_>>(),
            "source": key.source().name(),
            "stale_after_secs": key.stale_after_s(),
            "ahead": self.ahead(),
            "meaning": self.meaning(),
        })
    }
}

/// A reading and how old it was.
pub(crate) struct ReadingView {
    reading: Reading,
    now: Timestamp,
}

impl ReadingView {
    /// The readings of a node.
    pub(crate) fn list(NodeReadings { at: now, readings }: NodeReadings) -> Vec<Self> {
        readings.into_iter().map(|reading| Self { reading, now }).collect()
    }

    fn age(&self) -> Option<f64> {
        self.reading.at.map(|at| self.now.duration_since(at).as_secs_f64())
    }
}

impl Record for ReadingView {
    const HEADER: &'static [&'static str] = &["field", "value", "unit", "age (s)", "source"];

    fn id(&self) -> String {
        self.reading.field.clone()
    }

    fn row(&self) -> Vec<String> {
        let Reading { field, value, unit, source, at: _, counts_for_s: _ } = &self.reading;
        vec![
            field.clone(),
            value.as_ref().map_or_else(|| or_dash(None::<&str>), told),
            or_dash(unit.as_ref()),
            or_dash(self.age().map(|age| format!("{age:.1}"))),
            or_dash(source.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        let mut json = to_json(&self.reading);
        json["age_secs"] = json!(self.age());
        json
    }
}

impl Output {
    /// What is wrong with a condition: for people on standard error, for programs as data.
    pub(crate) fn mistakes(&self, mistakes: &Mistakes) {
        if self.is_for_programs() {
            return self.value(&to_json(mistakes));
        }
        let number = mistakes.mistakes.len();
        let mut text = match number {
            1 => "error: there is a mistake in the condition\n".to_owned(),
            _ => format!("error: there are {number} mistakes in the condition\n"),
        };
        for line in mistakes.render().lines() {
            text += &format!("  {}\n", clean(line));
        }
        write(&self.messages, &text);
    }

    /// A condition that is one: its canonical form, and what it names.
    pub(crate) fn checked(&self, trigger: &Trigger) {
        let fields: Vec<_> = trigger.keys().iter().cloned().map(FieldView).collect();
        if self.is_for_programs() {
            return self.value(&json!({
                "text": trigger.text(),
                "canonical": trigger.to_string(),
                "fields": fields.iter().map(Record::json).collect::<Vec<_>>(),
            }));
        }
        self.line(trigger);
        if !self.quiet && !fields.is_empty() {
            let row = |field: &FieldView| {
                let key = &field.0;
                vec![
                    field.id(),
                    text_or_dash(key.unit()),
                    key.source().name().to_owned(),
                    key.stale_after_s().to_string(),
                    or_dash(field.ahead()),
                    or_dash(field.meaning()),
                ]
            };
            let header = ["field", "unit", "source", "stale after (s)", "forecast", "meaning"];
            self.line("");
            self.print(&grid(&header, fields.iter().map(row)));
        }
    }

    /// A verdict with what it rests on.
    pub(crate) fn decision(&self, decision: &TriggerDecision) {
        let TriggerDecision { verdict, at, why, readings } = decision;
        if self.is_for_programs() {
            return self.value(&to_json(decision));
        }
        self.line(verdict);
        if !self.quiet {
            self.line(why);
            if !readings.is_empty() {
                let readings = NodeReadings { at: *at, readings: readings.clone() };
                self.line("");
                self.list(&ReadingView::list(readings));
            }
        }
    }

    /// A verdict as a line among others.
    ///
    /// # Errors
    /// Those of the stream; somebody who has gone reads no more of it.
    pub(crate) fn live(&self, decision: &TriggerDecision) -> io::Result<()> {
        let TriggerDecision { verdict, at, why, readings } = decision;
        let line = match self.format {
            _ if self.quiet => verdict.to_string(),
            _ if self.is_for_programs() => return self.object_line(&to_json(decision)),
            _ => {
                let readings: Vec<_> = readings.iter().map(briefly).collect();
                // As wide as the longest of the verdicts.
                format!("{}  {:<7}  {why}  [{}]", utc(*at), verdict.name(), readings.join(", "))
            }
        };
        put(&self.data, format!("{}\n", clean(&line)).as_bytes())
    }

    /// When a condition would have held, and what runs it would have started.
    pub(crate) fn backtest(&self, trigger: &Trigger, found: &Backtest) {
        let Backtest { span, met, met_time, not_met_time, unknown_time, starts } = found;
        let times = [("met", met_time), ("not_met", not_met_time), ("unknown", unknown_time)];
        if self.is_for_programs() {
            let mut json =
                json!({ "condition": trigger.to_string(), "recorded": Slot::list(&[*span])[0].json() });
            for (name, time) in times {
                json[name] = json!({ "secs": time.as_secs_f64(), "share": found.share(*time) });
            }
            json["met"]["windows"] = Slot::list(met).iter().map(Record::json).collect();
            json["starts"] = json!(starts);
            return self.value(&json);
        }
        if self.quiet {
            return starts.iter().for_each(|start| self.line(utc(*start)));
        }
        if !met.is_empty() {
            self.list(&Slot::list(met));
            self.line("");
        }
        self.line(format_args!(
            "{:<10} {} to {}, {}",
            "recorded:",
            utc(span.start()),
            utc(span.end()),
            seconds(span.length())
        ));
        for (name, time) in times {
            let share = 100.0 * found.share(*time);
            let times = match met.len() {
                1 if name == "met" => ", once".to_owned(),
                number if name == "met" && number > 0 => format!(", {number} times"),
                _ => String::new(),
            };
            let name = format!("{}:", name.to_uppercase());
            self.line(format_args!("{name:<10} {} ({share:.1} %){times}", seconds(*time)));
        }
        let first: Vec<_> = starts.iter().map(|start| utc(*start)).collect();
        self.line(format_args!("{:<10} {}", "runs:", starts.len()));
        for start in first {
            self.line(format_args!("{:<10} {start}", ""));
        }
    }
}

fn seconds(time: SignedDuration) -> String {
    let text = format!("{:.3}", time.as_secs_f64());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A value as people read it.
fn told(value: &Read) -> String {
    match value {
        Read::Text(text) => text.to_string(),
        Read::Number(number) => digits(*number),
        Read::Flag(flag) => flag.to_string(),
    }
}

/// A number with as many digits as people read: six that count, and three decimals at least. JSON has all.
fn digits(number: f64) -> String {
    let decimals = match number.abs() {
        0.0 => 0,
        // A cast of a small logarithm is exact.
        size => (5 - size.log10().floor() as i32).clamp(3, 12),
    };
    let text = format!("{number:.*}", usize::try_from(decimals).unwrap_or(3));
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    short.to_owned()
}

fn briefly(Reading { field, value, unit, .. }: &Reading) -> String {
    let unit = unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
    match value {
        Some(value) => format!("{field} {}{unit}", told(value)),
        None => format!("{field} -"),
    }
}
