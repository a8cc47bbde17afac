//! The programs `crontab`, `at`, `atq` and `atrm`.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::os::unix::fs::MetadataExt;
use std::process::{Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// How long one of the programs may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the programs are, whatever the node's own environment says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A job that waits in the queue of at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its number.
    pub id: u64,
    /// What it will run, with what at has put in front of it.
    pub script: String,
}

/// The crontab and the queue of at of one user.
#[async_trait]
pub trait HostTools: Debug + Send + Sync {
    /// The crontab, empty where there is none.
    async fn table(&self) -> Result<Vec<u8>>;
    /// Puts `table` in the place of the crontab; an empty one is none.
    async fn install(&self, table: &[u8]) -> Result<()>;
    /// The jobs of this user that wait.
    async fn queued(&self) -> Result<Vec<Queued>>;
    /// Queues `script` for the minute `at`.
    async fn submit(&self, at: Timestamp, script: &str) -> Result<()>;
    /// Takes a job out of the queue.
    async fn withdraw(&self, id: u64) -> Result<()>;
}

/// The programs of this host.
#[derive(Debug, Default)]
pub struct SystemTools {
    /// The scripts seen so far: a number always stands for the same one.
    scripts: Mutex<BTreeMap<u64, String>>,
}

impl SystemTools {
    /// Runs a program of the host, with nothing of this process's environment: at keeps what it is
    /// given, and there are secrets in ours.
    async fn run(&self, words: &[&str], input: &[u8]) -> Result<Output> {
        let fault = |e: &dyn std::fmt::Display| {
            Error::unavailable(format!("cannot run {}: {e}", words.join(" ")))
                .hint("install the packages cron and at, and see that this user may use them")
        };
        let [program, arguments @ ..] = words else { return Err(Error::internal("no program")) };
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs([("PATH", PATH), ("TZ", "UTC0"), ("LC_ALL", "C")])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| fault(&e))?;
        let done = async {
            if let Some(mut stdin) = child.stdin.take() {
                // One that does not read its input says why it has ended.
                let _ = stdin.write_all(input).await;
            }
            child.wait_with_output().await
        };
        match tokio::time::timeout(PATIENCE, done).await {
            Ok(output) => output.map_err(|e| fault(&e)),
            Err(_) => Err(fault(&format!("it took more than {} s", PATIENCE.as_secs()))),
        }
    }

    /// Runs a program that must succeed.
    async fn run_ok(&self, words: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let output = self.run(words, input).await?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::unavailable(format!("{} failed: {}", words.join(" "), said.trim()))
            .hint("see that this user may use cron and at (cron.allow, at.allow)"))
    }
}

#[async_trait]
impl HostTools for SystemTools {
    async fn table(&self) -> Result<Vec<u8>> {
        let words = ["crontab", "-l"];
        let output = self.run(&words, b"").await?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(output.stdout)
        } else if said.starts_with("no crontab for") {
            Ok(Vec::new())
        } else {
            Err(Error::unavailable(format!("{} failed: {}", words.join(" "), said.trim())))
        }
    }

    async fn install(&self, table: &[u8]) -> Result<()> {
        let words: &[&str] = if table.is_empty() { &["crontab", "-r"] } else { &["crontab", "-"] };
        self.run_ok(words, table).await.map(drop)
    }

    async fn queued(&self) -> Result<Vec<Queued>> {
        let listing = self.run_ok(&["atq"], b"").await?;
        let ids = waiting(&String::from_utf8_lossy(&listing));
        let mut known = std::mem::take(&mut *self.scripts.lock().unwrap_or_else(PoisonError::into_inner));
        known.retain(|id, _| ids.contains(id));
        for id in &ids {
            if !known.contains_key(id) {
                let output = self.run(&["at", "-c", &id.to_string()], b"").await?;
                // One that fails has left the queue meanwhile.
                if output.status.success() {
                    known.insert(*id, String::from_utf8_lossy(&output.stdout).into_owned());
                }
            }
        }
        let own = own_mark()?;
        let queued = known.iter().filter(|(_, script)| script.lines().any(|line| line.starts_with(&own)));
        let queued = queued.map(|(id, script)| Queued { id: *id, script: script.clone() }).collect();
        *self.scripts.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(queued)
    }

    async fn submit(&self, at: Timestamp, script: &str) -> Result<()> {
        // In UTC, as the environment of the programs says.
        let minute = at.strftime("%Y%m%d%H%M").to_string();
        self.run_ok(&["at", "-M", "-t", &minute], script.as_bytes()).await.map(drop)
    }

    async fn withdraw(&self, id: u64) -> Result<()> {
        self.run_ok(&["atrm", &id.to_string()], b"").await.map(drop)
    }
}

/// What at writes into the jobs of this user; root sees those of others as well.
fn own_mark() -> Result<String> {
    let own = std::fs::metadata("/proc/self").map_err(|e| Error::while_doing("find the own user", e))?;
    Ok(format!("# atrun uid={} ", own.uid()))
}

/// The numbers of the jobs that wait, from the listing of atq: number, date, queue, user.
fn waiting(listing: &str) -> Vec<u64> {
    let job = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        // Those that run are in the queue `=`.
        let [id, .., queue, _user] = fields.as_slice() else { return None };
        id.parse().ok().filter(|_| *queue != "=")
    };
    listing.lines().filter_map(job).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_run_or_are_no_jobs_do_not_wait() {
        let listing = "12\tTue Nov 24 18:00:00 2026 a root\n13\tTue Nov 24 18:00:00 2026 = root\nnone\n\n7\tWed Nov 25 00:00:00 2026 b nobody\n";
        assert_eq!(waiting(listing), [12, 7]);
    }
}
