//! How fast experiments and the host's interfaces move data.

mod meter;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

pub use self::meter::{KernelMeter, ManualMeter};
use crate::error::Result;
use crate::ids::RunId;
use crate::model::{RuntimeState, Traffic};
use crate::ports::{Around, Monitor, Observation, Runtime, TrafficMeter};
use crate::time::{SignedDuration, Timestamp};
use crate::trigger::{Field, Sample, Source};

/// How often the counters are looked at. A container engine takes some milliseconds for each container.
const EVERY: SignedDuration = SignedDuration::from_secs(2);

/// How fast the containers of experiments move data, all of them together.
#[derive(Debug)]
pub struct TrafficMonitor {
    runtime: Arc<dyn Runtime>,
    last: Mutex<Option<Counted<RunId>>>,
}

impl TrafficMonitor {
    /// A monitor of what `runtime` runs.
    pub fn new(runtime: Arc<dyn Runtime>) -> Self {
        Self { runtime, last: Mutex::default() }
    }

    /// What each experiment that runs has moved; `None` where one cannot be told from the host.
    async fn count(&self) -> Result<Option<Counted<RunId>>> {
        let mut counted = Counted::new();
        for run in self.runtime.list().await? {
            match self.runtime.traffic(&run).await? {
                Some(traffic) => counted.add(run, traffic),
                None if matches!(self.runtime.state(&run).await?, RuntimeState::Running(_)) => {
                    return Ok(None);
                }
                None => {}
            }
        }
        Ok(Some(counted))
    }
}

#[async_trait]
impl Monitor for TrafficMonitor {
    fn source(&self) -> Source {
        Source::Containers
    }

    fn interval(&self) -> SignedDuration {
        EVERY
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        let next = self.count().await.inspect_err(|_| drop(replace(&self.last, None)))?;
        let rate = match (replace(&self.last, next.clone()), next) {
            (Some(last), Some(next)) => next.rate_since(&last, |_, moved| Some(moved)),
            _ => None,
        };
        Ok(rates([Field::NETWORK_RX_RATE, Field::NETWORK_TX_RATE], rate, around.now))
    }
}

/// How fast the host's interfaces move data that its operator names, all of them together.
///
/// Nothing goes over an interface that is not there. Where none of them is, the rates have no value:
/// a name is probably wrong.
#[derive(Debug)]
pub struct InterfacesMonitor {
    interfaces: Vec<String>,
    meter: Arc<dyn TrafficMeter>,
    last: Mutex<Option<Counted<String>>>,
}

impl InterfacesMonitor {
    /// A monitor of `interfaces`, which `meter` counts.
    pub fn new(interfaces: Vec<String>, meter: Arc<dyn TrafficMeter>) -> Self {
        Self { interfaces, meter, last: Mutex::default() }
    }

    async fn count(&self) -> Result<Option<Counted<String>>> {
        let mut counted = Counted::new();
        for interface in &self.interfaces {
            if let Some(traffic) = self.meter.bytes(interface).await? {
                counted.add(interface.clone(), traffic);
            }
        }
        Ok((!counted.moved.is_empty()).then_some(counted))
    }
}

#[async_trait]
impl Monitor for InterfacesMonitor {
    fn source(&self) -> Source {
        Source::Node
    }

    fn name(&self) -> String {
        "interfaces".to_owned()
    }

    fn interval(&self) -> SignedDuration {
        EVERY
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        let next = self.count().await.inspect_err(|_| drop(replace(&self.last, None)))?;
        let rate = match (replace(&self.last, next.clone()), next) {
            // What is new may have begun to count at any number.
            (Some(last), Some(next)) => next.rate_since(&last, |_, _| None),
            _ => None,
        };
        Ok(rates([Field::NODE_RX_RATE, Field::NODE_TX_RATE], rate, around.now))
    }
}

/// What was counted, each counter at its own instant: an engine may take its time for each of them. By a
/// steady clock, as rates have nothing to do with the time of day.
#[derive(Debug, Clone)]
struct Counted<K> {
    /// When it was begun.
    since: Instant,
    moved: BTreeMap<K, (Instant, Traffic)>,
}

/// Bits per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Rate {
    received: f64,
    sent: f64,
}

impl Rate {
    fn of(moved: Traffic, seconds: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "nobody moves 2^53 bytes in a few seconds")]
        let bits = |bytes: u64| bytes as f64 * 8.0 / seconds;
        Self { received: bits(moved.received), sent: bits(moved.sent) }
    }

    fn and(self, other: Self) -> Self {
        Self { received: self.received + other.received, sent: self.sent + other.sent }
    }
}

impl<K: Ord + Debug> Counted<K> {
    fn new() -> Self {
        Self { since: Instant::now(), moved: BTreeMap::new() }
    }

    /// Adds a counter that has just been read.
    fn add(&mut self, key: K, moved: Traffic) {
        self.moved.insert(key, (Instant::now(), moved));
    }

    /// How fast all together moved data since `earlier`; `None` where a counter was set anew or no time
    /// has passed. `of_new` says what one has moved meanwhile that was not there then; nothing is known
    /// of what has vanished, and it does not count.
    fn rate_since(&self, earlier: &Self, of_new: impl Fn(&K, Traffic) -> Option<Traffic>) -> Option<Rate> {
        if self.since <= earlier.since {
            return None;
        }
        let mut all = Rate::default();
        for (key, (at, moved)) in &self.moved {
            let (since, piece) = match earlier.moved.get(key) {
                Some((since, before)) => (*since, moved.since(*before)?),
                None => (earlier.since, of_new(key, *moved).unwrap_or_default()),
            };
            let seconds = at.saturating_duration_since(since).as_secs_f64();
            all = all.and((seconds > 0.0).then(|| Rate::of(piece, seconds))?);
        }
        Some(all)
    }
}

fn replace<T>(last: &Mutex<Option<T>>, next: Option<T>) -> Option<T> {
    std::mem::replace(&mut *last.lock().unwrap_or_else(PoisonError::into_inner), next)
}

fn rates([received, sent]: [Field; 2], rate: Option<Rate>, at: Timestamp) -> Observation {
    let sample = |field, value: Option<f64>| match value {
        Some(value) => Sample::number(field, value, at),
        None => Sample::none(field, at),
    };
    let samples =
        vec![sample(received, rate.map(|rate| rate.received)), sample(sent, rate.map(|rate| rate.sent))];
    Observation { samples, ..Observation::default() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What was counted of each: how many seconds after `origin`, and how much.
    fn counted(origin: Instant, second: u64, moved: &[(&'static str, u64, u64)]) -> Counted<&'static str> {
        let at = |second| origin + Duration::from_secs(second);
        let moved = moved.iter().map(|(name, second, bytes)| {
            (*name, (at(*second), Traffic { received: *bytes, sent: 2 * bytes }))
        });
        Counted { since: at(second), moved: moved.collect() }
    }

    #[test]
    fn rates_are_bits_per_second_of_all_together_and_never_negative() {
        let origin = Instant::now();
        let rate = |earlier: &Counted<_>, later: &Counted<_>| {
            let rate = later.rate_since(earlier, |_, moved| Some(moved));
            rate.map(|rate| (rate.received, rate.sent))
        };
        let counted = |second, moved: &_| counted(origin, second, moved);
        let before = counted(10, &[("a", 10, 100), ("b", 10, 1000)]);
        for (later, expected) in [
            (counted(12, &[("a", 12, 200), ("b", 12, 1000)]), Some((400.0, 800.0))),
            (counted(12, &[("a", 12, 200), ("b", 12, 1100)]), Some((800.0, 1600.0))),
            // The engine took two seconds for the second of them.
            (counted(12, &[("a", 12, 200), ("b", 14, 1100)]), Some((600.0, 1200.0))),
            (counted(12, &[("b", 12, 1000)]), Some((0.0, 0.0))),
            (counted(12, &[]), Some((0.0, 0.0))),
            (counted(12, &[("a", 12, 100), ("b", 12, 1000), ("c", 12, 50)]), Some((200.0, 400.0))),
            (counted(12, &[("a", 12, 99), ("b", 12, 5000)]), None),
            (counted(10, &[("a", 10, 200), ("b", 10, 1000)]), None),
            (counted(9, &[("a", 9, 200), ("b", 9, 1000)]), None),
        ] {
            assert_eq!(rate(&before, &later), expected, "{later:?}");
        }
        let later = counted(11, &[("a", 11, 100), ("b", 11, 1001), ("c", 11, 50)]);
        let rate = later.rate_since(&before, |_, _| None).expect("rate");
        assert_eq!((rate.received, rate.sent), (8.0, 16.0), "what is new does not count");
    }
}
