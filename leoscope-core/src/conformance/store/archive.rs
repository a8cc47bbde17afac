//! Cases for lists longer than a page, what is over, and copies of everything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::{at, book, job, kind, node_id, run, user};
use crate::ErrorKind;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::{
    AuditAction, Job, Node, Outcome, Reason, Record, Run, RunFilter, RunStatus, Settings, Stage,
};
use crate::ports::{Booking, PAGE, Store, StoreExt as _, Versions};

fn numbered(index: usize) -> String {
    format!("id-{index:05}")
}

pub(super) async fn lists_go_on_after_a_page(store: Arc<dyn Store>) {
    let count = PAGE + 3;
    let ids: Vec<String> = (0..count).map(numbered).collect();
    for (index, id) in ids.iter().enumerate().rev() {
        // Every third run has no start, and several have the same.
        let start = (index % 3 != 0).then_some(["2026-12-01T00:00", "2026-12-01T00:01"][index % 2]);
        let record = Record::Run { run: run(id, "j", "n", "u", start), revision: 1 };
        store.restore(&record, &Versions::new()).await.unwrap();
        let node = Node { id: node_id(id), ..super::node("n") };
        store.restore(&Record::Node(node), &Versions::new()).await.unwrap();
        let job = Job { id: JobId::parse(id).unwrap(), ..job("j", "n", None) };
        let (settled, next) = (job.since, None);
        store.restore(&Record::Job { job, settled, next }, &Versions::new()).await.unwrap();
    }
    let page = store.nodes(None).await.unwrap();
    assert_eq!(page.len(), PAGE);
    let nodes = store.all_nodes().await.unwrap();
    assert_eq!(nodes.iter().map(|node| node.id.as_str()).collect::<Vec<_>>(), ids);
    let owner = job("j", "n", None).owner;
    assert_eq!(store.jobs_of_user(&owner, None).await.unwrap().len(), PAGE);
    let jobs = store.all_jobs_of_user(&owner).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ids);
    assert_eq!(store.timetable(&[node_id("n")].into()).await.unwrap().jobs.len(), count);
    assert_eq!(store.runs(&RunFilter::default(), None).await.unwrap().len(), PAGE);
    let runs = store.all_runs(&RunFilter::default()).await.unwrap();
    let order = |run: &Run| (std::cmp::Reverse(run.sort_key()), run.id.clone());
    assert!(runs.is_sorted_by(|a, b| order(a) < order(b)), "no run comes twice");
    assert_eq!(runs.len(), count);
    // From every place in the list the rest of it follows.
    for index in [0, 1, count / 3, count / 3 * 2 - 1, count - 2, count - 1] {
        let filter = RunFilter { limit: Some(2), ..RunFilter::default() };
        let next = store.runs(&filter, runs.get(index)).await.unwrap();
        assert_eq!(next, runs[index + 1..].iter().take(2).cloned().collect::<Vec<_>>(), "after {index}");
    }
    let limited = RunFilter { limit: Some(u32::try_from(PAGE).unwrap() + 1), ..RunFilter::default() };
    assert_eq!(store.all_runs(&limited).await.unwrap().len(), PAGE + 1);
}

fn ended(id: &str, start: Option<&str>, end: Option<&str>) -> Run {
    let mut run = run(id, "j", "n", "u", start);
    let outcome = Outcome::new(RunStatus::Completed, Stage::Execute, Reason::ExperimentEnded, "ended");
    run.end(outcome, at(end.unwrap_or("2026-12-01T00:00")));
    run.ended = end.map(at);
    run
}

pub(super) async fn runs_that_are_over_are_found_and_forgotten(store: Arc<dyn Store>) {
    let reported = Run { updated: Some(at("2026-12-01T01:30")), ..ended("b", None, None) };
    let open = run("open", "j", "n", "u", Some("2026-12-01T00:00"));
    let runs = [
        ended("c", Some("2026-12-01T00:00"), Some("2026-12-01T02:00")),
        reported,
        ended("a", Some("2026-12-01T00:59"), Some("2026-12-01T01:00")),
        ended("late", Some("2026-12-01T00:00"), Some("2026-12-01T02:00:00.000001")),
        open.clone(),
    ];
    for run in &runs {
        store.put_run(run, None).await.unwrap();
    }
    let before = at("2026-12-01T02:00:00.000001");
    let over = store.runs_over(before).await.unwrap();
    assert_eq!(over.iter().map(|(run, _)| run.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(over[1], (runs[1].clone(), 1));
    let changed = Run { message: "more".into(), ..runs[1].clone() };
    store.put_run(&changed, Some(1)).await.unwrap();
    assert!(!store.forget_run(&changed.id, 1).await.unwrap(), "it has changed");
    assert!(store.forget_run(&changed.id, 2).await.unwrap());
    assert!(!store.forget_run(&changed.id, 2).await.unwrap(), "it is gone");
    assert_eq!(store.run(&changed.id).await.unwrap(), None);
    let left: BTreeSet<_> = store
        .all_runs(&RunFilter::default())
        .await
        .unwrap()
        .into_iter()
        .map(|run| run.id.to_string())
        .collect();
    assert_eq!(left.into_iter().collect::<Vec<_>>(), ["a", "c", "late", "open"]);
    let mut end = open;
    end.end(Outcome::failed(Stage::Execute, Reason::Lost, "lost"), at("2026-12-01T00:30"));
    store.put_run(&end, Some(1)).await.unwrap();
    assert_eq!(store.runs_over(before).await.unwrap()[0].0, end, "a run is over when it has ended");
}

pub(super) async fn definitions_that_are_over_are_found_and_forgotten(store: Arc<dyn Store>) {
    // All have a window that ends on 2026-12-02.
    for id in ["deleted", "ended", "unsettled"] {
        book(&store, &["n", "s"], Booking::Insert(Box::new(job(id, "n", Some("s"))))).await.unwrap();
    }
    let gone = at("2026-11-30T12:00");
    book(&store, &["n"], Booking::Delete(JobId::parse("deleted").unwrap(), gone)).await.unwrap();
    let deleted = Job { deleted: Some(gone), ..job("deleted", "n", Some("s")) };
    let ended = job("ended", "n", Some("s"));
    for job in [&deleted, &ended] {
        store.settle(job, gone, None).await.unwrap();
    }
    let over = async |before: &str, after: Option<&Job>| store.jobs_over(at(before), after).await.unwrap();
    assert_eq!(over("2026-11-30T12:00", None).await, []);
    assert_eq!(over("2026-12-02T00:00", None).await, std::slice::from_ref(&deleted));
    assert_eq!(over("2026-12-03T00:00", None).await, [deleted.clone(), ended.clone()]);
    assert_eq!(over("2026-12-03T00:00", Some(&deleted)).await, std::slice::from_ref(&ended));
    assert_eq!(over("2026-12-03T00:00", Some(&ended)).await, []);
    let both: BTreeSet<_> = ["n", "s"].map(node_id).into();
    let before = store.timetable(&both).await.unwrap();
    assert!(!store.forget_job(&Job { deleted: None, ..deleted.clone() }).await.unwrap(), "it is not so");
    assert!(store.forget_job(&deleted).await.unwrap());
    assert!(!store.forget_job(&deleted).await.unwrap(), "it is gone");
    assert_eq!(store.job(&deleted.id).await.unwrap(), None);
    assert_eq!(store.timetable(&both).await.unwrap().jobs, before.jobs);
    assert!(store.forget_job(&ended).await.unwrap());
    let after = store.timetable(&both).await.unwrap();
    assert_eq!(after.jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["unsettled"]);
    for node in both {
        assert!(after.versions[&node] > before.versions[&node], "the timetable of {node} has changed");
    }
    book(&store, &["n", "s"], Booking::Insert(Box::new(ended.clone()))).await.expect("its id is free");
}

pub(super) async fn changes_of_timetables_are_told(store: Arc<dyn Store>) {
    book(&store, &["before"], Booking::Insert(Box::new(job("before", "before", None)))).await.unwrap();
    let mut changes = store.watch_timetables().await.unwrap();
    book(&store, &["n", "s"], Booking::Insert(Box::new(job("a", "n", Some("s"))))).await.unwrap();
    book(&store, &["m"], Booking::Insert(Box::new(job("b", "m", None)))).await.unwrap();
    store.touch_node(&node_id("n"), at("2026-12-01T00:00")).await.unwrap_err();
    let mut told: BTreeSet<NodeId> = BTreeSet::new();
    while told.len() < 3 {
        let next = tokio::time::timeout(Duration::from_secs(30), changes.next()).await;
        told.extend(next.expect("in time").expect("not ended").unwrap());
    }
    assert_eq!(told, ["m", "n", "s"].map(node_id).into());
    let gone = Booking::Delete(JobId::parse("b").unwrap(), at("2026-11-30T12:00"));
    book(&store, &["m"], gone).await.unwrap();
    let next = tokio::time::timeout(Duration::from_secs(30), changes.next()).await;
    assert_eq!(next.expect("in time").expect("not ended").unwrap(), [node_id("m")].into());
}

async fn all(store: &Arc<dyn Store>) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let page = store.records(records.last().map(Record::key).as_ref()).await.unwrap();
        let is_last = page.len() < PAGE;
        records.extend(page);
        if is_last {
            return records;
        }
    }
}

pub(super) async fn records_are_listed_by_key_and_restored_as_they_were(store: Arc<dyn Store>) {
    assert_eq!(all(&store).await, []);
    let first = job("j", "n", Some("s"));
    let gone = at("2026-11-30T12:00");
    let old = Job { deleted: Some(gone), ..first.clone() };
    let new = Job { since: gone, ..first.clone() };
    let job_record = |job: &Job, next| Record::Job { job: job.clone(), settled: gone, next };
    let timetable = |node: &str, version| Record::Timetable { node: node_id(node), version };
    let records = [
        Record::User(user("A", "upper")),
        Record::User(user("a", "lower")),
        Record::Node(Node { last_active: Some(at("2026-11-01T00:00:00.000001")), ..super::node("n") }),
        Record::Run { run: ended("r", Some("2026-12-01T00:00"), Some("2026-12-01T00:01")), revision: 7 },
        job_record(&old, None),
        job_record(&new, Some(at("2026-12-01T00:00:00.000002"))),
        timetable("n", 12),
        timetable("s", 2),
        Record::Settings(Settings { weather_api_key: crate::model::Secret::new("k"), ..Settings::default() }),
        Record::Event(super::event("e", "j", None, "2026-12-01T00:00:00.000003")),
        Record::Audit(super::entry("a", AuditAction::DeleteJob, Some("j"), "2026-12-01T00:00")),
    ];
    for record in records.iter().rev() {
        assert_eq!(store.restore(record, &Versions::new()).await.unwrap(), None);
    }
    assert_eq!(store.timetable(&[node_id("s")].into()).await.unwrap().versions[&node_id("s")], 4);
    let listed = all(&store).await;
    // A job restored after the version of its timetable makes that grow.
    assert_eq!(listed[..6], records[..6]);
    assert_eq!(listed[6..8], [timetable("n", 14), timetable("s", 4)]);
    assert_eq!(listed[8..], records[8..]);
    for (index, record) in listed.iter().enumerate() {
        let rest = store.records(Some(&record.key())).await.unwrap();
        assert_eq!(rest, listed[index + 1..], "after {}", record.key());
        assert_eq!(store.restore(record, &Versions::new()).await.unwrap().as_ref(), Some(record), "it stays");
    }
    assert_eq!(all(&store).await, listed, "nothing has changed");
    assert_eq!(store.job(&new.id).await.unwrap(), Some(new.clone()));
    assert_eq!(store.timetable(&[node_id("n")].into()).await.unwrap().jobs[0].since, new.since);
    let due = store.unsettled(at("2026-12-01T00:00:00.000002"), 10).await.unwrap();
    assert_eq!(due.into_iter().map(|due| due.job).collect::<Vec<_>>(), [new]);
    assert_eq!(store.user(&UserId::parse("a").unwrap()).await.unwrap(), Some(user("a", "lower")));
    let node = Record::Node(Node { name: "other".into(), ..super::node("n") });
    assert_eq!(
        store.restore(&node, &Versions::new()).await.unwrap().as_ref(),
        Some(&listed[2]),
        "what is there stays"
    );
    store.restore(&timetable("n", 13), &Versions::new()).await.unwrap();
    store.restore(&timetable("s", 9), &Versions::new()).await.unwrap();
    assert_eq!(all(&store).await[6..8], [timetable("n", 14), timetable("s", 9)]);
    let second = Job { created: at("2026-12-01T00:00"), since: at("2026-12-01T00:00"), ..first };
    let before = all(&store).await;
    assert_eq!(
        kind(store.restore(&job_record(&second, None), &Versions::new()).await),
        ErrorKind::AlreadyExists
    );
    let other = Job { id: JobId::parse("other").unwrap(), ..second };
    let stale: Versions = [(node_id("n"), 13), (node_id("s"), 9)].into();
    assert_eq!(kind(store.restore(&job_record(&other, None), &stale).await), ErrorKind::Stale);
    assert_eq!(all(&store).await, before);
}
