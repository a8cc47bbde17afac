//! How long a booking takes over gRPC and TLS, with SQLite, on a node with many jobs.
//!
//! `cargo bench -p leoscope-tests --bench booking`
//!
//! Client and server share the machine. Each booking is durable when it is answered, so the disk
//! takes part.

use std::time::{Duration, Instant};

use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{JobParams, JobSpec, NodeUpdate, RunLength};
use leoscope_core::ports::ControlPlane;
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_core::{ErrorKind, Result};
use leoscope_orchestrator::{OrchestratorConfig, build};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const JOBS: usize = 1_000;
const BOOKINGS: usize = 1_000;
const CLIENTS: usize = 8;

fn spec(id: &str, schedule: Schedule, from: Timestamp, secs: i64) -> JobSpec {
    JobSpec {
        id: Some(JobId::parse(id).expect("id")),
        node: NodeId::parse("node").expect("id"),
        server: None,
        schedule,
        window: Window::new(from, from + SignedDuration::from_hours(24 * 365)).expect("window"),
        length: RunLength::from_secs(secs).expect("length"),
        overhead: true,
        trigger: None,
        // As long as those of real experiments.
        config: format!("docker: {{image: lab/ping:1}}\nenvironment: {{NOTE: \"{}\"}}\n", "x".repeat(1_000)),
        params: JobParams::default(),
        policies: Policies::default(),
    }
}

/// One of the jobs that are there: a minute of the day each, never the first of an hour.
fn resident(index: usize) -> Schedule {
    let (minute, hour) = (1 + index % 59, index / 59);
    Schedule::Cron(CronExpr::parse(&format!("{minute} {hour} * * *")).expect("cron"))
}

/// The free first minute of an hour and month day of the client's own.
fn visitor(index: usize) -> Schedule {
    let (hour, day) = (index % 24, index / 24 % 28 + 1);
    Schedule::Cron(CronExpr::parse(&format!("0 {hour} {day} * *")).expect("cron"))
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 1_000].as_secs_f64() * 1e3;
    #[expect(clippy::print_stdout, reason = "a bench shows its result")]
    {
        println!(
            "{what:45} {:5} calls   p50 {:7.2} ms   p90 {:7.2} ms   p99 {:7.2} ms   max {:7.2} ms",
            times.len(),
            at(500),
            at(900),
            at(990),
            at(1_000),
        );
    }
}

async fn timed<T>(call: impl Future<Output = Result<T>>) -> (Duration, Result<T>) {
    let begun = Instant::now();
    let answer = call.await;
    (begun.elapsed(), answer)
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = tempfile::tempdir().expect("directory");
    let mut config = OrchestratorConfig { port: 0, ..OrchestratorConfig::new(dir.path()) };
    // How fast it is is what is measured.
    config.limits.calls_per_second = None;
    let app = build(config).await.expect("orchestrator");
    let pem = std::fs::read(app.certificate_path().expect("tls")).expect("certificate");
    let (port, token) = (app.local_addr().port(), app.admin_token().cloned().expect("token"));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(app.serve(stop.clone()));
    let client = || {
        let user = UserId::parse("admin").expect("id");
        let config = ClientConfig::new("127.0.0.1", port, Tls::Pem(pem.clone()), user, token.clone());
        GrpcClient::connect(config).expect("client")
    };

    let one = client();
    one.register_node(NodeId::parse("node").expect("id"), NodeUpdate::default()).await.expect("node");
    let from = Timestamp::now() + SignedDuration::from_hours(1);
    let mut filling = Vec::new();
    for index in 0..JOBS {
        let (time, answer) =
            timed(one.schedule_job(spec(&format!("job-{index}"), resident(index), from, 50))).await;
        answer.expect("booked");
        filling.push(time);
    }
    report("filling an empty node, one client", filling);

    let (mut accepted, mut refused, mut planned) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..BOOKINGS {
        let new = spec(&format!("new-{index}"), visitor(index), from, 60);
        let id = new.id.clone().expect("id");
        let (time, answer) = timed(one.schedule_job(new)).await;
        answer.expect("booked");
        accepted.push(time);
        one.delete_job(&id).await.expect("deleted");
        let taken = spec(&format!("no-{index}"), resident(index % JOBS), from, 10);
        let (time, answer) = timed(one.plan_job(taken.clone(), 5)).await;
        assert!(answer.expect("planned").refusal.is_some());
        planned.push(time);
        let (time, answer) = timed(one.schedule_job(taken)).await;
        assert_eq!(answer.expect_err("taken").kind(), ErrorKind::Conflict);
        refused.push(time);
    }
    report(&format!("booking beside {JOBS} jobs, one client"), accepted);
    report(&format!("refusal beside {JOBS} jobs, one client"), refused);
    report(&format!("plan beside {JOBS} jobs, one client"), planned);

    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = client();
        clients.spawn(async move {
            let mut times = Vec::new();
            for index in 0..BOOKINGS / CLIENTS {
                let place = index * CLIENTS + number;
                let new = spec(&format!("new-{place}"), visitor(place), from, 60);
                let id = new.id.clone().expect("id");
                let (time, answer) = timed(client.schedule_job(new)).await;
                answer.expect("booked");
                times.push(time);
                client.delete_job(&id).await.expect("deleted");
            }
            times
        });
    }
    let times = clients.join_all().await.into_iter().flatten().collect();
    report(&format!("booking beside {JOBS} jobs, {CLIENTS} clients at once"), times);

    stop.cancel();
    serving.await.expect("server").expect("served");
}
