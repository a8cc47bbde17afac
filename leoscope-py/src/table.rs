//! Columns of one length on their way to Python.

use std::collections::HashMap;

use leoscope_core::time::{SignedDuration, Timestamp};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::python::columns;

/// Columns of one length, by their names.
pub(crate) struct Table<'a>(pub(crate) Vec<(&'static str, Column<'a>)>);

pub(crate) enum Column<'a> {
    /// Eight bytes for each, and what these are for NumPy.
    Fixed(&'static str, Vec<u8>),
    /// Texts of which most are different.
    Texts(Vec<String>),
    /// Texts of which many are the same, or are not there: each is one object.
    Words(Vec<Option<&'a str>>),
}

const NUMBER: &str = "f8";
const WHOLE: &str = "i8";
const TIME: &str = "M8[us]";
const LENGTH: &str = "m8[us]";

/// What NumPy has for no time, and no length of time.
const NOT_A_TIME: i64 = i64::MIN;

fn fixed<'a, const N: usize, T>(
    kind: &'static str,
    rows: &'a [T],
    bytes: impl Fn(&T) -> [u8; N],
) -> Column<'a> {
    Column::Fixed(kind, rows.iter().flat_map(bytes).collect())
}

impl<'a> Column<'a> {
    pub(crate) fn numbers<T>(rows: &'a [T], number: impl Fn(&T) -> f64) -> Self {
        fixed(NUMBER, rows, |row| number(row).to_ne_bytes())
    }

    pub(crate) fn whole<T>(rows: &'a [T], number: impl Fn(&T) -> i64) -> Self {
        fixed(WHOLE, rows, |row| number(row).to_ne_bytes())
    }

    /// Whole numbers that may be missing: NaN, since these columns cannot lack values.
    pub(crate) fn whole_or_none<T>(rows: &'a [T], number: impl Fn(&T) -> Option<i64>) -> Self {
        fixed(NUMBER, rows, |row| number(row).map_or(f64::NAN, |number| number as f64).to_ne_bytes())
    }

    pub(crate) fn times<T>(rows: &'a [T], time: impl Fn(&T) -> Option<Timestamp>) -> Self {
        fixed(TIME, rows, |row| time(row).map_or(NOT_A_TIME, Timestamp::as_microsecond).to_ne_bytes())
    }

    pub(crate) fn lengths<T>(rows: &'a [T], length: impl Fn(&T) -> Option<SignedDuration>) -> Self {
        let micros = |length: SignedDuration| i64::try_from(length.as_micros()).unwrap_or(NOT_A_TIME);
        fixed(LENGTH, rows, |row| length(row).map_or(NOT_A_TIME, micros).to_ne_bytes())
    }

    pub(crate) fn words<T>(rows: &'a [T], word: impl Fn(&'a T) -> Option<&'a str>) -> Self {
        Self::Words(rows.iter().map(word).collect())
    }
}

impl Table<'_> {
    /// A dictionary of arrays.
    pub(crate) fn object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let part = |(name, column)| match column {
            Column::Fixed(kind, bytes) => (name, kind, PyBytes::new(py, &bytes).into_any()).into_pyobject(py),
            Column::Texts(texts) => (name, "U", texts.into_pyobject(py)?).into_pyobject(py),
            Column::Words(words) => (name, "O", shared(py, words)?.into_any()).into_pyobject(py),
        };
        let parts = self.0.into_iter().map(part).collect::<PyResult<Vec<_>>>()?;
        columns(py, "arrays", (parts,))
    }
}

/// The words, the same object for the same word.
fn shared<'py>(py: Python<'py>, words: Vec<Option<&str>>) -> PyResult<Bound<'py, PyList>> {
    let mut known: HashMap<&str, Bound<'py, PyString>> = HashMap::new();
    let objects = words
        .into_iter()
        .map(|word| word.map(|word| known.entry(word).or_insert_with(|| PyString::new(py, word)).clone()));
    let objects: Vec<Option<Bound<'py, PyString>>> = objects.collect();
    PyList::new(py, objects)
}
