//! The satellites in the sky of a node.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::{Checksum, Constellation, Coordinates, MapFrame, ObstructionMap, SatelliteConfig};
use crate::orbit::{Obstruction, Site, Tracker, View, of_named, of_sky};
use crate::ports::{Around, Finding, Monitor, Observation};
use crate::time::{SignedDuration, Timestamp};
use crate::trigger::{Key, Sample, Source};

/// The angle from the zenith to the edge of a dish's map, where the dish does not tell, in degrees.
const EDGE_DEG: f64 = 80.0;

/// Tells once a second what of the node's constellation is in the sky.
///
/// Where no orbital elements are known it has nothing to tell.
#[derive(Debug)]
pub struct SatelliteMonitor {
    config: SatelliteConfig,
    tracked: Arc<Mutex<Option<Tracked>>>,
}

/// A tracker with what it was made for.
#[derive(Debug)]
struct Tracked {
    elements: Checksum,
    site: Coordinates,
    map: Option<Timestamp>,
    tracker: Tracker,
}

impl SatelliteMonitor {
    /// A monitor as `config` says.
    pub fn new(config: SatelliteConfig) -> Self {
        Self { config, tracked: Arc::default() }
    }

    fn place(&self, site: Coordinates) -> Result<Site> {
        let site = Site::new(site.latitude(), site.longitude(), self.config.altitude_m)?;
        Ok(self.config.dut1_s.map_or(site, |dut1| site.with_dut1(dut1)))
    }
}

impl Tracked {
    fn look(&mut self, satellites: &[Key], now: Timestamp) -> Vec<Sample> {
        let mut samples = of_sky(&self.tracker.sky(now));
        for key in satellites {
            if let Key::Satellite(name, _) = key {
                let place = self.tracker.catalogue().find(name);
                let named = place.and_then(|place| self.tracker.named(place, now));
                samples.push(of_named(key, named.as_ref(), now));
            }
        }
        samples
    }
}

/// What obstructs the dish, of a map whose top is true north; others need to know how the dish is turned.
fn obstruction(map: &ObstructionMap) -> Option<Obstruction> {
    if map.frame != Some(MapFrame::Earth) {
        return None;
    }
    Obstruction::new(map.rows, map.columns, &map.clear, map.max_theta_deg.unwrap_or(EDGE_DEG))
}

#[async_trait]
impl Monitor for SatelliteMonitor {
    fn source(&self) -> Source {
        Source::Orbit
    }

    fn interval(&self) -> SignedDuration {
        SignedDuration::from_secs(1)
    }

    /// On a small machine the paths of half an hour take seconds to find.
    fn patience(&self) -> SignedDuration {
        SignedDuration::from_secs(30)
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        let Some(elements) = around.elements.clone() else { return Ok(Observation::default()) };
        let coordinates = around.site.ok_or_else(|| {
            Error::unavailable("the sky is not known: the node's record does not say where it is")
                .hint("register the node with --coords, or add them with leoscope node update --coords")
        })?;
        let site = self.place(coordinates)?;
        let facts = elements.facts().clone();
        let view = View {
            mask: self.config.mask,
            gso_exclusion_deg: self.config.gso_exclusion_deg,
            obstruction: None,
        };
        let (map, satellites, now) = (around.obstruction.clone(), around.satellites.clone(), around.now);
        let tracked = Arc::clone(&self.tracked);
        let looked = tokio::task::spawn_blocking(move || {
            let mut tracked = tracked.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (elements.facts().sha256, coordinates);
            let current = match tracked.take().filter(|it| (it.elements, it.site) == key) {
                Some(current) => tracked.insert(current),
                None => tracked.insert(start(&elements, coordinates, site, view)),
            };
            let at = map.as_ref().map(|map| map.at);
            if current.map != at {
                current.tracker.obstruct(map.as_ref().and_then(obstruction));
                current.map = at;
            }
            current.look(&satellites, now)
        });
        let samples = looked.await.map_err(|e| Error::while_doing("look for satellites", e))?;
        Ok(Observation { samples, findings: vec![Finding::Elements(facts)], ..Observation::default() })
    }
}

fn start(elements: &Constellation, coordinates: Coordinates, site: Site, view: View) -> Tracked {
    Tracked {
        elements: elements.facts().sha256,
        site: coordinates,
        map: None,
        tracker: Tracker::new(Arc::clone(elements.catalogue()), site, view),
    }
}

#[cfg(test)]
mod tests;
