//! Reading again and again, each monitor on its own.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::super::rest::rest;
use super::super::{Inner, link};
use super::telemetry;
use crate::error::{Error, Result};
use crate::model::MonitorStatus;
use crate::ports::{Around, Monitor, Observation};
use crate::time::Timestamp;
use crate::trigger::Source;

/// The longest pause after failures, where the monitor reads more often than that.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// Half of the pause after the first failure, where the monitor does not.
const SOON: SignedDuration = SignedDuration::from_secs(5);

/// How long to wait before a monitor that broke down is started anew.
const ANEW: SignedDuration = SignedDuration::from_mins(1);

/// Lets every monitor read, for ever.
pub(super) async fn run(node: &Arc<Inner>) -> Result<()> {
    let mut tasks = JoinSet::new();
    for monitor in &node.observatory.monitors {
        tasks.spawn(keep_reading(Arc::clone(node), Arc::clone(monitor)));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "what watches monitors has broken down");
        }
    }
    std::future::pending().await
}

async fn keep_reading(node: Arc<Inner>, monitor: Arc<dyn Monitor>) {
    loop {
        let reading = tokio::spawn(read_on(Arc::clone(&node), Arc::clone(&monitor)));
        // Taken down with this task.
        let _guard = Guard(reading.abort_handle());
        if let Err(error) = reading.await {
            let now = node.clock.now();
            let error = Error::internal(format!("it broke down: {error}"));
            node.observatory.failed(&*monitor, &error, now);
        }
        rest(&*node.clock, node.clock.now(), ANEW).await;
    }
}

struct Guard(tokio::task::AbortHandle);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read_on(node: Arc<Inner>, monitor: Arc<dyn Monitor>) {
    let mut failures = 0_u32;
    loop {
        if monitor.uses_link() {
            link::free_of_measurements(&node).await;
        }
        let begun = node.clock.now();
        match read(&node, &*monitor, false).await {
            Ok(observation) => {
                failures = 0;
                take_in(&node, &*monitor, observation).await;
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                node.observatory.failed(&*monitor, &error, node.clock.now());
            }
        }
        rest(&*node.clock, begun, pause(monitor.interval(), failures)).await;
    }
}

/// How long after a reading began the next one does, after so many failures in a row: twice as long with
/// each, up to a minute. Where the interval is longer than that, it is soon tried again, and then ever
/// later, up to the interval.
fn pause(interval: SignedDuration, failures: u32) -> SignedDuration {
    let doubled =
        |pause: SignedDuration| pause.saturating_mul(1_i32.checked_shl(failures.min(16)).unwrap_or(i32::MAX));
    match failures {
        0 => interval,
        _ if interval < LONGEST_PAUSE => doubled(interval).min(LONGEST_PAUSE),
        _ => doubled(SOON).min(interval),
    }
}

/// Lets a monitor read once, with `all` that its source has.
pub(super) async fn read(node: &Inner, monitor: &dyn Monitor, all: bool) -> Result<Observation> {
    let site = node.orders.borrow().as_ref().and_then(|orders| orders.site.as_ref()?.coords);
    let now = node.clock.now();
    let weather_key = weather_key(node, monitor).await;
    let (elements, satellites, obstruction) = match monitor.source() {
        Source::Orbit => node.observatory.heaven(),
        _ => (None, Vec::new(), None),
    };
    let around = Around { now, site, weather_key, elements, satellites, obstruction, all };
    let patience = monitor.patience();
    let until = now.checked_add(patience).unwrap_or(now);
    tokio::select! {
        observation = monitor.read(&around) => observation,
        () = node.clock.sleep_until(until) => {
            Err(Error::unavailable(format!("it did not answer within {} s", patience.as_secs_f64())))
        }
    }
}

/// Takes in what a monitor has read.
pub(super) async fn take_in(node: &Inner, monitor: &dyn Monitor, observation: Observation) {
    telemetry::keep(node, &observation.telemetry).await;
    node.observatory.succeeded(monitor, node.clock.now());
    node.observatory.take_in(observation, monitor.stale_after(), || node.clock.now());
}

/// The key of the weather service as the testbed has it, or had it when it could be asked last.
async fn weather_key(node: &Inner, monitor: &dyn Monitor) -> Option<crate::model::Secret> {
    if monitor.source() != Source::Weather {
        return None;
    }
    match node.control.settings().await {
        Ok(settings) => {
            let key = Some(settings.weather_api_key).filter(|key| !key.is_empty());
            node.observatory.sky().weather_key.clone_from(&key);
            key
        }
        Err(error) => {
            tracing::debug!(%error, "using the weather key of before");
            node.observatory.sky().weather_key.clone()
        }
    }
}

impl super::Observatory {
    fn succeeded(&self, monitor: &dyn Monitor, now: Timestamp) {
        let name = monitor.name();
        let mut sky = self.sky();
        let status = sky.statuses.entry(name.clone()).or_insert_with(|| MonitorStatus::new(&*name));
        if status.failing_since.take().is_some() {
            tracing::info!(monitor = name, "reads again");
        }
        (status.last, status.error) = (Some(now), None);
    }

    fn failed(&self, monitor: &dyn Monitor, error: &Error, now: Timestamp) {
        let name = monitor.name();
        let mut sky = self.sky();
        let status = sky.statuses.entry(name.clone()).or_insert_with(|| MonitorStatus::new(&*name));
        // Once, not at every attempt; another reason is news.
        if status.error.as_deref() != Some(error.message()) {
            tracing::warn!(monitor = name, %error, hint = error.what_to_do(), "cannot read");
        }
        status.failing_since.get_or_insert(now);
        status.error = Some(error.message().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_with_each_failure_up_to_a_minute_or_the_interval() {
        let secs = SignedDuration::from_secs;
        for (interval, failures, expected) in [
            (1, 0, 1),
            (1, 1, 2),
            (1, 5, 32),
            (1, 6, 60),
            (1, u32::MAX, 60),
            (59, 1, 60),
            (60, 0, 60),
            (60, 1, 10),
            (60, 3, 40),
            (60, 4, 60),
            (600, 0, 600),
            (600, 1, 10),
            (600, 6, 320),
            (600, 7, 600),
            (86_400, u32::MAX, 86_400),
        ] {
            assert_eq!(pause(secs(interval), failures), secs(expected), "{interval} {failures}");
        }
    }
}
