//! What containers print, as the engine keeps it.

mod follow;

use std::collections::VecDeque;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as EngineError;
use bollard::query_parameters::LogsOptions;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::DockerRuntime;
use super::fault::fault;
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{OutputScope, OutputSource, RuntimeState, Tail};
use crate::ports::OutputStream;
use crate::time::Timestamp;

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

    pub(super) async fn follow_logs(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        let found = self.find_existing(run).await?;
        let OutputScope { tail, follow } = scope;
        let lines = match tail {
            Tail::All => "all".to_owned(),
            Tail::Lines(lines) => lines.to_string(),
        };
        // What does not run has printed everything.
        let follow = follow && matches!(found.state(), RuntimeState::Running(_));
        let begun = Timestamp::now();
        let following = follow::Following {
            output: self.entries(&found.id, follow, lines, 0),
            runtime: self.clone(),
            run: run.clone(),
            id: found.id,
            pieces: VecDeque::new(),
            seen: follow::Seen::both(tail, begun),
            last: !follow,
        };
        Ok(Box::pin(stream::unfold(Some(following), |following| async move {
            let mut following = following?;
            let item = following.next().await?;
            let rest = item.is_ok().then_some(following);
            Some((item, rest))
        })))
    }

    /// What the engine has of a container's output, from a second on. It reads its files as fast as it
    /// gets rid of what it has read; the container does not wait for it.
    fn entries(&self, id: &str, follow: bool, tail: String, since: i32) -> Entries {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            timestamps: true,
            follow,
            tail,
            since,
            ..Default::default()
        };
        Box::pin(self.docker.clone().with_timeout(QUIET).logs(id, Some(options)))
    }
}

type Entries = Pin<Box<dyn Stream<Item = Result<LogOutput, EngineError>> + Send>>;

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
