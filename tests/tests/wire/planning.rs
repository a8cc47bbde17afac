//! Looking before booking, changing, moving, and the calendar.

use leoscope_core::ErrorKind;
use leoscope_core::model::{JobChange, JobSpec, NodeUpdate, RunLength, SlotRequest};
use leoscope_core::ports::ControlPlane;
use leoscope_core::proto::unary;
use leoscope_core::schedule::{Policies, Schedule, Zone};
use leoscope_core::time::{SignedDuration, Window, wire_time};

use crate::existing::existing;
use crate::world::{World, id, kind};

fn secs(secs: i64) -> SignedDuration {
    SignedDuration::from_secs(secs)
}

#[tokio::test]
async fn a_plan_tells_runs_warnings_and_what_is_in_the_way_and_stores_nothing() {
    let world = World::start().await;
    world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let spec = world.spec("exp-001");
    let plan = researcher.plan_job(spec.clone(), 3).await.expect("plan");
    assert!(plan.refusal.is_none());
    assert_eq!(plan.runs.len(), 3);
    assert_eq!(
        plan.runs[0],
        Window::new(spec.window.start(), spec.window.start() + secs(30)).expect("window")
    );
    let warnings = plan.warnings.join("\n");
    assert!(warnings.contains("node-seattle has not been seen yet"), "{warnings}");
    assert!(warnings.contains("image lab/ping has no tag"), "{warnings}");
    assert_eq!(researcher.job(&id("exp-001")).await.expect("get"), None, "nothing is stored");

    researcher.schedule_job(spec.clone()).await.expect("schedule");
    let other = JobSpec { id: Some(id("exp-002")), ..spec.clone() };
    let plan = researcher.plan_job(other.clone(), 3).await.expect("plan");
    let refusal = plan.refusal.expect("refused");
    let booked = researcher.schedule_job(other).await.expect_err("refused as planned");
    assert_eq!((refusal.kind(), refusal.message()), (ErrorKind::Conflict, booked.message()));
    assert_eq!(refusal.refusal(), booked.refusal());
    assert_eq!((refusal.refusal().clashing, refusal.conflicts()[0].clashing), (10, 10));
    let again = researcher.plan_job(spec.clone(), 0).await.expect("plan").refusal.expect("the id is taken");
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);

    let bad = JobSpec { node: id("nowhere"), ..spec };
    assert_eq!(kind(researcher.plan_job(bad, 1).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_refused_one_time_job_is_told_three_free_times_that_can_be_booked() {
    let world = World::start().await;
    world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let spec = world.spec("exp-001");
    researcher.schedule_job(spec.clone()).await.expect("schedule");
    let once = JobSpec {
        id: Some(id("once")),
        schedule: Schedule::Once,
        window: Window::new(spec.window.start() + secs(45), spec.window.end()).expect("window"),
        ..spec.clone()
    };
    let refused = researcher.schedule_job(once.clone()).await.expect_err("in the way");
    let alternatives = refused.refusal().alternatives.clone();
    assert_eq!(alternatives.len(), 3, "{refused:?}");
    assert_eq!(alternatives[0].first.start(), spec.window.start() + secs(30), "between two runs");
    assert!(
        refused.what_to_do().is_some_and(|hint| hint.contains(&wire_time(alternatives[0].first.start())))
    );
    for (index, alternative) in alternatives.iter().enumerate() {
        let booked =
            JobSpec { id: Some(id(&format!("once-{index}"))), window: alternative.first, ..once.clone() };
        researcher.schedule_job(booked).await.expect("free");
    }
}

#[tokio::test]
async fn policies_travel_with_the_job_and_a_slip_moves_it() {
    let world = World::start().await;
    world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let spec = world.spec("exp-001");
    researcher.schedule_job(spec.clone()).await.expect("schedule");
    let policies = Policies {
        time_zone: Zone::parse("Asia/Kolkata").expect("zone"),
        slip: secs(50),
        allowed_lateness: secs(3),
        ..Policies::default()
    };
    let slipping = JobSpec { id: Some(id("exp-002")), policies: policies.clone(), ..spec.clone() };
    let booked = researcher.schedule_job(slipping.clone()).await.expect("moved");
    assert!(booked.warnings.iter().any(|warning| warning.contains("moved 30 s later")), "{booked:?}");
    let job = researcher.job(&booked.id).await.expect("get").expect("there");
    assert_eq!((&job.policies, job.shift), (&policies, secs(30)));
    let third = JobSpec { id: Some(id("exp-003")), ..slipping };
    assert_eq!(kind(researcher.schedule_job(third).await), ErrorKind::Conflict);
}

#[tokio::test]
async fn jobs_are_changed_by_their_owner_alone_and_checked_anew() {
    let world = World::start().await;
    world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let stranger = world.researcher("researcher-2").await;
    let spec = world.spec("exp-001");
    researcher.schedule_job(spec.clone()).await.expect("schedule");
    let evening = Window::new(spec.window.end(), spec.window.end() + secs(600)).expect("window");
    researcher
        .schedule_job(JobSpec { id: Some(id("exp-002")), window: evening, ..spec })
        .await
        .expect("schedule");
    let before = researcher.job(&id("exp-001")).await.expect("get").expect("there");

    let longer = JobChange { length: RunLength::from_secs(45).ok(), ..JobChange::default() };
    assert_eq!(kind(stranger.modify_job(&id("exp-001"), longer.clone()).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(researcher.modify_job(&id("nothing"), longer.clone()).await), ErrorKind::NotFound);
    let into_the_other = JobChange { end: Some(evening.end()), ..JobChange::default() };
    let refused = researcher.modify_job(&id("exp-001"), into_the_other).await.expect_err("refused");
    assert_eq!((refused.kind(), refused.conflicts()[0].job.as_str()), (ErrorKind::Conflict, "exp-002"));
    assert_eq!(
        researcher.job(&id("exp-001")).await.expect("get"),
        Some(before.clone()),
        "nothing has changed"
    );

    researcher.modify_job(&id("exp-001"), longer.clone()).await.expect("changed");
    let after = researcher.job(&id("exp-001")).await.expect("get").expect("there");
    assert_eq!((after.length.secs(), after.created), (45, before.created));
    assert!(after.since > before.since);
    assert_eq!(
        kind(researcher.modify_job(&id("exp-001"), JobChange::default()).await),
        ErrorKind::InvalidArgument
    );
    world.admin().modify_job(&id("exp-001"), longer).await.expect("an administrator may");
}

#[tokio::test]
async fn one_time_jobs_are_moved_to_the_earliest_free_time_before_their_end() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let spec = world.spec("exp-001");
    let (start, end) = (spec.window.start(), spec.window.end());
    researcher.schedule_job(spec.clone()).await.expect("schedule");
    let once = JobSpec {
        id: Some(id("once")),
        schedule: Schedule::Once,
        window: Window::new(end, end + secs(300)).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
        ..spec
    };
    researcher.schedule_job(once).await.expect("schedule");
    let bounds = |from, to| Window::new(from, to).expect("window");
    // The gaps between the runs of the other job are 30 s long, so nothing fits before its end.
    let moved =
        node.reschedule_job(&id("once"), bounds(start, end + secs(9000))).await.expect("its node may");
    let touching = end - secs(30);
    assert_eq!(moved, bounds(touching, touching + secs(60)), "from the end of the last run on");
    assert_eq!(
        researcher.reschedule_job(&id("once"), bounds(start, end + secs(9000))).await.expect("again"),
        moved
    );
    let late = researcher.reschedule_job(&id("once"), bounds(end + secs(241), end + secs(9000))).await;
    let late = late.expect_err("its end date is before");
    assert_eq!(late.kind(), ErrorKind::Conflict);
    let cron = researcher.reschedule_job(&id("exp-001"), bounds(start, end)).await;
    assert_eq!(kind(cron), ErrorKind::Unsupported);
    let stranger = world.researcher("researcher-2").await;
    let denied = stranger.reschedule_job(&id("once"), bounds(start, end)).await;
    assert_eq!(kind(denied), ErrorKind::PermissionDenied);

    let mut existing = existing(&world, "admin", &world.admin_token).await;
    let request = unary::RescheduleJobRequest {
        jobid: "once".into(),
        // As existing nodes write it.
        starttime: wire_time(end + secs(100)).replace('T', " ") + "+00:00",
        endtime: wire_time(end + secs(300)),
    };
    let answer = existing.reschedule_job_nearest(request).await.expect("answer").into_inner();
    assert!(answer.rescheduled);
    assert_eq!(
        answer.message,
        format!("updated job schedule successfully; next_slot={}", wire_time(end + secs(100)))
    );
}

#[tokio::test]
async fn free_time_is_found_on_both_nodes_together() {
    let world = World::start().await;
    world.node("node-seattle").await;
    world.node("node-paris").await;
    let researcher = world.researcher("researcher-1").await;
    let spec = world.spec("exp-001");
    let start = spec.window.start();
    researcher.schedule_job(spec.clone()).await.expect("schedule");
    let paris = JobSpec {
        id: Some(id("paris")),
        node: id("node-paris"),
        schedule: Schedule::Once,
        window: Window::new(spec.window.end(), spec.window.end() + secs(60)).expect("window"),
        ..spec.clone()
    };
    researcher.schedule_job(paris).await.expect("schedule");
    let request = |nodes: &[&str]| SlotRequest {
        nodes: nodes.iter().map(|node| id(node)).collect(),
        length: secs(60),
        near: start,
        within: Window::new(start, start + secs(3600)).expect("window"),
        count: 1,
    };
    let both = researcher.free_slots(&request(&["node-seattle", "node-paris"])).await.expect("slots");
    assert_eq!(both[0].start(), spec.window.end() + secs(30));
    let one = researcher.free_slots(&request(&["node-paris"])).await.expect("slots");
    assert_eq!(one[0].start(), start);
    assert_eq!(kind(researcher.free_slots(&request(&["nowhere"])).await), ErrorKind::NotFound);
    assert_eq!(kind(researcher.free_slots(&request(&[])).await), ErrorKind::InvalidArgument);
    let none = SlotRequest { length: secs(0), ..request(&["node-paris"]) };
    assert_eq!(kind(researcher.free_slots(&none).await), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn the_calendar_lists_planned_runs_and_keeps_what_is_private() {
    let world = World::start().await;
    let node = world.node("node-seattle").await;
    let researcher = world.researcher("researcher-1").await;
    let spec = world.spec("exp-001");
    researcher.schedule_job(spec.clone()).await.expect("schedule");
    let job = researcher.job(&id("exp-001")).await.expect("get").expect("there");
    let whole = Window::new(spec.window.start(), spec.window.end()).expect("window");
    let calendar = researcher.calendar(&id("node-seattle"), whole).await.expect("calendar");
    assert!(calendar.complete);
    let planned: Vec<Window> = job.occurrences().map(|occurrence| occurrence.window).collect();
    assert_eq!(calendar.events.iter().map(|event| event.window).collect::<Vec<_>>(), planned);
    assert_eq!(calendar.events[0].owner.as_ref().map(ToString::to_string).as_deref(), Some("researcher-1"));
    let part = Window::new(whole.start() + secs(60), whole.start() + secs(180)).expect("window");
    assert_eq!(node.calendar(&id("node-seattle"), part).await.expect("calendar").events.len(), 2);
    assert_eq!(kind(node.calendar(&id("nowhere"), part).await), ErrorKind::NotFound);

    let mut existing = existing(&world, "admin", &world.admin_token).await;
    let request = unary::GetScheduledRunsRequest {
        nodeid: "node-seattle".into(),
        start: wire_time(whole.start()),
        end: wire_time(whole.end()),
    };
    let answer = existing.get_scheduled_runs(request).await.expect("answer").into_inner();
    let event = &answer.events[1];
    assert_eq!((event.title.as_str(), event.id, event.r#type.as_str()), ("exp-001", 1, "cron"));
    assert_eq!((event.schedule.as_str(), event.length), ("* * * * *", 30));
    assert_eq!(event.start, wire_time(planned[1].start()));
    let bad = unary::GetScheduledRunsRequest { nodeid: "node-seattle".into(), ..Default::default() };
    let answer = existing.get_scheduled_runs(bad).await.expect("in the answer").into_inner();
    assert_eq!((answer.state, answer.message.as_str()), (1, "start: \"\" is not a time"));
}

#[tokio::test]
async fn a_node_that_takes_no_jobs_is_named_also_in_a_plan() {
    let world = World::start().await;
    world.node("node-seattle").await;
    let closed = NodeUpdate { scheduling_enabled: Some(false), ..NodeUpdate::default() };
    world.admin().update_node(&id("node-seattle"), closed).await.expect("update");
    let researcher = world.researcher("researcher-1").await;
    let refused = researcher.plan_job(world.spec("exp-001"), 1).await.expect_err("closed");
    assert_eq!(refused.message(), "node node-seattle takes no new jobs");
    let node = world.client("node-seattle", &world.admin_token);
    assert_eq!(kind(node.plan_job(world.spec("exp-001"), 1).await), ErrorKind::Unauthenticated);
}
