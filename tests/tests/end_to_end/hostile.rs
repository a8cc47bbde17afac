//! Requests that no client of good will sends, against a running orchestrator: none may stop it,
//! hang, or make it grow.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::Full;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::model::{NewUser, NodeUpdate, Role, RunFilter, Secret};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::{Message as _, metadata, methods, unary, v1};
use leoscope_core::time::{SignedDuration, Timestamp, wire_time};
use leoscope_tests::{free_port, logs};
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tower::{Service as _, ServiceExt as _};

use crate::lab::{Process, binary};

/// Streams in which there may be nothing to tell for long.
const QUIET: [&str; 3] = ["Logs/WatchFollowers", "Logs/Follow", "Readings/WatchReadings"];

/// How many requests are sent.
const REQUESTS: u64 = 100_000;

/// How many are under way at once.
const AT_ONCE: u64 = 16;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much memory may be in use more at the end than after the first fifth, in bytes. What the
/// requests have booked fills caches; a leak of a kilobyte a request would be 80 MB.
const GROWTH: u64 = 48 << 20;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).expect("below")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len())]
    }
}

/// A field of a message as it is on the wire.
#[derive(Clone)]
struct Field {
    number: u64,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(Vec<u8>),
    Fixed32([u8; 4]),
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// The fields of a message, if it is one.
fn fields(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes)?;
        let mut take = |count: usize| {
            let (taken, rest) = bytes.split_at_checked(count)?;
            bytes = rest;
            Some(taken.to_vec())
        };
        let value = match key & 7 {
            1 => Value::Fixed64(take(8)?.try_into().ok()?),
            5 => Value::Fixed32(take(4)?.try_into().ok()?),
            0 => Value::Varint(take_varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                let (taken, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Value::Bytes(taken.to_vec())
            }
            _ => return None,
        };
        found.push(Field { number: key >> 3, value });
    }
    Some(found)
}

fn encode(fields: &[Field]) -> Vec<u8> {
    let mut to = Vec::new();
    for Field { number, value } in fields {
        match value {
            Value::Varint(value) => {
                put_varint(&mut to, number << 3);
                put_varint(&mut to, *value);
            }
            Value::Fixed64(bytes) => {
                put_varint(&mut to, number << 3 | 1);
                to.extend(bytes);
            }
            Value::Bytes(bytes) => {
                put_varint(&mut to, number << 3 | 2);
                put_varint(&mut to, bytes.len() as u64);
                to.extend(bytes);
            }
            Value::Fixed32(bytes) => {
                put_varint(&mut to, number << 3 | 5);
                to.extend(bytes);
            }
        }
    }
    to
}

/// Texts that have broken programs before.
const TEXTS: [&str; 30] = [
    "",
    " ",
    "-",
    ".",
    "..",
    "../../etc/passwd",
    "a/../b",
    "a\0b",
    "'; DROP TABLE jobs; --",
    "{\"$gt\": \"\"}",
    "${jndi:ldap://x}",
    "%s%n%x",
    "ünï\u{202e}çødé",
    "\u{1b}[2J",
    "* * * * *",
    "* * * * * *",
    "*/0 * * * *",
    "0 0 30 2 *",
    "59-0 99 * * 8",
    "0 0 L * 1#5",
    "9999-12-31T23:59:59.999999",
    "0000-00-00T00:00:00",
    "-9999-01-01T00:00:00Z",
    "2026-12-01T00:00:00+99:99",
    "1e400,NaN",
    "satellite_elevation > ((((((((((",
    "docker: {image: &a [*a, *a]}",
    "&a [&b [&c [*a, *b]]]",
    "NaN",
    "18446744073709551616",
];

const NUMBERS: [u64; 9] = [
    0,
    1,
    u64::MAX,
    i32::MAX as u64,
    i32::MIN as u64,
    i64::MAX as u64,
    i64::MIN as u64,
    1 << 40,
    86_400_000_000,
];

/// `message` with some of its fields changed, dropped, doubled or made something else.
fn twisted(dice: &mut Dice, message: &[u8], depth: usize) -> Vec<u8> {
    let Some(mut fields) = fields(message).filter(|_| depth < 4) else { return broken(dice, message) };
    if fields.is_empty() {
        fields.push(Field { number: 1, value: Value::Bytes(Vec::new()) });
    }
    for _ in 0..=dice.below(3) {
        if fields.is_empty() {
            break;
        }
        let at = dice.below(fields.len());
        match dice.below(8) {
            0 => drop(fields.remove(at)),
            1 => fields.push(fields[at].clone()),
            2 => fields[at].number = 1 + dice.roll() % 120,
            3 => fields[at].value = Value::Varint(*dice.pick(&NUMBERS)),
            4 => fields[at].value = Value::Bytes(dice.pick(&TEXTS).as_bytes().to_vec()),
            5 if dice.one_in(20) => fields[at].value = Value::Bytes(vec![b'a'; 1 << (10 + dice.below(7))]),
            6 if dice.one_in(2) => {
                let value = [Value::Fixed32(*b"\xff\xff\xff\x7f"), Value::Fixed64(dice.roll().to_le_bytes())];
                fields[at].value = dice.pick(&value).clone();
            }
            _ => match &mut fields[at].value {
                Value::Bytes(bytes) => *bytes = twisted(dice, &bytes.clone(), depth + 1),
                Value::Varint(value) => *value ^= 1 << dice.below(64),
                Value::Fixed32(_) | Value::Fixed64(_) => {}
            },
        }
    }
    encode(&fields)
}

/// `bytes` with some of them changed, added or lost.
fn broken(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, dice.roll() as u8),
            2 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            _ => {
                let noise: Vec<u8> = (0..dice.below(12)).map(|_| dice.roll() as u8).collect();
                bytes.splice(at..at, noise);
            }
        }
    }
    bytes
}

/// The body of a call with `message`; now and then what stands before it lies about it.
fn body(dice: &mut Dice, message: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(message.len() + 5);
    let (flag, length) = match dice.below(40) {
        0 => (dice.roll() as u8, message.len()),
        1 => (0, dice.below(1 << 33)),
        _ => (0, message.len()),
    };
    body.put_u8(flag);
    body.put_u32(length as u32);
    body.put_slice(message);
    if dice.one_in(60) {
        body.put_slice(message);
    }
    body.freeze()
}

/// A good request for each call, as far as it takes one.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let text = |text: &str| text.to_owned();
    let time = |hours| wire_time(Timestamp::now() + SignedDuration::from_hours(hours));
    let job = unary::ScheduleJobRequest {
        id: text("exp"),
        nodeid: text("node-1"),
        schedule: text("*/7 * * * *"),
        start_date: time(24),
        end_date: time(240),
        length_secs: 60,
        overhead: true,
        server: Some(text("node-2")),
        trigger: Some(text("satellite_elevation > 40")),
        config: text("docker: {image: a:1}"),
        policies: Some(unary::Policies { time_zone: text("Europe/Berlin"), ..Default::default() }),
        ..Default::default()
    };
    let run = unary::RunInstance {
        runid: text("run-1"),
        jobid: text("exp"),
        nodeid: text("node-1"),
        userid: text("someone"),
        start_time: time(24),
        end_time: time(25),
        status: text("EXECUTING"),
        stage: Some(text("EXECUTE")),
        exit_code: Some(1),
        ..Default::default()
    };
    let event = unary::JobEvent {
        event_id: text("event-1"),
        jobid: text("exp"),
        runid: text("run-1"),
        nodeid: text("node-1"),
        occurrence: time(24),
        stage: text("TRIGGER"),
        outcome: text("WARN"),
        timestamp: time(24),
        ..Default::default()
    };
    let node = unary::Node { nodeid: text("node-3"), coords: text("47.6,-122.3"), ..Default::default() };
    let task = unary::Task {
        r#type: 1,
        taskid: text("task-1"),
        runid: text("run-1"),
        jobid: text("exp"),
        nodeid: text("node-2"),
        status: 1,
        ttl_secs: 60,
        address: None,
    };
    let user = unary::RegisterUserRequest { id: text("new"), name: text("N"), role: 1, team: text("t") };
    let slots = v1::FindSlotsRequest::default();
    let named: Vec<(&str, Vec<u8>)> = vec![
        ("schedule_job", job.encode_to_vec()),
        ("PlanJob", v1::PlanJobRequest { job: Some(job.clone()), runs: 5 }.encode_to_vec()),
        ("FindSlots", slots.encode_to_vec()),
        (
            "modify_job",
            unary::ModifyJobRequest { jobid: text("exp"), length_secs: Some(30), ..Default::default() }
                .encode_to_vec(),
        ),
        (
            "reschedule_job_nearest",
            unary::RescheduleJobRequest { jobid: text("once"), starttime: time(1), endtime: time(99) }
                .encode_to_vec(),
        ),
        ("update_run", unary::UpdateRunRequest { run: Some(run) }.encode_to_vec()),
        ("report_job_event", unary::ReportJobEventRequest { event: Some(event) }.encode_to_vec()),
        ("register_node", unary::RegisterNodeRequest { node: Some(node) }.encode_to_vec()),
        ("schedule_task", unary::ScheduleTaskRequest { task: Some(task) }.encode_to_vec()),
        ("register_user", user.encode_to_vec()),
        (
            "modify_user",
            unary::ModifyUserRequest { id: text("other"), role: 3, ..Default::default() }.encode_to_vec(),
        ),
        (
            "get_scheduled_runs",
            unary::GetScheduledRunsRequest { nodeid: text("node-1"), start: time(0), end: time(2_000) }
                .encode_to_vec(),
        ),
        (
            "get_runs",
            unary::GetRunsRequest { jobid: Some(text("exp")), limit: Some(3), ..Default::default() }
                .encode_to_vec(),
        ),
        (
            "update_node",
            unary::UpdateNodeRequest {
                nodeid: text("node-1"),
                coords: Some(text("1,2")),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
    ];
    let of = |path: &str| {
        let method = path.rsplit('/').next().unwrap_or_default();
        let found = named.iter().find(|(name, _)| *name == method).map(|(_, bytes)| bytes.clone());
        // Nearly all others take one id.
        found.unwrap_or_else(|| unary::GetJobRequest { jobid: text("node-1") }.encode_to_vec())
    };
    let reflection = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let more = [reflection, "grpc.health.v1.Health/Check", "unary.LeotestOrchestrator/nothing"];
    let paths = methods().into_iter().chain(more.map(text));
    // Whoever may not call any more finds out nothing.
    let paths = paths.filter(|path| !path.ends_with("Token"));
    paths
        .map(|path| {
            let seed = of(&path);
            (path, seed)
        })
        .collect()
}

struct Target {
    process: Process,
    port: u16,
    metrics_port: u16,
    pem: Vec<u8>,
    dir: tempfile::TempDir,
}

impl Target {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let (port, metrics_port) = (free_port(), free_port());
        let process = Process::spawn(
            Command::new(binary("leoscope-orchestrator"))
                .env("LEOSCOPE_ELEMENTS", "none")
                .arg(format!("--metrics-address=127.0.0.1:{metrics_port}"))
                .args(["--grpc-port", &port.to_string(), "--rate-limit=0", "--log=info", "--state-dir"])
                .arg(dir.path().join("state"))
                .env_remove("LEOSCOPE_LOG"),
            dir.path().join("hostile.log"),
        );
        process.wait_for_log("orchestrator is listening");
        let pem = fs::read(dir.path().join("state/certs/server.crt")).expect("certificate");
        Self { process, port, metrics_port, pem, dir }
    }

    fn client(&self, user: &str, token: &Secret) -> GrpcClient {
        let tls = Tls::Pem(self.pem.clone());
        let config = ClientConfig::new("127.0.0.1", self.port, tls, user.parse().expect("id"), token.clone());
        GrpcClient::connect(ClientConfig { timeout: PATIENCE, ..config }).expect("client")
    }

    async fn channel(&self) -> Channel {
        let tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.pem)).domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{}", self.port)).expect("endpoint");
        endpoint.tls_config(tls).expect("tls").connect_lazy()
    }

    /// What it has counted.
    fn metrics(&self) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.metrics_port)).expect("connected");
        connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("asked");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("answered");
        answer
    }

    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("kB") * 1024
    }
}

#[derive(Clone)]
struct Callers(Vec<(&'static str, String)>);

async fn send(
    channel: &mut Channel,
    path: &str,
    caller: &(&'static str, String),
    body: Bytes,
) -> Result<(), String> {
    let request = http::Request::post(format!("/{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header(metadata::USER, caller.0)
        .header(metadata::TOKEN, &caller.1)
        .body(Body::new(Full::new(body)))
        .expect("request");
    let answer = async {
        let response = channel.ready().await.map_err(|e| e.to_string())?.call(request).await;
        let mut response = response.map_err(|e| format!("no answer: {e:?}"))?.into_body();
        // What is answered when there is something to tell is left at once.
        if QUIET.iter().any(|stream| path.ends_with(stream)) {
            return Ok(());
        }
        // Streams that stay open are left after their first part.
        while let Some(frame) = http_body_util::BodyExt::frame(&mut response).await {
            let is_last = frame.map_err(|e| format!("half an answer: {e:?}"))?.is_trailers();
            if is_last || path.ends_with("WatchOrders") || path.ends_with("WatchReaders") {
                break;
            }
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, answer).await.map_err(|_| "no answer in time".to_owned())?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_mutated_requests_neither_stop_it_nor_make_it_grow() {
    let mut target = Target::start();
    let admin_token = fs::read_to_string(target.dir.path().join("state/admin-token")).expect("token");
    let admin_token = Secret::new(admin_token.trim());
    logs::plant(admin_token.expose());
    let admin = target.client("admin", &admin_token);
    let mut callers = vec![("admin", admin_token.expose().to_owned()), ("nobody", "wrong".to_owned())];
    for (id, role) in [("someone", Role::User), ("keeper", Role::NodeOwner), ("other", Role::User)] {
        let user = NewUser { id: id.parse().expect("id"), name: String::new(), role, team: String::new() };
        let token = admin.register_user(user).await.expect("user");
        callers.push((id, token.expose().to_owned()));
    }
    for id in ["node-1", "node-2"] {
        let token = admin.register_node(id.parse().expect("id"), NodeUpdate::default()).await.expect("node");
        callers.push((id, token.expose().to_owned()));
    }
    let (seeds, callers) = (Arc::new(seeds()), Callers(callers));
    let (sent, fifth) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE {
        let (seeds, callers) = (Arc::clone(&seeds), callers.clone());
        let (sent, fifth) = (Arc::clone(&sent), Arc::clone(&fifth));
        let mut channel = target.channel().await;
        tasks.spawn(async move {
            let mut dice = Dice(worker + 1);
            loop {
                match sent.fetch_add(1, Ordering::Relaxed) {
                    REQUESTS.. => break,
                    count if count == REQUESTS / 5 => fifth.notify_one(),
                    _ => {}
                }
                let (path, seed) = dice.pick(&seeds);
                let caller = dice.pick(&callers.0);
                let message = match dice.below(4) {
                    0 => broken(&mut dice, seed),
                    1 if dice.one_in(10) => seed.clone(),
                    _ => twisted(&mut dice, seed, 0),
                };
                let body = body(&mut dice, &message);
                if let Err(fault) = send(&mut channel, path, caller, body.clone()).await {
                    panic!("{path} by {}: {fault}: {:02x?}", caller.0, &body[..body.len().min(400)]);
                }
            }
        });
    }
    let early = loop {
        tokio::select! {
            () = fifth.notified() => break target.memory(),
            ended = tasks.join_next() => ended.expect("one works").expect("every request is answered"),
        }
    };
    while let Some(ended) = tasks.join_next().await {
        ended.expect("every request is answered");
    }
    let late = target.memory();
    assert!(late < early + GROWTH, "from {early} to {late} bytes");
    admin.runs(&RunFilter::default()).await.expect("it serves as before");
    let log = fs::read_to_string(target.dir.path().join("hostile.log")).expect("log");
    for bad in ["panicked", "a fault of this program", "a call failed"] {
        let line = log.lines().find(|line| line.contains(bad));
        assert_eq!(line, None, "in the log");
    }
    let counted = target.metrics();
    let calls = |outcome: &str| -> u64 {
        let lines = counted.lines().filter(|line| line.starts_with("leoscope_calls_total{"));
        let of_outcome = lines.filter(|line| line.contains(outcome));
        of_outcome.map(|line| line.rsplit(' ').next().expect("count").parse::<u64>().expect("count")).sum()
    };
    assert!(calls("") >= REQUESTS, "every request was counted");
    assert_eq!(calls("outcome=\"internal\""), 0, "no request is taken for a fault of the server");
    // They reach what they are to reach.
    for outcome in ["ok", "invalid_argument", "not_found", "permission_denied", "unauthenticated"] {
        assert!(calls(&format!("outcome=\"{outcome}\"")) > 0, "{outcome}:\n{counted}");
    }
    assert!(target.process.terminate().success(), "it stops as it should");
}
