//! The room that results take and that is left for them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::{Inner, container};
use crate::model::{JournalEntry, Outcome, Reason, Stage, size};

/// What has to stay free on the file system of the results, in bytes: the node's journal, and the
/// bundles that are being packed, need room when an experiment takes all it can.
const RESERVE: u64 = 64 << 20;

/// Whether there is room to begin a run.
pub(super) async fn room(node: &Inner, entry: &JournalEntry) -> Result<(), Outcome> {
    let results = container::results_dir(node, entry);
    match off_the_loop(move || free(&results)).await {
        Some(free) if free < RESERVE => Err(full(Stage::Deploy, free)),
        Some(_) | None => Ok(()),
    }
}

/// How much more has to be free than is, in bytes.
pub(super) async fn missing(node: &Inner) -> u64 {
    let outbox = node.config.work_dir.clone();
    off_the_loop(move || free(&outbox)).await.map_or(0, |free| RESERVE.saturating_sub(free))
}

/// Watches a run that goes on, until there is a reason to stop it.
pub(super) async fn filled(node: &Inner, entry: &JournalEntry) -> Outcome {
    loop {
        node.pause(node.config.disk_interval).await;
        if let Some(outcome) = judge(node, entry).await {
            return outcome;
        }
    }
}

/// Why the run must not go on, or must not pass for whole if it has just ended.
pub(super) async fn judge(node: &Inner, entry: &JournalEntry) -> Option<Outcome> {
    let limit = container::disk_limit(node, entry);
    let output = node.runtime.output_size(&entry.run.id).await.unwrap_or_else(|error| {
        tracing::debug!(run = %entry.run.id, %error, "cannot tell how much the experiment has printed");
        0
    });
    let results = container::results_dir(node, entry);
    let (taken, free) = off_the_loop(move || {
        let taken = taken(&results, limit.saturating_sub(output));
        Some((taken.saturating_add(output), free(&results)))
    })
    .await?;
    if taken > limit {
        let message = format!("its results and output grew beyond limits.disk of {}", size(limit));
        return Some(Outcome::failed(Stage::Execute, Reason::DiskLimit, message));
    }
    free.filter(|free| *free < RESERVE).map(|free| full(Stage::Execute, free))
}

fn full(stage: Stage, free: u64) -> Outcome {
    let message = format!(
        "the disk of the node is full: {} MiB are left for results, {} MiB have to stay free",
        free >> 20,
        RESERVE >> 20
    );
    Outcome::failed(stage, Reason::DiskFull, message)
}

/// Does what may take a while beside the loops of the node.
async fn off_the_loop<T: Send + 'static>(look: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

/// What is free on the file system of `path`, which need not be there yet, for users like this.
#[expect(clippy::useless_conversion, reason = "the system's own types are shorter on 32-bit machines")]
fn free(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|path| path.exists())?;
    let system = statvfs(there).inspect_err(|error| {
        tracing::debug!(path = %there.display(), %error, "cannot tell how much room is left");
    });
    let system = system.ok()?;
    Some(u64::from(system.blocks_available()).saturating_mul(u64::from(system.fragment_size())))
}

/// The bytes below `root`: of each file what it holds or what it occupies, whichever is more, so
/// that neither one with holes nor a million empty ones count for nothing. Links are counted, not
/// followed. What is removed meanwhile, or may not be read, counts for nothing. Counting ends
/// beyond `enough`.
fn taken(root: &Path, enough: u64) -> u64 {
    let mut total = 0_u64;
    let mut waiting: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.flatten() {
            // Of the entry itself, should it be a link.
            let Ok(data) = entry.metadata() else { continue };
            total = total.saturating_add(bytes(&data));
            if total > enough {
                return total;
            }
            if data.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    total
}

fn bytes(data: &fs::Metadata) -> u64 {
    // In units of 512 bytes, whatever the file system's own are (stat(2)).
    let occupied = data.blocks().saturating_mul(512);
    if data.is_file() { occupied.max(data.len()) } else { occupied }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn everything_below_counts_once_and_links_are_not_followed() {
        let dir = tempfile::tempdir().expect("directory");
        let outside = tempfile::tempdir().expect("directory");
        fs::write(outside.path().join("large"), vec![1; 1 << 20]).expect("write");
        let root = dir.path();
        assert_eq!(taken(root, u64::MAX), 0);
        assert_eq!(taken(&root.join("nothing"), u64::MAX), 0);
        fs::create_dir_all(root.join("a/b")).expect("directory");
        fs::write(root.join("a/b/data"), vec![1; 300_000]).expect("write");
        symlink(outside.path(), root.join("directory")).expect("link");
        symlink(outside.path().join("large"), root.join("a/file")).expect("link");
        // A loop, if it were followed.
        symlink(root, root.join("a/b/loop")).expect("link");
        let counted = taken(root, u64::MAX);
        assert!((300_000..400_000).contains(&counted), "{counted}");
        File::create(root.join("holes")).expect("file").set_len(5 << 20).expect("length");
        assert!(taken(root, u64::MAX) >= counted + (5 << 20), "what would be packed counts");
        assert!(taken(root, 1000) < u64::MAX && taken(root, 1000) > 1000);
    }

    #[test]
    fn free_room_is_that_of_the_next_directory_that_is_there() {
        let dir = tempfile::tempdir().expect("directory");
        let here = free(dir.path()).expect("free");
        assert!(here > 0);
        assert!(free(&dir.path().join("not/yet")).is_some());
    }
}
