//! Cases for the store port.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use crate::ErrorKind;
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{
    BlobSettings, Job, JobParams, Node, NodeUpdate, Outcome, Reason, Role, Run, RunFilter, RunLength,
    RunStatus, Secret, Settings, Stage, TokenHash, User,
};
use crate::ports::{Booking, Store};
use crate::schedule::{CronExpr, Schedule};
use crate::time::{Timestamp, Window, parse_time};

/// One case: it gets a fresh, empty store and panics if the store breaks its promise.
pub type Case = fn(Arc<dyn Store>) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident)*) => {
        /// All cases, by name.
        pub const CASES: &[(&str, Case)] = &[$((stringify!($name), |store| Box::pin($name(store))),)*];
    };
}

cases! {
    users_come_back_as_stored_and_ids_are_unique
    nodes_come_back_as_stored_and_activity_never_goes_back
    jobs_come_back_as_stored
    timetables_hold_the_jobs_of_node_and_server
    a_commit_on_a_changed_timetable_is_stale
    of_concurrent_commits_exactly_one_succeeds
    deleted_jobs_stay_and_their_ids_are_free
    runs_are_compared_and_set
    runs_are_listed_newest_first_and_filtered
    settings_come_back_as_stored
}

fn at(text: &str) -> Timestamp {
    parse_time(text).unwrap()
}

fn node_id(text: &str) -> NodeId {
    NodeId::parse(text).unwrap()
}

fn job(id: &str, node: &str, server: Option<&str>) -> Job {
    Job {
        id: JobId::parse(id).unwrap(),
        owner: UserId::parse("someone@example.org").unwrap(),
        node: node_id(node),
        server: server.map(node_id),
        schedule: Schedule::Cron(CronExpr::parse("*/5 * * * *").unwrap()),
        window: Window::new(at("2026-12-01T00:00:00.000001"), at("2026-12-02T00:00")).unwrap(),
        length: RunLength::from_secs(60).unwrap(),
        overhead: true,
        trigger: Some("satellite_elevation > 40".into()),
        config: "docker: {image: \"ü 'quoted'\"}\n".into(),
        params: JobParams { mode: "docker".into(), ..JobParams::default() },
        created: at("2026-11-30T00:00:00.123456"),
        deleted: None,
    }
}

fn run(id: &str, job: &str, node: &str, owner: &str, start: Option<&str>) -> Run {
    let window = |start| Window::lasting(at(start), jiff::SignedDuration::from_secs(60)).unwrap();
    let mut run = Run::planned(
        RunId::parse(id).unwrap(),
        JobId::parse(job).unwrap(),
        node_id(node),
        UserId::parse(owner).unwrap(),
        window("2026-12-01T00:00"),
    );
    run.planned = start.map(window);
    run
}

fn kind<T: std::fmt::Debug>(result: crate::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Commits on what the nodes of the booking look like now.
async fn book(store: &Arc<dyn Store>, nodes: &[&str], booking: Booking) -> crate::Result<()> {
    let nodes: BTreeSet<_> = nodes.iter().map(|node| node_id(node)).collect();
    let seen = store.timetable(&nodes).await?.versions;
    store.commit(&seen, booking).await
}

async fn users_come_back_as_stored_and_ids_are_unique(store: Arc<dyn Store>) {
    let user = User {
        id: UserId::parse("a").unwrap(),
        name: "Ünï 'quoted'".into(),
        role: Role::UserPriv,
        team: String::new(),
        token: Some(TokenHash::of(&Secret::new("t"))),
    };
    assert_eq!(kind(store.update_user(&user).await), ErrorKind::NotFound);
    assert_eq!(kind(store.delete_user(&user.id).await), ErrorKind::NotFound);
    assert_eq!(store.user(&user.id).await.unwrap(), None);
    store.insert_user(&user).await.unwrap();
    let other = User { name: "other".into(), token: None, ..user.clone() };
    assert_eq!(kind(store.insert_user(&other).await), ErrorKind::AlreadyExists);
    assert_eq!(store.user(&user.id).await.unwrap(), Some(user.clone()));
    store.update_user(&other).await.unwrap();
    assert_eq!(store.user(&user.id).await.unwrap(), Some(other));
    store.delete_user(&user.id).await.unwrap();
    assert_eq!(store.user(&user.id).await.unwrap(), None);
}

async fn nodes_come_back_as_stored_and_activity_never_goes_back(store: Arc<dyn Store>) {
    let plain = Node {
        id: node_id("n"),
        name: String::new(),
        description: String::new(),
        coords: None,
        location: String::new(),
        provider: String::new(),
        public_ip: String::new(),
        owner: None,
        scheduling_enabled: false,
        registered: at("2026-11-01T00:00"),
        last_active: None,
    };
    assert_eq!(kind(store.update_node(&plain).await), ErrorKind::NotFound);
    assert_eq!(kind(store.delete_node(&plain.id).await), ErrorKind::NotFound);
    assert_eq!(kind(store.touch_node(&plain.id, at("2026-11-01T00:00")).await), ErrorKind::NotFound);
    store.insert_node(&plain).await.unwrap();
    assert_eq!(kind(store.insert_node(&plain).await), ErrorKind::AlreadyExists);
    let update = NodeUpdate {
        name: Some("Node".into()),
        coords: Some("47.6062,-122.3321".parse().unwrap()),
        owner: Some(UserId::parse("o").unwrap()),
        ..NodeUpdate::default()
    };
    let full = update.apply(plain.clone());
    store.update_node(&full).await.unwrap();
    for (touch, expected) in
        [("2026-11-02T00:00", "2026-11-02T00:00"), ("2026-11-01T00:00", "2026-11-02T00:00")]
    {
        store.touch_node(&full.id, at(touch)).await.unwrap();
        let seen = store.node(&full.id).await.unwrap().unwrap();
        assert_eq!(seen, Node { last_active: Some(at(expected)), ..full.clone() });
    }
    store.insert_node(&Node { id: node_id("a"), ..plain }).await.unwrap();
    let ids: Vec<_> = store.nodes().await.unwrap().into_iter().map(|node| node.id.to_string()).collect();
    assert_eq!(ids, ["a", "n"]);
    store.delete_node(&full.id).await.unwrap();
    assert_eq!(store.node(&full.id).await.unwrap(), None);
}

async fn jobs_come_back_as_stored(store: Arc<dyn Store>) {
    let full = job("full", "n", Some("s"));
    let bare = Job {
        server: None,
        schedule: Schedule::Once,
        trigger: None,
        overhead: false,
        ..job("bare", "n", None)
    };
    for job in [&full, &bare] {
        book(&store, &["n", "s"], Booking::Insert(Box::new(job.clone()))).await.unwrap();
        assert_eq!(store.job(&job.id).await.unwrap().as_ref(), Some(job));
    }
    assert_eq!(store.jobs_of_user(&full.owner).await.unwrap(), [bare, full]);
    assert_eq!(store.jobs_of_user(&UserId::parse("nobody").unwrap()).await.unwrap(), []);
    assert_eq!(store.job(&JobId::parse("none").unwrap()).await.unwrap(), None);
}

async fn timetables_hold_the_jobs_of_node_and_server(store: Arc<dyn Store>) {
    for (id, node, server) in [("a", "x", Some("y")), ("b", "y", None), ("c", "z", None)] {
        let nodes: Vec<&str> = std::iter::once(node).chain(server).collect();
        book(&store, &nodes, Booking::Insert(Box::new(job(id, node, server)))).await.unwrap();
    }
    for (nodes, expected) in
        [(vec!["x"], "a"), (vec!["y"], "ab"), (vec!["x", "y", "z"], "abc"), (vec!["w"], "")]
    {
        let nodes: BTreeSet<_> = nodes.into_iter().map(node_id).collect();
        let timetable = store.timetable(&nodes).await.unwrap();
        let ids: String = timetable.jobs.iter().map(|job| job.id.to_string()).collect();
        assert_eq!(ids, expected);
        assert_eq!(timetable.versions.keys().cloned().collect::<BTreeSet<_>>(), nodes);
    }
    let versions = store.timetable(&["w", "x", "y"].map(node_id).into()).await.unwrap().versions;
    assert_eq!(versions[&node_id("w")], 0, "a node that never had a job");
    assert!(versions[&node_id("x")] > 0 && versions[&node_id("y")] > versions[&node_id("x")]);
}

async fn a_commit_on_a_changed_timetable_is_stale(store: Arc<dyn Store>) {
    let both: BTreeSet<_> = ["x", "y"].map(node_id).into();
    let seen = store.timetable(&both).await.unwrap().versions;
    book(&store, &["y"], Booking::Insert(Box::new(job("first", "y", None)))).await.unwrap();
    let second = Booking::Insert(Box::new(job("second", "x", Some("y"))));
    assert_eq!(kind(store.commit(&seen, second.clone()).await), ErrorKind::Stale);
    assert_eq!(store.job(&JobId::parse("second").unwrap()).await.unwrap(), None);
    let seen = store.timetable(&both).await.unwrap().versions;
    store.commit(&seen, second).await.unwrap();
    let again = Booking::Insert(Box::new(job("second", "x", None)));
    let before = store.timetable(&both).await.unwrap();
    assert_eq!(kind(book(&store, &["x"], again).await), ErrorKind::AlreadyExists);
    assert_eq!(store.timetable(&both).await.unwrap(), before, "a refused commit changes nothing");
}

async fn of_concurrent_commits_exactly_one_succeeds(store: Arc<dyn Store>) {
    let nodes: BTreeSet<_> = [node_id("n")].into();
    let seen = store.timetable(&nodes).await.unwrap().versions;
    let mut tasks = JoinSet::new();
    for index in 0..16 {
        let (store, seen) = (Arc::clone(&store), seen.clone());
        let booking = Booking::Insert(Box::new(job(&format!("job-{index}"), "n", None)));
        tasks.spawn(async move { store.commit(&seen, booking).await.map_err(|e| e.kind()) });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(ErrorKind::Stale))), "{results:?}");
    assert_eq!(store.timetable(&nodes).await.unwrap().jobs.len(), 1);
}

async fn deleted_jobs_stay_and_their_ids_are_free(store: Arc<dyn Store>) {
    let first = job("a", "n", Some("s"));
    let gone = at("2026-11-30T12:00");
    let delete = || Booking::Delete(first.id.clone(), gone);
    assert_eq!(kind(book(&store, &["n"], delete()).await), ErrorKind::NotFound);
    book(&store, &["n", "s"], Booking::Insert(Box::new(first.clone()))).await.unwrap();
    let both: BTreeSet<_> = ["n", "s"].map(node_id).into();
    let before = store.timetable(&both).await.unwrap().versions;
    book(&store, &["n", "s"], delete()).await.unwrap();
    let after = store.timetable(&both).await.unwrap();
    assert!(after.versions.iter().all(|(node, version)| *version > before[node]), "both nodes have changed");
    assert_eq!(after.jobs, []);
    assert_eq!(store.job(&first.id).await.unwrap(), Some(Job { deleted: Some(gone), ..first.clone() }));
    assert_eq!(store.jobs_of_user(&first.owner).await.unwrap(), []);
    let second = Job { created: at("2026-11-30T13:00"), ..job("a", "n", None) };
    book(&store, &["n"], Booking::Insert(Box::new(second.clone()))).await.unwrap();
    assert_eq!(store.job(&first.id).await.unwrap(), Some(second));
}

async fn runs_are_compared_and_set(store: Arc<dyn Store>) {
    let mut record = run("r", "j", "n", "u", Some("2026-12-01T00:00"));
    assert_eq!(store.run(&record.id).await.unwrap(), None);
    assert_eq!(kind(store.put_run(&record, Some(1)).await), ErrorKind::Stale);
    store.put_run(&record, None).await.unwrap();
    assert_eq!(kind(store.put_run(&record, None).await), ErrorKind::Stale);
    assert_eq!(store.run(&record.id).await.unwrap(), Some((record.clone(), 1)));
    let outcome = Outcome::new(RunStatus::Aborted, Stage::Execute, Reason::JobRemoved, "ended");
    record.end(outcome, at("2026-12-01T00:00:30.5"));
    (record.started, record.exit_code) = (Some(at("2026-12-01T00:00:00.001")), Some(-1));
    (record.artifact, record.foreign_status) = (Some("leoscope:x".into()), Some("TERMINATED".into()));
    store.put_run(&record, Some(1)).await.unwrap();
    assert_eq!(kind(store.put_run(&record, Some(1)).await), ErrorKind::Stale);
    assert_eq!(store.run(&record.id).await.unwrap(), Some((record, 2)));
}

async fn runs_are_listed_newest_first_and_filtered(store: Arc<dyn Store>) {
    let records = [
        run("r1", "j1", "n1", "u1", Some("2026-12-01T00:00")),
        run("r2", "j1", "n2", "u1", Some("2026-12-01T01:00")),
        run("r3", "j2", "n1", "u2", Some("2026-12-01T01:00")),
        run("r4", "j2", "n2", "u2", None),
        Run { started: Some(at("2026-12-01T02:00")), ..run("r5", "j3", "n3", "u3", None) },
    ];
    for record in &records {
        store.put_run(record, None).await.unwrap();
    }
    let window = Window::new(at("2026-12-01T00:00"), at("2026-12-01T01:00")).unwrap();
    let all = RunFilter::default;
    let cases = [
        (all(), "r5 r2 r3 r1 r4"),
        (RunFilter { limit: Some(2), ..all() }, "r5 r2"),
        (RunFilter { id: Some(RunId::parse("r3").unwrap()), ..all() }, "r3"),
        (RunFilter { job: Some(JobId::parse("j2").unwrap()), ..all() }, "r3 r4"),
        (RunFilter { node: Some(node_id("n1")), ..all() }, "r3 r1"),
        (RunFilter { owner: Some(UserId::parse("u1").unwrap()), ..all() }, "r2 r1"),
        (RunFilter { within: Some(window), ..all() }, "r1"),
        (RunFilter { node: Some(node_id("n1")), owner: Some(UserId::parse("u1").unwrap()), ..all() }, "r1"),
    ];
    for (filter, expected) in cases {
        let found: Vec<_> = store.runs(&filter).await.unwrap().iter().map(|run| run.id.to_string()).collect();
        assert_eq!(found.join(" "), expected, "{filter:?}");
    }
}

async fn settings_come_back_as_stored(store: Arc<dyn Store>) {
    assert_eq!(store.settings().await.unwrap(), Settings::default());
    for key in ["one", "two"] {
        let settings = Settings {
            blob: BlobSettings {
                connection_string: Secret::new("AccountKey=…"),
                container: "results".into(),
                artifact_path: "a/b".into(),
            },
            weather_api_key: Secret::new(key),
        };
        store.put_settings(&settings).await.unwrap();
        assert_eq!(store.settings().await.unwrap(), settings);
    }
}
