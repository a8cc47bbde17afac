//! Starts made by the host's cron and at.
//!
//! What is to stand in the crontab and in the queue of at is compared with what stands there, and
//! the difference is made. Lines and scripts end with or hold a mark that names the node, so what
//! others have put there is told apart and left alone.

mod queue;
mod table;
mod tools;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

pub use tools::{HostTools, Queued, SystemTools};

use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::{HostStart, HostTime};
use crate::ports::HostScheduler;
use crate::time::{Timestamp, wire_time};

/// The command that carries out one run.
#[derive(Debug, Clone)]
pub struct ExecCommand {
    /// The node's program.
    pub program: PathBuf,
    /// The file with its settings. Secrets stand in files that it names.
    pub settings: PathBuf,
    /// Where what the command says is added.
    pub log: PathBuf,
}

/// Starts made by `crontab` and `at` of the node's own user.
#[derive(Debug)]
pub struct CrontabScheduler {
    node: NodeId,
    command: ExecCommand,
    reads_utc: bool,
    tools: Arc<dyn HostTools>,
}

impl CrontabScheduler {
    /// Starts for `node`. `reads_utc` tells whether the host's clock shows UTC to cron.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a path that cannot stand in a
    /// crontab.
    pub fn new(
        node: NodeId,
        command: ExecCommand,
        reads_utc: bool,
        tools: Arc<dyn HostTools>,
    ) -> Result<Self> {
        let ExecCommand { program, settings, log } = &command;
        for path in [program, settings, log] {
            if !path.is_absolute() || path.to_str().is_none_or(|path| path.chars().any(char::is_control)) {
                return Err(Error::invalid(format!("path {path:?} cannot stand in a crontab"))
                    .hint("use paths of printable characters"));
            }
        }
        Ok(Self { node, command, reads_utc, tools })
    }

    /// The command for `start`, for a shell.
    fn command(&self, start: &HostStart) -> String {
        let HostStart { node, job, run, time: _, range, length } = start;
        let ExecCommand { program, settings, log } = &self.command;
        let words = [
            program.display().to_string(),
            "exec".to_owned(),
            "--settings".to_owned(),
            settings.display().to_string(),
            "--nodeid".to_owned(),
            node.to_string(),
            "--jobid".to_owned(),
            job.to_string(),
            "--runid".to_owned(),
            run.as_ref().map_or_else(|| "auto".to_owned(), ToString::to_string),
            "--start-date".to_owned(),
            wire_time(range.start()),
            "--end-date".to_owned(),
            wire_time(range.end()),
            "--length-secs".to_owned(),
            length.secs().to_string(),
        ];
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        format!("{} >>{} 2>&1", words.join(" "), quoted(&log.display().to_string()))
    }
}

/// `word` as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[async_trait]
impl HostScheduler for CrontabScheduler {
    fn reads_utc(&self) -> bool {
        self.reads_utc
    }

    async fn arrange(&self, starts: &[HostStart], now: Timestamp) -> Result<()> {
        let (mut lines, mut scripts) = (Vec::new(), Vec::new());
        for start in starts {
            let command = self.command(start);
            match &start.time {
                HostTime::Every(cron) => lines.push(table::line(&self.node, &start.job, cron, &command)),
                HostTime::At(at) => scripts.push((*at, queue::script(&self.node, start, &command))),
            }
        }
        self.arrange_lines(&lines).await?;
        let queued = self.tools.queued().await?;
        let queue::Changes { withdraw, submit } = queue::changes(&queued, &self.node, &scripts, now);
        for id in withdraw {
            self.tools.withdraw(id).await?;
        }
        for (at, script) in submit {
            self.tools.submit(at, &script).await?;
        }
        Ok(())
    }
}

impl CrontabScheduler {
    async fn arrange_lines(&self, lines: &[String]) -> Result<()> {
        let existing = self.tools.table().await?;
        let wanted = table::synced(&existing, &self.node, lines);
        if wanted == existing {
            return Ok(());
        }
        // Nothing locks a crontab: what somebody else has just changed is not written over.
        if self.tools.table().await? != existing {
            return Err(Error::unavailable("the crontab is being changed by somebody else"));
        }
        self.tools.install(&wanted).await
    }
}

#[cfg(test)]
mod tests;
