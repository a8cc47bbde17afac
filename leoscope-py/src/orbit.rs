//! Satellites and when they pass.

mod arrays;

use std::path::PathBuf;
use std::sync::Arc;

use leoscope_core::Error;
use leoscope_core::orbit::{Catalogue, Look, Mask, Satellite, Site, Tracker, View, above, passes};
use leoscope_core::time::Window;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::error::exception;
use crate::python::columns;
use crate::time::{Instant, Moment, datetime};

/// A set of orbital elements.
#[pyclass(frozen, module = "leoscope")]
pub(crate) struct Elements {
    catalogue: Arc<Catalogue>,
}

/// A place on the earth.
#[pyclass(frozen, module = "leoscope")]
pub(crate) struct Place {
    site: Site,
    /// What it was made of, for copies.
    given: (f64, f64, f64, Option<f64>),
}

impl Elements {
    pub(crate) fn of(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue }
    }

    fn satellite(&self, name: &str) -> Result<&Satellite, Error> {
        let place = self
            .catalogue
            .find(name)
            .ok_or_else(|| Error::invalid(format!("satellite {name:?} is not among the orbital elements")))?;
        Ok(&self.catalogue.satellites()[place])
    }

    /// Follows them in the sky of a place.
    pub(crate) fn tracker(&self, place: &Place, view: View) -> Tracker {
        Tracker::new(Arc::clone(&self.catalogue), place.site, view)
    }
}

pub(crate) fn mask(degrees: Option<f64>) -> Result<Mask, Error> {
    degrees.map_or(Ok(Mask::ByAltitude), Mask::fixed)
}

/// The satellites above the mask: their places and where they are.
fn highest_first(satellites: &[Satellite], place: &Place, mask: Mask, at: Instant) -> Vec<(usize, Look)> {
    let mut found = above(satellites, &place.site, mask, at.0);
    found.sort_by(|(_, one), (_, other)| other.elevation_deg.total_cmp(&one.elevation_deg));
    found
}

#[pymethods]
impl Place {
    #[new]
    #[pyo3(signature = (latitude, longitude, altitude = 0.0, dut1 = None))]
    fn new(
        py: Python<'_>,
        latitude: f64,
        longitude: f64,
        altitude: f64,
        dut1: Option<f64>,
    ) -> PyResult<Self> {
        let site = Site::new(latitude, longitude, altitude).map_err(|error| exception(py, &error))?;
        let given = (latitude, longitude, altitude, dut1);
        Ok(Self { site: dut1.map_or(site, |dut1| site.with_dut1(dut1)), given })
    }

    /// For copies and pickles.
    fn __getnewargs__(&self) -> (f64, f64, f64, Option<f64>) {
        self.given
    }

    fn __repr__(&self) -> String {
        format!("Place({}, {})", self.site.latitude_deg(), self.site.longitude_deg())
    }
}

#[pymethods]
impl Elements {
    #[new]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        let catalogue = py.detach(|| Catalogue::parse(text.as_bytes()));
        Ok(Self { catalogue: Arc::new(catalogue.map_err(|error| exception(py, &error))?) })
    }

    /// Those in a file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = move || {
            let text = std::fs::read(&path).map_err(|e| {
                Error::invalid(format!("orbital elements {} cannot be read: {e}", path.display()))
                    .hint("name a file with OMM as CSV or JSON, or with two or three lines a satellite")
            })?;
            Catalogue::parse(&text)
        };
        Ok(Self { catalogue: Arc::new(py.detach(read).map_err(|error| exception(py, &error))?) })
    }

    fn __len__(&self) -> usize {
        self.catalogue.satellites().len()
    }

    fn __repr__(&self) -> String {
        format!("<Elements of {} satellites>", self.__len__())
    }

    /// How many records of the text were no elements.
    #[getter]
    fn skipped(&self) -> usize {
        self.catalogue.skipped().0
    }

    /// The catalogue number and the name of each satellite.
    fn satellites(&self) -> Vec<(u32, String)> {
        let all = self.catalogue.satellites().iter();
        all.map(|satellite| (satellite.number(), satellite.name().to_string())).collect()
    }

    /// Position and velocity in TEME, minutes after the epoch of the elements.
    fn propagate(&self, py: Python<'_>, name: &str, minutes: f64) -> PyResult<Option<([f64; 3], [f64; 3])>> {
        let satellite = self.satellite(name).map_err(|error| exception(py, &error))?;
        Ok(satellite.state_after(minutes).map(|state| (state.position, state.velocity)))
    }

    /// Azimuth, elevation (degrees), range (km) and range rate (km/s).
    fn look(
        &self,
        py: Python<'_>,
        name: &str,
        place: &Place,
        at: Instant,
    ) -> PyResult<Option<(f64, f64, f64, f64)>> {
        let at = at.0;
        let satellite = self.satellite(name).map_err(|error| exception(py, &error))?;
        let look = satellite.state(at).map(|state| place.site.look(&state, at));
        Ok(look.map(|look| (look.azimuth_deg, look.elevation_deg, look.range_km, look.range_rate_km_s)))
    }

    /// The numbers of the satellites above the mask, with their elevations, the highest first.
    #[pyo3(signature = (place, at, mask_deg = None))]
    fn visible(
        &self,
        py: Python<'_>,
        place: &Place,
        at: Instant,
        mask_deg: Option<f64>,
    ) -> PyResult<Vec<(u32, f64)>> {
        let mask = mask(mask_deg).map_err(|error| exception(py, &error))?;
        let satellites = self.catalogue.satellites();
        let found = py.detach(|| highest_first(satellites, place, mask, at));
        Ok(found.into_iter().map(|(at, look)| (satellites[at].number(), look.elevation_deg)).collect())
    }

    /// The passes of a satellite, as dictionaries.
    #[pyo3(signature = (name, place, start, end, mask_deg = None))]
    fn passes<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        place: &Place,
        start: Instant,
        end: Moment,
        mask_deg: Option<f64>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let found = || -> Result<_, Error> {
            let (satellite, span) = (self.satellite(name)?, Window::new(start.0, end.from(start.0)?)?);
            Ok(passes(satellite, &place.site, mask(mask_deg)?, span))
        };
        let found = py.detach(found).map_err(|error| exception(py, &error))?;
        let dict = |pass: leoscope_core::orbit::Pass| {
            let dict = PyDict::new(py);
            dict.set_item("rise", datetime(py, pass.window.start())?)?;
            dict.set_item("set", datetime(py, pass.window.end())?)?;
            dict.set_item("culmination", datetime(py, pass.culmination)?)?;
            dict.set_item("max_elevation", pass.max_elevation_deg)?;
            dict.set_item("rise_azimuth", pass.rise_azimuth_deg)?;
            dict.set_item("set_azimuth", pass.set_azimuth_deg)?;
            dict.set_item("sigma", pass.sigma_s)?;
            Ok(dict)
        };
        found.into_iter().map(dict).collect()
    }

    /// The satellites above the mask as columns.
    #[pyo3(signature = (place, at, mask_deg = None))]
    fn visible_arrays<'py>(
        &self,
        py: Python<'py>,
        place: &Place,
        at: Instant,
        mask_deg: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mask = mask(mask_deg).map_err(|error| exception(py, &error))?;
        let satellites = self.catalogue.satellites();
        let found = py.detach(|| highest_first(satellites, place, mask, at));
        arrays::visible(satellites, &found).object(py)
    }

    /// The passes of all satellites, or of some, as columns.
    #[pyo3(signature = (place, start, end, mask_deg = None, names = None))]
    fn passes_arrays<'py>(
        &self,
        py: Python<'py>,
        place: &Place,
        start: Instant,
        end: Moment,
        mask_deg: Option<f64>,
        names: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let found = || -> Result<_, Error> {
            let (span, mask) = (Window::new(start.0, end.from(start.0)?)?, mask(mask_deg)?);
            let all = self.catalogue.satellites();
            let named = names.map(|names| names.iter().map(|name| self.satellite(name)).collect());
            let named: Option<Vec<&Satellite>> = named.transpose()?;
            Ok(arrays::find(all, named.as_deref(), &place.site, mask, span))
        };
        let found = py.detach(found).map_err(|error| exception(py, &error))?;
        arrays::passes(&found).object(py)
    }

    /// Where a satellite is at each of some times, as columns.
    fn track_arrays<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        place: &Place,
        times: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let packed = columns(py, "packed_times", (times,))?;
        let packed = packed.cast::<PyBytes>()?;
        let satellite = self.satellite(name).map_err(|error| exception(py, &error))?;
        let times: Vec<i64> =
            packed.as_bytes().as_chunks().0.iter().map(|bytes| i64::from_ne_bytes(*bytes)).collect();
        let looks = py.detach(|| arrays::track(satellite, &place.site, &times));
        arrays::looks(&looks).object(py)
    }
}
