use std::thread::scope;

use super::*;

const SCHEMA: Schema = Schema {
    what: "a test",
    mark: 7,
    migrations: &["CREATE TABLE a (x INTEGER) STRICT", "INSERT INTO a VALUES (1)", "UPDATE a SET x = x + 1"],
};

fn opened(path: &Path, migrations: &'static [&'static str]) -> Result<Connection> {
    open(path, &Schema { migrations, ..SCHEMA })
}

fn value(connection: &Connection) -> i64 {
    connection.query_row("SELECT x FROM a", [], |row| row.get(0)).expect("value")
}

#[test]
fn every_older_version_is_brought_to_the_newest() {
    let dir = tempfile::tempdir().expect("directory");
    for version in 0..=SCHEMA.migrations.len() {
        let path = dir.path().join(format!("{version}.db"));
        drop(opened(&path, &SCHEMA.migrations[..version]).expect("older"));
        assert_eq!(value(&open(&path, &SCHEMA).expect("newest")), 2, "from {version}");
        assert_eq!(value(&open(&path, &SCHEMA).expect("again")), 2, "from {version}");
    }
}

#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("a.db");
    drop(opened(&path, &SCHEMA.migrations[..2]).expect("older"));
    const BROKEN: &[&str] =
        &[SCHEMA.migrations[0], SCHEMA.migrations[1], "UPDATE a SET x = 9; UPDATE nowhere SET x = 1"];
    let error = opened(&path, BROKEN).expect_err("broken");
    assert!(error.message().contains("no such table: nowhere"), "{error}");
    assert_eq!(value(&open(&path, &SCHEMA).expect("newest")), 2);
}

#[test]
fn a_file_of_a_newer_version_or_another_kind_is_refused_untouched() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("a.db");
    drop(open(&path, &SCHEMA).expect("newest"));
    let newer = opened(&path, &SCHEMA.migrations[..1]).expect_err("newer");
    assert!(newer.message().ends_with("it has schema version 3, this program knows up to 1"), "{newer}");
    let other = open(&path, &Schema { mark: 8, what: "another test", ..SCHEMA }).expect_err("other");
    assert!(other.message().ends_with("a.db: it is not another test"), "{other}");

    let foreign = dir.path().join("foreign.db");
    Connection::open(&foreign).expect("open").execute_batch("CREATE TABLE theirs (x)").expect("table");
    let error = open(&foreign, &SCHEMA).expect_err("foreign");
    assert!(error.message().ends_with("foreign.db: it is not a test"), "{error}");
}

#[test]
fn a_new_file_can_be_opened_by_many_at_once() {
    let dir = tempfile::tempdir().expect("directory");
    for round in 0..8 {
        let path = dir.path().join(format!("{round}.db"));
        scope(|threads| {
            let all: Vec<_> = (0..6).map(|_| threads.spawn(|| open(&path, &SCHEMA).map(drop))).collect();
            all.into_iter().for_each(|one| one.join().expect("thread").expect("open"));
        });
        assert_eq!(value(&open(&path, &SCHEMA).expect("open")), 2, "each migration ran once");
    }
}

#[test]
fn a_switch_to_wal_waits_for_who_holds_the_file() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("a.db");
    let holder = Connection::open(&path).expect("open");
    holder.execute_batch("BEGIN EXCLUSIVE").expect("hold");
    let attempts = std::cell::Cell::new(0);
    let other = Connection::open(&path).expect("open");
    other.busy_timeout(Duration::ZERO).expect("set");
    patiently(|| {
        attempts.set(attempts.get() + 1);
        if attempts.get() == 3 {
            holder.execute_batch("COMMIT")?;
        }
        other.pragma_update(None, "journal_mode", "WAL")
    })
    .expect("released");
    assert_eq!(attempts.get(), 3);
}

#[test]
fn what_hinders_is_named_with_what_to_do() {
    let path = Path::new("/state/leoscope.db");
    for (kind, message, hint) in [
        (io::ErrorKind::NotFound, "directory /state does not exist", "mkdir -p /state"),
        (io::ErrorKind::NotADirectory, "/state is not a directory", "another path"),
        (io::ErrorKind::PermissionDenied, "permission denied", "/state and the file must be writable"),
        (io::ErrorKind::ReadOnlyFilesystem, "the file system is read-only", "must be writable"),
        (io::ErrorKind::StorageFull, "the disk is full", "free some space"),
    ] {
        let error = no_file(path, &kind.into());
        assert_eq!(error.message(), format!("cannot open database /state/leoscope.db: {message}"));
        assert!(error.what_to_do().is_some_and(|text| text.contains(hint)), "{error:?}");
    }
    assert_eq!(directory(Path::new("leoscope.db")), ".");
}
