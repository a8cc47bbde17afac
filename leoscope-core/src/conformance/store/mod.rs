//! Cases for the store port.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

mod archive;
mod history;
mod jobs;
mod runs;
mod tasks;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use self::archive::*;
use self::history::*;
use self::jobs::*;
use self::runs::*;
use self::tasks::*;
use crate::ErrorKind;
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{
    BlobSettings, Job, JobParams, Node, NodeUpdate, PortalNotes, Role, Run, RunLength, Secret, Settings,
    Standby, StandbyBy, StandbyKind, Standbys, TokenHash, User,
};
use crate::ports::{Booking, Store};
use crate::schedule::{CronExpr, Policies, Schedule};
use crate::time::{SignedDuration, Timestamp, Window, parse_time};

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
    of_concurrent_registrations_exactly_one_succeeds
    ids_differ_by_case
    nodes_come_back_as_stored_and_activity_never_goes_back
    jobs_come_back_as_stored
    timetables_hold_the_jobs_of_node_and_server
    a_commit_on_a_changed_timetable_is_stale
    a_commit_compares_every_node_it_has_seen
    of_concurrent_commits_exactly_one_succeeds
    deleted_jobs_stay_and_their_ids_are_free
    definitions_of_one_instant_are_not_mixed_up
    a_clock_that_went_back_does_not_hide_a_job
    a_changed_job_takes_the_place_of_the_one_before
    a_change_of_another_booking_is_refused
    a_change_that_begins_when_the_one_before_did_takes_its_place
    definitions_are_unsettled_until_they_are_settled_for_good
    runs_are_compared_and_set
    runs_are_listed_newest_first_and_filtered
    a_run_is_listed_as_it_stands
    of_concurrent_reports_exactly_one_is_stored
    tasks_come_back_as_stored_and_ids_are_unique
    tasks_are_filtered_and_listed_by_id
    a_task_stands_until_its_time_is_over
    an_event_is_stored_once_and_the_first_one_stays
    events_are_listed_newest_first_by_job_run_and_planned_start
    the_audit_trail_is_listed_newest_first_and_filtered
    settings_come_back_as_stored
    lists_go_on_after_a_page
    runs_that_are_over_are_found_and_forgotten
    definitions_that_are_over_are_found_and_forgotten
    changes_of_timetables_are_told
    records_are_listed_by_key_and_restored_as_they_were
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
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-11-30T00:00:00.123456"),
        since: at("2026-11-30T00:00:00.123456"),
        deleted: None,
    }
}

fn run(id: &str, job: &str, node: &str, owner: &str, start: Option<&str>) -> Run {
    let window = |start| Window::lasting(at(start), SignedDuration::from_secs(60)).unwrap();
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

fn user(id: &str, name: &str) -> User {
    let id = UserId::parse(id).unwrap();
    User { id, name: name.into(), role: Role::User, team: String::new(), token: None }
}

async fn of_concurrent_registrations_exactly_one_succeeds(store: Arc<dyn Store>) {
    let mut tasks = JoinSet::new();
    for index in 0..16 {
        let (store, user) = (Arc::clone(&store), user("a", &index.to_string()));
        tasks.spawn(async move { (user.clone(), store.insert_user(&user).await.map_err(|e| e.kind())) });
    }
    let (stored, refused): (Vec<_>, Vec<_>) =
        tasks.join_all().await.into_iter().partition(|(_, result)| result.is_ok());
    assert_eq!(stored.len(), 1);
    assert!(refused.iter().all(|(_, result)| *result == Err(ErrorKind::AlreadyExists)), "{refused:?}");
    assert_eq!(store.user(&stored[0].0.id).await.unwrap().as_ref(), Some(&stored[0].0));
}

async fn ids_differ_by_case(store: Arc<dyn Store>) {
    let (lower, upper) = (user("a", "lower"), user("A", "upper"));
    store.insert_user(&lower).await.unwrap();
    assert_eq!(store.user(&upper.id).await.unwrap(), None);
    store.insert_user(&upper).await.unwrap();
    assert_eq!(store.user(&lower.id).await.unwrap(), Some(lower));
}

fn node(id: &str) -> Node {
    Node {
        id: node_id(id),
        name: String::new(),
        description: String::new(),
        coords: None,
        location: String::new(),
        provider: String::new(),
        public_ip: String::new(),
        owner: None,
        scheduling_enabled: false,
        standby: Standbys { by_person: Some(Standby::SCAVENGER), by_host: None },
        time_zone: Some(crate::schedule::Zone::parse("Europe/Berlin").unwrap()),
        clock_offset_us: Some(-1_500_000),
        portal: PortalNotes { bandwidth_limits_json: Some("[1]".into()), availability_history_json: None },
        registered: at("2026-11-01T00:00"),
        last_active: None,
        contact_since: None,
    }
}

async fn nodes_come_back_as_stored_and_activity_never_goes_back(store: Arc<dyn Store>) {
    let plain = node("n");
    assert_eq!(kind(store.update_node(&plain).await), ErrorKind::NotFound);
    assert_eq!(kind(store.delete_node(&plain.id).await), ErrorKind::NotFound);
    assert_eq!(kind(store.touch_node(&plain.id, at("2026-11-01T00:00")).await), ErrorKind::NotFound);
    store.insert_node(&plain).await.unwrap();
    let other = Node { name: "other".into(), last_active: Some(plain.registered), ..plain.clone() };
    assert_eq!(kind(store.insert_node(&other).await), ErrorKind::AlreadyExists);
    assert_eq!(store.node(&plain.id).await.unwrap(), Some(plain.clone()), "a refused node changes nothing");
    store.update_node(&other).await.unwrap();
    assert_eq!(store.node(&plain.id).await.unwrap(), Some(other));
    let update = NodeUpdate {
        name: Some("Node".into()),
        coords: Some("47.6062,-122.3321".parse().unwrap()),
        owner: Some(UserId::parse("o").unwrap()),
        ..NodeUpdate::default()
    };
    let full = update.apply(plain.clone());
    store.update_node(&full).await.unwrap();
    let touches = [
        // When it calls, when it called last, and since when it has been calling.
        ("2026-11-02T00:00:00", "2026-11-02T00:00:00", "2026-11-02T00:00:00"),
        ("2026-11-01T00:00:00", "2026-11-02T00:00:00", "2026-11-02T00:00:00"),
        ("2026-11-02T00:01:30", "2026-11-02T00:01:30", "2026-11-02T00:00:00"),
        ("2026-11-02T00:03:00.000001", "2026-11-02T00:03:00.000001", "2026-11-02T00:03:00.000001"),
        ("2026-11-02T00:03:10", "2026-11-02T00:03:10", "2026-11-02T00:03:00.000001"),
    ];
    for (touch, last, since) in touches {
        store.touch_node(&full.id, at(touch)).await.unwrap();
        let seen = store.node(&full.id).await.unwrap().unwrap();
        let (last_active, contact_since) = (Some(at(last)), Some(at(since)));
        assert_eq!(seen, Node { last_active, contact_since, ..full.clone() }, "after {touch}");
    }
    let zone = crate::schedule::Zone::parse("Asia/Tokyo").unwrap();
    let before = store.node(&full.id).await.unwrap().unwrap();
    for zone in [Some(&zone), None] {
        store.set_node_zone(&full.id, zone).await.unwrap();
        let expected = Node { time_zone: zone.cloned(), ..before.clone() };
        assert_eq!(store.node(&full.id).await.unwrap(), Some(expected), "nothing else changes");
    }
    assert_eq!(kind(store.set_node_zone(&node_id("none"), Some(&zone)).await), ErrorKind::NotFound);
    let pause = Standby {
        kind: StandbyKind::Scavenger,
        reason: Some("ü 'quoted' $.standby".into()),
        until: Some(at("2026-12-01T00:00:00.000001")),
    };
    let drain = Standby { kind: StandbyKind::Drain, reason: None, until: None };
    let mut before = store.node(&full.id).await.unwrap().unwrap();
    for (by, standby) in [
        (StandbyBy::Person, Some(&pause)),
        (StandbyBy::Person, Some(&drain)),
        (StandbyBy::Host, Some(&Standby::SCAVENGER)),
        (StandbyBy::Host, None),
        (StandbyBy::Host, Some(&pause)),
        (StandbyBy::Person, None),
        (StandbyBy::Person, None),
        (StandbyBy::Person, Some(&Standby::SCAVENGER)),
    ] {
        // What somebody else notes meanwhile is not lost.
        before.touch(before.last_active.unwrap() + SignedDuration::from_secs(1));
        store.touch_node(&full.id, before.last_active.unwrap()).await.unwrap();
        store.set_node_standby(&full.id, by, standby).await.unwrap();
        before.standby.set(by, standby.cloned());
        assert_eq!(store.node(&full.id).await.unwrap().as_ref(), Some(&before), "{by} {standby:?}");
    }
    let unknown = store.set_node_standby(&node_id("none"), StandbyBy::Host, None).await;
    assert_eq!(kind(unknown), ErrorKind::NotFound);
    let before = store.node(&full.id).await.unwrap().unwrap();
    for clock_offset_us in [Some(i64::MIN), Some(i64::MAX), None] {
        store.set_node_clock(&full.id, clock_offset_us).await.unwrap();
        let expected = Node { clock_offset_us, ..before.clone() };
        assert_eq!(store.node(&full.id).await.unwrap(), Some(expected), "nothing else changes");
    }
    assert_eq!(kind(store.set_node_clock(&node_id("none"), Some(1)).await), ErrorKind::NotFound);
    let early = Node { id: node_id("a"), last_active: Some(at("2026-11-01T00:00:00.000001")), ..plain };
    store.insert_node(&early).await.unwrap();
    assert_eq!(store.node(&early.id).await.unwrap(), Some(early));
    let ids: Vec<_> = store.nodes(None).await.unwrap().into_iter().map(|node| node.id.to_string()).collect();
    assert_eq!(ids, ["a", "n"]);
    store.delete_node(&full.id).await.unwrap();
    assert_eq!(store.node(&full.id).await.unwrap(), None);
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
