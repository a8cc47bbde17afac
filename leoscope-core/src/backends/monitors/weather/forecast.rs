//! The weather of the hours to come, from Open-Meteo.

use std::time::Duration;

use ::http::StatusCode;
use async_trait::async_trait;

use super::http::{Http, Reply};
use super::open_meteo;
use super::service::Service;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Coordinates;
use crate::ports::WeatherForecaster;
use crate::time::Timestamp;
use crate::trigger::Sample;

/// How long the service may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// For how many hours the weather is asked for.
const HOURS: u32 = 74;

/// Open-Meteo's forecast, or that of another server with its interface.
#[derive(Debug)]
pub struct WeatherForecast {
    http: Http,
    service: Service,
}

impl WeatherForecast {
    /// The service at that address; its own when `None`.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal) where TLS cannot be set up.
    pub fn new(address: Option<&str>) -> Result<Self> {
        let service = Service::new(open_meteo::NAME, address.unwrap_or(open_meteo::ADDRESS), false);
        Ok(Self { http: Http::new()?, service })
    }
}

#[async_trait]
impl WeatherForecaster for WeatherForecast {
    async fn hourly(&self, site: &Coordinates, now: Timestamp) -> Result<Vec<Sample>> {
        self.service.may_be_asked(now)?;
        let query = open_meteo::query_hours(site, HOURS);
        let answer = tokio::time::timeout(DEADLINE, self.http.get(&self.service, &query)).await;
        let Reply { status, retry_after, body } = answer.unwrap_or_else(|_| {
            let (name, seconds) = (self.service.name(), DEADLINE.as_secs());
            Err(Error::new(ErrorKind::Timeout, format!("{name} has not answered within {seconds} s")))
        })?;
        if status != StatusCode::OK {
            return Err(self.service.refused(status, retry_after.as_deref(), now));
        }
        let hours = open_meteo::parse_hours(&body)
            .map_err(|error| error.context(format!("the answer of {} is not usable", self.service.name())))?;
        let mut samples: Vec<Sample> = hours.iter().flat_map(|hour| hour.samples()).collect();
        samples.sort_by_key(|sample| sample.at);
        Ok(samples)
    }
}
