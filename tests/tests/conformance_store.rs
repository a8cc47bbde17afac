//! Every guarantee of the store and ledger ports on every backend, and what the files of SQLite
//! promise besides.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leoscope_core::backends::ledger::{MemoryLedger, SqliteLedger};
use leoscope_core::backends::store::{MemoryStore, SqliteStore};
use leoscope_core::conformance;
use leoscope_core::error::ErrorKind;
use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{
    Job, JobParams, JournalEntry, Node, Orders, Role, Run, RunFilter, RunLength, Settings, Standby, User,
};
use leoscope_core::ports::{
    Booking, JobStore, Ledger, NodeStore, RunStore, SettingsStore, Store, UserStore, Versions,
};
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};
use leoscope_tests::mongodb;
use tokio::task::JoinSet;

/// One test for each case on each backend, and one that no case is forgotten.
macro_rules! cases {
    ($port:ident on $($backend:ident: $open:expr),+; $list:tt) => {
        mod $port {
            #[test]
            fn every_case_is_run() {
                let names: Vec<_> = super::conformance::$port::CASES.iter().map(|(name, _)| *name).collect();
                assert_eq!(cases!(@names $list), *names);
            }

            $(mod $backend {
                use super::super::*;
                cases!(@tests $port, $open, $list);
            })+
        }
    };
    (@names { $($case:ident)* }) => { [$(stringify!($case)),*] };
    (@tests $port:ident, $open:expr, { $($case:ident)* }) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            let dir = tempfile::tempdir().expect("directory");
            let cases = conformance::$port::CASES;
            let (_, case) = cases.iter().find(|(name, _)| *name == stringify!($case)).expect("case");
            // A backend whose server is missing says so and is not tested.
            let open = $open;
            if let Some(opened) = open(dir.path().to_owned()).await {
                case(Arc::new(opened)).await;
            }
        })*
    };
}

cases!(store on memory: async |_: PathBuf| Some(MemoryStore::default()),
    sqlite: async |dir: PathBuf| Some(open_store(&dir)),
    mongodb: async |_: PathBuf| mongodb::store().await; {
    users_come_back_as_stored_and_ids_are_unique
    of_concurrent_registrations_exactly_one_succeeds
    ids_differ_by_case
    nodes_come_back_as_stored_and_activity_never_goes_back
    jobs_come_back_as_stored
    timetables_hold_the_jobs_of_node_and_server
    a_commit_on_a_changed_timetable_is_stale
    a_commit_compares_every_node_it_has_seen
    of_concurrent_commits_exactly_one_succeeds
    deleted_jobs_stay_and_their_ids_are_free
    definitions_of_one_instant_are_not_mixed_up
    a_clock_that_went_back_does_not_hide_a_job
    a_changed_job_takes_the_place_of_the_one_before
    a_change_of_another_booking_is_refused
    a_change_that_begins_when_the_one_before_did_takes_its_place
    definitions_are_unsettled_until_they_are_settled_for_good
    runs_are_compared_and_set
    runs_are_listed_newest_first_and_filtered
    a_run_is_listed_as_it_stands
    of_concurrent_reports_exactly_one_is_stored
    tasks_come_back_as_stored_and_ids_are_unique
    tasks_are_filtered_and_listed_by_id
    a_task_stands_until_its_time_is_over
    an_event_is_stored_once_and_the_first_one_stays
    events_are_listed_newest_first_by_job_run_and_planned_start
    the_audit_trail_is_listed_newest_first_and_filtered
    settings_come_back_as_stored
    lists_go_on_after_a_page
    runs_that_are_over_are_found_and_forgotten
    definitions_that_are_over_are_found_and_forgotten
    changes_of_timetables_are_told
    records_are_listed_by_key_and_restored_as_they_were
});

cases!(ledger on memory: async |_: PathBuf| Some(MemoryLedger::default()),
    sqlite: async |dir: PathBuf| Some(open_ledger(&dir)); {
    orders_are_replaced_and_read_back
    entries_are_replaced_removed_and_read_back
    every_field_of_an_entry_comes_back
    orders_and_entries_do_not_touch_each_other
    readings_of_the_clock_are_replaced_and_read_back
    what_is_watched_is_replaced_and_read_back
    entries_stored_at_once_are_all_kept
});

fn open_store(dir: &Path) -> SqliteStore {
    SqliteStore::open(&dir.join("leoscope.db")).expect("open")
}

fn open_ledger(dir: &Path) -> SqliteLedger {
    SqliteLedger::open(&dir.join("node.db")).expect("open")
}

fn at(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

fn node_id() -> NodeId {
    NodeId::parse("n").expect("id")
}

fn user(id: &str) -> User {
    let id = UserId::parse(id).expect("id");
    User { id, name: "U".into(), role: Role::User, team: "t".into(), token: None }
}

fn node() -> Node {
    Node {
        id: node_id(),
        name: "N".into(),
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
        last_active: Some(at("2026-11-02T00:00")),
        contact_since: Some(at("2026-11-01T00:00")),
    }
}

fn job(id: &str) -> Job {
    Job {
        id: JobId::parse(id).expect("id"),
        owner: user("u").id,
        node: node_id(),
        server: None,
        schedule: Schedule::Once,
        window: Window::new(at("2026-12-01T00:00"), at("2026-12-01T01:00")).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: a}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-11-30T00:00"),
        since: at("2026-11-30T00:00"),
        deleted: None,
    }
}

fn run(id: &str) -> Run {
    let job = job("j");
    Run::planned(RunId::parse(id).expect("id"), job.id, job.node, job.owner, job.window)
}

async fn versions(store: &(impl JobStore + ?Sized)) -> Versions {
    store.timetable(&[node_id()].into()).await.expect("timetable").versions
}

#[tokio::test]
async fn a_store_opened_again_has_everything() {
    let dir = tempfile::tempdir().expect("directory");
    let settings =
        Settings { weather_api_key: leoscope_core::model::Secret::new("k"), ..Settings::default() };
    let deleted = at("2026-11-30T12:00");
    let store = open_store(dir.path());
    store.insert_user(&user("u")).await.expect("user");
    store.insert_node(&node()).await.expect("node");
    store.touch_node(&node_id(), at("2026-11-03T00:00")).await.expect("touch");
    for booking in [
        Booking::Insert(Box::new(job("gone"))),
        Booking::Delete(job("gone").id, deleted),
        Booking::Insert(Box::new(job("j"))),
    ] {
        store.commit(&versions(&store).await, booking).await.expect("commit");
    }
    store.put_run(&run("r"), None).await.expect("run");
    store.put_settings(&settings).await.expect("settings");
    let seen = versions(&store).await;
    drop(store);

    let store = open_store(dir.path());
    assert_eq!(store.user(&user("u").id).await.expect("user"), Some(user("u")));
    let touched = Some(at("2026-11-03T00:00"));
    let active = Node { last_active: touched, contact_since: touched, ..node() };
    assert_eq!(store.nodes(None).await.expect("nodes"), [active]);
    assert_eq!(versions(&store).await, seen);
    assert_eq!(store.jobs_of_user(&user("u").id, None).await.expect("jobs"), [job("j")]);
    let gone = Job { deleted: Some(deleted), ..job("gone") };
    assert_eq!(store.job(&gone.id).await.expect("job"), Some(gone));
    assert_eq!(store.run(&run("r").id).await.expect("run"), Some((run("r"), 1)));
    assert_eq!(store.runs(&RunFilter::default(), None).await.expect("runs"), [run("r")]);
    assert_eq!(store.settings().await.expect("settings"), settings);
}

#[tokio::test]
async fn a_ledger_opened_again_has_everything() {
    let dir = tempfile::tempdir().expect("directory");
    let orders = Orders {
        node: node_id(),
        revision: 7,
        jobs: vec![job("j")],
        standby: Some(Standby::SCAVENGER),
        clock_offset_us: None,
        site: None,
    };
    let entry = JournalEntry::new(run("r"), job("j"));
    let ledger = open_ledger(dir.path());
    ledger.save_orders(&orders).await.expect("orders");
    ledger.put(&entry).await.expect("entry");
    drop(ledger);
    let ledger = open_ledger(dir.path());
    assert_eq!(ledger.orders().await.expect("orders"), Some(orders));
    assert_eq!(ledger.entries().await.expect("entries"), [entry]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_on_one_file_see_each_other_and_one_commit_wins() {
    let dir = tempfile::tempdir().expect("directory");
    let stores: [Arc<dyn Store>; 2] = [Arc::new(open_store(dir.path())), Arc::new(open_store(dir.path()))];
    stores[0].insert_user(&user("u")).await.expect("insert");
    assert_eq!(stores[1].user(&user("u").id).await.expect("read"), Some(user("u")));
    for round in 1..=8 {
        let seen = versions(&*stores[round % 2]).await;
        let mut tasks = JoinSet::new();
        for index in 0..16 {
            let (store, seen) = (Arc::clone(&stores[index % 2]), seen.clone());
            let booking = Booking::Insert(Box::new(job(&format!("{round}-{index}"))));
            tasks.spawn(async move { store.commit(&seen, booking).await.map_err(|e| e.kind()) });
        }
        let results = tasks.join_all().await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let lost = results.iter().filter(|result| **result == Err(ErrorKind::Stale)).count();
        assert_eq!(lost, 15, "{results:?}");
        for store in &stores {
            assert_eq!(store.jobs_of_user(&user("u").id, None).await.expect("jobs").len(), round);
        }
    }
}

#[tokio::test]
async fn every_file_of_a_store_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().expect("directory");
    let store = open_store(dir.path());
    store.insert_user(&user("u")).await.expect("insert");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir.path()).expect("directory") {
        let entry = entry.expect("entry");
        let mode = entry.metadata().expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().expect("name"));
    }
    names.sort();
    assert_eq!(names, ["leoscope.db", "leoscope.db-shm", "leoscope.db-wal"]);
}

/// What a person sees: the message and what to do, without the path of the temporary directory.
fn refusal(dir: &Path, path: &Path) -> String {
    let error = SqliteStore::open(path).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    let text = format!("{error}\n{}", error.what_to_do().expect("what to do"));
    text.replace(&*dir.to_string_lossy(), "DIR")
}

#[test]
fn a_path_that_cannot_be_used_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("notes.txt");
    std::fs::write(&file, "this is not a database, it is a text of some length").expect("write");
    drop(open_ledger(dir.path()));
    let refused = ["no/store.db", "notes.txt/store.db", "", "notes.txt", "node.db"]
        .map(|name| refusal(dir.path(), &dir.path().join(name)));
    insta::assert_snapshot!(refused.join("\n\n"), @r"
    cannot open database DIR/no/store.db: directory DIR/no does not exist
    make it (mkdir -p DIR/no), or give another path

    cannot open database DIR/notes.txt/store.db: DIR/notes.txt is not a directory
    give another path

    cannot open database DIR/: it is a directory
    give the path of a file

    cannot open database DIR/notes.txt: it is not a database
    give another path, or move the file away

    cannot open database DIR/node.db: it is not a store of this program
    give another path, or move the file away
    ");
    assert_eq!(std::fs::read(&file).expect("read").len(), 51, "nothing is written over it");
}

#[test]
fn a_directory_that_is_not_writable_is_named() {
    let dir = tempfile::tempdir().expect("directory");
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o500)).expect("mode");
    // Permissions do not bind root; the kernel's own file system does.
    let free = std::fs::File::create(dir.path().join("probe")).is_ok();
    let place = if free { Path::new("/sys/kernel") } else { dir.path() };
    let error = SqliteStore::open(&place.join("store.db")).expect_err("refused");
    let message = format!("cannot open database {}/store.db: ", place.display());
    assert!(error.message().starts_with(&message), "{error}");
    let hint = format!("the directory {} and the file must be writable", place.display());
    assert!(error.what_to_do().is_some_and(|text| text.starts_with(&hint)), "{error:?}");
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("leoscope.db");
    drop(open_store(dir.path()));
    // SQLite's file format keeps the version at byte 60, big endian.
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&path, bytes).expect("write");
    insta::assert_snapshot!(refusal(dir.path(), &path), @r"
    cannot open database DIR/leoscope.db: it has schema version 99, this program knows up to 5
    use the newer program that wrote it
    ");
}
