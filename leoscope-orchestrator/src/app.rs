use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::store::StoreLocation;
use leoscope_core::control::{Retention, Service};
use leoscope_core::jwt::JwtKey;
use leoscope_core::model::Secret;
use leoscope_core::proto::unary::leotest_orchestrator_server::LeotestOrchestratorServer;
use leoscope_core::proto::v1::accounts_server::AccountsServer;
use leoscope_core::proto::v1::artifacts_server::ArtifactsServer;
use leoscope_core::proto::v1::node_feed_server::NodeFeedServer;
use leoscope_core::proto::v1::planning_server::PlanningServer;
use leoscope_core::{Error, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::auth::AuthLayer;
use crate::certificate::{self, Certificate};
use crate::config::OrchestratorConfig;
use crate::rpc::{Feed, Planner, Rpc, Shared, Tokens, Transfer};
use crate::{admin, health, listen, state};

/// The largest request in bytes.
const MAX_REQUEST_BYTES: usize = 4 << 20;

/// How long calls under way may take once the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How often clients with a call under way are asked for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a client may take to agree on the protection of a connection.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// An orchestrator that listens, ready to serve.
pub struct App {
    service: Arc<Service>,
    listener: TcpListener,
    address: SocketAddr,
    certificate: Certificate,
    certificate_path: PathBuf,
    admin_token: Option<Secret>,
    retention: Option<Retention>,
    jwt_key: Option<JwtKey>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Opens the state directory and listens; clients can connect as soon as this returns, and are
/// served once [`App::serve`] runs.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for a state directory or host
/// that cannot be used, [`Unavailable`](leoscope_core::ErrorKind::Unavailable) for a port that is
/// taken, and those of the stores.
pub async fn build(config: OrchestratorConfig) -> Result<App> {
    let OrchestratorConfig { host, port, state_dir, store, artifacts_dir, retention, admin_token, jwt_key } =
        config;
    state::prepare(&state_dir)?;
    let certs = state_dir.join("certs");
    let certificate = certificate::load_or_make(&certs, &host)?;
    let listener = listen::listen(&host, port).await?;
    let address = listener.local_addr().map_err(|e| Error::while_doing("tell the address", e))?;
    // Others may use it as well.
    let is_shared = store.as_ref().is_some_and(|store| *store != StoreLocation::Memory);
    let store = store.unwrap_or_else(|| state::database(&state_dir)).open().await?;
    let artifacts = DirectoryStore::new(artifacts_dir.unwrap_or_else(|| state_dir.join("artifacts"))).await?;
    let service = Service::new(store, Arc::new(artifacts), Arc::new(SystemClock));
    let admin_token = admin::ensure(&service, &state_dir, admin_token, is_shared).await?;
    let certificate_path = certs.join("server.crt");
    Ok(App { service, listener, address, certificate, certificate_path, admin_token, retention, jwt_key })
}

impl App {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The access token of user `admin`, unless another orchestrator on the same database made it.
    pub fn admin_token(&self) -> Option<&Secret> {
        self.admin_token.as_ref()
    }

    /// The file with the certificate that clients must trust.
    pub fn certificate_path(&self) -> PathBuf {
        self.certificate_path.clone()
    }

    /// The use-cases it serves, for programs that run it inside themselves.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Serves until `shutdown`; then it takes no more calls and ends when those under way have, or
    /// after ten seconds.
    ///
    /// # Errors
    /// [`Internal`](leoscope_core::ErrorKind::Internal) when the certificate cannot be used or the
    /// connections cannot be accepted any more.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<()> {
        let Self {
            service,
            listener,
            address,
            certificate,
            certificate_path: _,
            admin_token: _,
            retention,
            jwt_key,
        } = self;
        let Certificate { pem, key } = certificate;
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(pem, key)).timeout(HANDSHAKE);
        let server = Server::builder()
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE));
        let server = server.tls_config(tls).map_err(|e| {
            Error::while_doing("use the server's certificate", source(&e))
                .hint("check certs/server.crt and certs/server.key in the state directory")
        })?;
        let shared = Shared::new(Arc::clone(&service));
        let rpc = LeotestOrchestratorServer::new(Rpc(shared.clone()));
        let feed = NodeFeedServer::new(Feed::new(shared.clone(), shutdown.clone()));
        let transfer = ArtifactsServer::new(Transfer::new(shared.clone()));
        let accounts = AccountsServer::new(Tokens(shared.clone()));
        let planning = PlanningServer::new(Planner::new(shared));
        let keeping = Arc::clone(&service);
        let (reporter, asked) = tonic_health::server::health_reporter();
        let telling = health::keep(Arc::clone(&service), reporter);
        let serving = server
            .layer(AuthLayer::new(service, jwt_key))
            .add_service(rpc.max_decoding_message_size(MAX_REQUEST_BYTES))
            .add_service(feed.max_decoding_message_size(MAX_REQUEST_BYTES))
            .add_service(transfer.max_decoding_message_size(MAX_REQUEST_BYTES))
            .add_service(accounts.max_decoding_message_size(MAX_REQUEST_BYTES))
            .add_service(planning.max_decoding_message_size(MAX_REQUEST_BYTES))
            .add_service(asked)
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                shutdown.clone().cancelled_owned(),
            );
        tracing::info!(%address, "orchestrator is listening");
        let late = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            result = serving => result.map_err(|e| Error::while_doing("serve", source(&e))),
            () = keeping.keep(retention) => Ok(()),
            () = telling => Ok(()),
            () = late => {
                tracing::warn!("calls under way were cut off");
                Ok(())
            }
        }
    }
}

/// The innermost cause, which says more than those around it.
fn source(error: &tonic::transport::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
