//! The only place that prints: data on standard output, everything else on standard error.

mod audit;
mod bars;
mod config;
mod events;
mod fetched;
mod forecast;
mod jobs;
mod nodes;
mod orbit;
mod planning;
mod printed;
mod runs;
mod story;
mod triggers;
mod users;

pub(crate) use config::{GlobalConfig, read_config};
pub(crate) use fetched::Fetched;
pub(crate) use orbit::{Passing, Seen};
pub(crate) use planning::{Planned, Slot, plan_json};
pub(crate) use printed::Printed;
pub(crate) use triggers::{FieldView, ReadingView};

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use bars::Bars;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::ProgressDrawTarget;
use leoscope_core::Error;
use leoscope_core::conflict::Conflict;
use leoscope_core::fetch::Totals;
use leoscope_core::model::Secret;
use leoscope_core::time::{Timestamp, wire_time};
use serde_json::{Value, json};

use crate::cli::Format;

/// Something of which lists are printed.
pub(crate) trait Record {
    /// The column heads of the table.
    const HEADER: &'static [&'static str];
    /// What `--quiet` prints.
    fn id(&self) -> String;
    /// The cells, one for each column head.
    fn row(&self) -> Vec<String>;
    /// What `--output json` prints: an object with stable snake case keys, times in RFC 3339.
    fn json(&self) -> Value;
}

/// The printer of a command: how to print was settled once.
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    data: Stream,
    messages: Stream,
    terminals: Terminals,
}

/// Which of the streams are terminals.
#[derive(Debug, Clone, Copy, Default)]
struct Terminals {
    data: bool,
    messages: bool,
}

type Stream = Mutex<Box<dyn Write + Send>>;

fn stream(writer: impl Write + Send + 'static) -> Stream {
    Mutex::new(Box::new(writer))
}

impl Output {
    /// Prints on the standard streams.
    pub(crate) fn new(format: Format, quiet: bool) -> Self {
        let terminals = Terminals { data: io::stdout().is_terminal(), messages: io::stderr().is_terminal() };
        Self { format, quiet, data: stream(io::stdout()), messages: stream(io::stderr()), terminals }
    }

    /// Prints into the given writers.
    #[cfg(test)]
    pub(crate) fn into_writers(
        format: Format,
        quiet: bool,
        data: impl Write + Send + 'static,
        messages: impl Write + Send + 'static,
    ) -> Self {
        Self {
            format,
            quiet,
            data: stream(data),
            messages: stream(messages),
            terminals: Terminals::default(),
        }
    }

    /// A list.
    pub(crate) fn list<T: Record>(&self, records: &[T]) {
        let text = match self.format {
            _ if self.quiet => records.iter().map(|record| record.id() + "\n").collect(),
            Format::Json => pretty(&Value::Array(records.iter().map(T::json).collect())),
            Format::Table => grid(T::HEADER, records.iter().map(T::row)),
        };
        self.print(&text);
    }

    /// A single thing.
    pub(crate) fn one<T: Record>(&self, record: &T) {
        match self.format {
            Format::Json if !self.quiet => self.print(&pretty(&record.json())),
            _ => self.list(std::slice::from_ref(record)),
        }
    }

    /// A list for people, or one object for programs.
    pub(crate) fn either<T: Record>(&self, list: impl FnOnce() -> Vec<T>, object: impl FnOnce() -> Value) {
        match self.format {
            Format::Json if !self.quiet => self.print(&pretty(&object())),
            _ => self.list(&list()),
        }
    }

    /// A table that is no list of records; in JSON the heads become keys.
    pub(crate) fn table(&self, header: &[&str], rows: Vec<Vec<String>>) {
        let text = match self.format {
            Format::Json => {
                let object = |row: Vec<String>| -> Value {
                    header
                        .iter()
                        .map(|head| snake_case(head))
                        .zip(row.into_iter().map(Value::String))
                        .collect()
                };
                pretty(&rows.into_iter().map(object).collect())
            }
            Format::Table => grid(header, rows),
        };
        self.print(&text);
    }

    /// A line of data.
    pub(crate) fn line(&self, text: impl Display) {
        self.print(&format!("{}\n", clean(&text.to_string())));
    }

    /// A document that looks the same whatever the format.
    pub(crate) fn document(&self, value: &Value) {
        self.print(&pretty(value));
    }

    /// A new access token: the one thing that is printed even when quiet, as it cannot be had again.
    pub(crate) fn token(&self, id: &impl Display, token: &Secret) {
        let token = token.expose();
        match self.format {
            Format::Json if !self.quiet => {
                self.print(&pretty(&json!({ "id": id.to_string(), "access_token": token })));
            }
            _ => self.print(&format!("{token}\n")),
        }
        self.note(format_args!("this is the access token of {id}; it is shown only once, keep it safe"));
    }

    /// The id of something that was made; `more` are further keys for JSON.
    pub(crate) fn made(&self, id: &impl Display, more: Value) {
        let id = id.to_string();
        match self.format {
            Format::Json if !self.quiet => self.print(&pretty(&with_id(&id, more))),
            _ => self.print(&format!("{id}\n")),
        }
    }

    /// Something was done to `id`; `what` says it for people.
    pub(crate) fn done(&self, id: &impl Display, what: &str, more: Value) {
        let id = id.to_string();
        match self.format {
            _ if self.quiet => self.print(&format!("{id}\n")),
            Format::Json => self.print(&pretty(&with_id(&id, more))),
            Format::Table => self.note(format_args!("{what}")),
        }
    }

    /// Bars for what is being fetched: on a terminal, and for people.
    pub(crate) fn bars(&self, expected: Totals) -> Option<Bars> {
        let is_wanted = self.format == Format::Table && !self.quiet && expected.fetch > 0;
        (is_wanted && self.terminals.messages).then(|| Bars::new(ProgressDrawTarget::stderr(), expected))
    }

    /// Whether all there is to know is wanted, in a form that programs read.
    fn is_for_programs(&self) -> bool {
        self.format == Format::Json && !self.quiet
    }

    /// A remark for people.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            self.message(format_args!("note: {text}"));
        }
    }

    /// Something to mind, although it went well.
    pub(crate) fn warning(&self, text: impl Display) {
        self.message(format_args!("warning: {text}"));
    }

    /// Something failed, and the command goes on with the rest.
    pub(crate) fn failure(&self, error: &Error) {
        write(&self.messages, &error_text(error));
    }

    fn message(&self, text: impl Display) {
        write(&self.messages, &format!("{}\n", clean(&text.to_string())));
    }

    fn print(&self, text: &str) {
        write(&self.data, text);
    }
}

fn write(stream: &Stream, text: &str) {
    // A reader that has gone, as in `leoscope run get | head`, is no failure of ours.
    let _ = put(stream, text.as_bytes());
}

fn put(stream: &Stream, bytes: &[u8]) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    stream.write_all(bytes)?;
    stream.flush()
}

/// Prints the error a command ended with.
pub(crate) fn error(error: &Error) {
    let _ = io::stderr().write_all(error_text(error).as_bytes());
}

/// Prints help or version on standard output, usage errors on standard error.
pub(crate) fn clap(answer: &clap::Error) {
    let _ = answer.print();
}

/// What was wrong, what to do, and the jobs in the way, a line each.
fn error_text(error: &Error) -> String {
    let mut text = format!("error: {}\n", clean(error.message()));
    if let Some(hint) = error.what_to_do() {
        text += &format!("hint: {}\n", clean(hint));
    }
    for conflict in error.conflicts() {
        let Conflict { job, owner, node, wanted, taken, clashing } = conflict;
        let runs = if *clashing > 1 { format!(" ({clashing} runs clash)") } else { String::new() };
        text +=
            &format!("conflict: job {job} of {owner} holds {node} for {taken}, wanted for {wanted}{runs}\n");
    }
    text
}

/// `text` on one line and without what would steer a terminal: part of it may come from elsewhere.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn with_id(id: &str, more: Value) -> Value {
    let mut object = json!({ "id": id });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn snake_case(head: &str) -> String {
    let words = head.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

fn grid(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    // Long lines are the terminal's to wrap: a cut id would be no id.
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| clean(cell)));
    }
    table.lines().map(|line| format!("{}\n", line.trim())).collect()
}

fn utc(time: Timestamp) -> String {
    wire_time(time)
}

/// The cell of something that may be missing.
fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The cell of a text that may be empty.
fn text_or_dash(text: &str) -> String {
    or_dash((!text.is_empty()).then_some(text))
}

/// A view of ours as JSON; their keys are text, so this cannot fail.
fn to_json(view: impl serde::Serialize) -> Value {
    serde_json::to_value(view).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
