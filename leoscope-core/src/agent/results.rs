//! What a run leaves on the node: its directory, its log, and the bundle made of both.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::manifest::manifest;
use super::{Inner, container, observatory};
use crate::bundle::{self, Contents};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{ArtifactKey, JournalEntry, Run, RuntimeState};
use crate::time::wire_time;

/// The node's own files of a run.
pub(super) fn run_dir(node: &Inner, run: &RunId) -> PathBuf {
    node.config.work_dir.join("runs").join(run.as_str())
}

/// The bundle of a run, waiting to be handed over.
pub(super) fn bundle_path(node: &Inner, entry: &JournalEntry) -> PathBuf {
    bundle_in(&node.config.work_dir, &entry.run)
}

/// Where the bundle of a run waits in a node's directory.
pub(super) fn bundle_in(work_dir: &Path, run: &Run) -> PathBuf {
    let Run { node, job, id, .. } = run;
    let key = ArtifactKey { node: node.clone(), job: job.clone(), run: id.clone() };
    work_dir.join("outbox").join(key.file_name())
}

/// Adds a line to the run's executor log. The log explains the run; that it could not be written
/// is no reason to stop it.
pub(super) fn log(node: &Inner, run: &RunId, line: &str) {
    let dir = run_dir(node, run);
    let written = fs::create_dir_all(&dir)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(dir.join("executor.log")))
        .and_then(|mut file| writeln!(file, "{} {line}", wire_time(node.clock.now())));
    if let Err(error) = written {
        tracing::debug!(%run, %error, "cannot write the executor log");
    }
}

/// Packs what the run left and removes the experiment from the runtime. May be done again.
pub(super) async fn collect(node: &Inner, entry: &JournalEntry) -> Result<()> {
    let run = &entry.run.id;
    observatory::finish(node, entry).await;
    let dir = run_dir(node, run);
    fs::create_dir_all(&dir).map_err(|e| Error::while_doing(format!("make {}", dir.display()), e))?;
    let (stdout, stderr) = (dir.join("stdout.log"), dir.join("stderr.log"));
    let save = || node.insist(run, || node.runtime.save_output(run, &stdout, &stderr));
    match node.found(run).await {
        RuntimeState::Absent => {}
        RuntimeState::Prepared | RuntimeState::Running(_) | RuntimeState::Exited(_) => {
            // Not started, or cancelled before its start was known, or ended with children left.
            node.insist(run, || node.runtime.stop(run, node.config.grace)).await?;
            save().await?;
        }
    }
    let results = container::results_dir(node, entry);
    if !results.exists() {
        container::write_inputs(entry, &results)?;
    }
    let contents = Contents {
        results,
        files: ["stdout.log", "stderr.log", "executor.log"]
            .map(|name| dir.join(name))
            .into_iter()
            .chain(observatory::files(node, run))
            .collect(),
        manifest: manifest(node, entry).await,
    };
    let target = bundle_path(node, entry);
    let packed = tokio::task::spawn_blocking(move || bundle::pack(&contents, &target))
        .await
        .map_err(|e| Error::while_doing("pack the results", e))??;
    node.journal.change(run, |now| now.packed = Some(packed)).await?;
    if let Err(error) = node.insist(run, || node.runtime.remove(run)).await {
        // The results are there; what is left of it is removed when the node starts anew.
        tracing::warn!(%run, %error, "cannot remove the experiment");
    }
    Ok(())
}

/// Removes what was made ready for a run that its trigger did not let start.
pub(super) async fn discard(node: &Inner, entry: &JournalEntry) {
    let run = &entry.run.id;
    let removed = async {
        node.insist(run, || node.runtime.stop(run, node.config.grace)).await?;
        node.insist(run, || node.runtime.remove(run)).await
    };
    if let Err(error) = removed.await {
        tracing::warn!(%run, %error, "cannot remove the experiment");
    }
    clear(node, entry);
}

/// Removes what a run left, once the orchestrator has it.
pub(super) fn clean(node: &Inner, entry: &JournalEntry) {
    removed(entry, fs::remove_file(bundle_path(node, entry)));
    clear(node, entry);
}

/// Removes what the bundle of a run has been made of.
pub(super) fn clear(node: &Inner, entry: &JournalEntry) {
    removed(entry, fs::remove_dir_all(container::results_dir(node, entry)));
    removed(entry, fs::remove_dir_all(run_dir(node, &entry.run.id)));
}

fn removed(entry: &JournalEntry, result: std::io::Result<()>) {
    if let Err(error) = result
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(run = %entry.run.id, %error, "cannot remove what a run left");
    }
}
