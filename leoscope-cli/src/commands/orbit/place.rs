//! Whose sky, and of which satellites.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use leoscope_core::ids::NodeId;
use leoscope_core::model::{Constellation, Coordinates, NodeFilter};
use leoscope_core::orbit::{Catalogue, Mask, Site};
use leoscope_core::time::{Timestamp, parse_time};
use leoscope_core::{Error, ErrorKind, Result};

use crate::connect::Session;
use crate::output::Output;

/// A place on the earth: latitude, longitude and, where it is given, altitude.
#[derive(Debug, Clone, Copy)]
struct Spot {
    coordinates: Coordinates,
    altitude_m: f64,
}

impl FromStr for Spot {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let fault = || {
            Error::invalid(format!("{text:?} is no place"))
                .hint("write latitude,longitude in degrees, for example 47.6062,-122.3321, and the metres above the ellipsoid behind a third comma")
        };
        let mut parts = text.splitn(3, ',');
        let (latitude, longitude) = (parts.next().ok_or_else(fault)?, parts.next().ok_or_else(fault)?);
        let altitude =
            parts.next().map_or(Ok(0.0), |part| part.trim().parse::<f64>().map_err(|_| fault()))?;
        let coordinates = format!("{latitude},{longitude}").parse().map_err(|_| fault())?;
        Ok(Self { coordinates, altitude_m: altitude })
    }
}

/// The options that say whose sky is meant.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The node; its elements are those of the orchestrator
    #[arg(long, visible_alias = "node", required_unless_present_all = ["site", "elements"])]
    nodeid: Option<NodeId>,
    /// Another place: latitude, longitude and metres above the ellipsoid, with commas between them
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    site: Option<Spot>,
    /// Other orbital elements: a file with OMM in CSV or JSON, or TLE
    #[arg(long, value_name = "FILE")]
    elements: Option<PathBuf>,
    /// From which elevation on satellites are visible, in degrees [default: 10 below 400 km, 20 below
    /// 500 km, else 25]
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true)]
    mask: Option<f64>,
    /// UT1 - UTC in seconds [default: 0.09]
    #[arg(long, value_name = "SECS", allow_hyphen_values = true)]
    dut1: Option<f64>,
}

/// A sky.
pub(super) struct Place {
    pub(super) site: Site,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) mask: Mask,
}

impl PlaceArgs {
    /// Finds what they name.
    pub(super) async fn find(self, session: &Session, out: &Output) -> Result<Place> {
        let Self { nodeid, site, elements, mask, dut1 } = self;
        let spot = match (site, &nodeid) {
            (Some(spot), _) => spot,
            (None, Some(node)) => of_node(node, session).await?,
            (None, None) => return Err(Error::invalid("no place is given").hint("give --nodeid or --site")),
        };
        let elements = match (elements, &nodeid) {
            (Some(path), _) => read(&path)?,
            (None, Some(node)) => session
                .connect()?
                .elements(node, None)
                .await?
                .ok_or_else(|| Error::internal("the orchestrator gave no orbital elements"))?,
            (None, None) => {
                return Err(
                    Error::invalid("no orbital elements are given").hint("give --nodeid or --elements")
                );
            }
        };
        let (skipped, first) = elements.catalogue().skipped();
        if let Some(first) = first.first() {
            out.warning(format_args!(
                "{skipped} records of the elements were skipped, the first {}: {}",
                first.number, first.why
            ));
        }
        let site = Site::new(spot.coordinates.latitude(), spot.coordinates.longitude(), spot.altitude_m)?;
        Ok(Place {
            site: dut1.map_or(site, |dut1| site.with_dut1(dut1)),
            catalogue: Arc::clone(elements.catalogue()),
            mask: mask.map_or(Ok(Mask::ByAltitude), Mask::fixed)?,
        })
    }
}

async fn of_node(id: &NodeId, session: &Session) -> Result<Spot> {
    let filter = NodeFilter { id: Some(id.clone()), ..NodeFilter::default() };
    let node = session.connect()?.nodes(&filter).await?.into_iter().next();
    let node = node.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no node {id}")))?;
    let coordinates = node.coords.ok_or_else(|| {
        Error::invalid(format!("the record of node {id} does not say where it is"))
            .hint("give the place with --site, or have the node updated with --coords")
    })?;
    Ok(Spot { coordinates, altitude_m: 0.0 })
}

fn read(path: &std::path::Path) -> Result<Constellation> {
    let text =
        std::fs::read(path).map_err(|e| Error::invalid(format!("{} cannot be read: {e}", path.display())))?;
    Constellation::read(text.into(), None, None).map_err(|error| error.context(path.display().to_string()))
}

/// When.
#[derive(Debug, Clone, Args)]
pub(crate) struct When {
    /// The time (UTC) [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
}

impl When {
    pub(super) fn time(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }
}
