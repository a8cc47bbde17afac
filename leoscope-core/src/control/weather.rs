//! The weather that is foretold at nodes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::Service;
use crate::model::Coordinates;
use crate::ports::WeatherForecaster;
use crate::time::{SignedDuration, Timestamp};
use crate::trigger::{Ahead, Sample, Trigger};

/// How long a forecast is used: the service makes new ones every hour.
const LASTS: SignedDuration = SignedDuration::from_hours(1);

/// Of how many places forecasts are kept.
const MOST: usize = 1_000;

/// A forecast and when it was told.
type Told = (Timestamp, Arc<[Sample]>);

/// What foretells the weather, and what it has told.
#[derive(Debug, Default)]
pub(super) struct Weather {
    forecaster: OnceLock<Arc<dyn WeatherForecaster>>,
    told: Mutex<HashMap<String, Told>>,
}

impl Service {
    /// Lets forecasts look at the weather as well. The first one that is given counts.
    pub fn foretell_weather(&self, forecaster: Arc<dyn WeatherForecaster>) {
        let _ = self.weather.forecaster.set(forecaster);
    }

    /// The weather at a place, hour by hour, where `trigger` is about it and it is known.
    pub(super) async fn weather_ahead(&self, trigger: &Trigger, site: Option<Coordinates>) -> Arc<[Sample]> {
        let nothing = || Arc::from(Vec::new());
        let is_wanted = trigger.keys().iter().any(|key| key.ahead() == Ahead::Hourly);
        let (Some(forecaster), Some(site), true) = (self.weather.forecaster.get(), site, is_wanted) else {
            return nothing();
        };
        let (place, now) = (site.to_string(), self.clock.now());
        let told = || self.weather.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told().get(&place).filter(|(at, _)| now.duration_since(*at).abs() < LASTS).cloned();
        if let Some((_, samples)) = known {
            return samples;
        }
        match forecaster.hourly(&site, now).await {
            Ok(samples) => {
                let samples: Arc<[Sample]> = samples.into();
                let mut told = told();
                if told.len() >= MOST {
                    told.clear();
                }
                told.insert(place, (now, Arc::clone(&samples)));
                samples
            }
            Err(error) => {
                tracing::warn!(%error, "the weather to come is not known");
                nothing()
            }
        }
    }
}
