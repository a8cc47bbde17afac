//! A broker that speaks MQTT 3.1.1.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, QoS};
use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::model::MqttConfig;
use crate::ports::Publisher;

/// How long telling may take, with the connection it may need.
const PATIENCE: Duration = Duration::from_secs(3);

/// After how long without a word the broker may take the connection for dead; it waits half as long again
/// (MQTT 3.1.1, section 3.1.2.10).
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How many messages wait to be sent: one at a time is told.
const WAITING: usize = 1;

/// How many random bytes are in the name under which it connects. A broker throws out who has a name that
/// is taken, and every broker allows up to 23 letters and digits (section 3.1.3.1).
const NAME_BYTES: usize = 7;

/// Tells a broker by MQTT, without a session.
///
/// It connects when there is something to tell, and anew after the connection has broken. Messages have
/// quality of service 0 (once at most) and are not retained.
pub struct MqttPublisher {
    name: String,
    host: String,
    port: u16,
    /// Taken out while it is used, so that one that hung or broke is not used again.
    connection: Mutex<Option<Connection>>,
}

struct Connection {
    client: AsyncClient,
    events: EventLoop,
}

impl fmt::Debug for MqttPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, host, port, connection: _ } = self;
        f.debug_struct("MqttPublisher")
            .field("name", name)
            .field("host", host)
            .field("port", port)
            .finish_non_exhaustive()
    }
}

impl MqttPublisher {
    /// One that tells the broker of `config`. It is connected to with the first message.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) where the machine has no random bytes.
    pub fn new(config: &MqttConfig) -> Result<Self> {
        let MqttConfig { host, port } = config;
        let mut bytes = [0; NAME_BYTES];
        getrandom::fill(&mut bytes).map_err(|e| Error::while_doing("make random bytes", e))?;
        let name = format!("leoscope{}", hex::encode(bytes));
        // An IPv6 address before a port is in brackets.
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        Ok(Self { name, host, port: *port, connection: Mutex::default() })
    }

    async fn connect(&self) -> Result<Connection> {
        let mut options = MqttOptions::new(&self.name, &self.host, self.port);
        options.set_keep_alive(KEEP_ALIVE).set_clean_session(true);
        let (client, mut events) = AsyncClient::new(options, WAITING);
        // The first event is that the broker lets it in.
        events.poll().await.map_err(|e| self.fault(&e))?;
        Ok(Connection { client, events })
    }

    async fn tell(&self, topic: &str, payload: &str) -> Result<()> {
        let mut slot = self.connection.lock().await;
        let open = match slot.take() {
            Some(connection) => connection.if_open().await,
            None => None,
        };
        let mut connection = match open {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let told = connection.client.try_publish(topic, QoS::AtMostOnce, false, payload.as_bytes());
        told.map_err(|e| self.fault(&e))?;
        loop {
            if let Event::Outgoing(Outgoing::Publish(_)) =
                connection.events.poll().await.map_err(|e| self.fault(&e))?
            {
                *slot = Some(connection);
                return Ok(());
            }
        }
    }

    fn fault(&self, why: &dyn std::error::Error) -> Error {
        Error::unavailable(format!("cannot tell the broker at {}:{}: {why}", self.host, self.port)).hint(
            "check monitors.mqtt of the executor config, and that the broker is running; it is told again",
        )
    }
}

impl Connection {
    /// The connection, unless it has broken since it was used.
    async fn if_open(mut self) -> Option<Self> {
        loop {
            match tokio::time::timeout(Duration::ZERO, self.events.poll()).await {
                // Nothing more has happened.
                Err(_) => return Some(self),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the connection to the broker has broken");
                    return None;
                }
            }
        }
    }
}

#[async_trait]
impl Publisher for MqttPublisher {
    async fn publish(&self, topic: &str, payload: &str) -> Result<()> {
        match tokio::time::timeout(PATIENCE, self.tell(topic, payload)).await {
            Ok(told) => told,
            Err(_) => {
                let (host, port, seconds) = (&self.host, self.port, PATIENCE.as_secs());
                Err(Error::unavailable(format!(
                    "the broker at {host}:{port} does not answer within {seconds} s"
                ))
                .hint("check monitors.mqtt of the executor config, and that the broker is running"))
            }
        }
    }
}
