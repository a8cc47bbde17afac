//! Every guarantee of the store and ledger ports, on every backend.

#![expect(clippy::print_stdout, reason = "a failing test shows the case it was in")]

use std::sync::Arc;

use leoscope_core::backends::ledger::{MemoryLedger, SqliteLedger};
use leoscope_core::backends::store::{MemoryStore, SqliteStore};
use leoscope_core::conformance::{ledger, store};
use leoscope_core::ids::UserId;
use leoscope_core::model::{Role, User};
use leoscope_core::ports::{Ledger, Store, UserStore};

/// Runs each case on a fresh backend and names it, so that a failure says which one it was.
async fn run_store_cases(fresh: impl Fn(&std::path::Path) -> Arc<dyn Store>) {
    for (name, case) in store::CASES {
        let dir = tempfile::tempdir().expect("directory");
        println!("case {name}");
        case(fresh(dir.path())).await;
    }
}

async fn run_ledger_cases(fresh: impl Fn(&std::path::Path) -> Arc<dyn Ledger>) {
    for (name, case) in ledger::CASES {
        let dir = tempfile::tempdir().expect("directory");
        println!("case {name}");
        case(fresh(dir.path())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_store() {
    run_store_cases(|_| Arc::new(MemoryStore::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_store() {
    run_store_cases(|dir| Arc::new(SqliteStore::open(&dir.join("store.db")).expect("open"))).await;
}

#[tokio::test]
async fn memory_ledger() {
    run_ledger_cases(|_| Arc::new(MemoryLedger::default())).await;
}

#[tokio::test]
async fn sqlite_ledger() {
    run_ledger_cases(|dir| Arc::new(SqliteLedger::open(&dir.join("node.db")).expect("open"))).await;
}

fn user(id: &str) -> User {
    let id = UserId::parse(id).expect("id");
    User { id, name: String::new(), role: Role::User, team: String::new(), token: None }
}

#[tokio::test]
async fn sqlite_files_are_private_shared_and_outlive_the_process() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("store.db");
    let first = SqliteStore::open(&path).expect("open");
    first.insert_user(&user("a")).await.expect("insert");
    let second = SqliteStore::open(&path).expect("open twice");
    assert_eq!(second.user(&user("a").id).await.expect("read"), Some(user("a")));
    drop((first, second));
    let third = SqliteStore::open(&path).expect("reopen");
    assert_eq!(third.user(&user("a").id).await.expect("read"), Some(user("a")));
    let mode = std::fs::metadata(&path).expect("file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_database_that_cannot_be_used_says_which_and_why() {
    let dir = tempfile::tempdir().expect("directory");
    let missing = SqliteStore::open(&dir.path().join("no/store.db")).expect_err("no directory");
    assert!(missing.message().contains("no/store.db"), "{missing}");
    assert!(missing.what_to_do().is_some());
    let garbage = dir.path().join("garbage.db");
    std::fs::write(&garbage, "this is not a database, it is a text of some length").expect("write");
    assert!(SqliteStore::open(&garbage).is_err());
    // Schema of a ledger in a store's place, and of a future version: the version is looked at first.
    let newer = dir.path().join("newer.db");
    drop(SqliteStore::open(&newer).expect("open"));
    set_user_version(&newer, 99);
    let refused = SqliteStore::open(&newer).expect_err("newer");
    assert!(refused.message().contains("schema version 99"), "{refused}");
}

/// Writes the schema version where SQLite's file format keeps it: byte 60, big endian.
fn set_user_version(path: &std::path::Path, version: u32) {
    let mut bytes = std::fs::read(path).expect("read");
    bytes[60..64].copy_from_slice(&version.to_be_bytes());
    std::fs::write(path, bytes).expect("write");
}
