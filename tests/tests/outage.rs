//! The database goes away and comes back under load: no request waits for ever, and what clients
//! were told is what is stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::backends::store::StoreLocation;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{Heartbeat, JobParams, JobSpec, NodeUpdate, Run, RunFilter, RunLength};
use leoscope_core::ports::ControlPlane;
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_core::{Error, ErrorKind};
use leoscope_orchestrator::{OrchestratorConfig, build};
use leoscope_tests::mongodb;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as HealthStatus;
use tonic_health::pb::health_client::HealthClient;

const CLIENTS: usize = 12;

/// Longer than the orchestrator may take for any call, whatever its database does.
const DEADLINE: Duration = Duration::from_secs(30);

/// Fails for an answer that takes much longer than the five seconds that existing clients wait.
async fn timely<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), call).await.expect("an answer in time")
}

/// What a client was told of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Stored,
    NotStored,
    Open,
}

fn answer<T>(result: Result<T, Error>) -> Answer {
    match result {
        Ok(_) => Answer::Stored,
        Err(error) => {
            assert!(!error.message().contains("no answer from orchestrator"), "a call hung: {error}");
            match error.kind() {
                ErrorKind::Unavailable => {
                    assert!(error.message().contains("the database cannot be reached"), "{error}");
                    Answer::NotStored
                }
                ErrorKind::Timeout => {
                    assert!(error.message().contains("may or may not have been stored"), "{error}");
                    Answer::Open
                }
                _ => panic!("{error} {:?}", error.what_to_do()),
            }
        }
    }
}

/// Counts of answers, good and bad, that others may wait for.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    good: usize,
    bad: usize,
}

struct Client {
    plane: GrpcClient,
    node: NodeId,
    seen: watch::Sender<Seen>,
    jobs: BTreeMap<JobId, Answer>,
    runs: BTreeMap<RunId, Answer>,
}

impl Client {
    fn note(&self, answer: Answer) {
        self.seen.send_modify(|seen| match answer {
            Answer::Stored => seen.good += 1,
            Answer::NotStored | Answer::Open => seen.bad += 1,
        });
    }

    /// Books jobs one after another, reports a run of each, and calls, until told to stop.
    async fn work(mut self, from: Timestamp, stop: CancellationToken) -> Self {
        for index in 0.. {
            if stop.is_cancelled() {
                break;
            }
            let start = from + SignedDuration::from_secs(60 * index);
            let window = Window::lasting(start, SignedDuration::from_secs(60)).expect("window");
            let spec = JobSpec {
                id: Some(JobId::parse(&format!("{}-{index}", self.node)).expect("id")),
                node: self.node.clone(),
                server: None,
                schedule: Schedule::Once,
                window,
                length: RunLength::from_secs(60).expect("length"),
                overhead: true,
                trigger: None,
                config: "docker: {image: lab/ping:1}".into(),
                params: JobParams::default(),
                policies: Policies::default(),
            };
            let id = spec.id.clone().expect("id");
            let booked = answer(timely(self.plane.schedule_job(spec)).await);
            self.note(booked);
            self.jobs.insert(id.clone(), booked);
            self.note(answer(timely(self.plane.heartbeat(Heartbeat::of(self.node.clone()))).await));
            if booked != Answer::Stored {
                continue;
            }
            let run = RunId::parse(&format!("run-{id}")).expect("id");
            let owner = UserId::parse("admin").expect("id");
            let record = Run::planned(run.clone(), id, self.node.clone(), owner, window);
            let reported = answer(timely(self.plane.report_run(record)).await);
            self.note(reported);
            self.runs.insert(run, reported);
        }
        self
    }
}

/// Waits until each client has had two more answers, good or bad.
async fn until_all(seen: &mut [watch::Receiver<Seen>], count: fn(&Seen) -> usize) {
    let before: Vec<usize> = seen.iter().map(|seen| count(&seen.borrow())).collect();
    for (seen, before) in seen.iter_mut().zip(before) {
        let enough = tokio::time::timeout(DEADLINE * 2, seen.wait_for(|now| count(now) >= before + 2)).await;
        enough.expect("in time").expect("the client works");
    }
}

/// Asks without credentials until the orchestrator says that it is so.
async fn until_health(port: u16, pem: &[u8], wanted: HealthStatus) {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)).domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).expect("endpoint");
    let channel = endpoint.tls_config(tls).expect("tls").connect().await.expect("connected");
    let request = HealthCheckRequest { service: String::new() };
    let mut states = HealthClient::new(channel).watch(request).await.expect("watch").into_inner();
    let seen =
        async { while states.message().await.expect("state").expect("not ended").status() != wanted {} };
    tokio::time::timeout(DEADLINE, seen).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_and_comes_back_makes_no_call_hang_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("directory");
    let Some(mut server) = mongodb::Server::start(&dir.path().join("mongodb")) else { return };
    let config = OrchestratorConfig {
        port: 0,
        store: Some(StoreLocation::MongoDb(mongodb::uri(server.port, "leoscope"))),
        ..OrchestratorConfig::new(dir.path().join("state"))
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let app = build(config).await.expect("orchestrator");
    let pem = std::fs::read(app.certificate_path().expect("tls")).expect("certificate");
    let (port, token) = (app.local_addr().port(), app.admin_token().cloned().expect("token"));
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(app.serve(shutdown.clone()));
    let connect = || {
        let user = UserId::parse("admin").expect("id");
        let config = ClientConfig::new("127.0.0.1", port, Tls::Pem(pem.clone()), user, token.clone());
        GrpcClient::connect(ClientConfig { timeout: DEADLINE, ..config }).expect("client")
    };
    let stop = CancellationToken::new();
    let from = Timestamp::now() + SignedDuration::from_hours(1);
    let (mut clients, mut seen) = (JoinSet::new(), Vec::new());
    for number in 0..CLIENTS {
        let (plane, node) = (connect(), NodeId::parse(&format!("node-{number}")).expect("id"));
        plane.register_node(node.clone(), NodeUpdate::default()).await.expect("node");
        let (sender, receiver) = watch::channel(Seen::default());
        let client = Client { plane, node, seen: sender, jobs: BTreeMap::new(), runs: BTreeMap::new() };
        clients.spawn(client.work(from, stop.clone()));
        seen.push(receiver);
    }
    until_all(&mut seen, |seen| seen.good).await;
    for signal in ["TERM", "KILL"] {
        server.stop(signal);
        until_all(&mut seen, |seen| seen.bad).await;
        server.resume();
        until_all(&mut seen, |seen| seen.good).await;
    }
    // It is there, but does not answer.
    server.signal("STOP");
    until_all(&mut seen, |seen| seen.bad).await;
    server.signal("CONT");
    until_all(&mut seen, |seen| seen.good).await;
    // What a load balancer sees.
    server.signal("STOP");
    until_health(port, &pem, HealthStatus::NotServing).await;
    server.signal("CONT");
    until_health(port, &pem, HealthStatus::Serving).await;
    stop.cancel();
    let clients = clients.join_all().await;

    let admin: Arc<dyn ControlPlane> = Arc::new(connect());
    let (mut told, mut counts) = (0, BTreeMap::new());
    for client in &clients {
        let jobs = admin.jobs_on_node(&client.node).await.expect("jobs");
        let filter = RunFilter { node: Some(client.node.clone()), ..RunFilter::default() };
        let runs = admin.runs(&filter).await.expect("runs");
        let jobs = client
            .jobs
            .iter()
            .map(|(id, told)| (id.to_string(), *told, jobs.iter().any(|job| job.id == *id)));
        let runs = client
            .runs
            .iter()
            .map(|(id, told)| (id.to_string(), *told, runs.iter().any(|run| run.id == *id)));
        for (id, answer, is_stored) in jobs.chain(runs) {
            match answer {
                Answer::Stored => assert!(is_stored, "{id} was acknowledged and is lost"),
                Answer::NotStored => assert!(!is_stored, "{id} was said not to be stored and is"),
                Answer::Open => {}
            }
            told += 1;
            *counts.entry(format!("{answer:?}")).or_insert(0) += 1;
        }
    }
    assert!(counts["Stored"] >= CLIENTS * 3 && counts["NotStored"] > 0, "{counts:?} of {told}");
    shutdown.cancel();
    serving.await.expect("server").expect("served");
}
