//! Cases for tasks.

use std::sync::Arc;

use super::{at, kind, node_id};
use crate::ErrorKind;
use crate::ids::{JobId, RunId, TaskId};
use crate::model::{Task, TaskFilter, TaskKind, TaskStatus, TaskTtl};
use crate::ports::{PAGE, Store};

fn id(text: &str) -> TaskId {
    TaskId::parse(text).unwrap()
}

fn task(text: &str, node: &str) -> Task {
    Task {
        id: id(text),
        kind: TaskKind::ServerStart,
        run: RunId::parse("r1").unwrap(),
        job: JobId::parse("j1").unwrap(),
        node: node_id(node),
        status: TaskStatus::Scheduled,
        ttl: TaskTtl::try_from(60).unwrap(),
        created: at("2026-12-01T00:00:00.000001"),
        address: None,
    }
}

pub(super) async fn tasks_come_back_as_stored_and_ids_are_unique(store: Arc<dyn Store>) {
    let now = at("2026-12-01T00:00:30");
    let first = task("a", "n");
    assert_eq!(kind(store.set_task_status(&first.id, TaskStatus::Complete, None).await), ErrorKind::NotFound);
    store.insert_task(&first).await.unwrap();
    let other = Task { kind: TaskKind::ServerStop, ..task("a", "m") };
    assert_eq!(kind(store.insert_task(&other).await), ErrorKind::AlreadyExists);
    let all = TaskFilter::default();
    assert_eq!(store.tasks(&all, now, None).await.unwrap(), std::slice::from_ref(&first));
    store.set_task_status(&first.id, TaskStatus::Complete, None).await.unwrap();
    store.set_task_status(&first.id, TaskStatus::Complete, None).await.unwrap();
    let done = Task { status: TaskStatus::Complete, ..first };
    assert_eq!(store.tasks(&all, now, None).await.unwrap(), std::slice::from_ref(&done));
    let address = Some("192.0.2.1".parse().unwrap());
    for told in [address, None] {
        store.set_task_status(&done.id, TaskStatus::Complete, told).await.unwrap();
        let known = Task { address, ..done.clone() };
        assert_eq!(store.tasks(&all, now, None).await.unwrap(), [known], "what was told stays known");
    }
}

pub(super) async fn tasks_are_filtered_and_listed_by_id(store: Arc<dyn Store>) {
    let now = at("2026-12-01T00:00:30");
    let tasks = [
        task("c", "n1"),
        Task { kind: TaskKind::ServerStop, ..task("a", "n2") },
        Task { run: RunId::parse("r2").unwrap(), status: TaskStatus::Complete, ..task("b", "n1") },
        Task { job: JobId::parse("j2").unwrap(), ..task("d", "n3") },
    ];
    for task in &tasks {
        store.insert_task(task).await.unwrap();
    }
    let all = TaskFilter::default;
    let cases = [
        (all(), "a b c d"),
        (TaskFilter { id: Some(id("b")), ..all() }, "b"),
        (TaskFilter { kind: Some(TaskKind::ServerStop), ..all() }, "a"),
        (TaskFilter { run: Some(RunId::parse("r1").unwrap()), ..all() }, "a c d"),
        (TaskFilter { job: Some(JobId::parse("j2").unwrap()), ..all() }, "d"),
        (TaskFilter { node: Some(node_id("n1")), ..all() }, "b c"),
        (TaskFilter { node: Some(node_id("n1")), status: Some(TaskStatus::Scheduled), ..all() }, "c"),
        (TaskFilter { node: Some(node_id("none")), ..all() }, ""),
    ];
    for (filter, expected) in cases {
        let found: Vec<_> =
            store.tasks(&filter, now, None).await.unwrap().iter().map(|task| task.id.to_string()).collect();
        assert_eq!(found.join(" "), expected, "{filter:?}");
    }
    let rest = store.tasks(&all(), now, Some(&id("b"))).await.unwrap();
    assert_eq!(rest.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["c", "d"]);
    for index in 0..PAGE {
        store.insert_task(&task(&format!("x{index:05}"), "many")).await.unwrap();
    }
    assert_eq!(store.tasks(&all(), now, None).await.unwrap().len(), PAGE);
}

pub(super) async fn a_task_stands_until_its_time_is_over(store: Arc<dyn Store>) {
    store.insert_task(&task("short", "n")).await.unwrap();
    let long = Task { ttl: TaskTtl::try_from(61).unwrap(), ..task("long", "n") };
    store.insert_task(&long).await.unwrap();
    let listed = async |now: &str| {
        let found = store.tasks(&TaskFilter::default(), at(now), None).await.unwrap();
        found.iter().map(|task| task.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(listed("2026-12-01T00:01:00").await, "long short");
    assert_eq!(listed("2026-12-01T00:01:00.000001").await, "long");
    assert_eq!(kind(store.insert_task(&task("short", "n")).await), ErrorKind::AlreadyExists);
    assert_eq!(store.forget_tasks(at("2026-12-01T00:01:00.000001")).await.unwrap(), 1);
    assert_eq!(store.forget_tasks(at("2026-12-01T00:01:00.000001")).await.unwrap(), 0);
    assert_eq!(listed("2026-12-01T00:00:00").await, "long");
    store.insert_task(&task("short", "n")).await.expect("its id is free");
}
