//! The cases of the artifacts port, over every artifact store.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream;
use leoscope_core::backends::artifacts::{AzureStorage, DirectoryStore};
use leoscope_core::conformance::artifacts::{CASES, Case};
use leoscope_core::ids::{JobId, NodeId, RunId};
use leoscope_core::model::ArtifactKey;
use leoscope_core::ports::{ArtifactStore, BlobStorage as _};
use leoscope_tests::azurite::Azurite;

/// One test for each case on each backend, and one that no case is forgotten.
macro_rules! cases {
    ($($backend:ident by $run:ident),+; $list:tt) => {
        #[test]
        fn every_case_is_run() {
            let names: Vec<_> = CASES.iter().map(|(name, _)| *name).collect();
            assert_eq!(cases!(@names $list), *names);
        }

        $(mod $backend {
            cases!(@tests $run, $list);
        })+
    };
    (@names { $($case:ident)* }) => { [$(stringify!($case)),*] };
    (@tests $run:ident, { $($case:ident)* }) => {
        $(#[tokio::test]
        async fn $case() {
            let cases = super::CASES;
            let (_, case) = cases.iter().find(|(name, _)| *name == stringify!($case)).expect("case");
            super::$run(*case).await;
        })*
    };
}

cases!(directory by in_a_directory, azure by in_a_container; {
    what_is_put_is_given_back
    an_empty_bundle_is_a_bundle
    keys_do_not_share_bundles
    putting_again_replaces
    a_failed_put_leaves_what_was_there
    an_abandoned_put_leaves_nothing
    a_reader_keeps_the_bundle_it_opened
    what_is_missing_is_not_found
    a_reader_may_begin_anywhere
    what_was_appended_need_not_be_sent_again
    what_goes_on_elsewhere_is_refused
    parts_of_another_bundle_are_not_mixed_in
    parts_are_committed_only_when_they_are_the_bundle
    every_whole_bundle_is_listed
    places_tell_bundles_apart
    no_experiment_file_is_there_unless_somebody_put_it
    deleting_may_be_repeated
});

async fn in_a_directory(case: Case) {
    let root = tempfile::tempdir().expect("directory");
    let store = DirectoryStore::new(root.path().join("bundles")).await.expect("store");
    case(&store).await;
    assert_eq!(hidden(root.path()), Vec::<String>::new(), "temporary files are left");
}

async fn in_a_container(case: Case) {
    let root = tempfile::tempdir().expect("directory");
    let Some(azurite) = Azurite::start(&root.path().join("azurite")) else { return };
    let storage = AzureStorage::new().expect("storage");
    case(&*storage.open(&azurite.settings("results")).expect("store")).await;
}

/// The names of hidden files below `path`.
fn hidden(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).expect("directory") {
        let entry = entry.expect("entry");
        let name = entry.file_name().into_string().expect("name");
        if entry.file_type().expect("type").is_dir() {
            found.extend(hidden(&entry.path()));
        } else if name.starts_with('.') {
            found.push(name);
        }
    }
    found
}

fn key() -> ArtifactKey {
    ArtifactKey {
        node: NodeId::parse("node-1").expect("id"),
        job: JobId::parse("job-1").expect("id"),
        run: RunId::parse("run-1").expect("id"),
    }
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_not_seen_and_goes() {
    let root = tempfile::tempdir().expect("directory");
    let job = root.path().join("node-1/job-1");
    std::fs::create_dir_all(&job).expect("directories");
    let half = job.join(".run-1.0123456789abcdef.tmp");
    std::fs::write(&half, "half").expect("write");
    let two_days_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(48 * 60 * 60);
    std::fs::File::options()
        .write(true)
        .open(half)
        .and_then(|file| file.set_modified(two_days_ago))
        .expect("time");
    // Another process of the same testbed may be writing this one.
    std::fs::write(job.join(".run-3.0123456789abcdef.tmp"), "half").expect("write");
    std::fs::write(job.join("run-2.tar.gz"), "whole").expect("write");
    let store = DirectoryStore::new(root.path().to_owned()).await.expect("store");
    assert_eq!(store.size(&key()).await.expect("size"), None);
    let other = ArtifactKey { run: RunId::parse("run-2").expect("id"), ..key() };
    assert_eq!(store.size(&other).await.expect("size"), Some(5));
    assert_eq!(hidden(root.path()), [".run-3.0123456789abcdef.tmp"]);
}

#[tokio::test]
async fn bundles_can_be_read_by_their_owner_alone() {
    let root = tempfile::tempdir().expect("directory");
    let path = root.path().join("bundles");
    let store = DirectoryStore::new(path.clone()).await.expect("store");
    let content = Box::pin(stream::iter([Ok(Bytes::from_static(b"x"))]));
    store.put(&key(), content).await.expect("put");
    let mode = |path: &Path| path.metadata().expect("metadata").permissions().mode() & 0o777;
    for directory in [&path, &path.join("node-1"), &path.join("node-1/job-1")] {
        assert_eq!(mode(directory), 0o700, "{}", directory.display());
    }
    assert_eq!(mode(&path.join("node-1/job-1/run-1.tar.gz")), 0o600);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let root = tempfile::tempdir().expect("directory");
    let file = root.path().join("file");
    std::fs::write(&file, "").expect("write");
    let error = DirectoryStore::new(file.join("bundles")).await.expect_err("below a file");
    assert!(error.message().contains(&file.display().to_string()), "{error}");
    assert_eq!(error.what_to_do(), Some("give a directory that this user may write to"));
}
