use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::Full;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::RunId;
use leoscope_core::model::{JobParams, JobSpec, NewUser, NodeUpdate, Role, Run, RunLength, Secret};
use leoscope_core::ports::ControlPlane;
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{Timestamp, Window};
use leoscope_core::{ErrorKind, Result};
use leoscope_orchestrator::{App, OrchestratorConfig, Reloader, build};
use leoscope_tests::logs;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tower::{Service as _, ServiceExt as _};

/// A served orchestrator in a directory of its own.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: Vec<u8>,
    pub(crate) admin_token: Secret,
    /// Where metrics are told, in worlds that tell them.
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) reloader: Reloader,
    dir: tempfile::TempDir,
    stop: CancellationToken,
    serving: Option<JoinHandle<Result<()>>>,
}

pub(crate) fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("id")
}

pub(crate) fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

pub(crate) fn user(name: &str, role: Role) -> NewUser {
    NewUser { id: id(name), name: format!("Name of {name}"), role, team: "lab".into() }
}

/// Makes a call with an empty message, as the headers of its answer tell.
pub(crate) async fn empty_call(channel: &mut Channel, path: &str, credentials: &[(&str, &str)]) -> Status {
    let mut request = http::Request::post(format!("/{path}")).header("content-type", "application/grpc");
    for (name, value) in credentials {
        request = request.header(*name, *value);
    }
    let message = Full::new(bytes::Bytes::from_static(&[0; 5]));
    let request = request.body(Body::new(message)).expect("request");
    let answer = channel.ready().await.expect("ready").call(request).await.expect("answer");
    Status::from_header_map(answer.headers()).unwrap_or_else(|| Status::ok(""))
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// One with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut OrchestratorConfig)) -> Self {
        logs::record();
        let dir = tempfile::tempdir().expect("directory");
        let mut config = OrchestratorConfig { port: 0, ..OrchestratorConfig::new(dir.path()) };
        change(&mut config);
        let app = build(config).await.expect("app");
        let mut world = Self {
            address: app.local_addr(),
            certificate: app
                .certificate_path()
                .map(std::fs::read)
                .transpose()
                .expect("pem")
                .unwrap_or_default(),
            metrics: app.metrics_addr(),
            reloader: app.reloader(),
            admin_token: app.admin_token().cloned().expect("token"),
            dir,
            stop: CancellationToken::new(),
            serving: None,
        };
        world.serve(app);
        world
    }

    fn serve(&mut self, app: App) {
        self.stop = CancellationToken::new();
        self.serving = Some(tokio::spawn(app.serve(self.stop.clone())));
    }

    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        let serving = self.serving.take().expect("serving");
        serving.await.expect("no panic").expect("a clean end");
    }

    /// Starts again on the same port, in the same directory.
    pub(crate) async fn restart(&mut self) {
        let config =
            OrchestratorConfig { port: self.address.port(), ..OrchestratorConfig::new(self.dir.path()) };
        let app = build(config).await.expect("app");
        self.certificate = std::fs::read(app.certificate_path().expect("tls")).expect("certificate");
        self.admin_token = app.admin_token().cloned().expect("token");
        self.serve(app);
    }

    pub(crate) fn config(&self, user: &str, token: &Secret) -> ClientConfig {
        if token.expose().len() == 64 {
            logs::plant(token.expose());
        }
        let tls =
            if self.certificate.is_empty() { Tls::Plaintext } else { Tls::Pem(self.certificate.clone()) };
        let config = ClientConfig::new("127.0.0.1", self.address.port(), tls, id(user), token.clone());
        // A busy machine must not fail a test of what is said, not of how fast.
        ClientConfig { timeout: Duration::from_secs(20), ..config }
    }

    pub(crate) fn client(&self, user: &str, token: &Secret) -> GrpcClient {
        GrpcClient::connect(self.config(user, token)).expect("client")
    }

    /// A connection for calls of any kind.
    pub(crate) async fn channel(&self) -> Channel {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.certificate))
            .domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).expect("endpoint");
        endpoint.tls_config(tls).expect("tls").connect().await.expect("connected")
    }

    /// The directory it keeps everything in.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn admin(&self) -> GrpcClient {
        self.client("admin", &self.admin_token)
    }

    /// Registers a researcher and gives its client.
    pub(crate) async fn researcher(&self, name: &str) -> GrpcClient {
        let token = self.admin().register_user(user(name, Role::User)).await.expect("user");
        self.client(name, &token)
    }

    /// Registers a node and gives its client.
    pub(crate) async fn node(&self, name: &str) -> GrpcClient {
        let token = self.admin().register_node(id(name), NodeUpdate::default()).await.expect("node");
        self.client(name, &token)
    }

    /// A cron job on `node-seattle` that runs each minute of tomorrow's first ten.
    pub(crate) fn spec(&self, job: &str) -> JobSpec {
        let day = 24 * 60 * 60;
        let start = (Timestamp::now().as_second() / day + 1) * day;
        let at = |second| Timestamp::from_second(start + second).expect("time");
        JobSpec {
            id: Some(id(job)),
            node: id("node-seattle"),
            server: None,
            schedule: Schedule::Cron(id("* * * * *")),
            window: Window::new(at(0), at(600)).expect("window"),
            length: RunLength::from_secs(30).expect("length"),
            overhead: true,
            trigger: None,
            config: "docker: {image: lab/ping}\n".into(),
            params: JobParams::default(),
            policies: Policies::default(),
        }
    }

    /// Books `job` and gives its first runs as its node would report them.
    pub(crate) async fn runs(&self, researcher: &GrpcClient, job: &str, count: usize) -> Vec<Run> {
        let booked = researcher.schedule_job(self.spec(job)).await.expect("schedule");
        let job = researcher.job(&booked.id).await.expect("get").expect("there");
        let run = |window: Window| {
            let run = RunId::derive(&job.id, job.created, window.start());
            Run::planned(run, job.id.clone(), job.node.clone(), job.owner.clone(), window)
        };
        job.occurrences().take(count).map(|occurrence| run(occurrence.window)).collect()
    }
}
