//! How a node wakes for its runs, and how its processes know of each other.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use leoscope_core::backends::launcher::{CrontabScheduler, ExecCommand, HostTools, SystemTools};
use leoscope_core::backends::sessions::{MemcachedSessions, MemorySessions};
use leoscope_core::ids::NodeId;
use leoscope_core::ports::{Clock, HostScheduler, Sessions};
use leoscope_core::{Error, Result};

/// How a node wakes for its runs, as options name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LauncherChoice {
    /// A timer in the node's own process.
    Timer,
    /// Also the host's cron and at, which start a process for each run.
    Crontab,
}

/// How a node wakes for its runs.
#[derive(Debug, Clone)]
pub enum LauncherConfig {
    /// A timer in the node's own process.
    Timer,
    /// Also the host's cron and at.
    Crontab {
        /// The node's program, which they start.
        program: PathBuf,
        /// The settings of that process (TOML), without secrets.
        settings: String,
        /// Whether the host's cron reads its table in UTC.
        reads_utc: bool,
    },
}

/// What tells the processes of a node of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionsChoice {
    /// The memory of one process.
    Memory,
    /// A memcached, as `memcached://HOST:PORT`.
    Memcached(String),
}

impl FromStr for SessionsChoice {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        if text == "memory" {
            return Ok(Self::Memory);
        }
        MemcachedSessions::new(text)
            .map(|_| Self::Memcached(text.to_owned()))
            .map_err(|e| e.hint("give memory or memcached://HOST:PORT"))
    }
}

impl SessionsChoice {
    pub(crate) fn open(&self, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Sessions>> {
        Ok(match self {
            Self::Memory => Arc::new(MemorySessions::new(Arc::clone(clock))),
            Self::Memcached(location) => Arc::new(MemcachedSessions::new(location)?),
        })
    }
}

/// The file in the state directory with the settings of the processes that the host starts.
const SETTINGS: &str = "exec.toml";

/// What they say, and what they said before.
const LOG: &str = "exec.log";
const OLD_LOG: &str = "exec.log.old";

/// The size from which on their log is begun anew, in bytes.
const LOG_SIZE: u64 = 8 * 1024 * 1024;

/// The host's cron and at, if they are to start the runs of `node`.
pub(crate) async fn host(
    launcher: LauncherConfig,
    node: &NodeId,
    state_dir: &Path,
) -> Result<Option<Arc<dyn HostScheduler>>> {
    let LauncherConfig::Crontab { program, settings, reads_utc } = launcher else { return Ok(None) };
    let command = ExecCommand { program, settings: state_dir.join(SETTINGS), log: state_dir.join(LOG) };
    let kept = write_private(&command.settings, &settings).and_then(|()| turn_over(state_dir));
    kept.map_err(|e| Error::while_doing(format!("write {}", command.settings.display()), e))?;
    let tools = SystemTools::default();
    // Better told at the start than at the first run.
    tools.table().await?;
    tools.queued().await?;
    Ok(Some(Arc::new(CrontabScheduler::new(node.clone(), command, reads_utc, Arc::new(tools))?)))
}

/// Writes a file that only its owner can read, so that it is seen whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    fs::rename(temporary, path)
}

/// Begins the log anew when it has become long.
fn turn_over(state_dir: &Path) -> io::Result<()> {
    match fs::metadata(state_dir.join(LOG)) {
        Ok(data) if data.len() > LOG_SIZE => fs::rename(state_dir.join(LOG), state_dir.join(OLD_LOG)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_stores_are_named_as_the_help_says() {
        assert_eq!("memory".parse::<SessionsChoice>().expect("memory"), SessionsChoice::Memory);
        let location = "memcached://127.0.0.1:11211";
        assert_eq!(
            location.parse::<SessionsChoice>().expect("memcached"),
            SessionsChoice::Memcached(location.to_owned())
        );
        for bad in ["", "memcached", "redis://host:1", "memcached://host"] {
            let error = bad.parse::<SessionsChoice>().expect_err(bad);
            assert_eq!(error.what_to_do(), Some("give memory or memcached://HOST:PORT"));
        }
    }
}
