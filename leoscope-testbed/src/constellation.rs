//! A constellation of its own for the testbed, so that it needs no network.

use std::fs;
use std::path::{Path, PathBuf};

use leoscope_core::backends::elements::ElementLocation;
use leoscope_core::model::Coordinates;
use leoscope_core::orbit::{Site, Walker};
use leoscope_core::time::{SignedDuration, Timestamp};
use leoscope_core::{Error, Result};
use leoscope_orchestrator::ElementsConfig;

/// The satellites of the testbed: one ring, of which there is one high in the sky of a node below it for four
/// minutes, and then none.
fn ring() -> Walker {
    Walker {
        name: "DEMO".into(),
        first_number: 900_001,
        altitude_km: 550.0,
        inclination_deg: 53.0,
        planes: 1,
        per_plane: 12,
        phasing: 0,
        first_node_deg: 0.0,
        first_anomaly_deg: 0.0,
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join("constellation.json")
}

/// How long after a testbed is made its first satellite is right over its first node. Whoever looks for the first
/// time finds passes, whatever the time of day.
const SOON: SignedDuration = SignedDuration::from_mins(10);

/// Where the testbed in `dir` has its elements from; made where there are none, for nodes around `place`.
pub(crate) fn keep(dir: &Path, place: Coordinates) -> Result<Vec<ElementsConfig>> {
    let path = file(dir);
    if !path.exists() {
        over(dir, place, Timestamp::now() + SOON)?;
    }
    Ok(vec![ElementsConfig { provider: None, location: ElementLocation::File(path) }])
}

/// Puts the first satellite of the testbed in `dir`, which is to be started, right over `place` at `at`.
///
/// # Errors
/// [`Internal`](leoscope_core::ErrorKind::Internal) for a directory that cannot be written.
pub fn over(dir: &Path, place: Coordinates, at: Timestamp) -> Result<()> {
    let site = Site::new(place.latitude(), place.longitude(), 0.0)?;
    make_dir(dir)?;
    write(dir, &ring().over(&site, at).omm(at)?)
}

fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::while_doing(format!("make {}", dir.display()), e))
}

fn write(dir: &Path, elements: &str) -> Result<()> {
    let path = file(dir);
    fs::write(&path, elements).map_err(|e| Error::while_doing(format!("write {}", path.display()), e))
}
