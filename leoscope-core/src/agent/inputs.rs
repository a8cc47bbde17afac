//! The files of an experiment that earlier deployments keep in blob storage.

use jiff::SignedDuration;

use super::{Inner, outbox, results};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ExperimentFile, ExperimentFiles, JournalEntry};

/// How long is waited to hear of them: a run must not be late because nobody answers.
const PATIENCE: SignedDuration = SignedDuration::from_secs(3);

/// Finds out whether files in blob storage take the place of what the orders say, writes it down, and
/// gives the entry with them. Where that cannot be found out the orders count.
pub(super) async fn look(node: &Inner, entry: &JournalEntry) -> Result<JournalEntry> {
    let run = &entry.run.id;
    let asked = tokio::select! {
        files = ask(node, entry) => files,
        () = node.pause(PATIENCE) => Err(Error::unavailable("nobody answers")),
    };
    let files = match asked {
        Ok(files) => files,
        Err(error) => {
            results::log(
                node,
                run,
                &format!("cannot look for the experiment's files in blob storage: {error}"),
            );
            tracing::debug!(%run, %error, "cannot look for the experiment's files in blob storage");
            return Ok(entry.clone());
        }
    };
    if files == entry.inputs {
        return Ok(entry.clone());
    }
    for (file, text) in
        [(ExperimentFile::Config, &files.config), (ExperimentFile::Arguments, &files.arguments)]
    {
        if text.is_some() {
            results::log(node, run, &format!("{} is the one in blob storage", file.name()));
        }
    }
    let changed = JournalEntry { inputs: files, ..entry.clone() };
    let inputs = changed.inputs.clone();
    node.journal.change(run, |now| now.inputs = inputs).await?;
    Ok(changed)
}

async fn ask(node: &Inner, entry: &JournalEntry) -> Result<ExperimentFiles> {
    let (own, job) = (&node.config.node, &entry.job.id);
    match node.control.experiment_files(own, job).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        other => return other,
    }
    // An orchestrator of the public testbed leaves looking to its nodes.
    let settings = node.control.settings().await?.blob;
    let Some(store) = outbox::open(node, &settings)? else { return Ok(ExperimentFiles::default()) };
    Ok(ExperimentFiles {
        config: store.experiment_file(own, job, ExperimentFile::Config).await?,
        arguments: store.experiment_file(own, job, ExperimentFile::Arguments).await?,
    })
}
