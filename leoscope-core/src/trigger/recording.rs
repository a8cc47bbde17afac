//! Recorded readings, as they stand in tables.

use std::collections::BTreeSet;

use super::{Field, Key, Name, Sample};
use crate::error::Error;
use crate::time::{SignedDuration, Timestamp, Window, parse_time};

/// The names of a column of times. The first one that a table has is it.
const TIMES: [&str; 4] = ["datetimestamp_utc", "time", "at", "timestamp"];

/// Names that tables of telemetry have and conditions have not.
const OTHERS: [(&str, Field); 1] = [("power_w", Field::DISH_POWER)];

/// How long the last reading of a recording is looked at.
const LAST: SignedDuration = SignedDuration::from_secs(1);

/// Seconds since 1970 beyond which they are rather something else than seconds (the year 2603).
const MOST_SECONDS: f64 = 2e10;

/// What the columns of a table are.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    time: usize,
    /// How many there are.
    count: usize,
    fields: Vec<(usize, Name)>,
    ignored: Vec<String>,
}

impl Columns {
    /// Reads the head of a table: a column of times, and others that are named as fields or aliases.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) where no column is of times, none is a
    /// field, or two are the same one.
    pub fn of(header: &[&str]) -> Result<Self, Error> {
        // Spreadsheets begin a file with a mark of their own.
        let names: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim()).collect();
        let place = |name: &&str| names.iter().position(|other| other == name);
        let time = TIMES.iter().find_map(place).ok_or_else(|| {
            Error::invalid("no column has the times of its rows")
                .hint(format!("name it {}, in the first line", TIMES.join(", ")))
        })?;
        let mut columns = Self { time, count: names.len(), fields: Vec::new(), ignored: Vec::new() };
        for (place, name) in names.iter().enumerate().filter(|(place, _)| *place != time) {
            let other = || OTHERS.iter().find(|(other, _)| other == name);
            let found = Name::find(name).or_else(|| Name::find(other()?.1.info().name));
            let Some(found) = found else {
                columns.ignored.push((*name).to_owned());
                continue;
            };
            if let Some((before, _)) = columns.fields.iter().find(|(_, known)| known.key() == found.key()) {
                let before = names[*before];
                let message = format!("columns {before} and {name} are both {}", found.key());
                return Err(Error::invalid(message).hint("leave one of them out"));
            }
            columns.fields.push((place, found));
        }
        if columns.fields.is_empty() {
            return Err(Error::invalid(format!("none of its columns is a field: {}", names.join(", ")))
                .hint("'leoscope trigger fields' lists the fields"));
        }
        Ok(columns)
    }

    /// The fields that it has.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.fields.iter().map(|(_, name)| name.key())
    }

    /// The names of its columns that are none.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The same without the fields in `others`.
    #[must_use]
    pub fn without(mut self, others: &BTreeSet<Key>) -> Self {
        self.fields.retain(|(_, name)| !others.contains(name.key()));
        self
    }
}

/// Readings over a time, of the fields that a condition names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    wanted: BTreeSet<Key>,
    samples: Vec<Sample>,
    /// The first and the last time of which there is a row.
    span: Option<(Timestamp, Timestamp)>,
    /// Which of what is wanted has been recorded at all.
    has: BTreeSet<Key>,
}

impl Recording {
    /// Nothing yet, of the fields that are `wanted`.
    pub fn of(wanted: &[Key]) -> Self {
        Self { wanted: wanted.iter().cloned().collect(), ..Self::default() }
    }

    /// Takes a row of a table in. An empty cell says that the field had no value at the time.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a row that is longer or shorter than its
    /// head, and a cell that is not what its column says.
    pub fn row(&mut self, columns: &Columns, row: &[&str]) -> Result<(), Error> {
        if row.len() != columns.count {
            let (has, wanted) = (row.len(), columns.count);
            return Err(Error::invalid(format!("it has {has} columns, the first line has {wanted}")));
        }
        let at = instant(row[columns.time])?;
        for (place, name) in &columns.fields {
            if self.wanted.contains(name.key()) {
                self.add(Sample { key: name.key().clone(), value: name.value(row[*place])?, at });
            }
        }
        self.extend(at);
        Ok(())
    }

    /// Takes a reading in.
    pub fn add(&mut self, sample: Sample) {
        self.extend(sample.at);
        if self.wanted.contains(&sample.key) {
            if sample.value.is_some() && !self.has.contains(&sample.key) {
                self.has.insert(sample.key.clone());
            }
            self.samples.push(sample);
        }
    }

    fn extend(&mut self, at: Timestamp) {
        self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    /// From its first time to a second after its last; `None` while there is none.
    pub fn span(&self) -> Option<Window> {
        let (first, last) = self.span?;
        Window::new(first, last.checked_add(LAST).unwrap_or(Timestamp::MAX)).ok()
    }

    /// What is wanted and has no value in it.
    pub fn missing(&self) -> impl Iterator<Item = &Key> {
        self.wanted.difference(&self.has)
    }

    /// The readings in order of time; of readings of the same time, those that were added later are later.
    pub(super) fn in_order(&self) -> Vec<Sample> {
        let mut samples = self.samples.clone();
        samples.sort_by_key(|sample| sample.at);
        samples
    }
}

/// A time as tables have it: with a date, or in seconds since 1970.
fn instant(text: &str) -> Result<Timestamp, Error> {
    let Ok(seconds) = text.trim().parse::<f64>() else { return parse_time(text) };
    let micros = SignedDuration::try_from_secs_f64(seconds).ok().filter(|_| seconds.abs() < MOST_SECONDS);
    let micros = micros.and_then(|since| i64::try_from(since.as_micros()).ok());
    micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()).ok_or_else(|| {
        Error::invalid(format!("{text:?} is not a time"))
            .hint("give seconds since 1970, or a time like 2026-12-01T00:00:00 (UTC)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [&str; 6] =
        ["\u{feff}datetimestamp_utc", "pop_ping_latency_ms", "snr", "power_w", "weather_temp", "state"];

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect(text)
    }

    #[test]
    fn the_columns_of_a_table_are_fields_aliases_and_others() {
        let columns = Columns::of(&HEADER).expect("columns");
        let keys: Vec<_> = columns.keys().map(ToString::to_string).collect();
        assert_eq!(keys, ["dish.latency", "dish.power", "weather.temperature", "dish.state"]);
        assert_eq!(columns.ignored(), ["snr"]);
        let others = columns.keys().take(2).cloned().collect();
        assert_eq!(columns.without(&others).keys().count(), 2);
        for (header, message) in [
            (&["dish.latency"][..], "no column has the times of its rows"),
            (&["time", "a", "b"], "none of its columns is a field: time, a, b"),
            (
                &["time", "dish.latency", "pop_ping_latency_ms"],
                "columns dish.latency and pop_ping_latency_ms are both dish.latency",
            ),
        ] {
            assert_eq!(Columns::of(header).expect_err("refused").message(), message);
        }
    }

    #[test]
    fn rows_become_readings_in_the_field_s_own_unit() {
        let wanted = [Field::WEATHER_TEMPERATURE, Field::DISH_LATENCY, Field::SATELLITE_ID].map(Key::Field);
        let mut recording = Recording::of(&wanted);
        assert_eq!(recording.span(), None);
        let columns = Columns::of(&HEADER).expect("columns");
        recording.row(&columns, &["2026-12-01 00:00:01.5", "", "9", "50", "273.15", "X"]).expect("row");
        recording.row(&columns, &["1796083200", "40.5", "", "", "", ""]).expect("row");
        let expected = [
            Sample::number(Field::DISH_LATENCY, 40.5, at("2026-12-01T00:00:00")),
            Sample::none(Field::WEATHER_TEMPERATURE, at("2026-12-01T00:00:00")),
            Sample::none(Field::DISH_LATENCY, at("2026-12-01T00:00:01.5")),
            Sample::number(Field::WEATHER_TEMPERATURE, 0.0, at("2026-12-01T00:00:01.5")),
        ];
        assert_eq!(recording.in_order(), expected);
        let span = Window::new(at("2026-12-01T00:00:00"), at("2026-12-01T00:00:02.5")).expect("window");
        assert_eq!(recording.span(), Some(span));
        assert_eq!(recording.missing().collect::<Vec<_>>(), [&Key::Field(Field::SATELLITE_ID)]);
        for (row, message) in [
            (&["2026-12-01"][..], "it has 1 columns, the first line has 6"),
            (&["yesterday", "", "", "", "", ""], "\"yesterday\" is not a time"),
            (&["1796083200000", "", "", "", "", ""], "\"1796083200000\" is not a time"),
            (&["1796083200", "x", "", "", "", ""], "dish.latency is a number, \"x\" is not"),
        ] {
            assert_eq!(recording.row(&columns, row).expect_err("refused").message(), message);
        }
    }
}
