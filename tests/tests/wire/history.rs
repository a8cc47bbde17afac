//! What has happened: steps of runs, and who did what.

use leoscope_core::ErrorKind;
use leoscope_core::model::{
    AuditAction, AuditEntry, AuditFilter, AuditOutcome, EventOutcome, EventScope, Heartbeat, JobEvent,
    NewEvent, NodeFilter, NodeUpdate, Outcome, Phase, Reason, Run, RunFilter, RunStatus, Stage,
};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::schedule::Zone;
use leoscope_core::time::{SignedDuration, Timestamp};

use crate::world::{World, id, kind};

/// An event of `run`'s occurrence before there was a run.
fn before(event: &str, run: &Run, outcome: EventOutcome) -> NewEvent {
    NewEvent {
        id: Some(id(event)),
        job: run.job.clone(),
        run: None,
        node: None,
        occurrence: run.planned.map(|window| window.start()),
        stage: Stage::Config,
        outcome,
        reason: Some("CONFIG_INVALID".into()),
        message: "no image\nin it".into(),
        source: "scheduler".into(),
        at: run.planned.map(|window| window.start() - SignedDuration::from_secs(5)),
    }
}

fn told(events: &[JobEvent]) -> Vec<String> {
    events.iter().rev().map(|event| format!("{} {} {}", event.stage, event.outcome, event.message)).collect()
}

#[tokio::test]
async fn the_timeline_of_a_run_holds_its_steps_and_what_its_node_said() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let (mine, other) = (world.researcher("mine").await, world.researcher("other").await);
    let stranger = world.node("node-paris").await;
    let mut run = world.runs(&mine, "exp-001", 1).await.remove(0);
    let start = run.planned.expect("planned").start();

    let event = before("e-1", &run, EventOutcome::Warn);
    node.report_event(event.clone()).await.expect("reported");
    node.report_event(event.clone()).await.expect("again, because the answer was lost");
    let changed = NewEvent { message: "other".into(), ..event.clone() };
    assert_eq!(kind(node.report_event(changed).await), ErrorKind::AlreadyExists);
    assert_eq!(
        kind(stranger.report_event(before("e-2", &run, EventOutcome::Ok)).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        kind(mine.report_event(before("e-2", &run, EventOutcome::Ok)).await),
        ErrorKind::PermissionDenied
    );

    for phase in [Phase::Deploy, Phase::Execute, Phase::Finish] {
        run.status = RunStatus::Running;
        run.phase = Some(phase);
        run.started = (phase != Phase::Deploy).then_some(start);
        node.report_run(run.clone()).await.expect("report");
        node.report_run(run.clone()).await.expect("a report that comes twice");
    }
    let pulled = NewEvent {
        id: None,
        run: Some(run.id.clone()),
        stage: Stage::ImagePull,
        outcome: EventOutcome::Ok,
        reason: None,
        message: "pulled".into(),
        at: Some(start - SignedDuration::from_secs(2)),
        ..event
    };
    node.report_event(pulled).await.expect("reported");
    run.end(
        Outcome::failed(Stage::Execute, Reason::OutOfMemory, "out of memory"),
        start + SignedDuration::from_secs(9),
    );
    node.report_run(run.clone()).await.expect("report");

    let of_run = EventScope::Run(run.id.clone());
    let events = mine.events(&of_run, None).await.expect("events");
    // Phases without a time of their own are noted when they are heard of, which is before the
    // planned start: the run lies in the future.
    let mut lines = told(&events);
    lines.sort();
    assert_eq!(
        lines,
        [
            "CONFIG WARN no image in it",
            "DEPLOY OK the run is RUNNING, phase DEPLOY",
            "EXECUTE FAILED out of memory",
            "EXECUTE OK the run is RUNNING, phase EXECUTE",
            "FINISH OK the run is RUNNING, phase FINISH",
            "IMAGE_PULL OK pulled",
        ]
    );
    assert_eq!(
        told(&events)[2..],
        [
            "CONFIG WARN no image in it",
            "IMAGE_PULL OK pulled",
            "EXECUTE OK the run is RUNNING, phase EXECUTE",
            "EXECUTE FAILED out of memory"
        ]
    );
    let first = events.last().expect("events");
    assert_eq!(
        (first.owner.as_str(), first.node.as_str(), first.source.as_str()),
        ("mine", "node-seattle", "orchestrator")
    );
    assert_eq!(mine.events(&of_run, Some(1)).await.expect("events"), events[..1]);
    assert_eq!(node.events(&of_run, None).await.expect("events").len(), 6);
    assert_eq!(mine.events(&EventScope::Job(run.job.clone()), None).await.expect("events").len(), 6);
    for stranger in [&other, &stranger] {
        assert_eq!(kind(stranger.events(&of_run, None).await), ErrorKind::PermissionDenied);
        assert_eq!(
            kind(stranger.events(&EventScope::Job(run.job.clone()), None).await),
            ErrorKind::PermissionDenied
        );
    }
    assert_eq!(kind(mine.events(&EventScope::Run(id("none")), None).await), ErrorKind::NotFound);
}

fn shown(entries: &[AuditEntry]) -> Vec<String> {
    let line = |entry: &AuditEntry| {
        let object = entry.object.as_deref().unwrap_or("-");
        format!("{} {} {object} {}", entry.caller, entry.action, entry.outcome.name())
    };
    entries.iter().rev().map(line).collect()
}

#[tokio::test]
async fn the_audit_trail_tells_who_did_what_with_which_outcome() {
    let world = World::start().await;
    let admin = world.admin();
    let before = Timestamp::now();
    world.node("node-seattle").await.heartbeat(Heartbeat::of(id("node-seattle"))).await.expect("heartbeat");
    let mine = world.researcher("mine").await;
    mine.schedule_job(world.spec("exp-001")).await.expect("booked");
    mine.runs(&RunFilter::default()).await.expect("read");
    assert_eq!(kind(mine.schedule_job(world.spec("exp-002")).await), ErrorKind::Conflict);
    for _ in 0..3 {
        assert_eq!(kind(mine.delete_node(&id("node-seattle"), true).await), ErrorKind::PermissionDenied);
        assert_eq!(kind(mine.user(&id("admin")).await), ErrorKind::PermissionDenied);
    }
    mine.delete_job(&id("exp-001")).await.expect("deleted");
    assert_eq!(kind(mine.audit(&AuditFilter::default()).await), ErrorKind::PermissionDenied);
    let entries = admin.audit(&AuditFilter::default()).await.expect("trail");
    assert_eq!(
        shown(&entries),
        [
            "admin REGISTER_NODE node-seattle done",
            "admin REGISTER_USER mine done",
            "mine SCHEDULE_JOB exp-001 done",
            "mine SCHEDULE_JOB exp-002 conflict",
            "mine DELETE_NODE node-seattle permission_denied",
            "mine READ_USER admin permission_denied",
            "mine DELETE_JOB exp-001 done",
            "mine READ_AUDIT - permission_denied",
        ]
    );
    // The list is the other way round.
    let denied = &entries[4];
    assert_eq!(denied.address, Some("127.0.0.1".parse().expect("address")));
    assert!(denied.at >= before && denied.at <= Timestamp::now());
    assert!(
        matches!(&denied.outcome, AuditOutcome::Refused { message, .. } if message.starts_with("schedule conflict:"))
    );
    let of_job = AuditFilter { object: Some("exp-001".into()), ..AuditFilter::default() };
    assert_eq!(shown(&admin.audit(&of_job).await.expect("trail")).len(), 2);
    let deleted = AuditFilter { action: Some(AuditAction::DeleteJob), ..AuditFilter::default() };
    assert_eq!(admin.audit(&deleted).await.expect("trail").len(), 1);
    let page = AuditFilter { limit: Some(3), ..AuditFilter::default() };
    let first = admin.audit(&page).await.expect("trail");
    let rest = AuditFilter { after: first.last().map(|entry| entry.id.clone()), ..AuditFilter::default() };
    assert_eq!([first, admin.audit(&rest).await.expect("trail")].concat(), entries);
}

#[tokio::test]
async fn a_node_tells_its_time_zone_and_the_portal_keeps_its_notes_with_it() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let read = async || world.admin().nodes(&NodeFilter::default()).await.expect("nodes").remove(0);
    assert_eq!((read().await.time_zone, read().await.coords), (None, None));
    for zone in ["Europe/Berlin", "America/Los_Angeles"] {
        let zone = Zone::parse(zone).expect("zone");
        node.heartbeat(Heartbeat { time_zone: Some(zone.clone()), ..Heartbeat::of(id("node-seattle")) })
            .await
            .expect("heartbeat");
        node.heartbeat(Heartbeat::of(id("node-seattle"))).await.expect("heartbeat");
        assert_eq!(read().await.time_zone, Some(zone));
        assert!(read().await.last_active.is_some());
    }
    let mut update = NodeUpdate::default();
    update.portal.bandwidth_limits_json = Some(r#"[{"down": 100}]"#.into());
    world.admin().update_node(&id("node-seattle"), update.clone()).await.expect("update");
    node.update_node(&id("node-seattle"), NodeUpdate { name: Some("x".into()), ..NodeUpdate::default() })
        .await
        .expect("update");
    assert_eq!(read().await.portal, update.portal);
    update.portal.availability_history_json = Some("{".into());
    assert_eq!(
        kind(world.admin().update_node(&id("node-seattle"), update).await),
        ErrorKind::InvalidArgument
    );
}
