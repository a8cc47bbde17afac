//! What containers print, as the engine keeps it.

use std::path::Path;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::DockerRuntime;
use super::fault::fault;
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{MAX_PIECE_BYTES, OutputPiece, OutputScope, OutputSource, RuntimeState, Tail};
use crate::ports::OutputStream;

/// How long a container may print nothing: longer than any run lasts.
const QUIET: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl DockerRuntime {
    pub(super) async fn save_logs(&self, run: &RunId, stdout: &Path, stderr: &Path) -> Result<()> {
        let found = self.find_existing(run).await?;
        let doing = || format!("save the output of run {run}");
        let written = |e| Error::while_doing(doing(), e);
        let mut stdout = BufWriter::new(File::create(stdout).await.map_err(written)?);
        let mut stderr = BufWriter::new(File::create(stderr).await.map_err(written)?);
        let options = LogsOptions { stdout: true, stderr: true, ..Default::default() };
        let mut output = self.docker.logs(&found.id, Some(options));
        while let Some(piece) = output.next().await {
            match told(piece.map_err(|e| fault(doing(), &e))?) {
                Some((OutputSource::Stderr, bytes)) => stderr.write_all(&bytes).await.map_err(written)?,
                Some((OutputSource::Stdout, bytes)) => stdout.write_all(&bytes).await.map_err(written)?,
                None => {}
            }
        }
        stdout.flush().await.map_err(written)?;
        stderr.flush().await.map_err(written)
    }

    /// The engine reads its files as fast as it gets rid of what it has read; the container does not
    /// wait for it.
    pub(super) async fn follow_logs(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        let found = self.find_existing(run).await?;
        let OutputScope { tail, follow } = scope;
        let tail = match tail {
            Tail::All => "all".to_owned(),
            Tail::Lines(lines) => lines.to_string(),
        };
        // What does not run has printed everything.
        let follow = follow && matches!(found.state(), RuntimeState::Running(_));
        let options = LogsOptions { stdout: true, stderr: true, follow, tail, ..Default::default() };
        let output = self.docker.clone().with_timeout(QUIET).logs(&found.id, Some(options));
        let doing = format!("follow the output of run {run}");
        let pieces = output.map(move |piece| match piece.map_err(|e| fault(doing.clone(), &e)) {
            Ok(output) => told(output).map_or_else(Vec::new, |(source, bytes)| split(source, bytes)),
            Err(error) => vec![Err(error)],
        });
        Ok(Box::pin(pieces.flat_map(stream::iter)))
    }
}

/// What was printed where.
fn told(output: LogOutput) -> Option<(OutputSource, Bytes)> {
    match output {
        LogOutput::StdErr { message } => Some((OutputSource::Stderr, message)),
        LogOutput::StdOut { message } | LogOutput::Console { message } => {
            Some((OutputSource::Stdout, message))
        }
        LogOutput::StdIn { .. } => None,
    }
}

fn split(source: OutputSource, mut bytes: Bytes) -> Vec<Result<OutputPiece>> {
    let next = || {
        let bytes = bytes.split_to(bytes.len().min(MAX_PIECE_BYTES));
        (!bytes.is_empty()).then_some(Ok(OutputPiece { source, bytes }))
    };
    std::iter::from_fn(next).collect()
}
