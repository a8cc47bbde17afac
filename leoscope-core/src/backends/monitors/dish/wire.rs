//! Requests to the dish.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::error::{Error, ErrorKind, Result};

/// The dish's interface, as far as it is read.
#[expect(
    unreachable_pub,
    unused_qualifications,
    clippy::allow_attributes_without_reason,
    reason = "generated; documented in proto/spacex"
)]
mod device {
    tonic::include_proto!("space_x.api.device");
}

pub(super) use device::response::Response as Answer;
pub(super) use device::{
    AlignmentStats, DeviceInfo, DishAlerts, DishGetHistoryResponse, DishGetObstructionMapResponse,
    DishGetStatusResponse, DishGpsStats, DishObstructionStats,
};

use device::device_client::DeviceClient;
use device::request::Request as Asked;

/// The largest answer in bytes; a map has sixty thousand, and the history eighteen.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The most of a dish's own words in an error.
const MAX_WORDS: usize = 200;

/// What can be asked of a dish.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    Status,
    History,
    Device,
    Map,
}

impl From<Ask> for device::Request {
    fn from(ask: Ask) -> Self {
        let request = match ask {
            Ask::Status => Asked::GetStatus(device::GetStatusRequest {}),
            Ask::History => Asked::GetHistory(device::GetHistoryRequest {}),
            Ask::Device => Asked::GetDeviceInfo(device::GetDeviceInfoRequest {}),
            Ask::Map => Asked::DishGetObstructionMap(device::DishGetObstructionMapRequest {}),
        };
        Self { request: Some(request) }
    }
}

impl Answer {
    fn status(self) -> Option<DishGetStatusResponse> {
        if let Self::DishGetStatus(status) = self { Some(status) } else { None }
    }

    pub(super) fn history(self) -> Option<DishGetHistoryResponse> {
        if let Self::DishGetHistory(history) = self { Some(history) } else { None }
    }

    pub(super) fn map(self) -> Option<DishGetObstructionMapResponse> {
        if let Self::DishGetObstructionMap(map) = self { Some(map) } else { None }
    }

    pub(super) fn device(self) -> Option<DeviceInfo> {
        if let Self::GetDeviceInfo(answer) = self { answer.device_info } else { None }
    }
}

/// Where the dish is, and how long it may take.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    address: String,
    endpoint: Endpoint,
    deadline: Duration,
}

impl Peer {
    pub(super) fn new(address: &str, deadline: Duration) -> Result<Self> {
        let fault = |why: &dyn fmt::Display| {
            Error::invalid(format!("{address:?} cannot be the address of a dish: {why}"))
                .hint("write it as HOST:PORT, for example 192.168.100.1:9200")
        };
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() || address.contains(['/', '@']) {
            return Err(fault(&"it is not HOST:PORT"));
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|e| fault(&e))?;
        let endpoint = endpoint.connect_timeout(deadline).tcp_nodelay(true);
        Ok(Self { address: address.to_owned(), endpoint, deadline })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Asks for the status, over a new connection where there is none.
    pub(super) async fn status(
        &self,
        connection: Option<Connection>,
    ) -> Result<(Connection, DishGetStatusResponse)> {
        let until = Instant::now() + self.deadline;
        let connection = match connection {
            Some(connection) => connection,
            None => self.connect(until).await?,
        };
        let status = connection.ask_until(until, Ask::Status, Answer::status).await?;
        Ok((connection, status))
    }

    async fn connect(&self, until: Instant) -> Result<Connection> {
        let Self { address, endpoint, .. } = self;
        let channel = timeout_at(until, endpoint.connect()).await.map_err(|_| self.late())?;
        let channel = channel.map_err(|error| {
            Error::unavailable(format!("cannot reach the dish at {address}: {}", root_of(&error)))
                .hint("is it on, and reachable from this machine? its address is monitors.dish.address in the executor config")
        })?;
        let client = DeviceClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES);
        Ok(Connection { client, peer: self.clone() })
    }

    fn late(&self) -> Error {
        let Self { address, deadline, .. } = self;
        Error::new(ErrorKind::Timeout, format!("no answer from the dish at {address} within {deadline:?}"))
    }
}

/// A connection to the dish.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    client: DeviceClient<Channel>,
    peer: Peer,
}

impl Connection {
    /// Asks for something, and takes `part` of the answer.
    ///
    /// # Errors
    /// `Unavailable` where the connection broke, `Timeout` where no answer came in time, `Unsupported`
    /// where the dish does not know the request or answers something else, `PermissionDenied` where it
    /// refuses, `Internal` for other refusals.
    pub(super) async fn ask<T>(&self, ask: Ask, part: impl FnOnce(Answer) -> Option<T>) -> Result<T> {
        self.ask_until(Instant::now() + self.peer.deadline, ask, part).await
    }

    async fn ask_until<T>(
        &self,
        until: Instant,
        ask: Ask,
        part: impl FnOnce(Answer) -> Option<T>,
    ) -> Result<T> {
        let address = &self.peer.address;
        let mut client = self.client.clone();
        let call = client.handle(device::Request::from(ask));
        let answer = timeout_at(until, call).await.map_err(|_| self.peer.late())?;
        let device::Response { status, response } = match answer {
            Ok(answer) => answer.into_inner(),
            Err(status) if status.source().is_some() => {
                let cause = root_of(&status);
                return Err(Error::unavailable(format!(
                    "the connection to the dish at {address} broke: {cause}"
                )));
            }
            Err(status) => return Err(self.refusal(status.code(), status.message())),
        };
        if let Some(device::Status { code, message }) = status.filter(|status| status.code != 0) {
            return Err(self.refusal(Code::from(code), &message));
        }
        response.and_then(part).ok_or_else(|| {
            let message = format!("what listens at {address} does not answer as a dish does");
            Error::new(ErrorKind::Unsupported, message)
        })
    }

    fn refusal(&self, code: Code, words: &str) -> Error {
        let kind = match code {
            Code::PermissionDenied | Code::Unauthenticated => ErrorKind::PermissionDenied,
            Code::Unimplemented => ErrorKind::Unsupported,
            Code::Unavailable | Code::Cancelled | Code::Aborted => ErrorKind::Unavailable,
            Code::DeadlineExceeded => ErrorKind::Timeout,
            Code::ResourceExhausted => ErrorKind::Exhausted,
            _ => ErrorKind::Internal,
        };
        let words: String = words.chars().take(MAX_WORDS).collect();
        Error::new(kind, format!("the dish at {} refuses: {code:?}, {words:?}", self.peer.address))
    }
}

/// The error at the bottom of an error.
fn root_of(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
