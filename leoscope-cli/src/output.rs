//! The only place that prints: data on standard output, everything else on standard error.

mod audit;
mod bars;
mod booked;
mod calendar;
mod checks;
mod config;
mod events;
mod fetched;
mod forecast;
mod jobs;
mod machine;
mod map;
mod nodes;
mod orbit;
mod paint;
mod plain;
mod planning;
mod printed;
mod profiles;
mod runs;
mod scheduled;
mod spinner;
mod stats;
mod status;
mod steps;
mod story;
mod text;
mod triggers;
mod typed;
mod users;
mod why;

pub(crate) use booked::Booked;
pub(crate) use calendar::Chart;
pub(crate) use checks::{Checked, Finding, Verdict};
pub(crate) use config::{GlobalConfig, read_config};
pub(crate) use fetched::Fetched;
pub(crate) use orbit::{Passing, Seen};
pub(crate) use paint::Paint;
pub(crate) use planning::{Planned, Slot, plan_json};
pub(crate) use printed::Printed;
pub(crate) use profiles::{Setting, whole_profile};
pub(crate) use spinner::Spinner;
pub(crate) use status::StatusView;
pub(crate) use triggers::{FieldView, ReadingView};
pub(crate) use typed::Typed;
pub(crate) use why::Why;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bars::Bars;
use indicatif::ProgressDrawTarget;
use leoscope_core::Error;
use leoscope_core::fetch::Totals;
use leoscope_core::model::Secret;
use leoscope_core::time::{Timestamp, to_micros};
use serde_json::{Value, json};

use crate::cli::Format;
use text::{clean, error_text, grid, or_dash, snake_case, text_or_dash, to_json, utc, with_id};

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

/// How data is to be printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Style {
    pub(crate) format: Format,
    /// Ids only.
    pub(crate) quiet: bool,
    /// These fields alone, in this order; all where none is named.
    pub(crate) fields: Vec<String>,
    /// The command line.
    pub(crate) typed: Typed,
    /// Whether the environment lets programs use colours.
    pub(crate) colours: bool,
}

/// The printer of a command: how to print was settled once.
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    fields: Vec<String>,
    typed: Typed,
    /// For data.
    paint: Paint,
    /// What was wrong with how to print.
    fault: Mutex<Option<Error>>,
    /// Whether the terminal is to be cleared first.
    clears: AtomicBool,
    unread: AtomicBool,
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
    pub(crate) fn new(style: Style) -> Self {
        let terminals = Terminals { data: io::stdout().is_terminal(), messages: io::stderr().is_terminal() };
        Self::with(style, terminals, stream(io::stdout()), stream(io::stderr()))
    }

    fn with(style: Style, terminals: Terminals, data: Stream, messages: Stream) -> Self {
        let Style { format, quiet, fields, typed, colours } = style;
        let paint = Paint::new(colours, terminals.data);
        Self {
            format,
            quiet,
            fields,
            typed,
            paint,
            fault: Mutex::default(),
            clears: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            data,
            messages,
            terminals,
        }
    }

    /// Prints into the given writers.
    #[cfg(test)]
    pub(crate) fn into_writers(
        format: Format,
        quiet: bool,
        data: impl Write + Send + 'static,
        messages: impl Write + Send + 'static,
    ) -> Self {
        Self::in_style(Style { format, quiet, ..Style::default() }, data, messages)
    }

    /// The same, in this style.
    #[cfg(test)]
    pub(crate) fn in_style(
        style: Style,
        data: impl Write + Send + 'static,
        messages: impl Write + Send + 'static,
    ) -> Self {
        Self::with(style, Terminals::default(), stream(data), stream(messages))
    }

    /// A list.
    pub(crate) fn list<T: Record>(&self, records: &[T]) {
        match self.format {
            _ if self.quiet => {
                self.print(&records.iter().map(|record| record.id() + "\n").collect::<String>());
            }
            Format::Table if self.fields.is_empty() => {
                self.print(&grid(T::HEADER, records.iter().map(T::row)));
            }
            _ => self.value(&Value::Array(records.iter().map(T::json).collect())),
        }
    }

    /// A single thing.
    pub(crate) fn one<T: Record>(&self, record: &T) {
        if self.is_for_programs() {
            self.value(&record.json());
        } else {
            self.list(std::slice::from_ref(record));
        }
    }

    /// A list for people, or one object for programs.
    pub(crate) fn either<T: Record>(&self, list: impl FnOnce() -> Vec<T>, object: impl FnOnce() -> Value) {
        match self.format {
            // A table of its records says more than a row of lists.
            Format::Csv => self.list(&list()),
            _ if self.is_for_programs() => self.value(&object()),
            _ => self.list(&list()),
        }
    }

    /// A table that is no list of records; for programs the heads become keys.
    pub(crate) fn table(&self, header: &[&str], rows: Vec<Vec<String>>) {
        if self.format == Format::Table && self.fields.is_empty() {
            return self.print(&grid(header, rows));
        }
        let object = |row: Vec<String>| -> Value {
            header.iter().map(|head| snake_case(head)).zip(row.into_iter().map(Value::String)).collect()
        };
        self.value(&rows.into_iter().map(object).collect());
    }

    /// Data as programs read it, in the form and with the fields asked for; a table where fields were
    /// chosen for people.
    pub(crate) fn value(&self, value: &Value) {
        let chosen = match machine::select(value, &self.fields) {
            Ok(chosen) => chosen,
            Err(fault) => {
                *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
                return;
            }
        };
        match (self.format, &*chosen) {
            (Format::Table, Value::Array(values)) if !self.fields.is_empty() => {
                let row = |value: &Value| {
                    let cells =
                        self.fields.iter().map(|field| text_or_dash(&machine::cell(value.get(field))));
                    cells.collect()
                };
                let header: Vec<&str> = self.fields.iter().map(String::as_str).collect();
                self.print(&grid(&header, values.iter().map(row)));
            }
            (format, value) => self.print(&machine::encode(format, value)),
        }
    }

    /// Makes room for the same list again: what comes next clears a terminal.
    pub(crate) fn begin_again(&self) {
        self.clears.store(self.terminals.data && !self.is_for_programs(), Ordering::Relaxed);
    }

    /// Whether nobody reads the data any more.
    pub(crate) fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// An object that tells what was done, with those of its fields that were asked for.
    fn object(&self, value: &Value) {
        self.print(&machine::encode(self.format, &machine::chosen(value, &self.fields)));
    }

    /// An object on its own line, for what goes on for a while.
    ///
    /// # Errors
    /// Those of the stream; somebody who has gone reads no more of it.
    fn object_line(&self, value: &Value) -> io::Result<()> {
        put(&self.data, format!("{}\n", machine::chosen(value, &self.fields)).as_bytes())
    }

    /// What was wrong with how to print, if anything was: found only with the data.
    pub(crate) fn fault(&self) -> Option<Error> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A line of data.
    pub(crate) fn line(&self, text: impl Display) {
        self.print(&format!("{}\n", clean(&text.to_string())));
    }

    /// A new access token: the one thing that is printed even when quiet, as it cannot be had again.
    pub(crate) fn token(&self, id: &impl Display, token: &Secret) {
        let token = token.expose();
        if self.is_for_programs() {
            self.object(&json!({ "id": id.to_string(), "access_token": token }));
        } else {
            self.print(&format!("{token}\n"));
        }
        self.note(format_args!("this is the access token of {id}; it is shown only once, keep it safe"));
    }

    /// The id of something that was made; `more` are further keys for JSON.
    pub(crate) fn made(&self, id: &impl Display, more: Value) {
        let id = id.to_string();
        if self.is_for_programs() {
            self.object(&with_id(&id, more));
        } else {
            self.print(&format!("{id}\n"));
        }
    }

    /// Something was done to `id`; `what` says it for people.
    pub(crate) fn done(&self, id: &impl Display, what: &str, more: Value) {
        let id = id.to_string();
        match self.format {
            _ if self.quiet => self.print(&format!("{id}\n")),
            Format::Table => self.note(format_args!("{what}")),
            _ => self.object(&with_id(&id, more)),
        }
    }

    /// Bars for what is being fetched: on a terminal, and for people.
    pub(crate) fn bars(&self, expected: Totals) -> Option<Bars> {
        let is_wanted = self.format == Format::Table && !self.quiet && expected.fetch > 0;
        (is_wanted && self.terminals.messages).then(|| Bars::new(ProgressDrawTarget::stderr(), expected))
    }

    /// Whether all there is to know is wanted, in a form that programs read.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.format != Format::Table && !self.quiet
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
        if self.clears.swap(false, Ordering::Relaxed) {
            write(&self.data, "\x1b[H\x1b[2J");
            self.note(format_args!("as of {} (UTC), Ctrl-C ends it", utc(to_micros(Timestamp::now()))));
        }
        // A reader that has gone, as in `leoscope run get | head`, is no failure of ours.
        if put(&self.data, text.as_bytes()).is_err() {
            self.unread.store(true, Ordering::Relaxed);
        }
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

#[cfg(test)]
mod tests;
