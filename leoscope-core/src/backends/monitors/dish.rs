//! A Starlink dish, asked over its own interface.
//!
//! Nothing about the dish is ever changed: its protocol is here with the requests that read and without
//! any other.

mod alerts;
mod history;
mod lines;
mod map;
mod part;
mod status;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::error::Result;
use crate::model::{DishConfig, ObstructionMap};
use crate::ports::{Around, Finding, Monitor, Observation};
use crate::time::{SignedDuration, Timestamp};
use crate::trigger::{Field, Sample, Source};
use history::{Fresh, Ring};
use part::Part;
use wire::{
    Answer, Ask, Connection, DeviceInfo, DishGetHistoryResponse, DishGetObstructionMapResponse, Peer,
};

/// How long a request may take, with the connection it may need.
const DEADLINE: Duration = Duration::from_secs(3);

/// How often the history is read. The dish keeps fifteen minutes of it; the power, which only the history
/// tells, says nothing any more after thirty seconds.
const HISTORY_EVERY: SignedDuration = SignedDuration::from_secs(20);

/// How often the obstruction map is read.
const MAP_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How often the device is asked who it is, where its status does not tell.
const INFO_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Reads a dish.
///
/// Its status is read each time. The history and the obstruction map are read along with it when their
/// time has come, and when all is wanted; a dish that refuses them is watched without them.
#[derive(Debug)]
pub struct DishMonitor {
    peer: Peer,
    interval: SignedDuration,
    state: Mutex<State>,
}

/// What is kept from reading to reading.
#[derive(Debug)]
struct State {
    /// Taken out while it is used, so that one that hung or broke is not used again.
    connection: Option<Connection>,
    history: Part,
    ring: Ring,
    map: Part,
    info: Part,
    /// Who the device is, where its status does not tell.
    device: Option<DeviceInfo>,
}

impl DishMonitor {
    /// A monitor of the dish at the address of `config`. It is connected to with the first reading.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for an address that is none.
    pub fn new(config: &DishConfig) -> Result<Self> {
        let DishConfig { address, interval } = config;
        let state = State {
            connection: None,
            history: Part::new("history", HISTORY_EVERY),
            ring: Ring::default(),
            map: Part::new("obstruction map", MAP_EVERY),
            info: Part::new("device's name", INFO_EVERY),
            device: None,
        };
        Ok(Self { peer: Peer::new(address, DEADLINE)?, interval: *interval, state: Mutex::new(state) })
    }

    /// The same with another deadline for each request.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn with_deadline(self, deadline: Duration) -> Result<Self> {
        let peer = Peer::new(self.peer.address(), deadline)?;
        Ok(Self { peer, ..self })
    }
}

#[async_trait]
impl Monitor for DishMonitor {
    fn source(&self) -> Source {
        Source::Dish
    }

    fn interval(&self) -> SignedDuration {
        self.interval
    }

    fn stale_after(&self) -> Option<SignedDuration> {
        Some(super::counts_for(self.interval))
    }

    fn patience(&self) -> SignedDuration {
        // The status, and then all that is read along with it.
        let requests = self.peer.deadline() * 2 + Duration::from_secs(1);
        SignedDuration::try_from(requests).unwrap_or(SignedDuration::MAX)
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        let began = Instant::now();
        let mut state = self.state.lock().await;
        let (connection, status) = self.peer.status(state.connection.take()).await?;
        let connection = state.connection.insert(connection).clone();
        let along = state.read_along(&connection, status.device_info.is_none(), around, began).await;
        let device = status.device_info.as_ref().or(state.device.as_ref()).cloned();
        if let Some(device) = &device {
            state.ring.boot(device.bootcount);
        }
        let mut observation = status::observe(&status, device.as_ref(), around.now);
        state.take_in(along, around.now, &mut observation);
        Ok(observation)
    }
}

/// What was read along with the status.
#[derive(Debug, Default)]
struct Along {
    /// The history, and when it came.
    history: Option<(Result<DishGetHistoryResponse>, Timestamp)>,
    map: Option<Result<ObstructionMap>>,
}

impl State {
    /// Reads what is due, all of it at the same time, of a reading that `began` at the time of `around`.
    async fn read_along(
        &mut self,
        connection: &Connection,
        nameless: bool,
        around: &Around,
        began: Instant,
    ) -> Along {
        let Around { now, all, .. } = *around;
        let (history, map) = (self.history.is_due(now, all), self.map.is_due(now, all));
        let info = nameless && self.info.is_due(now, false);
        let (history, map, info) = tokio::join!(
            due(history, async {
                let answer = connection.ask(Ask::History, Answer::history).await;
                // The seconds of it are timed by that, and the requests may have taken some.
                let passed = SignedDuration::try_from(began.elapsed()).unwrap_or_default();
                (answer, now.checked_add(passed).unwrap_or(now))
            }),
            due(map, connection.ask(Ask::Map, Answer::map)),
            due(info, connection.ask(Ask::Device, Answer::device)),
        );
        if let Some(answer) = info {
            self.info.asked(now, answer.as_ref().err());
            self.device = answer.ok().or(self.device.take());
        }
        let map = map.map(|answer: Result<DishGetObstructionMapResponse>| map::read(answer?, now));
        Along { history, map }
    }

    /// Adds what was read along to what the status told.
    fn take_in(&mut self, along: Along, now: Timestamp, observation: &mut Observation) {
        if let Some((answer, came)) = along.history {
            self.history.asked(now, answer.as_ref().err());
            let tells_power = answer.as_ref().is_ok_and(|history| !history.power_in.is_empty());
            let fresh = answer.map(|history| self.ring.take(&history, came)).unwrap_or_default();
            let Fresh { rows, lost, rebooted } = fresh;
            if rebooted {
                info!("the dish was started anew, and its history with it");
            }
            if lost > 0 {
                warn!(seconds = lost, "the dish's history has moved on: seconds of it are lost");
            }
            observation.samples.extend(match rows.last() {
                Some((at, row)) => Some(match row.power_w {
                    Some(power) => Sample::number(Field::DISH_POWER, status::exact(power), *at),
                    None => Sample::none(Field::DISH_POWER, *at),
                }),
                // No second has passed since: what was told then still holds.
                None if tells_power => None,
                None => Some(Sample::none(Field::DISH_POWER, now)),
            });
            observation.telemetry.extend(rows.iter().map(|(at, row)| lines::of_second(*at, row)));
        }
        if let Some(answer) = along.map {
            self.map.asked(now, answer.as_ref().err());
            observation.findings.extend(answer.ok().map(Finding::Obstruction));
        }
    }
}

/// What the request answers, where it is due.
async fn due<T>(is_due: bool, request: impl Future<Output = T>) -> Option<T> {
    if is_due { Some(request.await) } else { None }
}
