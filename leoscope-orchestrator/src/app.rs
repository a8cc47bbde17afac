use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::HeaderValue;
use leoscope_core::backends::artifacts::{AzureStorage, DirectoryStore};
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::elements::DirectoryShelf;
use leoscope_core::backends::monitors::WeatherForecast;
use leoscope_core::backends::store::StoreLocation;
use leoscope_core::control::{Expiry, Provided, Results, Retention, Service};
use leoscope_core::jwt::JwtKey;
use leoscope_core::model::Secret;
use leoscope_core::ports::BlobStorage;
use leoscope_core::proto::DESCRIPTORS;
use leoscope_core::proto::unary::leotest_orchestrator_server::LeotestOrchestratorServer;
use leoscope_core::proto::v1::accounts_server::AccountsServer;
use leoscope_core::proto::v1::artifacts_server::ArtifactsServer;
use leoscope_core::proto::v1::history_server::HistoryServer;
use leoscope_core::proto::v1::logs_server::LogsServer;
use leoscope_core::proto::v1::node_feed_server::NodeFeedServer;
use leoscope_core::proto::v1::planning_server::PlanningServer;
use leoscope_core::proto::v1::readings_server::ReadingsServer;
use leoscope_core::proto::v1::sky_server::SkyServer;
use leoscope_core::{Error, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_web::GrpcWebLayer;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::calls::CallLayer;
use crate::certificate::{self, Certificates};
use crate::config::{ElementsConfig, OrchestratorConfig, Transport};
use crate::connections::{self, Protection};
use crate::limits::{Gate, Limits};
use crate::metrics::{self, Metrics};
use crate::rpc::{Feed, Heaven, Past, Planner, Printed, Rpc, Shared, Shown, Tokens, Transfer};
use crate::{admin, health, listen, state};

/// How long calls under way may take once the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How often clients with a call under way are asked for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How often callers that have been quiet are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// The most calls of one connection at once.
const STREAMS: u32 = 256;

/// The longest headers of a call in bytes: credentials, and little else.
const HEADER_BYTES: u32 = 16 << 10;

/// An orchestrator that listens, ready to serve.
pub struct App {
    service: Arc<Service>,
    listener: TcpListener,
    address: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    admin_token: Option<Secret>,
    elements: Vec<Provided>,
    retention: Option<Retention>,
    expiry: Option<Expiry>,
    jwt_key: Option<JwtKey>,
    limits: Limits,
    cors: CorsLayer,
    metrics: Arc<Metrics>,
    metrics_listener: Option<TcpListener>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Reads the certificate of an [`App`] anew while it serves.
#[derive(Debug, Clone)]
pub struct Reloader(Option<Arc<Certificates>>);

impl Reloader {
    /// Shows what is in the certificate's files to those who connect from now on, and says whether
    /// that is something else than before. They are looked at every few seconds anyway.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for files that cannot be used;
    /// the certificate stays as it is.
    pub fn reload(&self) -> Result<bool> {
        self.0.as_ref().map_or(Ok(false), |certificates| certificates.reload())
    }
}

/// Opens the state directory and listens; clients can connect as soon as this returns, and are
/// served once [`App::serve`] runs.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for a state directory, certificate,
/// origin or host that cannot be used, [`Unavailable`](leoscope_core::ErrorKind::Unavailable) for a
/// port that is taken, and those of the stores.
pub async fn build(config: OrchestratorConfig) -> Result<App> {
    let OrchestratorConfig {
        host,
        port,
        state_dir,
        store,
        artifacts_dir,
        no_blob,
        expiry,
        links_last,
        retention,
        admin_token,
        jwt_key,
        transport,
        limits,
        web_origins,
        elements,
        weather_forecast,
        metrics,
    } = config;
    let cors = cors(&web_origins)?;
    state::prepare(&state_dir)?;
    let files = match transport {
        Transport::Tls => Some(certificate::find_or_make(&state_dir.join("certs"), &host)?),
        Transport::OwnTls(files) => Some(files),
        Transport::Plaintext => None,
    };
    let certificates = files.map(Certificates::load).transpose()?.map(Arc::new);
    let listener = listen::listen(&host, port).await?;
    let address = listener.local_addr().map_err(|e| Error::while_doing("tell the address", e))?;
    let metrics_listener = match &metrics {
        Some(place) => Some(listen::listen_for_metrics(place).await?),
        None => None,
    };
    // Others may use it as well.
    let is_shared = store.as_ref().is_some_and(|store| *store != StoreLocation::Memory);
    let store = store.unwrap_or_else(|| state::database(&state_dir)).open().await?;
    let artifacts = DirectoryStore::new(artifacts_dir.unwrap_or_else(|| state_dir.join("artifacts"))).await?;
    let blob: Option<Arc<dyn BlobStorage>> =
        if no_blob { None } else { Some(Arc::new(AzureStorage::new()?)) };
    let results = Results { own: Arc::new(artifacts), blob, links_last };
    let service = Service::with_results(store, results, Arc::new(SystemClock));
    let elements = elements.into_iter().map(|set| provide(set, &state_dir)).collect::<Result<_>>()?;
    if let Some(address) = weather_forecast {
        service.foretell_weather(Arc::new(WeatherForecast::new(address.as_deref())?));
    }
    let admin_token = admin::ensure(&service, &state_dir, admin_token, is_shared).await?;
    Ok(App {
        service,
        listener,
        address,
        certificates,
        admin_token,
        elements,
        retention,
        expiry,
        jwt_key,
        limits,
        cors,
        metrics: Metrics::new(),
        metrics_listener,
    })
}

/// Where a set of orbital elements comes from and is kept.
fn provide(set: ElementsConfig, state_dir: &Path) -> Result<Provided> {
    let ElementsConfig { provider, location } = set;
    let shelf = DirectoryShelf::new(state_dir.join("elements"), provider.as_deref().unwrap_or("default"));
    Ok(Provided { source: location.open()?, shelf: Arc::new(shelf), provider })
}

/// Lets pages of `origins` call.
fn cors(origins: &[String]) -> Result<CorsLayer> {
    let parse = |origin: &String| {
        let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
            matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains('/')
        });
        let value = HeaderValue::from_str(origin).ok().filter(|_| is_origin);
        value.ok_or_else(|| {
            Error::invalid(format!("{origin:?} is not the origin of a web page"))
                .hint("write it as browsers do: https://portal.example, without a path")
        })
    };
    let origins: Vec<HeaderValue> = origins.iter().map(parse).collect::<Result<_>>()?;
    let exposed = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
    Ok(CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([http::Method::POST])
        .allow_headers(Any)
        .expose_headers(exposed.map(http::HeaderName::from_static)))
}

impl App {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address on which it tells what was counted, if it does.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// The access token of user `admin`, unless another orchestrator on the same database made it.
    pub fn admin_token(&self) -> Option<&Secret> {
        self.admin_token.as_ref()
    }

    /// The file with the certificate that clients must trust; `None` where connections are not
    /// protected.
    pub fn certificate_path(&self) -> Option<&Path> {
        self.certificates.as_ref().map(|certificates| certificates.path())
    }

    /// What reads the certificate anew.
    pub fn reloader(&self) -> Reloader {
        Reloader(self.certificates.clone())
    }

    /// The use-cases it serves, for programs that run it inside themselves.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Serves until `shutdown`; then it takes no more calls and ends when those under way have, or
    /// after ten seconds.
    ///
    /// # Errors
    /// [`Internal`](leoscope_core::ErrorKind::Internal) when the connections cannot be accepted any
    /// more.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<()> {
        let Self {
            service,
            listener,
            address,
            certificates,
            admin_token: _,
            elements,
            retention,
            expiry,
            jwt_key,
            limits,
            cors,
            metrics,
            metrics_listener,
        } = self;
        let gate = Arc::new(Gate::new(&limits));
        let (reporter, asked) = tonic_health::server::health_reporter();
        let routes = routes(&service, &limits, &metrics, &shutdown).add_service(asked);
        let calls =
            CallLayer::new(Arc::clone(&service), jwt_key, Arc::clone(&gate), &limits, Arc::clone(&metrics));
        let protection = certificates.clone().map_or(Protection::Plaintext, Protection::tls);
        let connections = connections::incoming(
            listener,
            protection,
            limits.connections,
            Arc::clone(&metrics),
            shutdown.clone(),
        );
        let serving = Server::builder()
            .accept_http1(true)
            .max_concurrent_streams(STREAMS)
            .http2_max_header_list_size(HEADER_BYTES)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE))
            .layer(cors)
            .layer(GrpcWebLayer::new())
            .layer(calls)
            .add_routes(routes)
            .serve_with_incoming_shutdown(connections, shutdown.clone().cancelled_owned());
        tracing::info!(%address, plaintext = certificates.is_none(), "orchestrator is listening");
        let keeping = async {
            let tidying = async {
                loop {
                    tokio::time::sleep(TIDY_EVERY).await;
                    gate.tidy();
                }
            };
            let reloading = async {
                match certificates {
                    Some(certificates) => certificates.keep().await,
                    None => std::future::pending().await,
                }
            };
            let telling = async {
                let Some(listener) = metrics_listener else { return };
                let told = metrics::tell(listener, Arc::clone(&metrics), shutdown.clone());
                if let Err(error) = told.await {
                    tracing::error!(%error, "nobody can ask for metrics any more");
                }
            };
            let health = health::keep(Arc::clone(&service), reporter, Arc::clone(&metrics));
            let fetching = join_all(elements.iter().map(|set| service.keep_elements(set)));
            tokio::join!(service.keep(retention, expiry), health, tidying, reloading, telling, fetching);
        };
        let late = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            result = serving => result.map_err(|e| Error::while_doing("serve", source(&e))),
            () = keeping => Ok(()),
            () = late => {
                tracing::warn!("calls under way were cut off");
                Ok(())
            }
        }
    }
}

/// The services, but for health.
fn routes(
    service: &Arc<Service>,
    limits: &Limits,
    metrics: &Arc<Metrics>,
    shutdown: &CancellationToken,
) -> Routes {
    let (shared, most) = (Shared::new(Arc::clone(service)), limits.request_bytes);
    let feed = Feed::new(shared.clone(), Arc::clone(metrics), shutdown.clone());
    let printed = Printed::new(shared.clone(), shutdown.clone());
    let shown = Shown::new(shared.clone(), shutdown.clone());
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes =
        Routes::new(LeotestOrchestratorServer::new(Rpc(shared.clone())).max_decoding_message_size(most))
            .add_service(NodeFeedServer::new(feed).max_decoding_message_size(most))
            .add_service(ArtifactsServer::new(Transfer::new(shared.clone())).max_decoding_message_size(most))
            .add_service(AccountsServer::new(Tokens(shared.clone())).max_decoding_message_size(most))
            .add_service(LogsServer::new(printed).max_decoding_message_size(most))
            .add_service(ReadingsServer::new(shown).max_decoding_message_size(most))
            .add_service(SkyServer::new(Heaven(shared.clone())).max_decoding_message_size(most))
            .add_service(HistoryServer::new(Past(shared.clone())).max_decoding_message_size(most))
            .add_service(PlanningServer::new(Planner::new(shared)).max_decoding_message_size(most));
    // The descriptors are our own, so they can be read; without them nothing else is missing.
    match (reflection().build_v1(), reflection().build_v1alpha()) {
        (Ok(current), Ok(older)) => routes.add_service(current).add_service(older),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "programs cannot ask what there is to call");
            routes
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
