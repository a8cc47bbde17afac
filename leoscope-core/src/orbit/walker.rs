//! Constellations that do not exist, for demonstrations and tests.

use serde_json::json;

use super::frame::Site;
use super::satellite::seconds;
use crate::error::Error;
use crate::time::{Timestamp, to_micros};

/// A Walker delta constellation: circular orbits of one altitude and inclination in planes that are spread
/// evenly around the equator (Walker, 1984).
#[derive(Debug, Clone, PartialEq)]
pub struct Walker {
    /// What the satellites are called: this and a number.
    pub name: String,
    /// The first catalogue number.
    pub first_number: u32,
    /// In km above the equator's radius.
    pub altitude_km: f64,
    /// In degrees.
    pub inclination_deg: f64,
    /// The number of planes.
    pub planes: u32,
    /// The number of satellites in each plane.
    pub per_plane: u32,
    /// By how many parts of a plane's spacing each plane is ahead of the one before, times the planes.
    pub phasing: u32,
    /// The right ascension of the first plane's node, in degrees.
    pub first_node_deg: f64,
    /// Where the first satellite of the first plane is, in degrees from the node.
    pub first_anomaly_deg: f64,
}

impl Walker {
    /// Turns it so that its first satellite passes right over a site at the epoch, on its way north or at its
    /// northernmost point; as near as its inclination lets it.
    #[must_use]
    pub fn over(mut self, site: &Site, epoch: Timestamp) -> Self {
        let (_, sin_latitude, _) = site.geocentric();
        let (sin, cos) = self.inclination_deg.to_radians().sin_cos();
        let along = (sin_latitude / sin).clamp(-1.0, 1.0).asin();
        let east_of_node = (cos * along.sin()).atan2(along.cos());
        self.first_node_deg = (site.right_ascension(seconds(epoch)) - east_of_node).to_degrees();
        self.first_anomaly_deg = along.to_degrees();
        self
    }

    /// Its elements at `epoch` as OMM in JSON, as [`Catalogue::parse`](super::Catalogue::parse) reads them.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a constellation that is not possible.
    pub fn omm(&self, epoch: Timestamp) -> Result<String, Error> {
        let Self { name, first_number, altitude_km, inclination_deg, planes, per_plane, phasing, .. } = self;
        let count = planes.checked_mul(*per_plane).filter(|count| *count as usize <= super::MAX_SATELLITES);
        let Some(count) = count.filter(|count| *count > 0) else {
            return Err(Error::invalid(format!(
                "{planes} planes of {per_plane} satellites are not possible"
            ))
            .hint(format!("have between 1 and {} satellites", super::MAX_SATELLITES)));
        };
        if !(200.0..=2_000.0).contains(altitude_km) || !(0.0..=180.0).contains(inclination_deg) {
            let what = format!("an altitude of {altitude_km} km and an inclination of {inclination_deg}°");
            return Err(Error::invalid(format!("{what} are not possible"))
                .hint("use 200 to 2000 km and 0 to 180 degrees"));
        }
        let motion = super::satellite::motion_at(*altitude_km);
        let epoch = to_micros(epoch).strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        let records = (0..*planes).flat_map(|plane| (0..*per_plane).map(move |place| (plane, place)));
        let records = records.map(|(plane, place)| {
            let number = plane * per_plane + place;
            let node =
                (self.first_node_deg + 360.0 * f64::from(plane) / f64::from(*planes)).rem_euclid(360.0);
            let ahead = 360.0 * f64::from(*phasing) * f64::from(plane) / f64::from(count);
            let along = 360.0 * f64::from(place) / f64::from(*per_plane) + ahead;
            let anomaly = (self.first_anomaly_deg + along).rem_euclid(360.0);
            json!({
                "OBJECT_NAME": format!("{name}-{:04}", number + 1),
                "OBJECT_ID": null,
                "EPOCH": epoch,
                "MEAN_MOTION": motion,
                "ECCENTRICITY": 0.0001,
                "INCLINATION": inclination_deg,
                "RA_OF_ASC_NODE": node,
                "ARG_OF_PERICENTER": 0.0,
                "MEAN_ANOMALY": anomaly,
                "EPHEMERIS_TYPE": 0,
                "CLASSIFICATION_TYPE": "U",
                "NORAD_CAT_ID": first_number + number,
                "ELEMENT_SET_NO": 1,
                "REV_AT_EPOCH": 0,
                "BSTAR": 0.0,
                "MEAN_MOTION_DOT": 0.0,
                "MEAN_MOTION_DDOT": 0.0,
            })
        });
        Ok(serde_json::Value::Array(records.collect()).to_string())
    }
}
