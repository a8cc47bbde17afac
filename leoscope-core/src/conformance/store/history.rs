//! Cases for events and the audit trail.

use std::sync::Arc;

use super::{at, kind, node_id};
use crate::ErrorKind;
use crate::ids::{AuditId, EventId, JobId, RunId, UserId};
use crate::model::{
    AuditAction, AuditEntry, AuditFilter, AuditOutcome, Caller, EventOutcome, EventScope, JobEvent, Role,
    Stage,
};
use crate::ports::{PAGE, Store};
use crate::time::Window;

fn user(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

pub(super) fn event(id: &str, job: &str, run: Option<&str>, when: &str) -> JobEvent {
    JobEvent {
        id: EventId::parse(id).unwrap(),
        job: JobId::parse(job).unwrap(),
        run: run.map(|run| RunId::parse(run).unwrap()),
        node: node_id("n"),
        owner: user("o"),
        occurrence: Some(at("2026-12-01T00:00:00.000001")),
        stage: Stage::ImagePull,
        outcome: EventOutcome::Warn,
        reason: Some("SLOW".into()),
        message: "ü 'quoted'".into(),
        source: "executor".into(),
        at: at(when),
        received: at("2026-12-02T00:00:00.000001"),
    }
}

pub(super) async fn an_event_is_stored_once_and_the_first_one_stays(store: Arc<dyn Store>) {
    let first = event("e", "j", Some("r"), "2026-12-01T00:00:00.000002");
    assert_eq!(store.insert_event(&first).await.unwrap(), None);
    let other =
        JobEvent { reason: None, occurrence: None, run: None, ..event("e", "k", None, "2026-12-01T00:00") };
    assert_eq!(store.insert_event(&other).await.unwrap().as_ref(), Some(&first));
    assert_eq!(store.events(&EventScope::Job(first.job.clone()), 10).await.unwrap(), [first]);
    assert_eq!(store.events(&EventScope::Job(other.job.clone()), 10).await.unwrap(), []);
    let bare = JobEvent { id: EventId::parse("bare").unwrap(), ..other };
    assert_eq!(store.insert_event(&bare).await.unwrap(), None);
    assert_eq!(store.events(&EventScope::Job(bare.job.clone()), 10).await.unwrap(), [bare]);
}

pub(super) async fn events_are_listed_newest_first_by_job_run_and_planned_start(store: Arc<dyn Store>) {
    let later = JobEvent {
        occurrence: Some(at("2026-12-01T00:05")),
        received: at("2026-12-03T00:00"),
        ..event("later", "j", None, "2026-12-01T00:00:03")
    };
    let events = [
        event("b", "j", Some("r"), "2026-12-01T00:00:01"),
        event("a", "j", Some("r"), "2026-12-01T00:00:01"),
        event("newest", "j", Some("r"), "2026-12-01T00:00:04"),
        event("before", "j", None, "2026-12-01T00:00:02"),
        later,
        event("other", "k", Some("s"), "2026-12-01T00:00:05"),
    ];
    for event in &events {
        store.insert_event(event).await.unwrap();
    }
    let listed = async |scope: EventScope, limit| {
        let found = store.events(&scope, limit).await.unwrap();
        found.iter().map(|event| event.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    let (job, run) = (JobId::parse("j").unwrap(), RunId::parse("r").unwrap());
    assert_eq!(listed(EventScope::Job(job.clone()), 10).await, "newest later before a b");
    assert_eq!(listed(EventScope::Job(job.clone()), 2).await, "newest later");
    assert_eq!(listed(EventScope::Job(job.clone()), 0).await, "");
    assert_eq!(listed(EventScope::Run(run), 10).await, "newest a b");
    let start = at("2026-12-01T00:00:00.000001");
    assert_eq!(listed(EventScope::Occurrence(job.clone(), start), 10).await, "before");
    assert_eq!(store.forget_events(at("2026-12-02T00:00:00.000001")).await.unwrap(), 0);
    assert_eq!(store.forget_events(at("2026-12-02T00:00:00.000002")).await.unwrap(), 5);
    assert_eq!(listed(EventScope::Job(job), 10).await, "later");
}

pub(super) fn entry(who: &str, action: AuditAction, object: Option<&str>, when: &str) -> AuditEntry {
    let caller = Caller { id: user(who), role: Role::UserPriv };
    let object = object.map(str::to_owned);
    AuditEntry::new(
        &caller,
        Some("2001:db8::1".parse().unwrap()),
        action,
        object,
        AuditOutcome::Done,
        at(when),
    )
    .unwrap()
}

pub(super) async fn the_audit_trail_is_listed_newest_first_and_filtered(store: Arc<dyn Store>) {
    let refused = AuditOutcome::Refused { kind: ErrorKind::PermissionDenied, message: "no 'ü'".into() };
    let entries = [
        entry("a", AuditAction::DeleteJob, Some("j"), "2026-12-01T00:00:00.000001"),
        AuditEntry { address: None, ..entry("b", AuditAction::UpdateSettings, None, "2026-12-01T00:00:01") },
        AuditEntry {
            outcome: refused,
            ..entry("a", AuditAction::ScheduleJob, Some("j"), "2026-12-01T00:00:02")
        },
    ];
    for entry in [&entries[1], &entries[2], &entries[0]] {
        store.insert_audit(entry).await.unwrap();
    }
    assert_eq!(kind(store.insert_audit(&entries[0]).await), ErrorKind::AlreadyExists);
    let window = |start, end| Some(Window::new(at(start), at(end)).unwrap());
    let all = AuditFilter::default;
    let cases = [
        (all(), &[2, 1, 0][..]),
        (AuditFilter { limit: Some(2), ..all() }, &[2, 1]),
        (AuditFilter { limit: Some(0), ..all() }, &[]),
        (AuditFilter { after: Some(entries[2].id.clone()), ..all() }, &[1, 0]),
        (AuditFilter { caller: Some(user("a")), ..all() }, &[2, 0]),
        (AuditFilter { caller: Some(user("a")), after: Some(entries[2].id.clone()), ..all() }, &[0]),
        (AuditFilter { object: Some("j".into()), ..all() }, &[2, 0]),
        (AuditFilter { action: Some(AuditAction::UpdateSettings), limit: Some(1), ..all() }, &[1]),
        (
            AuditFilter { within: window("2026-12-01T00:00:00.000001", "2026-12-01T00:00:02"), ..all() },
            &[1, 0],
        ),
        (
            AuditFilter {
                within: window("2026-12-01T00:00:00.000002", "2026-12-01T00:00:02.000001"),
                ..all()
            },
            &[2, 1],
        ),
        (AuditFilter { object: Some("none".into()), ..all() }, &[]),
    ];
    for (filter, expected) in cases {
        let found = store.audit(&filter).await.unwrap();
        let expected: Vec<_> = expected.iter().map(|index| entries[*index].clone()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    assert_eq!(store.forget_audit(at("2026-12-01T00:00:01")).await.unwrap(), 1);
    assert_eq!(store.audit(&all()).await.unwrap(), [entries[2].clone(), entries[1].clone()]);
    for _ in 0..=PAGE {
        store
            .insert_audit(&entry("many", AuditAction::ModifyUser, Some("x"), "2026-11-01T00:00"))
            .await
            .unwrap();
    }
    let first = store.audit(&all()).await.unwrap();
    assert_eq!(first.len(), PAGE);
    let after: Option<AuditId> = first.last().map(|entry| entry.id.clone());
    assert_eq!(store.audit(&AuditFilter { after, ..all() }).await.unwrap().len(), 3);
    assert_eq!(store.forget_audit(at("2026-12-01T00:00:00")).await.unwrap(), PAGE as u64 + 1);
}
