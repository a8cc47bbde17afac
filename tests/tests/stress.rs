//! Many clients book the same time at once, on every store: no two accepted jobs overlap.

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use leoscope_core::ErrorKind;
use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::store::{MemoryStore, MongoStore, SqliteStore};
use leoscope_core::control::Service;
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{Caller, Job, JobChange, JobParams, JobSpec, NodeUpdate, Role, RunLength};
use leoscope_core::ports::{Clock, ControlPlane, Store};
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_tests::mongodb;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const CLIENTS: usize = 64;
const BOOKINGS: usize = 6;
const NODES: usize = 4;

/// Orchestrators over one store: one that shares an object, or several that share a file, as
/// several processes do.
async fn orchestrators(stores: Vec<Arc<dyn Store>>, dir: &Path) -> Vec<Arc<Service>> {
    let artifacts = Arc::new(DirectoryStore::new(dir.join("artifacts")).await.expect("artifacts"));
    let service = |store| Service::new(store, artifacts.clone(), Arc::new(SystemClock));
    stores.into_iter().map(service).collect()
}

fn session(service: &Arc<Service>, id: &str, role: Role) -> Arc<dyn ControlPlane> {
    Arc::new(service.session(Caller { id: UserId::parse(id).expect("id"), role }))
}

fn node(index: usize) -> NodeId {
    NodeId::parse(&format!("node-{index}")).expect("id")
}

/// Jobs within a day, on any node, with any other as server, most of them in each other's way.
fn jobs(from: Timestamp) -> impl Strategy<Value = JobSpec> {
    let schedule = prop_oneof![
        Just(Schedule::Once),
        (0..60u8, 0..24u8).prop_map(|(minute, hour)| cron(&format!("{minute} {hour} * * *"))),
        (0..20u8, 20..40u8).prop_map(|(minute, step)| cron(&format!("{minute}-59/{step} * * * *"))),
    ];
    (schedule, 0..NODES, 0..=NODES, 0..86_400i64, 60..3_600i64).prop_map(
        move |(schedule, index, server, start, length)| {
            let start = from + SignedDuration::from_secs(start);
            let longest = if schedule == Schedule::Once { length } else { length.min(900) };
            JobSpec {
                id: None,
                node: node(index),
                server: (server < NODES && server != index).then(|| node(server)),
                schedule,
                window: Window::new(start, start + SignedDuration::from_hours(48)).expect("window"),
                length: RunLength::from_secs(longest).expect("length"),
                overhead: true,
                trigger: None,
                config: "docker: {image: lab/ping:1}".into(),
                params: JobParams::default(),
                policies: Policies::default(),
            }
        },
    )
}

fn cron(text: &str) -> Schedule {
    Schedule::Cron(CronExpr::parse(text).expect(text))
}

/// Fails if two jobs that share a node overlap, by their lists of windows.
fn assert_free_of_conflicts(jobs: &[Job]) {
    let windows: Vec<Vec<Window>> =
        jobs.iter().map(|job| job.occurrences().map(|occurrence| occurrence.reserved).collect()).collect();
    for (a, windows_a) in jobs.iter().zip(&windows) {
        for (b, windows_b) in jobs.iter().zip(&windows).filter(|(b, _)| a.id < b.id) {
            if !a.nodes().any(|node| b.involves(node)) {
                continue;
            }
            for x in windows_a {
                assert!(!windows_b.iter().any(|y| x.overlap(y).is_some()), "{x}: {a:#?} and {b:#?}");
            }
        }
    }
}

async fn stress(services: Vec<Arc<Service>>) {
    let admin = session(&services[0], "admin", Role::Admin);
    for index in 0..NODES {
        admin.register_node(node(index), NodeUpdate::default()).await.expect("node");
    }
    let from = SystemClock.now() + SignedDuration::from_hours(1);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let start = Arc::new(Barrier::new(CLIENTS));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let wishes: Vec<JobSpec> =
            (0..BOOKINGS).map(|_| jobs(from).new_tree(&mut runner).expect("job").current()).collect();
        let plane = session(&services[client % services.len()], &format!("user-{client}"), Role::User);
        let start = Arc::clone(&start);
        clients.spawn(async move {
            start.wait().await;
            let mut accepted: Vec<JobId> = Vec::new();
            for (index, wish) in wishes.into_iter().enumerate() {
                // Some also change what they have, or give it back.
                if let (1, Some(id)) = (index % 3, accepted.last()) {
                    let change = JobChange { schedule: Some(wish.schedule.clone()), ..JobChange::default() };
                    refused_or_done(plane.modify_job(id, change).await);
                }
                if let (2, Some(id)) = (index % 3, accepted.last()) {
                    let within = Window::new(from, from + SignedDuration::from_hours(72)).expect("window");
                    refused_or_done(plane.reschedule_job(id, within).await);
                }
                if client % 5 == 0
                    && index == 4
                    && let Some(id) = accepted.pop()
                {
                    while refused_or_done(plane.delete_job(&id).await).is_none() {}
                }
                if let Some(booked) = refused_or_done(plane.schedule_job(wish).await) {
                    accepted.push(booked.id);
                }
            }
            accepted
        });
    }
    let accepted: Vec<JobId> = clients.join_all().await.into_iter().flatten().collect();
    let mut booked: Vec<Job> = Vec::new();
    for index in 0..NODES {
        let listed = admin.jobs_on_node(&node(index)).await.expect("jobs");
        booked.extend(listed.into_iter().filter(|job| job.node == node(index)));
    }
    assert_free_of_conflicts(&booked);
    let mut told = accepted;
    told.sort();
    let mut stored: Vec<JobId> = booked.into_iter().map(|job| job.id).collect();
    stored.sort();
    assert_eq!(stored, told, "what clients were told is what is stored");
    let (count, asked) = (stored.len(), CLIENTS * BOOKINGS);
    assert!(count > 10 && count < asked, "{count} of {asked} were accepted");
}

/// The only refusals are those of the testbed's rules; nothing fails under load.
fn refused_or_done<T>(result: leoscope_core::Result<T>) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(error) => {
            // The server of the tests is slow enough that some wait too long.
            let waited = error.kind() == ErrorKind::Unavailable && error.message().starts_with("too many");
            if waited {
                return None;
            }
            let expected = [ErrorKind::Conflict, ErrorKind::InvalidArgument, ErrorKind::Unsupported];
            assert!(expected.contains(&error.kind()), "{error}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_in_memory() {
    let dir = tempfile::tempdir().expect("directory");
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let services = orchestrators(vec![Arc::clone(&store), store], dir.path()).await;
    stress(services).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_in_sqlite() {
    let dir = tempfile::tempdir().expect("directory");
    let open =
        || Arc::new(SqliteStore::open(&dir.path().join("leoscope.db")).expect("store")) as Arc<dyn Store>;
    stress(orchestrators(vec![open(), open(), open()], dir.path()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_in_mongodb() {
    let dir = tempfile::tempdir().expect("directory");
    let Some(uri) = mongodb::database() else { return };
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..3 {
        stores.push(Arc::new(MongoStore::connect(&uri).await.expect("store")));
    }
    stress(orchestrators(stores, dir.path()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_at_another_process_reaches_the_node_through_sqlite() {
    let dir = tempfile::tempdir().expect("directory");
    let open =
        || Arc::new(SqliteStore::open(&dir.path().join("leoscope.db")).expect("store")) as Arc<dyn Store>;
    a_booking_at_another_process_reaches_the_node([open(), open()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_at_another_process_reaches_the_node_through_mongodb() {
    let Some(uri) = mongodb::database() else { return };
    let first = Arc::new(MongoStore::connect(&uri).await.expect("store"));
    let second = Arc::new(MongoStore::connect(&uri).await.expect("store"));
    a_booking_at_another_process_reaches_the_node([first, second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_at_another_process_reaches_the_node_through_a_database_that_tells_nothing() {
    let dir = tempfile::tempdir().expect("directory");
    let Some(server) = mongodb::Server::start_without_change_streams(&dir.path().join("mongodb")) else {
        return;
    };
    let uri = mongodb::uri(server.port, "leoscope");
    let first = Arc::new(MongoStore::connect(&uri).await.expect("store"));
    let second = Arc::new(MongoStore::connect(&uri).await.expect("store"));
    a_booking_at_another_process_reaches_the_node([first, second]).await;
}

/// A node that is connected to one process hears of what another one has booked.
async fn a_booking_at_another_process_reaches_the_node(stores: [Arc<dyn Store>; 2]) {
    let dir = tempfile::tempdir().expect("directory");
    let services = orchestrators(stores.into(), dir.path()).await;
    let listening = Arc::clone(&services[0]);
    let _listening = tokio::spawn(async move { listening.keep(None, None).await });
    session(&services[0], "admin", Role::Admin)
        .register_node(node(0), NodeUpdate::default())
        .await
        .expect("node");
    let mut orders =
        session(&services[0], "node-0", Role::Node).watch_orders(&node(0)).await.expect("orders");
    let first = orders.next().await.expect("stream").expect("orders");
    assert_eq!(first.jobs, []);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let wish = jobs(SystemClock.now()).new_tree(&mut runner).expect("job").current();
    for count in 1..=3 {
        let start = SystemClock.now() + SignedDuration::from_hours(i64::try_from(count).expect("few"));
        let window = Window::lasting(start, wish.length.duration()).expect("window");
        let wish = JobSpec { node: node(0), server: None, schedule: Schedule::Once, window, ..wish.clone() };
        session(&services[1], "user", Role::User).schedule_job(wish).await.expect("booked");
        // Within a second on a machine that is not busy; `cargo bench --bench load` measures it.
        let next = tokio::time::timeout(std::time::Duration::from_secs(30), orders.next()).await;
        assert_eq!(next.expect("in time").expect("stream").expect("orders").jobs.len(), count);
    }
}
