//! Cases for jobs and timetables.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{at, book, job, kind, node_id};
use crate::ErrorKind;
use crate::ids::{JobId, UserId};
use crate::model::Job;
use crate::ports::{Booking, Store, Unsettled};
use crate::schedule::Schedule;

pub(super) async fn jobs_come_back_as_stored(store: Arc<dyn Store>) {
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
    assert_eq!(store.jobs_of_user(&full.owner, None).await.unwrap(), [bare, full]);
    assert_eq!(store.jobs_of_user(&UserId::parse("nobody").unwrap(), None).await.unwrap(), []);
    assert_eq!(store.job(&JobId::parse("none").unwrap()).await.unwrap(), None);
}

pub(super) async fn timetables_hold_the_jobs_of_node_and_server(store: Arc<dyn Store>) {
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

pub(super) async fn a_commit_on_a_changed_timetable_is_stale(store: Arc<dyn Store>) {
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

pub(super) async fn a_commit_compares_every_node_it_has_seen(store: Arc<dyn Store>) {
    book(&store, &["x"], Booking::Insert(Box::new(job("mine", "x", None)))).await.unwrap();
    let both: BTreeSet<_> = ["x", "y"].map(node_id).into();
    let seen = store.timetable(&both).await.unwrap().versions;
    book(&store, &["y"], Booking::Insert(Box::new(job("other", "z", Some("y"))))).await.unwrap();
    let before = store.timetable(&both).await.unwrap();
    let delete = Booking::Delete(JobId::parse("mine").unwrap(), at("2026-11-30T12:00"));
    for booking in [Booking::Insert(Box::new(job("second", "x", None))), delete] {
        assert_eq!(kind(store.commit(&seen, booking).await), ErrorKind::Stale);
        assert_eq!(store.timetable(&both).await.unwrap(), before, "a stale commit changes nothing");
    }
}

pub(super) async fn of_concurrent_commits_exactly_one_succeeds(store: Arc<dyn Store>) {
    let nodes: BTreeSet<_> = [node_id("n")].into();
    let seen = store.timetable(&nodes).await.unwrap().versions;
    let mut tasks = JoinSet::new();
    for index in 0..16 {
        let (store, seen) = (Arc::clone(&store), seen.clone());
        // The node takes part as the one that measures and as the one that serves.
        let (node, server) = if index % 2 == 0 { ("n", None) } else { ("m", Some("n")) };
        let booking = Booking::Insert(Box::new(job(&format!("job-{index}"), node, server)));
        tasks.spawn(async move { store.commit(&seen, booking).await.map_err(|e| e.kind()) });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(ErrorKind::Stale))), "{results:?}");
    assert_eq!(store.timetable(&nodes).await.unwrap().jobs.len(), 1);
}

pub(super) async fn deleted_jobs_stay_and_their_ids_are_free(store: Arc<dyn Store>) {
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
    assert_eq!(store.jobs_of_user(&first.owner, None).await.unwrap(), []);
    let second = Job { created: at("2026-11-30T13:00"), ..job("a", "n", None) };
    book(&store, &["n"], Booking::Insert(Box::new(second.clone()))).await.unwrap();
    assert_eq!(store.job(&first.id).await.unwrap(), Some(second.clone()));
    let gone = at("2026-11-30T14:00");
    book(&store, &["n"], Booking::Delete(first.id.clone(), gone)).await.unwrap();
    assert_eq!(store.job(&first.id).await.unwrap(), Some(Job { deleted: Some(gone), ..second }));
}

pub(super) async fn definitions_of_one_instant_are_not_mixed_up(store: Arc<dyn Store>) {
    let first = job("a", "n", None);
    book(&store, &["n"], Booking::Insert(Box::new(first.clone()))).await.unwrap();
    let gone = at("2026-11-30T12:00");
    book(&store, &["n"], Booking::Delete(first.id.clone(), gone)).await.unwrap();
    let again = Job { config: "other".into(), ..first.clone() };
    let refused = book(&store, &["n"], Booking::Insert(Box::new(again))).await;
    assert_eq!(kind(refused), ErrorKind::AlreadyExists);
    assert_eq!(store.job(&first.id).await.unwrap(), Some(Job { deleted: Some(gone), ..first }));
}

pub(super) async fn a_clock_that_went_back_does_not_hide_a_job(store: Arc<dyn Store>) {
    let first = job("a", "n", None);
    book(&store, &["n"], Booking::Insert(Box::new(first.clone()))).await.unwrap();
    book(&store, &["n"], Booking::Delete(first.id.clone(), at("2026-11-30T12:00"))).await.unwrap();
    let second = Job { created: at("2026-11-29T00:00"), ..first.clone() };
    book(&store, &["n"], Booking::Insert(Box::new(second.clone()))).await.unwrap();
    assert_eq!(store.job(&first.id).await.unwrap(), Some(second));
}

pub(super) async fn a_changed_job_takes_the_place_of_the_one_before(store: Arc<dyn Store>) {
    let first = job("a", "n", Some("s"));
    book(&store, &["n", "s"], Booking::Insert(Box::new(first.clone()))).await.unwrap();
    let both: BTreeSet<_> = ["n", "s"].map(node_id).into();
    let before = store.timetable(&both).await.unwrap().versions;
    let second = Job { since: at("2026-11-30T12:00"), config: "other".into(), ..first.clone() };
    let change = Booking::Replace(Box::new(second.clone()));
    assert_eq!(kind(store.commit(&[(node_id("n"), 99)].into(), change.clone()).await), ErrorKind::Stale);
    store.commit(&before, change.clone()).await.unwrap();
    assert_eq!(kind(store.commit(&before, change).await), ErrorKind::Stale, "it cannot be made twice");
    let after = store.timetable(&both).await.unwrap();
    assert_eq!(after.jobs, [Arc::new(second.clone())]);
    assert!(after.versions.iter().all(|(node, version)| *version > before[node]), "both nodes have changed");
    assert_eq!(store.job(&first.id).await.unwrap(), Some(second.clone()));
    assert_eq!(store.jobs_of_user(&first.owner, None).await.unwrap(), std::slice::from_ref(&second));
    let history: Vec<Job> =
        store.unsettled(at("2030-01-01T00:00"), 10).await.unwrap().into_iter().map(|u| u.job).collect();
    assert!(
        history.contains(&Job { deleted: Some(second.since), ..first }),
        "the one before stays as history"
    );
    assert!(history.contains(&second));
}

pub(super) async fn a_change_of_another_booking_is_refused(store: Arc<dyn Store>) {
    let first = job("a", "n", None);
    let change =
        |created| Booking::Replace(Box::new(Job { created, since: at("2026-12-01T00:00"), ..first.clone() }));
    assert_eq!(kind(book(&store, &["n"], change(first.created)).await), ErrorKind::NotFound);
    book(&store, &["n"], Booking::Insert(Box::new(first.clone()))).await.unwrap();
    assert_eq!(kind(book(&store, &["n"], change(at("2026-11-29T00:00"))).await), ErrorKind::NotFound);
    assert_eq!(store.job(&first.id).await.unwrap(), Some(first));
}

pub(super) async fn a_change_that_begins_when_the_one_before_did_takes_its_place(store: Arc<dyn Store>) {
    let first = job("a", "n", None);
    book(&store, &["n"], Booking::Insert(Box::new(first.clone()))).await.unwrap();
    store.settle(&first, at("2026-12-01T00:00"), None).await.unwrap();
    for config in ["second", "third"] {
        let changed = Job { config: config.into(), ..first.clone() };
        book(&store, &["n"], Booking::Replace(Box::new(changed.clone()))).await.unwrap();
        assert_eq!(store.job(&first.id).await.unwrap(), Some(changed.clone()));
        let unsettled = store.unsettled(at("2030-01-01T00:00"), 10).await.unwrap();
        let expected = Unsettled { settled: first.since, job: changed };
        assert_eq!(unsettled, [expected], "it is all that is left, and is looked at from its beginning");
    }
}

pub(super) async fn definitions_are_unsettled_until_they_are_settled_for_good(store: Arc<dyn Store>) {
    let (a, b) = (job("a", "n", None), Job { since: at("2026-11-30T01:00"), ..job("b", "n", None) });
    for job in [&a, &b] {
        book(&store, &["n"], Booking::Insert(Box::new(job.clone()))).await.unwrap();
    }
    let due = async |now, limit| {
        let found = store.unsettled(at(now), limit).await.unwrap();
        found.into_iter().map(|u| (u.job.id.to_string(), u.settled)).collect::<Vec<_>>()
    };
    let (first, second) = (("a".to_owned(), a.since), ("b".to_owned(), b.since));
    assert_eq!(due("2026-11-30T00:00", 10).await, [], "not before it holds");
    assert_eq!(due("2026-12-01T00:00", 10).await, [first.clone(), second.clone()], "the longest due first");
    assert_eq!(due("2026-12-01T00:00", 1).await, std::slice::from_ref(&first));
    book(&store, &["n"], Booking::Delete(a.id.clone(), at("2026-12-01T00:00"))).await.unwrap();
    assert_eq!(due("2026-12-01T00:00", 1).await, [first], "deleted ones as well");
    let (settled, next) = (at("2026-12-01T00:30"), at("2026-12-01T02:00"));
    store.settle(&a, settled, Some(next)).await.unwrap();
    assert_eq!(due("2026-12-01T01:59:59", 10).await, std::slice::from_ref(&second));
    assert_eq!(due("2026-12-01T02:00", 10).await, [second.clone(), ("a".to_owned(), settled)]);
    store.settle(&a, next, None).await.unwrap();
    assert_eq!(due("2030-01-01T00:00", 10).await, [second]);
    store.settle(&job("none", "n", None), next, None).await.unwrap();
}
