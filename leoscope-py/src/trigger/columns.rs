//! Verdicts on the rows of a table.

use std::collections::HashMap;

use leoscope_core::Error;
use leoscope_core::time::{SignedDuration, Timestamp, wire_time};
use leoscope_core::trigger::{
    Alias, Conversion, Field, Key, Kind, Name, Sample, Source, Trigger, Value, Verdict, Watches, of_clock,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::values;
use crate::error::exception;

/// A column as Python hands it over: its name, what its cells are, and these.
pub(super) type Packed<'py> = (String, String, Bound<'py, PyAny>);

/// The verdicts by their codes.
pub(super) const CODES: [Verdict; 3] = [Verdict::NotMet, Verdict::Met, Verdict::Unknown];

const fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::NotMet => 0,
        Verdict::Met => 1,
        Verdict::Unknown => 2,
    }
}

/// How far apart rows are without times, as the values of a history.
const APART: SignedDuration = SignedDuration::from_secs(1);

/// How many bytes a number or a time has.
const WIDTH: usize = size_of::<f64>();

/// What is read row by row.
pub(super) struct Table<'a> {
    columns: Vec<Column<'a>>,
    /// Microseconds since 1970 as eight bytes each.
    times: Option<&'a [u8]>,
    rows: usize,
}

struct Column<'a> {
    name: Name,
    conversion: Option<Conversion>,
    cells: Cells<'a>,
}

enum Cells<'a> {
    /// Numbers of eight bytes; one that is not finite is no value.
    Numbers(&'a [u8]),
    /// Bytes that are 0 for no.
    Flags(&'a [u8]),
    Values(Vec<Option<Value>>),
    /// For each cell the place of its value among these, below zero for no value.
    Coded(Vec<i32>, Vec<Option<Value>>),
}

impl Column<'_> {
    fn rows(&self) -> usize {
        match &self.cells {
            Cells::Numbers(bytes) => bytes.len() / WIDTH,
            Cells::Flags(bytes) => bytes.len(),
            Cells::Values(values) => values.len(),
            Cells::Coded(codes, _) => codes.len(),
        }
    }

    fn value(&self, row: usize) -> Result<Option<Value>, Error> {
        let kind = self.name.key().kind();
        match &self.cells {
            Cells::Values(values) => Ok(values.get(row).cloned().flatten()),
            Cells::Coded(codes, values) => {
                let place = codes.get(row).and_then(|place| usize::try_from(*place).ok());
                Ok(place.and_then(|place| values.get(place).cloned().flatten()))
            }
            Cells::Flags(bytes) => {
                let flag = bytes.get(row).is_some_and(|byte| *byte != 0);
                match kind {
                    Some(Kind::Flag) | None => Ok(Some(Value::Flag(flag))),
                    Some(Kind::Number | Kind::Text) => self.name.value(&flag.to_string()),
                }
            }
            Cells::Numbers(bytes) => {
                let number = f64::from_ne_bytes(eight(bytes, row));
                match kind {
                    _ if !number.is_finite() => Ok(None),
                    Some(Kind::Number) | None => {
                        let own = self.conversion.map_or(number, |conversion| conversion.undo(number));
                        Ok(Value::number(own))
                    }
                    Some(Kind::Flag | Kind::Text) => self.name.value(&number.to_string()),
                }
            }
        }
    }
}

/// The values of a list.
fn listed(name: &Name, cells: &Bound<'_, PyAny>) -> PyResult<Vec<Option<Value>>> {
    // Most texts come again and again.
    let mut known: HashMap<String, Option<Value>> = HashMap::new();
    let value = |cell: Bound<'_, PyAny>| {
        let Ok(text) = cell.cast::<PyString>() else { return values::value(name, &cell) };
        let text = text.to_cow()?;
        if let Some(value) = known.get(&*text) {
            return Ok(value.clone());
        }
        let value = values::value(name, &cell)?;
        known.insert(text.into_owned(), value.clone());
        Ok(value)
    };
    cells.cast::<PyList>()?.iter().map(value).collect()
}

/// Cells as the places of a few texts, and these.
fn coded<'a>(name: &Name, cells: &Bound<'_, PyAny>) -> PyResult<Cells<'a>> {
    let (codes, texts): (Bound<'_, PyBytes>, Bound<'_, PyAny>) = cells.extract()?;
    let (codes, _) = codes.as_bytes().as_chunks();
    let codes = codes.iter().map(|code| i32::from_ne_bytes(*code)).collect();
    Ok(Cells::Coded(codes, listed(name, &texts)?))
}

/// The eight bytes of a row; zeros beyond the last.
fn eight(bytes: &[u8], row: usize) -> [u8; WIDTH] {
    let bytes = bytes.get(row * WIDTH..).and_then(|rest| rest.first_chunk());
    bytes.copied().unwrap_or_default()
}

impl<'a> Table<'a> {
    /// A table of the columns that `trigger` names.
    pub(super) fn new(
        py: Python<'_>,
        trigger: &Trigger,
        packed: &'a [Packed<'_>],
        times: Option<&'a [u8]>,
    ) -> PyResult<Self> {
        let refused = |error: Error| exception(py, &error);
        let mut columns: Vec<Column<'a>> = Vec::new();
        for (text, form, cells) in packed {
            let name = Name::parse(text).map_err(refused)?;
            if columns.iter().any(|other| other.name.key() == name.key()) {
                let error = Error::invalid(format!("two columns are {}", name.key()));
                return Err(refused(error.hint("leave one of them out")));
            }
            let cells = match form.as_str() {
                "d" => Cells::Numbers(cells.cast::<PyBytes>()?.as_bytes()),
                "?" => Cells::Flags(cells.cast::<PyBytes>()?.as_bytes()),
                "C" => coded(&name, cells)?,
                _ => Cells::Values(listed(&name, cells)?),
            };
            let conversion = Alias::find(text).and_then(|alias| alias.conversion);
            columns.push(Column { name, conversion, cells });
        }
        let rows = rows(&columns, times).map_err(refused)?;
        columns.retain(|column| trigger.keys().contains(column.name.key()));
        Ok(Self { columns, times, rows })
    }

    fn time(&self, row: usize) -> Result<Timestamp, Error> {
        let time = match self.times {
            Some(times) => Timestamp::from_microsecond(i64::from_ne_bytes(eight(times, row))),
            None => Timestamp::UNIX_EPOCH.checked_add(APART * i32::try_from(row).unwrap_or(i32::MAX)),
        };
        time.map_err(|e| Error::invalid(format!("the time is out of range: {e}")))
    }

    /// What follows from the time alone and `trigger` names, where times are given.
    fn clock(&self, trigger: &Trigger) -> Vec<Key> {
        let local = [Field::TIME_LOCAL_HOUR, Field::TIME_LOCAL_WEEKDAY].map(Key::Field);
        let given = |key: &Key| self.columns.iter().any(|column| column.name.key() == key);
        let keys = trigger.keys().iter().filter(|_| self.times.is_some());
        keys.filter(|key| key.source() == Source::Clock && !local.contains(key) && !given(key))
            .cloned()
            .collect()
    }

    /// The code of the verdict on each row, with the rows before it as its history.
    pub(super) fn verdicts(&self, trigger: &Trigger) -> Result<Vec<u8>, Error> {
        let clock = self.clock(trigger);
        let utc = Timestamp::UNIX_EPOCH.in_tz("UTC").map_err(|e| Error::while_doing("tell the time", e))?;
        let mut watches = Watches::new();
        watches.set((), trigger);
        // Their keys are the same in every row.
        let sample =
            |column: &Column<'_>| Sample { key: column.name.key().clone(), value: None, at: Timestamp::MIN };
        let mut samples: Vec<Sample> = self.columns.iter().map(sample).collect();
        let mut codes = Vec::with_capacity(self.rows);
        let mut before = Timestamp::MIN;
        for row in 0..self.rows {
            let in_row = |error: Error| error.context(format_args!("row {row}"));
            let now = self.time(row).map_err(in_row)?;
            if now < before {
                let (now, before) = (wire_time(now), wire_time(before));
                let error = Error::invalid(format!("time {now} is before that of the row before, {before}"));
                return Err(in_row(error).hint("sort the rows by their times"));
            }
            let is_later = now > before;
            before = now;
            samples.truncate(self.columns.len());
            for (sample, column) in samples.iter_mut().zip(&self.columns) {
                sample.value = column.value(row).map_err(in_row)?;
                sample.at = now;
            }
            if !clock.is_empty() {
                let readings = of_clock(now, utc.time_zone());
                samples.extend(readings.into_iter().filter(|sample| clock.contains(&sample.key)));
            }
            watches.take_in(&samples, now);
            // Readings of a later time have been evaluated already.
            let is_evaluated = is_later && !samples.is_empty();
            let verdict = if is_evaluated { watches.verdict(&()) } else { watches.evaluate(&(), now) };
            codes.push(code(verdict.unwrap_or(Verdict::Unknown)));
        }
        Ok(codes)
    }
}

/// How many rows there are, which all columns must have.
fn rows(columns: &[Column<'_>], times: Option<&[u8]>) -> Result<usize, Error> {
    let times = times.map(|times| ("times".to_owned(), times.len() / WIDTH));
    let columns = columns.iter().map(|column| (column.name.key().to_string(), column.rows()));
    let mut all = columns.chain(times);
    let Some((first, rows)) = all.next() else {
        return Err(Error::invalid("no column is given")
            .hint("give at least one, for example {\"dish.latency\": [35, 45]}"));
    };
    match all.find(|(_, other)| *other != rows) {
        Some((other, count)) => Err(Error::invalid(format!("{first} has {rows} rows and {other} {count}"))
            .hint("give columns of one length")),
        None => Ok(rows),
    }
}
