//! The orchestrator over the network.
//!
//! [`GrpcClient`] is the [`ControlPlane`](crate::ports::ControlPlane) of a caller somewhere else.
//! It works with orchestrators of ours and with those of the public LEOScope testbed, which lack
//! the order feed and the artifact transfer.

mod answer;
mod control;
mod credentials;
mod logs;
mod places;
mod planning;
mod readings;
mod runs;
mod sky;
mod streams;
mod transfer;
mod trust;

use std::fmt;
use std::time::Duration;

use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::model::Secret;
use crate::proto::unary::leotest_orchestrator_client::LeotestOrchestratorClient;
use crate::proto::v1::accounts_client::AccountsClient;
use crate::proto::v1::artifacts_client::ArtifactsClient;
use crate::proto::v1::history_client::HistoryClient;
use crate::proto::v1::logs_client::LogsClient;
use crate::proto::v1::node_feed_client::NodeFeedClient;
use crate::proto::v1::planning_client::PlanningClient;
use crate::proto::v1::readings_client::ReadingsClient;
use crate::proto::v1::sky_client::SkyClient;
use answer::Peer;
use credentials::Credentials;
use places::{Connector, Places};

/// The port on which orchestrators listen unless told otherwise.
pub const DEFAULT_PORT: u16 = 50051;

/// How long a call may take unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the other side is asked for a sign of life while a call is under way.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The largest answer in bytes; a list of jobs carries their configs.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// How the connection is protected.
#[derive(Clone)]
pub enum Tls {
    /// The server must have one of these certificates (PEM), or one for `localhost` signed by one
    /// of them. Existing orchestrators make their own certificate, which is trusted by being here.
    Pem(Vec<u8>),
    /// The server must have a certificate for its name from a public authority.
    SystemRoots,
    /// No protection: the token and everything else can be read on the way.
    Plaintext,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(pem) => write!(f, "Pem({} bytes)", pem.len()),
            Self::SystemRoots => f.write_str("SystemRoots"),
            Self::Plaintext => f.write_str("Plaintext"),
        }
    }
}

/// Where the orchestrator is and who calls.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Its name or address. Several of one testbed are separated by commas, each with `:port` if it
    /// has another; the next is tried when one does not answer. One that shows a certificate of a
    /// public authority must show that of the first name.
    pub host: String,
    /// Its port, where the host does not name one.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Who calls.
    pub proof: Proof,
    /// How long a call may take; transfers and order feeds take as long as they take.
    pub timeout: Duration,
}

/// How the caller proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// With the access token of a user or node.
    Token {
        /// Who calls.
        user: UserId,
        /// Its access token.
        token: Secret,
    },
    /// With a [token of the web portal](crate::jwt), which names its user itself.
    Jwt(Secret),
}

impl ClientConfig {
    /// A config of a caller with an access token, and the usual [timeout](DEFAULT_TIMEOUT).
    pub fn new(host: impl Into<String>, port: u16, tls: Tls, user: UserId, token: Secret) -> Self {
        Self { host: host.into(), port, tls, proof: Proof::Token { user, token }, timeout: DEFAULT_TIMEOUT }
    }

    /// The names or addresses, each with its port, at which orchestrators are looked for.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what cannot be one.
    pub fn addresses(&self) -> Result<Vec<(String, u16)>> {
        addresses(&self.host, self.port)
    }
}

/// The names or addresses in `host`, each with its port: `port` where it has none of its own.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what cannot be one.
pub fn addresses(host: &str, port: u16) -> Result<Vec<(String, u16)>> {
    Ok(Places::parse(host, port)?.into_addresses())
}

type Authenticated = InterceptedService<Channel, Credentials>;

/// A connection to an orchestrator, bound to one caller. Clones share it.
#[derive(Clone)]
pub struct GrpcClient {
    unary: LeotestOrchestratorClient<Authenticated>,
    feed: NodeFeedClient<Authenticated>,
    artifacts: ArtifactsClient<Authenticated>,
    planning: PlanningClient<Authenticated>,
    accounts: AccountsClient<Authenticated>,
    history: HistoryClient<Authenticated>,
    logs: LogsClient<Authenticated>,
    readings: ReadingsClient<Authenticated>,
    sky: SkyClient<Authenticated>,
    peer: Peer,
}

impl fmt::Debug for GrpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcClient").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl GrpcClient {
    /// A client for `config`. The connection is made with the first call, and made again when it
    /// was lost. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a host, token or certificate
    /// that cannot be one. That nobody answers is the error of the calls.
    pub fn connect(config: ClientConfig) -> Result<Self> {
        let ClientConfig { host, port, tls, proof, timeout } = config;
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::internal("a client needs a tokio runtime to be made in"));
        }
        let places = Places::parse(&host, port)?;
        let peer = Peer::new(&places, timeout);
        let credentials = Credentials::new(&proof)?;
        let channel = InterceptedService::new(channel(places, tls, timeout)?, credentials);
        Ok(Self {
            unary: LeotestOrchestratorClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            feed: NodeFeedClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES),
            artifacts: ArtifactsClient::new(channel.clone()),
            accounts: AccountsClient::new(channel.clone()),
            logs: LogsClient::new(channel.clone()),
            readings: ReadingsClient::new(channel.clone()),
            sky: SkyClient::new(channel.clone()),
            history: HistoryClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES),
            planning: PlanningClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES),
            peer,
        })
    }
}

fn channel(places: Places, tls: Tls, timeout: Duration) -> Result<Channel> {
    let scheme = if matches!(tls, Tls::Plaintext) { "http" } else { "https" };
    let fault = |e: &dyn fmt::Display| {
        Error::invalid(format!("{places} cannot be the host of an orchestrator: {e}"))
            .hint("check --grpc-host: a name or an address, without a scheme")
    };
    // Shorter than the deadline of a call, so that the call can tell what it was waiting for.
    let patience = timeout.mul_f64(0.8);
    let endpoint = Endpoint::from_shared(format!("{scheme}://{}", places.authority()))
        .map_err(|e| fault(&e))?
        .connect_timeout(patience)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    let with_tls = match tls {
        Tls::Plaintext => Ok(endpoint),
        Tls::SystemRoots => endpoint.tls_config(ClientTlsConfig::new().with_webpki_roots()),
        Tls::Pem(pem) => {
            let config = ClientTlsConfig::new().domain_name("localhost");
            endpoint.tls_config_with_verifier(config, trust::verifier(&pem)?)
        }
    };
    let endpoint = with_tls.map_err(|e| fault(&e))?;
    Ok(endpoint.connect_with_connector_lazy(Connector::new(places, patience)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(host: &str, tls: Tls) -> ClientConfig {
        ClientConfig::new(host, 50051, tls, "u".parse().expect("id"), Secret::new("hunter2"))
    }

    #[tokio::test]
    async fn the_token_is_not_printed() {
        let config = config("localhost", Tls::Plaintext);
        let client = GrpcClient::connect(config.clone()).expect("client");
        let shown = format!("{config:?} {client:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[tokio::test]
    async fn what_cannot_be_a_host_a_token_or_a_certificate_is_refused_before_any_call() {
        for host in ["", "http://localhost", "a b", "user@host", "a,,b"] {
            let error = GrpcClient::connect(config(host, Tls::Plaintext)).expect_err(host);
            assert!(error.message().contains("cannot be the host"), "{error}");
        }
        for host in ["localhost", "192.0.2.1", "::1", "[::1]", "a,b:2"] {
            GrpcClient::connect(config(host, Tls::SystemRoots)).expect(host);
        }
        let error = GrpcClient::connect(config("a", Tls::Pem(b"nothing".to_vec()))).expect_err("pem");
        assert_eq!(error.message(), "the trusted certificate holds no certificate in PEM form");
        let user = "u".parse().expect("id");
        for proof in [Proof::Token { user, token: Secret::new("a\nb") }, Proof::Jwt(Secret::new("a\nb"))] {
            let bad = ClientConfig { proof, ..config("a", Tls::Plaintext) };
            let error = GrpcClient::connect(bad).expect_err("token");
            assert!(!error.message().contains("a\nb"), "{error}");
        }
    }
}
