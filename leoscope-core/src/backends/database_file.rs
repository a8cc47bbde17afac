//! Opening a database file and bringing it to the newest schema.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::error::{Error, ErrorKind, Result};

/// What a database file holds.
#[derive(Debug)]
pub(super) struct Schema {
    /// What the file is, as people call it.
    pub what: &'static str,
    /// Marks the file, so that one of another kind is not taken for it (SQLite's application id).
    pub mark: i32,
    /// The n-th leads from version n to n + 1, documents included. One that has been released is
    /// never changed.
    pub migrations: &'static [&'static str],
}

/// How long to wait for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often to try what SQLite refuses at once instead of waiting.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Closing any descriptor of a file releases all locks this process holds on it, so a file that
/// may be in use is never opened beside SQLite; and nobody starts to use it while it is made.
static OPENING: Mutex<()> = Mutex::new(());

/// Opens or makes the database file, readable by its owner alone.
pub(super) fn open(path: &Path, schema: &Schema) -> Result<Connection> {
    let _one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    make(path).map_err(|e| no_file(path, &e))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|e| no_database(path, &e))?;
    patiently(|| prepare(&connection)).map_err(|e| no_database(path, &e))?;
    migrate(&mut connection, schema, path)?;
    Ok(connection)
}

fn make(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match fs::metadata(path)?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(()),
        },
        made => made.map(drop),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What is acknowledged must survive a power cut.
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Two that switch a new file to WAL at the same time hinder each other, and SQLite tells one of
/// them so without waiting.
fn patiently(attempt: impl Fn() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match attempt() {
            Err(e) if is_busy(&e) && Instant::now() < deadline => thread::sleep(BUSY_PAUSE),
            result => return result,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The version of the file, 0 for an empty one.
fn version(connection: &Connection, schema: &Schema, path: &Path) -> Result<usize> {
    let number = |select| connection.query_row(select, [], |row| row.get::<_, i64>(0));
    let read = || -> rusqlite::Result<_> {
        let tables = number("SELECT count(*) FROM sqlite_master")?;
        Ok((number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables))
    };
    let (mark, version, tables) = read().map_err(|e| no_database(path, &e))?;
    if mark != i64::from(schema.mark) && (mark, version, tables) != (0, 0, 0) {
        return Err(refused(path, format!("it is not {}", schema.what))
            .hint("give another path, or move the file away"));
    }
    let newest = schema.migrations.len();
    usize::try_from(version).ok().filter(|version| *version <= newest).ok_or_else(|| {
        refused(path, format!("it has schema version {version}, this program knows up to {newest}"))
            .hint("use the newer program that wrote it")
    })
}

fn migrate(connection: &mut Connection, schema: &Schema, path: &Path) -> Result<()> {
    let newest = schema.migrations.len();
    // Nothing is written in the usual case, so that nobody who writes is waited for.
    if version(connection, schema, path)? == newest {
        return Ok(());
    }
    let fault = |e| no_database(path, &e);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    // Another process may have been faster.
    let reached = version(&transaction, schema, path)?;
    for step in schema.migrations.iter().skip(reached) {
        transaction.execute_batch(step).map_err(fault)?;
    }
    transaction.pragma_update(None, "application_id", schema.mark).map_err(fault)?;
    transaction.execute_batch(&format!("PRAGMA user_version = {newest}")).map_err(fault)?;
    transaction.commit().map_err(fault)
}

fn refused(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::invalid(format!("cannot open database {}: {why}", path.display()))
}

/// The directory of `path`, as a person would name it.
fn directory(path: &Path) -> String {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.display().to_string(),
        _ => ".".to_owned(),
    }
}

fn writable(path: &Path) -> String {
    format!(
        "the directory {} and the file must be writable by the user who runs this program",
        directory(path)
    )
}

const SPACE: &str = "free some space on its disk";

fn no_file(path: &Path, error: &io::Error) -> Error {
    let directory = directory(path);
    match error.kind() {
        io::ErrorKind::NotFound => refused(path, format!("directory {directory} does not exist"))
            .hint(format!("make it (mkdir -p {directory}), or give another path")),
        io::ErrorKind::NotADirectory => {
            refused(path, format!("{directory} is not a directory")).hint("give another path")
        }
        io::ErrorKind::IsADirectory => refused(path, "it is a directory").hint("give the path of a file"),
        io::ErrorKind::PermissionDenied => refused(path, "permission denied").hint(writable(path)),
        io::ErrorKind::ReadOnlyFilesystem => {
            refused(path, "the file system is read-only").hint(writable(path))
        }
        io::ErrorKind::StorageFull => refused(path, "the disk is full").hint(SPACE),
        _ => refused(path, error).hint(writable(path)),
    }
}

fn no_database(path: &Path, error: &rusqlite::Error) -> Error {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(
            ErrorKind::Unavailable,
            format!("cannot open database {shown}: another program holds it"),
        )
        .hint("end that program, or try again"),
        Some(ErrorCode::NotADatabase) => {
            refused(path, "it is not a database").hint("give another path, or move the file away")
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            refused(path, error).hint("restore the file and those beside it from a backup")
        }
        Some(ErrorCode::DiskFull) => refused(path, "the disk is full").hint(SPACE),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            refused(path, error).hint(writable(path))
        }
        _ => refused(path, error),
    }
}

#[cfg(test)]
mod tests {
    use std::thread::scope;

    use super::*;

    const SCHEMA: Schema = Schema {
        what: "a test",
        mark: 7,
        migrations: &[
            "CREATE TABLE a (x INTEGER) STRICT",
            "INSERT INTO a VALUES (1)",
            "UPDATE a SET x = x + 1",
        ],
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
}
