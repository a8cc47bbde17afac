//! What is counted, for Prometheus.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use leoscope_core::Result;
use leoscope_core::control::{Census, ElementsCensus};
use leoscope_core::proto::methods;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The bounds of the durations that are counted, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// What can be called besides the protocol.
const OTHERS: [&str; 4] = [
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    method: String,
    /// `ok`, or the kind of error in lower snake case, also of refusals inside an answer.
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Contact {
    contact: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ElementSet {
    set: String,
}

/// A number that is one higher as long as this lives.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    fn in_gauge(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What one orchestrator has counted since it started.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    methods: BTreeSet<String>,
    calls: Family<Outcome, Counter>,
    durations: Family<Method, Histogram>,
    under_way: Gauge,
    connections: Gauge,
    handshakes_failed: Counter,
    order_streams: Gauge,
    nodes: Family<Contact, Gauge>,
    element_age: Family<ElementSet, Gauge>,
    elements_refused: Family<ElementSet, Gauge>,
    serving: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("leoscope");
        let calls = Family::default();
        registry.register("calls", "Calls answered, by method and outcome", calls.clone());
        let durations: Family<Method, Histogram> = Family::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register_with_unit(
            "call_duration",
            "How long calls took; of streams, until they began",
            Unit::Seconds,
            durations.clone(),
        );
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let under_way = gauge("calls_under_way", "Calls being worked on");
        let connections = gauge("connections", "Open connections of clients");
        let order_streams = gauge("order_streams", "Nodes to which orders are pushed");
        let serving = gauge("serving", "Whether the database answers: 1 or 0");
        let handshakes_failed = Counter::default();
        registry.register(
            "handshakes_failed",
            "Connections that were given up before their protection was agreed on",
            handshakes_failed.clone(),
        );
        let nodes = Family::default();
        registry.register("nodes", "Registered nodes, by whether they have called lately", nodes.clone());
        let element_age = Family::default();
        let help = "Age of the orbital elements in the middle, by the provider they are for";
        registry.register_with_unit("element_age", help, Unit::Seconds, element_age.clone());
        let elements_refused = Family::default();
        registry.register(
            "elements_refused",
            "Whether the source of orbital elements has refused and is asked no more: 1 or 0",
            elements_refused.clone(),
        );
        Arc::new(Self {
            registry,
            methods: methods().into_iter().chain(OTHERS.map(str::to_owned)).collect(),
            calls,
            durations,
            under_way,
            connections,
            handshakes_failed,
            order_streams,
            nodes,
            element_age,
            elements_refused,
            serving,
        })
    }

    /// The method of a path. Paths that nobody knows count as one: anybody can make them up.
    fn method(&self, path: &str) -> String {
        let method = path.trim_start_matches('/');
        if self.methods.contains(method) { method.to_owned() } else { "other".to_owned() }
    }

    /// Notes that the call of `path` was answered.
    pub(crate) fn answered(&self, path: &str, outcome: &'static str, took: Duration) {
        let method = self.method(path);
        self.durations.get_or_create(&Method { method: method.clone() }).observe(took.as_secs_f64());
        self.calls.get_or_create(&Outcome { method, outcome }).inc();
    }

    pub(crate) fn call(&self) -> Counted {
        Counted::in_gauge(&self.under_way)
    }

    pub(crate) fn connection(&self) -> Counted {
        Counted::in_gauge(&self.connections)
    }

    pub(crate) fn order_stream(&self) -> Counted {
        Counted::in_gauge(&self.order_streams)
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    pub(crate) fn serving(&self, is_serving: bool) {
        self.serving.set(is_serving.into());
    }

    pub(crate) fn take_census(&self, Census { nodes, active, elements }: Census) {
        let set = |contact, count: usize| {
            let gauge = self.nodes.get_or_create(&Contact { contact });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set("active", active);
        set("silent", nodes.saturating_sub(active));
        for ElementsCensus { set, age, is_refused } in elements {
            let set = ElementSet { set };
            self.elements_refused.get_or_create(&set).set(is_refused.into());
            if let Some(age) = age {
                self.element_age.get_or_create(&set).set(age.as_secs());
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The form in which it is told.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

async fn metrics(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPENMETRICS)], metrics.text())
}

async fn healthz(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    match metrics.serving.get() {
        0 => (StatusCode::SERVICE_UNAVAILABLE, "not serving\n"),
        _ => (StatusCode::OK, "serving\n"),
    }
}

/// Tells over HTTP what was counted (`/metrics`), and whether the database answers (`/healthz`),
/// until `stop`. Whoever asks makes nobody look: what is told is what was seen last.
pub(crate) async fn tell(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<()> {
    let routes = Router::new()
        .route("/metrics", get(self::metrics))
        .route("/healthz", get(healthz))
        .with_state(metrics);
    axum::serve(listener, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|e| leoscope_core::Error::while_doing("serve the metrics", e))
}
