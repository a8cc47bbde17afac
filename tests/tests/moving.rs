//! Moving everything from one store to another, and keeping history for as long as is wished.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::store::{MemoryStore, SqliteStore};
use leoscope_core::control::backup::{self, BackupReader};
use leoscope_core::control::{Expired, Expiry, Import, Origin, Retention, Service, Taking};
use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{
    ArtifactKey, BlobSettings, BundleFacts, BundleRecord, EventScope, Job, JobParams, Node, Outcome, Reason,
    Record, Role, Run, RunFilter, RunLength, RunStatus, Secret, Settings, Stage, Standby, Standbys,
    TokenHash, User,
};
use leoscope_core::ports::{ArtifactStore, Booking, Clock, Store, StoreExt as _, Versions};
use leoscope_core::schedule::{CronExpr, Overlap, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};
use leoscope_tests::mongodb;

fn at(text: &str) -> Timestamp {
    parse_time(text).expect(text)
}

/// A clock that stands still until it is set; tokio's time is that of the database.
#[derive(Debug)]
struct SetClock(Mutex<Timestamp>);

impl SetClock {
    fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().expect("lock");
        *now += by;
    }

    fn set(&self, to: &str) {
        *self.0.lock().expect("lock") = at(to);
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("lock")
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending::<()>().await;
    }
}

fn job(id: &str, cron: &str) -> Job {
    Job {
        id: JobId::parse(id).expect("id"),
        owner: UserId::parse("someone@example.org").expect("id"),
        node: NodeId::parse("n").expect("id"),
        server: Some(NodeId::parse("s").expect("id")),
        schedule: Schedule::Cron(CronExpr::parse(cron).expect(cron)),
        window: Window::new(at("2026-12-01T00:00:00.000001"), at("2027-12-01T00:00")).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: Some("satellite_elevation > 40 — ü".into()),
        config: "docker: {image: a}\n".into(),
        params: JobParams { mode: "docker".into(), ..JobParams::default() },
        policies: Policies {
            time_zone: "Europe/Berlin".parse().expect("zone"),
            overlap: Overlap::Skip,
            slip: SignedDuration::from_secs(300),
            max_runs: std::num::NonZeroU32::new(7),
            align: Some("slot+3".parse().expect("offset")),
            ..Policies::default()
        },
        shift: SignedDuration::from_millis(1_500),
        created: at("2026-11-30T00:00:00.123456"),
        since: at("2026-11-30T00:00:00.123456"),
        deleted: None,
    }
}

fn run(id: &str, job: &Job, start: &str) -> Run {
    let planned = Window::lasting(at(start), SignedDuration::from_secs(60)).expect("window");
    Run::planned(RunId::parse(id).expect("id"), job.id.clone(), job.node.clone(), job.owner.clone(), planned)
}

fn ended(run: Run, at: Timestamp) -> Run {
    let mut run = Run { started: Some(at), exit_code: Some(0), updated: Some(at), ..run };
    run.end(Outcome::new(RunStatus::Completed, Stage::Execute, Reason::ExperimentEnded, "ended"), at);
    run
}

async fn book(store: &dyn Store, booking: Booking) {
    store.commit(&Versions::new(), booking).await.expect("commit");
}

/// A store in use, with something of everything.
async fn fill(store: &dyn Store) {
    for (id, role) in [("admin", Role::Admin), ("B", Role::UserPriv), ("a", Role::Node)] {
        let token = Some(TokenHash::of(&Secret::new(id)));
        let id = UserId::parse(id).expect("id");
        store
            .insert_user(&User { id, name: "Ünï".into(), role, team: "t".into(), token })
            .await
            .expect("user");
    }
    for id in ["n", "s"] {
        let node = Node {
            id: NodeId::parse(id).expect("id"),
            name: "N".into(),
            description: "d".into(),
            coords: Some("47.6062,-122.3321".parse().expect("place")),
            location: "l".into(),
            provider: "starlink".into(),
            public_ip: "192.0.2.1".into(),
            owner: Some(UserId::parse("B").expect("id")),
            scheduling_enabled: id == "n",
            standby: Standbys { by_person: (id == "s").then_some(Standby::SCAVENGER), by_host: None },
            time_zone: None,
            clock_offset_us: None,
            portal: Default::default(),
            registered: at("2026-11-01T00:00:00.000001"),
            last_active: None,
            contact_since: None,
        };
        store.insert_node(&node).await.expect("node");
        store.touch_node(&node.id, at("2026-11-02T00:00:00.000002")).await.expect("touch");
    }
    let (kept, changed, deleted) =
        (job("kept", "0 * * * *"), job("changed", "5 * * * *"), job("gone", "9 * * * *"));
    for job in [&kept, &changed, &deleted] {
        book(store, Booking::Insert(Box::new(job.clone()))).await;
    }
    let later = at("2026-12-03T00:00:00.5");
    book(store, Booking::Replace(Box::new(Job { since: later, ..changed }))).await;
    book(store, Booking::Delete(deleted.id.clone(), later)).await;
    let again = at("2026-12-04T00:00");
    book(store, Booking::Insert(Box::new(Job { created: again, since: again, ..deleted }))).await;
    store.settle(&kept, later, Some(again)).await.expect("settle");
    let first = run("r1", &kept, "2026-12-01T00:00");
    store.put_run(&first, None).await.expect("run");
    store.put_run(&ended(first, at("2026-12-01T00:00:30.000001")), Some(1)).await.expect("run");
    let foreign = Run {
        planned: None,
        foreign_status: Some("EXECUTING".into()),
        ..run("r2", &kept, "2026-12-01T01:00")
    };
    store.put_run(&Run { started: Some(later), ..foreign }, None).await.expect("run");
    let blob = BlobSettings {
        connection_string: Secret::new("AccountKey=…"),
        container: "results".into(),
        artifact_path: "a/b".into(),
    };
    store.put_settings(&Settings { blob, weather_api_key: Secret::new("k") }).await.expect("settings");
}

async fn lines(store: &Arc<dyn Store>) -> Vec<String> {
    backup::lines(Arc::clone(store)).try_collect().await.expect("lines")
}

/// Takes the lines of a backup in and gives what became of each record.
async fn restore(store: &Arc<dyn Store>, lines: &[String]) -> Vec<Taking> {
    let mut reader = BackupReader::default();
    let records: Vec<Record> = lines.iter().filter_map(|line| reader.line(line).expect(line)).collect();
    reader.finish().expect("whole");
    take(store, Origin::Ours, records).await
}

async fn take(store: &Arc<dyn Store>, origin: Origin, records: Vec<Record>) -> Vec<Taking> {
    let mut takings = Vec::new();
    let records = stream::iter(records.into_iter().map(Ok));
    let import = Import::new(Arc::clone(store), origin);
    import.run(records, at("2026-12-05T00:00"), |_, taking| takings.push(taking)).await.expect("taken");
    takings
}

async fn stores(dir: &Path) -> Vec<Arc<dyn Store>> {
    let mut stores: Vec<Arc<dyn Store>> = vec![Arc::new(MemoryStore::default())];
    stores.push(Arc::new(SqliteStore::open(&dir.join("store.db")).expect("store")));
    stores.extend(mongodb::store().await.map(|store| Arc::new(store) as Arc<dyn Store>));
    stores
}

#[tokio::test]
async fn a_round_trip_through_every_store_changes_nothing() {
    let dir = tempfile::tempdir().expect("directory");
    let source: Arc<dyn Store> = Arc::new(MemoryStore::default());
    fill(&*source).await;
    let first = lines(&source).await;
    assert_eq!(first.len(), 2 + 3 + 2 + 2 + 5 + 2 + 1, "{first:#?}");
    for store in stores(dir.path()).await {
        let takings = restore(&store, &first).await;
        // The versions of the timetables grow with the jobs before they are restored themselves.
        let fine = |taking: &Taking| matches!(taking, Taking::Added | Taking::Updated | Taking::Same);
        assert!(takings.iter().all(fine), "{takings:?}");
        assert_eq!(lines(&store).await, first, "{store:?}");
        let takings = restore(&store, &first).await;
        assert!(takings.iter().all(|taking| *taking == Taking::Same), "{takings:?}");
        assert_eq!(lines(&store).await, first, "doing it again changes nothing in {store:?}");
    }
}

#[tokio::test]
async fn a_copy_that_is_brought_up_to_date_takes_what_has_happened_meanwhile() {
    let dir = tempfile::tempdir().expect("directory");
    for store in stores(dir.path()).await {
        let source: Arc<dyn Store> = Arc::new(MemoryStore::default());
        fill(&*source).await;
        restore(&store, &lines(&source).await).await;
        let (id, now) = (RunId::parse("r2").expect("id"), at("2026-12-04T12:00"));
        let (open, revision) = source.run(&id).await.expect("read").expect("run");
        source.put_run(&ended(open, now), Some(revision)).await.expect("run");
        book(&*source, Booking::Delete(JobId::parse("kept").expect("id"), now)).await;
        let live = source.job(&JobId::parse("changed").expect("id")).await.expect("read").expect("job");
        book(&*source, Booking::Replace(Box::new(Job { since: now, ..live }))).await;
        book(&*source, Booking::Insert(Box::new(Job { server: None, ..job("new", "20 * * * *") }))).await;
        let takings = restore(&store, &lines(&source).await).await;
        let skipped = |taking: &Taking| matches!(taking, Taking::Skipped(_) | Taking::Changed(_));
        assert!(!takings.iter().any(skipped), "{takings:?}");
        let jobs = async |store: &Arc<dyn Store>| {
            store
                .timetable(&["n", "s"].map(|id| id.parse().expect("id")).into())
                .await
                .expect("timetable")
                .jobs
        };
        assert_eq!(jobs(&store).await, jobs(&source).await);
        let runs = async |store: &Arc<dyn Store>| store.all_runs(&RunFilter::default()).await.expect("runs");
        assert_eq!(runs(&store).await, runs(&source).await);
    }
}

#[tokio::test]
async fn a_job_that_was_moved_meanwhile_is_moved_here_unless_something_is_in_its_way() {
    let plain = Job {
        trigger: None,
        server: None,
        shift: SignedDuration::ZERO,
        policies: Policies::default(),
        ..job("moved", "0 * * * *")
    };
    let since = at("2026-12-04T00:00");
    let moved = Job { schedule: job("x", "30 * * * *").schedule, since, ..plain.clone() };
    let records = |job: &Job| Record::Job { settled: job.since, next: Some(job.since), job: job.clone() };
    let source = [records(&Job { deleted: Some(since), ..plain.clone() }), records(&moved)];
    for is_taken in [false, true] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        take(&store, Origin::Ours, vec![records(&plain)]).await;
        if is_taken {
            let other = Job { id: JobId::parse("other").expect("id"), ..moved.clone() };
            book(&*store, Booking::Insert(Box::new(other))).await;
        }
        let takings = take(&store, Origin::Ours, source.to_vec()).await;
        let live = store.job(&plain.id).await.expect("read");
        if is_taken {
            assert!(matches!(takings[..], [Taking::Same, Taking::Skipped(_)]), "{takings:?}");
            assert_eq!(live.as_ref(), Some(&plain), "it stays where it was");
        } else {
            assert_eq!(takings, [Taking::Same, Taking::Updated]);
            assert_eq!(live.as_ref(), Some(&moved));
            let takings = take(&store, Origin::Ours, source.to_vec()).await;
            assert_eq!(takings, [Taking::Same, Taking::Same]);
        }
    }
    // Testbeds of another make change jobs where they are, and do not check them well.
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let node = Node {
        id: plain.node.clone(),
        name: String::new(),
        description: String::new(),
        coords: None,
        location: String::new(),
        provider: String::new(),
        public_ip: String::new(),
        owner: None,
        scheduling_enabled: true,
        standby: Default::default(),
        time_zone: None,
        clock_offset_us: None,
        portal: Default::default(),
        registered: at("2026-11-01T00:00"),
        last_active: None,
        contact_since: None,
    };
    let called = Node { last_active: Some(at("2026-12-04T12:00")), ..node.clone() };
    let foreign = Origin::Foreign { with_admins: false };
    let changed = Job { since: plain.since, ..moved };
    take(&store, foreign, vec![Record::Node(node), records(&plain)]).await;
    let again = || vec![Record::Node(called.clone()), records(&changed)];
    assert_eq!(take(&store, foreign, again()).await, [Taking::Updated, Taking::Updated]);
    assert_eq!(store.job(&plain.id).await.expect("read"), Some(changed.clone()));
    let node = store.node(&called.id).await.expect("read").expect("node");
    assert_eq!(node.last_active, called.last_active, "when it called last decides what it can have heard");
    assert_eq!(take(&store, foreign, again()).await, [Taking::Same, Taking::Same]);
}

#[tokio::test]
async fn what_is_in_the_way_is_skipped_with_the_reason() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    fill(&*store).await;
    let record = |job: Job| Record::Job { settled: job.since, next: Some(job.since), job };
    let live = Job { trigger: None, ..job("x", "30 12 * * *") };
    let own =
        Job { server: None, shift: SignedDuration::ZERO, policies: Policies::default(), ..live.clone() };
    let cron = Schedule::Cron(CronExpr::parse("0 * * * *").expect("cron"));
    let here = Job { id: JobId::parse("here").expect("id"), schedule: cron, ..own.clone() };
    book(&*store, Booking::Insert(Box::new(here.clone()))).await;
    let takings = take(
        &store,
        Origin::Foreign { with_admins: false },
        vec![
            Record::User(User {
                id: UserId::parse("admin").expect("id"),
                name: String::new(),
                role: Role::Admin,
                team: String::new(),
                token: None,
            }),
            Record::User(User {
                id: UserId::parse("everybody").expect("id"),
                name: String::new(),
                role: Role::Admin,
                team: String::new(),
                token: None,
            }),
            Record::Run { run: run("r1", &own, "2026-12-01T00:00"), revision: 1 },
            record(Job { id: JobId::parse("conflict").expect("id"), ..here.clone() }),
            record(Job {
                id: JobId::parse("trigger").expect("id"),
                trigger: Some("x >".into()),
                ..own.clone()
            }),
            record(Job {
                id: JobId::parse("nowhere").expect("id"),
                node: NodeId::parse("nowhere").expect("id"),
                ..own.clone()
            }),
            record(Job {
                id: JobId::parse("kept").expect("id"),
                schedule: job("x", "45 12 * * *").schedule,
                ..own.clone()
            }),
            record(Job {
                id: JobId::parse("over").expect("id"),
                window: Window::new(at("2025-01-01T00:00"), at("2025-02-01T00:00")).expect("window"),
                trigger: Some("x >".into()),
                ..own.clone()
            }),
            record(own),
        ],
    )
    .await;
    let shown: Vec<String> = takings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    skipped: each testbed has an administrator of its own, made when its orchestrator starts
    added, but as USER: it was ADMIN there, as everybody may have been
    skipped: it is a run of job kept here
    skipped: schedule conflict: [2026-12-05T00:00:00, 2026-12-05T00:01:00) overlaps [2026-12-05T00:00:00, 2026-12-05T00:01:00) of job here (user someone@example.org) on node n; 8664 of its runs clash
    skipped: trigger: at character 1: there is no field x; at character 4: the end stands where a value is expected
    skipped: node nowhere is not registered
    updated
    added
    added
    "#);
    let everybody = store.user(&UserId::parse("everybody").expect("id")).await.expect("read").expect("user");
    assert_eq!(everybody.role, Role::User);
}

#[test]
fn a_backup_that_is_not_whole_is_refused() {
    let refused = |lines: &[&str]| {
        let mut reader = BackupReader::default();
        let read = lines.iter().try_for_each(|line| reader.line(line).map(drop));
        let error = read.and_then(|()| reader.finish()).expect_err("refused");
        format!("{error}\n  {}", error.what_to_do().expect("what to do"))
    };
    let (first, timetable) = (r#"{"backup":{"format":1}}"#, r#"{"timetable":{"node":"n","version":1}}"#);
    let cases: [&[&str]; 9] = [
        &[],
        &["not a backup"],
        &[timetable],
        &[r#"{"backup":{"format":3,"new":{}}}"#],
        &[first, timetable],
        &[first, timetable, r#"{"end":{"records":2}}"#],
        &[first, r#"{"user":{"id":"a","token":"hunter2""#],
        &[first, r#"{"user":{"id":"../a","token":"hunter2"}}"#],
        &[first, r#"{"end":{"records":0}}"#, timetable],
    ];
    let shown: Vec<String> = cases.into_iter().map(refused).collect();
    assert!(!shown.concat().contains("hunter2"), "{shown:#?}");
    insta::assert_snapshot!(shown.join("\n"), @r"
    the backup is empty
      give a file that 'leoscope-orchestrator export' wrote
    line 1 of the backup does not begin one
      give a file that 'leoscope-orchestrator export' wrote
    line 1 of the backup does not begin one
      give a file that 'leoscope-orchestrator export' wrote
    the backup has format 3, this program knows up to 2
      use the newer program that wrote it
    the backup is cut off after line 2
      what is before was taken in; make the backup again, and take that in as well
    line 3 of the backup says that there are 2 records, but there are 1
      make the backup again
    line 2 of the backup cannot be read
      make the backup again
    line 2 of the backup cannot be read
      make the backup again
    line 3 of the backup comes after its end
      give one backup at a time
    ");
}

#[tokio::test]
async fn what_ended_longer_ago_than_it_is_kept_is_removed_and_counted() {
    let dir = tempfile::tempdir().expect("directory");
    for store in stores(dir.path()).await {
        fill(&*store).await;
        let artifacts = Arc::new(DirectoryStore::new(dir.path().join("artifacts")).await.expect("artifacts"));
        let clock = Arc::new(SetClock(Mutex::new(at("2026-12-08T00:00:30.000001"))));
        let service = Service::new(Arc::clone(&store), artifacts.clone(), clock.clone());
        let kept = store.job(&JobId::parse("kept").expect("id")).await.expect("read").expect("job");
        let key = |run: &str| ArtifactKey {
            node: kept.node.clone(),
            job: kept.id.clone(),
            run: RunId::parse(run).expect("id"),
        };
        for run in ["r1", "r2"] {
            let content = stream::iter([Ok(Bytes::from_static(b"results"))]).boxed();
            artifacts.put(&key(run), content).await.expect("put");
        }
        let retention = Retention::days(7).expect("days");
        let retire = async || {
            let retired = service.retire(retention).await.expect("retired");
            (retired.runs, retired.jobs)
        };
        assert_eq!(retire().await, (0, 0), "it is seven days to the microsecond");
        clock.advance(SignedDuration::from_micros(1));
        assert_eq!(retire().await, (1, 0));
        assert_eq!(store.run(&key("r1").run).await.expect("read"), None);
        assert_eq!(artifacts.size(&key("r1")).await.expect("size"), None);
        assert!(artifacts.size(&key("r2")).await.expect("size").is_some(), "it has not ended");
        // Deleted and replaced definitions are history once their runs are settled.
        clock.advance(SignedDuration::from_hours(24 * 3));
        assert_eq!(retire().await, (0, 0), "not before the reconciler has seen to their runs");
        service.reconcile().await.expect("reconciled");
        let runs = store.all_runs(&RunFilter::default()).await.expect("runs").len();
        let missed = retire().await;
        assert_eq!(missed, (0, 0), "their runs were missed a moment ago");
        clock.advance(SignedDuration::from_hours(24 * 7));
        clock.advance(SignedDuration::from_micros(1));
        let (gone, jobs) = retire().await;
        assert_eq!(jobs, 2, "the one deleted and the one replaced");
        assert!(gone > 0 && gone < runs, "{gone} of {runs}: the one that goes on stays");
        let live = store.timetable(&[kept.node.clone()].into()).await.expect("timetable").jobs;
        assert_eq!(live.len(), 3, "no job that may still run is touched");
        // A year later all is over.
        clock.set("2028-06-01T00:00");
        service.reconcile().await.expect("reconciled");
        clock.set("2028-07-01T00:00");
        retire().await;
        let left = store.timetable(&[kept.node.clone()].into()).await.expect("timetable").jobs;
        let left: Vec<_> = left.iter().map(|job| job.id.as_str()).collect();
        assert_eq!(left, ["kept"], "a run of it goes on");
    }
    for days in [0, 6] {
        Retention::days(days).expect_err("too short");
    }
}

/// Results go by their age and by the room they take, the oldest first; the records of their runs stay and
/// say so.
#[tokio::test]
async fn results_that_are_kept_no_longer_are_removed_and_their_runs_say_so() {
    const DAY: SignedDuration = SignedDuration::from_hours(24);
    let dir = tempfile::tempdir().expect("directory");
    let now = at("2026-12-20T00:00");
    for (number, store) in stores(dir.path()).await.into_iter().enumerate() {
        fill(&*store).await;
        let root = dir.path().join(format!("artifacts-{number}"));
        let artifacts = Arc::new(DirectoryStore::new(root.clone()).await.expect("artifacts"));
        let clock = Arc::new(SetClock(Mutex::new(now)));
        let service = Service::new(Arc::clone(&store), artifacts.clone(), clock);
        let (run, _) = store.run(&RunId::parse("r1").expect("id")).await.expect("read").expect("run");
        let key = |id: &str| ArtifactKey {
            node: run.node.clone(),
            job: run.job.clone(),
            run: RunId::parse(id).expect("id"),
        };
        // Of one of them nobody has a record.
        for (id, days) in [("r1", 10), ("unknown", 9), ("e1", 3), ("e2", 2), ("e3", 1)] {
            let content = stream::iter([Ok(Bytes::from_static(b"0123456789"))]).boxed();
            artifacts.put(&key(id), content).await.expect("put");
            let file =
                std::fs::File::options().write(true).open(root.join(key(id).to_string())).expect("bundle");
            let stored = now - DAY * days;
            let since = std::time::Duration::from_secs(stored.as_second().cast_unsigned());
            file.set_modified(std::time::UNIX_EPOCH + since).expect("time");
            if id == "unknown" {
                continue;
            }
            let facts = BundleFacts { size: 10, sha256: "0f".repeat(32).parse().expect("checksum") };
            let bundle = Some(BundleRecord { facts, stored, removed: None });
            let record =
                Run { id: key(id).run, artifact: Some(artifacts.place(&key(id))), bundle, ..run.clone() };
            let seen = store.run(&record.id).await.expect("read").map(|(_, revision)| revision);
            store.put_run(&record, seen).await.expect("put");
        }
        let removed = async |days, bytes| {
            let expiry = Expiry::new(days, bytes).expect("an expiry").expect("one that removes something");
            let Expired { aged, crowded, bytes, left } = service.expire(expiry).await.expect("expired");
            (aged, crowded, bytes, left)
        };
        assert_eq!(removed(Some(10), Some(50)).await, (0, 0, 0, 50), "ten days to the second, and all fit");
        assert_eq!(removed(Some(5), None).await, (2, 0, 20, 30));
        assert_eq!(removed(None, Some(29)).await, (0, 1, 10, 20), "the oldest of them");
        assert_eq!(removed(Some(2), Some(10)).await, (0, 1, 10, 10));
        let mut there = Vec::new();
        for id in ["r1", "e1", "e2", "e3"] {
            let (record, _) = store.run(&key(id).run).await.expect("read").expect("run");
            let told = record.bundle.expect("bundle").removed;
            assert_eq!(record.artifact.is_none(), told == Some(now), "{record:?}");
            if artifacts.size(&key(id)).await.expect("size").is_some() {
                there.push(id);
            }
            let events = store.events(&EventScope::Run(key(id).run), 100).await.expect("events");
            let said: Vec<_> =
                events.iter().filter(|event| event.reason.as_deref() == Some("RESULTS_REMOVED")).collect();
            assert_eq!(said.len(), usize::from(told.is_some()), "{events:?}");
        }
        assert_eq!(there, ["e3"]);
        assert_eq!(removed(Some(1), Some(1)).await, (0, 1, 10, 0), "also the last, where it does not fit");
    }
    assert_eq!(Expiry::new(None, None).expect("nothing"), None);
    Expiry::new(Some(0), None).expect_err("too short");
    Expiry::new(None, Some(0)).expect_err("too small");
}
