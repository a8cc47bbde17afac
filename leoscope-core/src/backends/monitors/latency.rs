//! The network as a node's own probes find it.

mod echo;
mod probe;
mod window;

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::lookup_host;
use tokio::time::timeout;

use self::window::Window;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{LatencyConfig, ProbeTarget};
use crate::ports::{Around, Monitor, Observation};
use crate::time::{SignedDuration, Timestamp};
use crate::trigger::{Field, Sample, Source};

/// How long an answer is waited for.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long the name service may take.
const LOOKUP: Duration = Duration::from_secs(2);

/// How long the address of a name is used before the name is looked up again.
const KEPT: SignedDuration = SignedDuration::from_mins(1);

/// Latency, loss and jitter to the target that the operator names, one probe for each reading.
///
/// A probe that is not answered, for whatever reason, is lost: nothing came back in time, the link is
/// down, or the port is closed. Loss and jitter are those of the last twenty probes.
#[derive(Debug)]
pub struct LatencyMonitor {
    target: ProbeTarget,
    interval: SignedDuration,
    deadline: Duration,
    address: Mutex<Option<(SocketAddr, Timestamp)>>,
    window: Mutex<Window>,
}

impl LatencyMonitor {
    /// A monitor as `config` says.
    pub fn new(config: &LatencyConfig) -> Self {
        let LatencyConfig { target, interval } = config.clone();
        let (address, window) = (Mutex::default(), Mutex::default());
        Self { target, interval, deadline: DEADLINE, address, window }
    }

    /// The same with another limit to how long an answer is waited for.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Where the target is. An old address is better than none: the name service is behind the link.
    async fn address(&self, now: Timestamp) -> Result<SocketAddr> {
        let known = *self.address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((address, since)) = known
            && (SignedDuration::ZERO..KEPT).contains(&now.duration_since(since))
        {
            return Ok(address);
        }
        let (host, port) = match &self.target {
            ProbeTarget::Echo { host } => (host, 0),
            ProbeTarget::Tcp { host, port } | ProbeTarget::Udp { host, port } => (host, *port),
        };
        let found = match timeout(LOOKUP, lookup_host((host.as_str(), port))).await {
            Ok(Ok(mut addresses)) => addresses.next().ok_or_else(|| "it has no address".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", LOOKUP.as_secs())),
        };
        let address = match (found, known) {
            (Ok(address), _) => address,
            (Err(error), Some((address, _))) => {
                tracing::debug!(host, error, "cannot look up the target of probes, its last address is used");
                address
            }
            (Err(error), None) => {
                return Err(Error::unavailable(format!(
                    "cannot look up the target of probes {host:?}: {error}"
                ))
                .hint("check monitors.latency.target of the executor config, and the name service"));
            }
        };
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some((address, now));
        Ok(address)
    }

    /// The round trip of one probe; `None` where it was not answered.
    async fn probe(&self, address: SocketAddr) -> Result<Option<Duration>> {
        let answered = match self.target {
            ProbeTarget::Echo { .. } => {
                let socket = echo::Echo::open(address.ip()).map_err(|e| self.no_socket(&e))?;
                timeout(self.deadline, socket.round_trip()).await
            }
            ProbeTarget::Tcp { .. } => timeout(self.deadline, probe::connect(address)).await,
            ProbeTarget::Udp { .. } => timeout(self.deadline, probe::echo(address)).await,
        };
        Ok(match answered {
            Ok(Ok(trip)) => Some(trip),
            Ok(Err(error)) => {
                tracing::trace!(%error, "a probe was not answered");
                None
            }
            Err(_) => None,
        })
    }

    fn no_socket(&self, error: &std::io::Error) -> Error {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                let message = format!("may not send echo requests to {}", self.target);
                Error::new(ErrorKind::PermissionDenied, message).hint(
                    "let the node's group have ping sockets (sysctl net.ipv4.ping_group_range), give it CAP_NET_RAW, or probe tcp://HOST:PORT",
                )
            }
            _ => Error::unavailable(format!("cannot send echo requests to {}: {error}", self.target)),
        }
    }
}

#[async_trait]
impl Monitor for LatencyMonitor {
    fn source(&self) -> Source {
        Source::Probe
    }

    fn interval(&self) -> SignedDuration {
        self.interval
    }

    fn stale_after(&self) -> Option<SignedDuration> {
        Some(super::counts_for(self.interval))
    }

    fn patience(&self) -> SignedDuration {
        let all = self.deadline.saturating_add(LOOKUP).saturating_add(Duration::from_secs(1));
        SignedDuration::try_from(all).unwrap_or(SignedDuration::MAX)
    }

    fn uses_link(&self) -> bool {
        true
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        let address = self.address(around.now).await?;
        let trip = self.probe(address).await?;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.push(trip);
        let sample = |field, value: Option<f64>| match value {
            Some(value) => Sample::number(field, value, around.now),
            None => Sample::none(field, around.now),
        };
        let samples = vec![
            sample(Field::NETWORK_LATENCY, window.latency()),
            sample(Field::NETWORK_LOSS, window.loss()),
            sample(Field::NETWORK_JITTER, window.jitter()),
        ];
        Ok(Observation { samples, ..Observation::default() })
    }
}
