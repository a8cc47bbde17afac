use rusqlite::{Connection, params_from_iter};

use super::*;
use crate::backends::database::Schema;
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{Job, Run, RunFilter};
use crate::ports::{Booking, JobStore, NodeStore, RunStore, SettingsStore, UserStore, Versions};
use crate::time::{Window, parse_time};

/// An empty store, and its file beside it.
fn fresh(dir: &tempfile::TempDir) -> (SqliteStore, Connection) {
    let path = dir.path().join("store.db");
    (SqliteStore::open(&path).expect("open"), Connection::open(&path).expect("open"))
}

fn plan(file: &Connection, select: &str, values: &[rusqlite::types::Value]) -> String {
    let mut query = file.prepare(&format!("EXPLAIN QUERY PLAN {select}")).expect("query");
    let rows = query.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).expect("plan");
    rows.collect::<Result<Vec<_>, _>>().expect("plan").join("; ")
}

#[test]
fn no_list_reads_a_whole_table() {
    let dir = tempfile::tempdir().expect("directory");
    let (_store, file) = fresh(&dir);
    let at = |text| parse_time(text).expect("time");
    let all = RunFilter::default;
    let window = Window::new(at("2026-12-01T00:00"), at("2026-12-02T00:00")).expect("window");
    let filters = [
        RunFilter { limit: Some(10), ..all() },
        RunFilter { id: Some(RunId::parse("r").expect("id")), ..all() },
        RunFilter { job: Some(JobId::parse("j").expect("id")), ..all() },
        RunFilter { node: Some(NodeId::parse("n").expect("id")), ..all() },
        RunFilter { owner: Some(UserId::parse("u").expect("id")), ..all() },
        RunFilter { within: Some(window), ..all() },
    ];
    for filter in filters {
        let last = |planned| {
            let (job, node, owner) = ("j".parse(), "n".parse(), "u".parse());
            let (job, node, owner) = (job.expect("id"), node.expect("id"), owner.expect("id"));
            Run { planned, ..Run::planned("r".parse().expect("id"), job, node, owner, window) }
        };
        for after in [None, Some(last(Some(window))), Some(last(None))] {
            for (select, mut values) in runs::select(&filter, after.as_ref()) {
                values.push(10.into());
                let plan = plan(&file, &select, &values);
                assert!(plan.contains("INDEX"), "{filter:?}: {plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{filter:?} sorts everything: {plan}");
            }
        }
    }
    let mine = [jobs::OF_NODE, jobs::OF_USER, jobs::LATEST, jobs::DUE, jobs::OVER];
    for select in mine.into_iter().chain([nodes::LIST, runs::OVER, watch::CHANGED]).chain(archive::LISTS) {
        let values: Vec<_> = (1..=select.matches('?').count()).map(|_| 1.into()).collect();
        let values = &values[..(1..=values.len()).filter(|n| select.contains(&format!("?{n}"))).count()];
        let plan = plan(&file, select, values);
        let looks_up = plan.contains("USING INDEX") || plan.contains("USING COVERING INDEX");
        assert!(looks_up && !plan.contains("SCAN"), "{select}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{select} sorts everything: {plan}");
    }
}

/// Rows as the first version wrote them.
const FIRST_ROWS: &str = r#"
    INSERT INTO users (userid, doc) VALUES ('u', '{"id":"u","name":"U","role":"USER_PRIV","team":"t","token":"ab"}');
    INSERT INTO nodes (nodeid, last_active_us, doc) VALUES ('n', 1764547200000001, '{"id":"n","name":"N","description":"d","coords":"47.6062,-122.3321","location":"l","provider":"starlink","public_ip":"192.0.2.1","owner":"o","scheduling_enabled":true,"registered":"2026-11-01T00:00:00.000001Z","last_active":null}');
    INSERT INTO timetables (nodeid, version) VALUES ('n', 4);
    INSERT INTO jobs (jobid, created_us, deleted_us, nodeid, serverid, userid, doc) VALUES ('j', 1, NULL, 'n', 's', 'u', '{"id":"j","owner":"u","node":"n","server":"s","schedule":{"cron":"*/5 * * * *"},"window":{"start":"2026-12-01T00:00:00.000001Z","end":"2026-12-02T00:00:00Z"},"length":60,"overhead":true,"trigger":"a > 1","config":"docker: {image: a}","params":{"mode":"docker","deploy":"","execute":"","finish":""},"created":"2026-11-30T00:00:00Z","deleted":null}');
    INSERT INTO runs (runid, revision, jobid, nodeid, userid, start_us, doc) VALUES ('r', 2, 'j', 'n', 'u', 1, '{"id":"r","job":"j","node":"n","owner":"u","planned":{"start":"2026-12-01T00:00:00Z","end":"2026-12-01T00:01:00Z"},"started":"2026-12-01T00:00:00.001Z","ended":"2026-12-01T00:00:30Z","status":"ABORTED","foreign_status":"X","phase":null,"stage":"IMAGE_PULL","reason":"JOB_REMOVED","message":"m","exit_code":-1,"artifact":"a","trigger_verdict":"v","updated":"2026-12-01T00:00:31Z"}');
    INSERT INTO settings (id, doc) VALUES (1, '{"blob":{"connection_string":"c","container":"r","artifact_path":"p"},"weather_api_key":"w"}');
"#;

/// A store whose file was made by the first version.
fn from_first_version(dir: &tempfile::TempDir) -> (SqliteStore, Connection) {
    let path = dir.path().join("store.db");
    let first = Schema { migrations: &schema::STORE.migrations[..1], ..schema::STORE };
    drop(Database::open(&path, &first).expect("open"));
    Connection::open(&path).expect("open").execute_batch(FIRST_ROWS).expect("rows");
    fresh(dir)
}

#[tokio::test]
async fn documents_of_the_first_version_are_read() {
    let dir = tempfile::tempdir().expect("directory");
    let (store, _file) = from_first_version(&dir);
    let node = NodeId::parse("n").expect("id");
    let user = store.user(&UserId::parse("u").expect("id")).await.expect("read").expect("user");
    assert_eq!(user.team, "t");
    let read = store.node(&node).await.expect("read").expect("node");
    assert_eq!(read.last_active.map(crate::time::Timestamp::as_microsecond), Some(1_764_547_200_000_001));
    let timetable = store.timetable(&[node.clone()].into()).await.expect("timetable");
    assert_eq!((timetable.versions[&node], timetable.jobs[0].length.secs()), (4, 60));
    assert_eq!(timetable.jobs[0].since, timetable.jobs[0].created);
    let unsettled = store.unsettled(timetable.jobs[0].created, 10).await.expect("unsettled");
    assert_eq!(unsettled[0].job, *timetable.jobs[0], "what happened before is still to be looked at");
    let (run, revision) = store.run(&RunId::parse("r").expect("id")).await.expect("read").expect("run");
    assert_eq!((run.exit_code, revision), (Some(-1), 2));
    assert_eq!(store.settings().await.expect("settings").weather_api_key.expose(), "w");
}

/// Rows as the second version wrote them.
const SECOND_ROWS: &str = r#"
    INSERT INTO timetables (nodeid, version) VALUES ('n', 4);
    INSERT INTO jobs (jobid, created_us, since_us, deleted_us, nodeid, serverid, userid, settled_us, next_us, doc) VALUES
        ('live', 1764460800000000, 1764460800000000, NULL, 'n', NULL, 'u', 1764460800000000, NULL, '{"id":"live","owner":"u","node":"n","server":null,"schedule":"once","window":{"start":"2025-12-01T00:00:00.000001Z","end":"2025-12-02T00:00:00.123456Z"},"length":60,"overhead":true,"trigger":null,"config":"c","params":{"mode":"docker","deploy":"","execute":"","finish":""},"policies":{"time_zone":"UTC","allowed_lateness":"PT10S","overlap":"skip","slip":"PT0S","random_slip":"PT0S","max_runs":null,"align":null},"shift":"PT0S","created":"2025-11-30T00:00:00Z","since":"2025-11-30T00:00:00Z","deleted":null}'),
        ('gone', 1764460800000000, 1764460800000000, 1764500000000001, 'n', NULL, 'u', 1764460800000000, NULL, '{"id":"gone","owner":"u","node":"n","server":null,"schedule":"once","window":{"start":"2025-12-01T00:00:00Z","end":"2025-12-02T00:00:00Z"},"length":60,"overhead":true,"trigger":null,"config":"c","params":{"mode":"docker","deploy":"","execute":"","finish":""},"policies":{"time_zone":"UTC","allowed_lateness":"PT10S","overlap":"skip","slip":"PT0S","random_slip":"PT0S","max_runs":null,"align":null},"shift":"PT0S","created":"2025-11-30T00:00:00Z","since":"2025-11-30T00:00:00Z","deleted":"2025-11-30T10:53:20.000001Z"}');
    INSERT INTO runs (runid, revision, jobid, nodeid, userid, start_us, doc) VALUES
        ('ended', 2, 'live', 'n', 'u', 1764547200000001, '{"id":"ended","job":"live","node":"n","owner":"u","planned":{"start":"2025-12-01T00:00:00.000001Z","end":"2025-12-01T00:01:00Z"},"started":null,"ended":"2025-12-01T00:00:30.5Z","status":"ABORTED","foreign_status":null,"phase":null,"stage":null,"reason":null,"message":"m","exit_code":null,"artifact":null,"trigger_verdict":null,"updated":"2025-12-01T00:00:31Z"}'),
        ('reported', 1, 'live', 'n', 'u', NULL, '{"id":"reported","job":"live","node":"n","owner":"u","planned":null,"started":null,"ended":null,"status":"SKIPPED","foreign_status":null,"phase":null,"stage":null,"reason":null,"message":"m","exit_code":null,"artifact":null,"trigger_verdict":null,"updated":"2025-12-01T00:00:32Z"}'),
        ('open', 1, 'live', 'n', 'u', 1764547200000001, '{"id":"open","job":"live","node":"n","owner":"u","planned":null,"started":"2025-12-01T00:00:00.000001Z","ended":null,"status":"RUNNING","foreign_status":null,"phase":"EXECUTE","stage":null,"reason":null,"message":"m","exit_code":null,"artifact":null,"trigger_verdict":null,"updated":"2025-12-01T00:00:31Z"}');
"#;

#[tokio::test]
async fn it_is_found_out_when_jobs_and_runs_of_the_second_version_were_over() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("store.db");
    let second = Schema { migrations: &schema::STORE.migrations[..2], ..schema::STORE };
    drop(Database::open(&path, &second).expect("open"));
    Connection::open(&path).expect("open").execute_batch(SECOND_ROWS).expect("rows");
    let (store, file) = fresh(&dir);
    let at = |text| parse_time(text).expect("time");
    let jobs = store.jobs_over(at("2026-01-01T00:00"), None).await.expect("jobs");
    assert_eq!(jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["gone", "live"]);
    let runs = store.runs_over(at("2026-01-01T00:00")).await.expect("runs");
    let runs: Vec<_> = runs.into_iter().map(|(run, _)| run).collect();
    assert_eq!(runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["ended", "reported"]);
    // SQLite knows instants to the millisecond, which is enough to tell the day.
    let over = |table: &str, id: &str| {
        let select = format!("SELECT over_us FROM {table} WHERE {}id = '{id}'", table.trim_end_matches('s'));
        file.query_row(&select, [], |row| row.get::<_, i64>(0)).expect("over")
    };
    for job in &jobs {
        assert!((over("jobs", job.id.as_str()) - job.over().as_microsecond()).abs() < 1_000, "{job:?}");
    }
    for run in &runs {
        let expected = run.over().expect("over").as_microsecond();
        assert!((over("runs", run.id.as_str()) - expected).abs() < 1_000, "{run:?}");
    }
    assert!(
        store.forget_job(&jobs[1]).await.expect("forgotten"),
        "also one that was over to the microsecond"
    );
}

#[tokio::test]
async fn deleted_definitions_stay_in_the_file() {
    let dir = tempfile::tempdir().expect("directory");
    let (store, file) = from_first_version(&dir);
    let job = store.job(&JobId::parse("j").expect("id")).await.expect("read").expect("job");
    let later = parse_time("2026-11-30T12:00").expect("time");
    let bookings =
        [Booking::Delete(job.id.clone(), later), Booking::Insert(Box::new(Job { created: later, ..job }))];
    for booking in bookings {
        store.commit(&Versions::new(), booking).await.expect("commit");
    }
    let count = "SELECT count(*), count(deleted_us) FROM jobs WHERE jobid = 'j'";
    let rows: (i64, i64) = file.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("count");
    assert_eq!(rows, (2, 1));
}

/// Two processes on one file: what one has read is no longer true when the other has booked.
#[tokio::test]
async fn a_timetable_that_another_process_changed_is_read_anew() {
    let dir = tempfile::tempdir().expect("directory");
    let (mine, _file) = from_first_version(&dir);
    let other = SqliteStore::open(&dir.path().join("store.db")).expect("open");
    let node = NodeId::parse("n").expect("id");
    let ids = async |store: &SqliteStore| {
        let jobs = store.timetable(&[node.clone()].into()).await.expect("timetable").jobs;
        jobs.iter().map(|job| job.id.to_string()).collect::<Vec<_>>()
    };
    let job = mine.job(&JobId::parse("j").expect("id")).await.expect("read").expect("job");
    let insert =
        |id: &str| Booking::Insert(Box::new(Job { id: JobId::parse(id).expect("id"), ..job.clone() }));
    assert_eq!((ids(&mine).await, ids(&other).await), (vec!["j".into()], vec!["j".into()]));
    mine.commit(&Versions::new(), insert("a")).await.expect("commit");
    other.commit(&Versions::new(), insert("b")).await.expect("commit");
    mine.commit(&Versions::new(), insert("c")).await.expect("commit");
    mine.commit(&Versions::new(), Booking::Delete(job.id.clone(), job.created)).await.expect("commit");
    let changed =
        Job { id: JobId::parse("c").expect("id"), since: job.window.start(), server: None, ..job.clone() };
    mine.commit(&Versions::new(), Booking::Replace(Box::new(changed))).await.expect("commit");
    for store in [&mine, &other] {
        assert_eq!(ids(store).await, ["a", "b", "c"]);
        assert_eq!(ids(store).await, ["a", "b", "c"], "and so it stays");
    }
    let server = NodeId::parse("s").expect("id");
    let served = mine.timetable(&[server].into()).await.expect("timetable").jobs;
    assert_eq!(served.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}
