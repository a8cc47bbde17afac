//! The weather at a node: from OpenWeatherMap where the testbed has a key, else from Open-Meteo.

mod conditions;
mod forecast;
mod http;
mod open_meteo;
mod openweathermap;
mod service;

use std::time::Duration;

use ::http::StatusCode;
use async_trait::async_trait;

pub use self::forecast::WeatherForecast;

use self::conditions::Conditions;
use self::http::{Http, Reply};
use self::service::Service;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Secret, WeatherConfig};
use crate::ports::{Around, Finding, Monitor, Observation};
use crate::time::{SignedDuration, Timestamp};
use crate::trigger::Source;

/// How long a service may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much longer than the service the monitor may take.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// How far an observation may lie in the future: the clocks of the service and of the node differ.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(15);

/// The weather at the place of a node.
///
/// The key of the weather service goes to the service alone: it travels in a query, so neither queries
/// nor answers that are no weather are part of an error or a log.
#[derive(Debug)]
pub struct WeatherMonitor {
    interval: SignedDuration,
    deadline: Duration,
    http: Http,
    openweathermap: Service,
    open_meteo: Service,
}

impl WeatherMonitor {
    /// A monitor as `config` says.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal) where TLS cannot be set up.
    pub fn new(config: &WeatherConfig) -> Result<Self> {
        let WeatherConfig { interval, openweathermap, open_meteo } = config;
        let with_key = openweathermap.as_deref().unwrap_or(openweathermap::ADDRESS);
        let without_key = open_meteo.as_deref().unwrap_or(open_meteo::ADDRESS);
        Ok(Self {
            interval: *interval,
            deadline: DEADLINE,
            http: Http::new()?,
            openweathermap: Service::new(openweathermap::NAME, with_key, true),
            open_meteo: Service::new(open_meteo::NAME, without_key, false),
        })
    }

    /// The same with another limit to how long a service may take.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Asks `service`, and reads its answer with `parse`.
    async fn ask(
        &self,
        service: &Service,
        query: &Secret,
        now: Timestamp,
        parse: fn(&[u8]) -> Result<Conditions>,
    ) -> Result<Conditions> {
        service.may_be_asked(now)?;
        let answer = tokio::time::timeout(self.deadline, self.http.get(service, query)).await;
        let Reply { status, retry_after, body } = answer.unwrap_or_else(|_| {
            let seconds = self.deadline.as_secs_f64();
            let message = format!("{} has not answered within {seconds} s", service.name());
            Err(Error::new(ErrorKind::Timeout, message).hint("it is asked again"))
        })?;
        if status != StatusCode::OK {
            return Err(service.refused(status, retry_after.as_deref(), now));
        }
        let conditions = parse(&body)
            .map_err(|error| error.context(format!("the answer of {} is not usable", service.name())))?;
        if conditions.at.duration_since(now) > MOST_AHEAD {
            let (name, at) = (service.name(), conditions.at);
            let message = format!("{name} tells of an observation at {at}, which is still to come");
            return Err(Error::unavailable(message).hint("check the clock of the node"));
        }
        Ok(conditions)
    }
}

#[async_trait]
impl Monitor for WeatherMonitor {
    fn source(&self) -> Source {
        Source::Weather
    }

    fn interval(&self) -> SignedDuration {
        self.interval
    }

    fn stale_after(&self) -> Option<SignedDuration> {
        Some(super::counts_for(self.interval))
    }

    fn patience(&self) -> SignedDuration {
        SignedDuration::try_from(self.deadline).unwrap_or(SignedDuration::MAX).saturating_add(MARGIN)
    }

    fn uses_link(&self) -> bool {
        true
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        let site = around.site.ok_or_else(|| {
            Error::unavailable("the weather is not known: the node's record does not say where it is")
                .hint("register the node with --coords, or add them with leoscope node update --coords")
        })?;
        let key = around.weather_key.as_ref().filter(|key| !key.is_empty());
        let (service, conditions) = match key {
            Some(key) => {
                let (service, query) = (&self.openweathermap, openweathermap::query(&site, key));
                (service, self.ask(service, &query, around.now, openweathermap::parse).await?)
            }
            None => {
                let (service, query) = (&self.open_meteo, open_meteo::query(&site));
                (service, self.ask(service, &query, around.now, open_meteo::parse).await?)
            }
        };
        let finding = Finding::Weather(conditions.facts(service.name()));
        Ok(Observation { samples: conditions.samples(), findings: vec![finding], ..Observation::default() })
    }
}

/// That an answer is no JSON, or another than expected. What is in it is not repeated: it might be the
/// key.
fn not_valid(error: &serde_json::Error) -> Error {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Data => "a value is of the wrong type",
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "it is no valid JSON",
    };
    Error::unavailable(format!("{what}, line {} column {}", error.line(), error.column()))
}
