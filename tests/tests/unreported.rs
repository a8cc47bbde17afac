//! What becomes of planned runs of which a node said only why it never began them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::store::MemoryStore;
use leoscope_core::control::Service;
use leoscope_core::ids::UserId;
use leoscope_core::model::{
    Caller, EventOutcome, EventScope, JobSpec, NewEvent, NodeUpdate, Role, RunFilter, RunStatus, Stage,
};
use leoscope_core::ports::{Clock, ControlPlane as _};
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{Timestamp, Window, parse_time};

fn at(text: &str) -> Timestamp {
    parse_time(text).expect(text)
}

#[derive(Debug)]
struct SetClock(Mutex<Timestamp>);

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("lock")
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_run_that_was_never_begun_ends_as_its_node_said() {
    let dir = tempfile::tempdir().expect("directory");
    let artifacts = Arc::new(DirectoryStore::new(dir.path().to_owned()).await.expect("artifacts"));
    let clock = Arc::new(SetClock(Mutex::new(at("2026-12-01T09:00:00"))));
    let set = |to: &str| *clock.0.lock().expect("lock") = at(to);
    let service = Service::new(Arc::new(MemoryStore::default()), artifacts, clock.clone());
    let session = |id: &str, role| service.session(Caller { id: UserId::parse(id).expect("id"), role });
    let (admin, node) = (session("admin", Role::Admin), session("node-1", Role::Node));
    let node_id: leoscope_core::ids::NodeId = "node-1".parse().expect("id");
    admin.register_node(node_id.clone(), NodeUpdate::default()).await.expect("node");
    let spec = JobSpec {
        id: Some("exp".parse().expect("id")),
        node: node_id.clone(),
        server: None,
        schedule: Schedule::Cron("*/10 * * * *".parse().expect("cron")),
        window: Window::new(at("2026-12-01T10:00:00"), at("2026-12-01T10:40:00")).expect("window"),
        length: 60_i64.try_into().expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: a:1}".into(),
        params: Default::default(),
        policies: Policies::default(),
    };
    session("someone", Role::User).schedule_job(spec).await.expect("booked");
    let event = |id: &str, minute: &str, stage, outcome, reason: &str| NewEvent {
        id: Some(id.parse().expect("id")),
        job: "exp".parse().expect("id"),
        run: None,
        node: None,
        occurrence: Some(at(&format!("2026-12-01T10:{minute}:00"))),
        stage,
        outcome,
        reason: Some(reason.to_owned()),
        message: format!("because of {reason}"),
        source: "scheduler".into(),
        at: Some(at(&format!("2026-12-01T10:{minute}:01"))),
    };
    set("2026-12-01T10:21:00");
    for event in [
        event("e1", "00", Stage::Config, EventOutcome::Failed, "CONFIG_INVALID"),
        event("e2", "10", Stage::Trigger, EventOutcome::Ok, "TRIGGER_CHECKED"),
        event("e3", "20", Stage::Trigger, EventOutcome::Skipped, "TRIGGER_NOT_MET"),
    ] {
        node.report_event(event).await.expect("reported");
    }
    for minute in ["00", "15", "30", "45"] {
        set(&format!("2026-12-01T11:{minute}:00"));
        node.heartbeat(&node_id, None).await.expect("heartbeat");
    }
    service.reconcile().await.expect("reconciled");
    set("2026-12-02T12:00:00");
    service.reconcile().await.expect("reconciled");
    let mut runs = admin.runs(&RunFilter::default()).await.expect("runs");
    runs.reverse();
    let told: Vec<_> =
        runs.iter().map(|run| (run.status, run.stage, run.reason.clone().expect("reason"))).collect();
    assert_eq!(told[0], (RunStatus::Failed, Some(Stage::Config), "CONFIG_INVALID".to_owned()));
    assert_eq!(told[1].0, RunStatus::Missed, "that a step went well explains nothing");
    assert_eq!(told[2], (RunStatus::Skipped, Some(Stage::Trigger), "TRIGGER_NOT_MET".to_owned()));
    assert_eq!((told[3].0, told.len()), (RunStatus::Missed, 4));
    assert_eq!(runs[0].message, "because of CONFIG_INVALID");
    assert_eq!(runs[0].ended, Some(at("2026-12-01T10:00:01")));
    let steps = admin.events(&EventScope::Run(runs[0].id.clone()), None).await.expect("events");
    let steps: Vec<_> = steps.iter().map(|step| (step.source.as_str(), step.outcome)).collect();
    assert!(steps.contains(&("scheduler", EventOutcome::Failed)) && steps.len() == 2, "{steps:?}");
    assert_eq!(service.reconcile().await.expect("reconciled").records, 0, "nothing is written twice");
}
