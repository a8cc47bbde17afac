use std::error::Error as StdError;
use std::future::Future;
use std::time::Duration;

use tonic::{Code, Response, Status};

use super::places::Places;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::proto::refusal::Refusable;
use crate::proto::status::error_of;

/// The other side, as errors name it.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    address: String,
    timeout: Duration,
}

impl Peer {
    pub(super) fn new(places: &Places, timeout: Duration) -> Self {
        Self { address: places.to_string(), timeout }
    }

    /// Waits for the answer to a call, at most until its deadline.
    pub(super) async fn answer<R>(
        &self,
        call: impl Future<Output = Result<Response<R>, Status>> + Send,
    ) -> Result<R> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(self.error(&status)),
            Err(_) => {
                let Self { address, timeout } = self;
                let message = format!("no answer from orchestrator at {address} within {timeout:?}");
                Err(Error::new(ErrorKind::Timeout, message)
                    .hint("a change may or may not have been made: look before doing it again"))
            }
        }
    }

    /// [`answer`](Self::answer) for calls that older orchestrators do not have: where it is not
    /// known, the error says that it cannot `feature`.
    pub(super) async fn newer<R>(
        &self,
        feature: &str,
        call: impl Future<Output = Result<Response<R>, Status>> + Send,
    ) -> Result<R> {
        let mut unknown = false;
        let call = async {
            let answer = call.await;
            unknown = answer.as_ref().is_err_and(is_unknown);
            answer
        };
        let answer = self.answer(call).await;
        if unknown { Err(lacking(feature)) } else { answer }
    }

    /// [`answer`](Self::answer) for calls that are refused inside their answer.
    pub(super) async fn accepted<R: Refusable>(
        &self,
        call: impl Future<Output = Result<Response<R>, Status>> + Send,
    ) -> Result<R> {
        self.answer(call).await?.accepted()
    }

    /// The error that ended a call.
    pub(super) fn error(&self, status: &Status) -> Error {
        let Some(source) = status.source().filter(|_| status.details().is_empty()) else {
            return error_of(status);
        };
        let address = &self.address;
        let (mut cause, mut connecting) = (source, source.is::<tonic::ConnectError>());
        while let Some(deeper) = cause.source() {
            cause = deeper;
            connecting |= cause.is::<tonic::ConnectError>();
        }
        if !connecting {
            return Error::unavailable(format!("the connection to orchestrator at {address} broke: {cause}"))
                .hint("a change may or may not have been made: look before doing it again");
        }
        Error::unavailable(format!("cannot reach orchestrator at {address}: {cause}")).hint(
            "is it running? check --grpc-host and --grpc-port, and that the certificate is the orchestrator's",
        )
    }

    /// The error for an answer that does not make sense.
    pub(super) fn unreadable(&self, error: &Error) -> Error {
        Error::internal(format!("the answer of orchestrator at {} cannot be read: {error}", self.address))
    }
}

/// Whether the other side does not know the call; one that does and cannot do it says more.
pub(super) fn is_unknown(status: &Status) -> bool {
    status.code() == Code::Unimplemented && status.details().is_empty()
}

/// That the orchestrator cannot `feature`.
pub(super) fn lacking(feature: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this orchestrator cannot {feature}"))
        .hint("it is an older one, or of another make; its own tools may be able to")
}

/// The access token in an answer; orchestrators of another make tell it at the end of the message.
pub(super) fn token(field: String, message: &str) -> Result<Secret> {
    let text = if field.is_empty() {
        message.rsplit_once("access_token=").map(|(_, token)| token.trim().to_owned())
    } else {
        Some(field)
    };
    text.map(Secret::new).ok_or_else(|| Error::internal("the orchestrator did not tell the access token"))
}
