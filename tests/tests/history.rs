//! What is known of what has happened: runs that were never begun, ids that are used again, callers
//! that do not wait.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::store::MemoryStore;
use leoscope_core::control::{Service, Session};
use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{
    AuditAction, AuditFilter, Caller, EventOutcome, EventScope, Heartbeat, JobSpec, NewEvent, NodeUpdate,
    Role, RunFilter, RunStatus, Stage,
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

/// An orchestrator in memory, at a time that is set.
struct Testbed {
    service: Arc<Service>,
    clock: Arc<SetClock>,
    _dir: tempfile::TempDir,
}

impl Testbed {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let artifacts = Arc::new(DirectoryStore::new(dir.path().to_owned()).await.expect("artifacts"));
        let clock = Arc::new(SetClock(Mutex::new(at("2026-12-01T09:00:00"))));
        let service = Service::new(Arc::new(MemoryStore::default()), artifacts, clock.clone());
        let testbed = Self { service, clock, _dir: dir };
        testbed
            .session("admin", Role::Admin)
            .register_node(node_id(), NodeUpdate::default())
            .await
            .expect("node");
        testbed
    }

    fn session(&self, id: &str, role: Role) -> Session {
        self.service.session(Caller { id: UserId::parse(id).expect("id"), role })
    }

    fn set(&self, to: &str) {
        *self.clock.0.lock().expect("lock") = at(to);
    }
}

fn node_id() -> NodeId {
    "node-1".parse().expect("id")
}

/// Every ten minutes, from 10:00 to 10:40.
fn spec() -> JobSpec {
    JobSpec {
        id: Some("exp".parse().expect("id")),
        node: node_id(),
        server: None,
        schedule: Schedule::Cron("*/10 * * * *".parse().expect("cron")),
        window: Window::new(at("2026-12-01T10:00:00"), at("2026-12-01T10:40:00")).expect("window"),
        length: 60_i64.try_into().expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: a:1}".into(),
        params: Default::default(),
        policies: Policies::default(),
    }
}

fn event(id: &str, minute: &str, stage: Stage, outcome: EventOutcome, reason: &str) -> NewEvent {
    NewEvent {
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
    }
}

#[tokio::test]
async fn a_run_that_was_never_begun_ends_as_its_node_said() {
    let testbed = Testbed::start().await;
    let (admin, node) = (testbed.session("admin", Role::Admin), testbed.session("node-1", Role::Node));
    testbed.session("someone", Role::User).schedule_job(spec()).await.expect("booked");
    testbed.set("2026-12-01T10:21:00");
    for event in [
        event("e1", "00", Stage::Config, EventOutcome::Failed, "CONFIG_INVALID"),
        event("e2", "10", Stage::Trigger, EventOutcome::Ok, "TRIGGER_CHECKED"),
        event("e3", "20", Stage::Trigger, EventOutcome::Skipped, "TRIGGER_NOT_MET"),
    ] {
        node.report_event(event).await.expect("reported");
    }
    for minute in ["00", "15", "30", "45"] {
        testbed.set(&format!("2026-12-01T11:{minute}:00"));
        node.heartbeat(Heartbeat::of(node_id())).await.expect("heartbeat");
    }
    testbed.service.reconcile().await.expect("reconciled");
    testbed.set("2026-12-02T12:00:00");
    testbed.service.reconcile().await.expect("reconciled");
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
    assert_eq!(testbed.service.reconcile().await.expect("reconciled").records, 0, "nothing is written twice");
}

#[tokio::test]
async fn who_books_an_id_again_learns_nothing_of_who_had_it_before() {
    let testbed = Testbed::start().await;
    let node = testbed.session("node-1", Role::Node);
    let (first, second) = (testbed.session("first", Role::User), testbed.session("second", Role::User));
    first.schedule_job(spec()).await.expect("booked");
    let failed = event("e1", "10", Stage::Config, EventOutcome::Failed, "CONFIG_INVALID");
    node.report_event(failed).await.expect("reported");
    first.delete_job(&"exp".parse().expect("id")).await.expect("deleted");
    testbed.set("2026-12-01T09:30:00");
    second.schedule_job(spec()).await.expect("the id is free");
    let of_job = EventScope::Job("exp".parse().expect("id"));
    assert_eq!(second.events(&of_job, None).await.expect("events"), []);
    let all = testbed.session("admin", Role::Admin).events(&of_job, None).await.expect("events");
    assert_eq!(all.len(), 1);
    testbed.set("2026-12-02T12:00:00");
    testbed.service.reconcile().await.expect("reconciled");
    let runs = second.runs(&RunFilter::default()).await.expect("runs");
    assert_eq!(runs.len(), 4);
    assert!(runs.iter().all(|run| run.status == RunStatus::Missed), "the earlier booking explains nothing");
    for run in runs {
        let steps = second.events(&EventScope::Run(run.id), None).await.expect("events");
        assert!(steps.iter().all(|step| step.owner.as_str() == "second"), "{steps:?}");
    }
}

#[tokio::test]
async fn what_a_caller_changes_is_written_down_although_it_does_not_wait() {
    let testbed = Testbed::start().await;
    let someone = testbed.session("someone", Role::User);
    someone.schedule_job(spec()).await.expect("booked");
    let id = "exp".parse().expect("id");
    {
        let mut call = std::pin::pin!(someone.delete_job(&id));
        assert!(futures_util::poll!(call.as_mut()).is_pending(), "it is under way");
    }
    let deleted = AuditFilter { action: Some(AuditAction::DeleteJob), ..AuditFilter::default() };
    let admin = testbed.session("admin", Role::Admin);
    while admin.audit(&deleted).await.expect("trail").is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(admin.job(&id).await.expect("read"), None, "and it is done");
}

#[tokio::test]
async fn steps_of_runs_are_the_orchestrator_s_own() {
    let testbed = Testbed::start().await;
    testbed.session("someone", Role::User).schedule_job(spec()).await.expect("booked");
    let forged = event("step-1", "10", Stage::Config, EventOutcome::Ok, "X");
    let error = testbed.session("node-1", Role::Node).report_event(forged).await.expect_err("not its own");
    assert_eq!(error.message(), "event ids that begin with 'step-' are the orchestrator's own");
}
