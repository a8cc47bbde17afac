//! What is found of satellites as columns.

use leoscope_core::orbit::{self, Look, Mask, Pass, Satellite, Site, passes_of_all};
use leoscope_core::time::{Timestamp, Window};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::python::columns;

/// Columns of one length, by their names.
pub(super) struct Table(Vec<(&'static str, Column)>);

enum Column {
    /// Eight bytes for each, and what these are for NumPy.
    Fixed(&'static str, Vec<u8>),
    Texts(Vec<String>),
}

const NUMBER: &str = "f8";
const WHOLE: &str = "i8";
const TIME: &str = "M8[us]";

impl Table {
    /// A dictionary of arrays.
    pub(super) fn object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let part = |(name, column)| match column {
            Column::Fixed(kind, bytes) => (name, kind, PyBytes::new(py, &bytes).into_any()).into_pyobject(py),
            Column::Texts(texts) => (name, "U", texts.into_pyobject(py)?).into_pyobject(py),
        };
        let parts = self.0.into_iter().map(part).collect::<PyResult<Vec<_>>>()?;
        columns(py, "arrays", (parts,))
    }
}

fn numbers<T>(rows: &[T], number: impl Fn(&T) -> f64) -> Column {
    Column::Fixed(NUMBER, rows.iter().flat_map(|row| number(row).to_ne_bytes()).collect())
}

fn times<T>(rows: &[T], time: impl Fn(&T) -> Timestamp) -> Column {
    Column::Fixed(TIME, rows.iter().flat_map(|row| time(row).as_microsecond().to_ne_bytes()).collect())
}

fn catalogue_numbers<'a>(satellites: impl Iterator<Item = &'a Satellite>) -> Column {
    Column::Fixed(WHOLE, satellites.flat_map(|one| i64::from(one.number()).to_ne_bytes()).collect())
}

fn names<'a>(satellites: impl Iterator<Item = &'a Satellite>) -> Column {
    Column::Texts(satellites.map(|one| one.name().to_string()).collect())
}

/// The satellites that were found at places of a list.
pub(super) fn visible(satellites: &[Satellite], found: &[(usize, Look)]) -> Table {
    let of = || found.iter().filter_map(|(place, _)| satellites.get(*place));
    Table(vec![
        ("number", catalogue_numbers(of())),
        ("name", names(of())),
        ("azimuth", numbers(found, |(_, look)| look.azimuth_deg)),
        ("elevation", numbers(found, |(_, look)| look.elevation_deg)),
        ("range_km", numbers(found, |(_, look)| look.range_km)),
        ("range_rate_km_s", numbers(found, |(_, look)| look.range_rate_km_s)),
    ])
}

/// The passes of all satellites, or of those that are named.
pub(super) fn passes(
    all: &[Satellite],
    named: Option<&[&Satellite]>,
    site: &Site,
    mask: Mask,
    span: Window,
) -> Table {
    let mut found: Vec<(&Satellite, Pass)> = match named {
        Some(named) => {
            let of = |one| orbit::passes(one, site, mask, span).into_iter().map(move |pass| (one, pass));
            named.iter().copied().flat_map(of).collect()
        }
        None => {
            let found = passes_of_all(all, site, mask, span);
            found.filter_map(|(place, pass)| Some((all.get(place)?, pass))).collect()
        }
    };
    found.sort_by_key(|(satellite, pass)| (pass.window.start(), satellite.number()));
    let of = || found.iter().map(|(satellite, _)| *satellite);
    Table(vec![
        ("number", catalogue_numbers(of())),
        ("name", names(of())),
        ("rise", times(&found, |(_, pass)| pass.window.start())),
        ("set", times(&found, |(_, pass)| pass.window.end())),
        ("culmination", times(&found, |(_, pass)| pass.culmination)),
        ("max_elevation", numbers(&found, |(_, pass)| pass.max_elevation_deg)),
        ("rise_azimuth", numbers(&found, |(_, pass)| pass.rise_azimuth_deg)),
        ("set_azimuth", numbers(&found, |(_, pass)| pass.set_azimuth_deg)),
        ("sigma", numbers(&found, |(_, pass)| pass.sigma_s)),
    ])
}
