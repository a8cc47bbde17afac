//! The real server over TLS, driven by the real client: every call, and what an existing client
//! sees of it.

mod errors;
mod existing;
mod history;
mod logs;
mod older;
mod operating;
mod operator;
mod permissions;
mod planning;
mod readings;
mod tokens;
mod transfer;
mod world;

use futures_util::StreamExt as _;
use leoscope_core::ErrorKind;
use leoscope_core::model::{
    BlobSettings, Heartbeat, NodeFilter, NodeUpdate, Reason, Role, RunFilter, RunStatus, Secret, Settings,
    Stage, Standby, StandbyBy, StandbyKind, Standbys,
};
use leoscope_core::ports::ControlPlane;
use leoscope_core::schedule::Schedule;
use leoscope_core::time::{SignedDuration, Timestamp, to_micros};
use world::{World, id, kind, user};

#[tokio::test]
async fn users_are_registered_read_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.admin();
    let someone = user("someone", Role::User);
    let token = admin.register_user(someone.clone()).await.expect("register");
    assert_eq!(token.expose().len(), 64);
    assert_eq!(admin.user(&someone.id).await.expect("get"), Some(someone.clone()));
    assert_eq!(
        world.client("someone", &token).user(&someone.id).await.expect("itself"),
        Some(someone.clone())
    );

    let again = admin.register_user(someone.clone()).await.expect_err("twice");
    assert_eq!(
        (again.kind(), again.message()),
        (ErrorKind::AlreadyExists, "user with given id already exists")
    );
    let denied = world.client("someone", &token).register_user(user("other", Role::Admin)).await;
    let denied = denied.expect_err("denied");
    assert_eq!(
        (denied.kind(), denied.message()),
        (ErrorKind::PermissionDenied, "permission denied: userid=someone and role=USER")
    );

    let mut changed = someone.clone();
    changed.team = "another".into();
    admin.modify_user(changed.clone()).await.expect("modify");
    assert_eq!(admin.user(&someone.id).await.expect("get"), Some(changed));
    admin.delete_user(&someone.id).await.expect("delete");
    assert_eq!(admin.user(&someone.id).await.expect("get"), None);
    assert_eq!(kind(admin.delete_user(&someone.id).await), ErrorKind::NotFound);
    assert_eq!(kind(admin.modify_user(someone).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn nodes_are_registered_listed_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.admin();
    let node = world.node("node-seattle").await;
    let details = NodeUpdate {
        coords: Some("47.6062,-122.3321".parse().expect("coords")),
        location: Some("Seattle".into()),
        public_ip: Some("192.0.2.7".into()),
        ..NodeUpdate::default()
    };
    admin.update_node(&id("node-seattle"), details).await.expect("update");
    let listed = admin.nodes(&NodeFilter::default()).await.expect("list");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].coords.map(String::from).as_deref(), Some("47.6062,-122.3321"));
    assert!(listed[0].scheduling_enabled);
    assert_eq!(listed[0].last_active, None);

    let active = NodeFilter { active_within: Some(SignedDuration::from_secs(60)), ..NodeFilter::default() };
    assert_eq!(admin.nodes(&active).await.expect("list"), []);
    node.heartbeat(Heartbeat::of(id("node-seattle"))).await.expect("heartbeat");
    assert_eq!(admin.nodes(&active).await.expect("list").len(), 1);
    assert_eq!(kind(node.heartbeat(Heartbeat::of(id("node-paris"))).await), ErrorKind::NotFound);

    let researcher = world.researcher("researcher-1").await;
    let seen = researcher.nodes(&NodeFilter::default()).await.expect("list");
    assert_eq!(seen[0].public_ip, "", "addresses are not for everyone");
    assert_eq!(
        kind(researcher.heartbeat(Heartbeat::of(id("node-seattle"))).await),
        ErrorKind::PermissionDenied
    );

    let twice = admin.register_node(id("node-seattle"), NodeUpdate::default()).await;
    assert_eq!(kind(twice), ErrorKind::AlreadyExists);
    assert_eq!(kind(admin.update_node(&id("no"), NodeUpdate::default()).await), ErrorKind::NotFound);
    admin.delete_node(&id("node-seattle"), false).await.expect("delete");
    assert_eq!(kind(admin.delete_node(&id("node-seattle"), false).await), ErrorKind::NotFound);
    assert_eq!(kind(node.heartbeat(Heartbeat::of(id("node-seattle"))).await), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn jobs_are_booked_read_and_deleted_and_conflicts_name_the_job_in_the_way() {
    let world = World::start().await;
    world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let spec = world.spec("exp-001");
    let booked = researcher.schedule_job(spec.clone()).await.expect("schedule");
    assert_eq!(booked.id.as_str(), "exp-001");

    let job = researcher.job(&booked.id).await.expect("get").expect("there");
    assert_eq!((&job.schedule, job.window, job.length), (&spec.schedule, spec.window, spec.length));
    assert_eq!((&job.config, &job.params), (&spec.config, &spec.params));
    assert_eq!(job.owner.as_str(), "researcher-1");
    let listed = std::slice::from_ref(&job);
    assert_eq!(researcher.jobs_of_user(&id("researcher-1")).await.expect("list"), listed);
    assert_eq!(world.admin().jobs_on_node(&id("node-seattle")).await.expect("list"), listed);
    assert_eq!(researcher.job(&id("nothing")).await.expect("get"), None);

    let mut other = world.spec("exp-002");
    other.schedule = Schedule::Once;
    let conflict = researcher.schedule_job(other.clone()).await.expect_err("conflict");
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    assert!(conflict.message().starts_with("schedule conflict:"), "{conflict}");
    assert_eq!(conflict.conflicts()[0].job, booked.id);
    assert!(conflict.conflicts()[0].wanted.overlap(&conflict.conflicts()[0].taken).is_some());

    other.id = None;
    other.overhead = false;
    let named = researcher.schedule_job(other).await.expect("without overhead, without an id");
    assert!(researcher.job(&named.id).await.expect("get").is_some());

    let stranger = world.researcher("researcher-2").await;
    assert_eq!(kind(stranger.job(&booked.id).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(stranger.delete_job(&booked.id).await), ErrorKind::PermissionDenied);
    let seen = stranger.jobs_on_node(&id("node-seattle")).await.expect("list");
    assert!(seen.iter().all(|job| job.config.is_empty()), "configs of others are not shown");
    assert_eq!(seen.len(), 2);

    researcher.delete_job(&booked.id).await.expect("delete");
    let gone = researcher.delete_job(&booked.id).await.expect_err("gone");
    assert_eq!((gone.kind(), gone.message()), (ErrorKind::NotFound, "job with given jobid does not exist"));
    assert_eq!(world.admin().delete_jobs_on_node(&id("node-seattle")).await.expect("delete"), 1);
    assert_eq!(kind(researcher.delete_jobs_on_node(&id("node-seattle")).await), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn runs_are_reported_by_their_node_and_read_by_their_owner() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let runs = world.runs(&researcher, "exp-001", 3).await;
    for run in &runs {
        node.report_run(run.clone()).await.expect("report");
        node.report_run(run.clone()).await.expect("again");
    }
    let mut ended = runs[0].clone();
    ended.started = ended.planned.map(|planned| planned.start());
    ended.exit_code = Some(3);
    ended.end(
        leoscope_core::model::Outcome::failed(Stage::Execute, Reason::ContainerExitNonzero, "code 3"),
        ended.planned.expect("planned").end(),
    );
    node.report_run(ended.clone()).await.expect("report");

    let all = researcher.runs(&RunFilter::default()).await.expect("list");
    let order: Vec<_> = all.iter().map(|run| &run.id).collect();
    assert_eq!(order, runs.iter().rev().map(|run| &run.id).collect::<Vec<_>>(), "newest first");
    let limited = RunFilter { limit: Some(1), ..RunFilter::default() };
    assert_eq!(researcher.runs(&limited).await.expect("list").len(), 1);
    let none = RunFilter { limit: Some(0), ..RunFilter::default() };
    assert_eq!(researcher.runs(&none).await.expect("list"), []);
    let one = RunFilter { id: Some(ended.id.clone()), ..RunFilter::default() };
    let mut stored = researcher.runs(&one).await.expect("list").remove(0);
    assert!(stored.updated.take().is_some());
    assert_eq!(stored, ended);
    assert_eq!(stored.status, RunStatus::Failed);

    assert_eq!(kind(researcher.report_run(runs[1].clone()).await), ErrorKind::PermissionDenied);
    let stranger = world.researcher("researcher-2").await;
    assert_eq!(stranger.runs(&RunFilter::default()).await.expect("list"), []);
    let mut lost = runs[1].clone();
    lost.job = id("unknown");
    assert_eq!(kind(node.report_run(lost).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn settings_are_whole_for_nodes_and_blanked_for_researchers() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    assert_eq!(node.settings().await.expect("settings"), Settings::default());
    let settings = Settings {
        blob: BlobSettings {
            connection_string: Secret::new("AccountName=account;AccountKey=czNjcmV0"),
            container: "results".into(),
            artifact_path: String::new(),
        },
        weather_api_key: Secret::new("key"),
    };
    world.admin().update_settings(settings.clone()).await.expect("update");
    assert_eq!(node.settings().await.expect("settings"), settings);
    assert_eq!(researcher.settings().await.expect("settings"), settings.clone().blanked());
    assert_eq!(kind(researcher.update_settings(settings).await), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn orders_reach_the_node_as_they_change() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let mut feed = node.watch_orders(&id("node-seattle")).await.expect("watch");
    let first = feed.next().await.expect("first").expect("orders");
    assert_eq!(first.jobs, []);
    let booked = researcher.schedule_job(world.spec("exp-001")).await.expect("schedule");
    let second = feed.next().await.expect("second").expect("orders");
    assert_eq!(second.jobs.iter().map(|job| &job.id).collect::<Vec<_>>(), [&booked.id]);
    assert!(second.revision > first.revision);
    assert_eq!(node.orders(&id("node-seattle")).await.expect("orders"), second);
    assert_eq!(second.standby, None);
    let hour = SignedDuration::from_hours(1);
    let pause = Standby {
        kind: StandbyKind::Scavenger,
        reason: Some("a call".into()),
        until: Some(to_micros(Timestamp::now() + hour)),
    };
    let drain = Standby { kind: StandbyKind::Drain, reason: None, until: None };
    for standby in [Some(Standby::SCAVENGER), None, Some(pause), Some(drain), None] {
        let by = StandbyBy::Person;
        world.admin().set_standby(&id("node-seattle"), by, standby.clone()).await.expect("set");
        let next = feed.next().await.expect("next").expect("orders");
        assert_eq!((&next.standby, &next.jobs), (&standby, &second.jobs));
        assert_eq!(world.admin().standby(&id("node-seattle")).await.expect("standby"), standby);
        let filter = NodeFilter { id: Some(id("node-seattle")), ..NodeFilter::default() };
        let listed = researcher.nodes(&filter).await.expect("nodes").remove(0);
        assert_eq!(listed.standby, Standbys { by_person: standby, by_host: None });
    }
    for (bad, text) in [
        (Standby { until: Some(Timestamp::UNIX_EPOCH), ..Standby::SCAVENGER }, "has passed"),
        (Standby { reason: Some("a\nb".into()), ..Standby::SCAVENGER }, "reason"),
        (Standby { reason: Some("x".repeat(2000)), ..Standby::SCAVENGER }, "reason"),
    ] {
        let refused = node.set_standby(&id("node-seattle"), StandbyBy::Person, Some(bad)).await;
        let refused = refused.expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
        assert!(refused.message().contains(text), "{refused}");
    }
    // What the node found does not touch what people said, nor the orders.
    node.set_standby(&id("node-seattle"), StandbyBy::Host, Some(Standby::SCAVENGER)).await.expect("set");
    assert_eq!(world.admin().standby(&id("node-seattle")).await.expect("standby"), Some(Standby::SCAVENGER));
    node.set_standby(&id("node-seattle"), StandbyBy::Host, None).await.expect("set");
    assert_eq!(world.admin().standby(&id("node-seattle")).await.expect("standby"), None);
    assert_eq!(node.orders(&id("node-seattle")).await.expect("orders").standby, None);
    researcher.delete_job(&booked.id).await.expect("a version that grew stands in no booking's way");

    assert_eq!(kind(researcher.orders(&id("node-seattle")).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(world.admin().orders(&id("node-paris")).await), ErrorKind::NotFound);
    let Err(denied) = researcher.watch_orders(&id("node-seattle")).await else { panic!("not denied") };
    assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn the_server_stops_although_a_node_is_watching_and_starts_again_as_it_was() {
    let mut world = World::start().await;
    let node = world.node("node-seattle").await;
    let mut feed = node.watch_orders(&id("node-seattle")).await.expect("watch");
    feed.next().await.expect("first").expect("orders");
    let before = std::time::Instant::now();
    world.stop().await;
    assert!(before.elapsed() < std::time::Duration::from_secs(5));
    let ended = feed.next().await.expect("end").expect_err("an ended feed says so");
    assert_eq!(ended.kind(), ErrorKind::Unavailable);

    let (certificate, token) = (world.certificate.clone(), world.admin_token.clone());
    world.restart().await;
    assert_eq!((&world.certificate, &world.admin_token), (&certificate, &token));
    node.heartbeat(Heartbeat::of(id("node-seattle"))).await.expect("the same client connects again");
}
