//! What a command of the operator prints.

use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::{MAX_BYTES, limited};
use crate::error::{Error, Result};

/// Where programs are, whatever the node's own environment says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The longest part of what a command says of its failure, in characters.
const MAX_SAID: usize = 256;

/// The process group of a command. All of it is killed unless its end was seen.
struct Group {
    id: Option<Pid>,
}

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { id: id.map(Pid::from_raw) }
    }

    /// Waits until the command itself has ended. Nobody is told of that yet, so its number stays its own.
    async fn end(&self) -> std::io::Result<()> {
        let Some(id) = self.id else { return Ok(()) };
        // From before the first look on, so that none is missed.
        let mut ends = signal(SignalKind::child())?;
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(id), look)? == WaitStatus::StillAlive {
            ends.recv().await;
        }
        Ok(())
    }

    fn kill(&self) {
        if let Some(id) = self.id {
            // One that is gone needs no signal.
            let _ = killpg(id, Signal::SIGKILL);
        }
    }

    /// The number is given back: it may be another's from now on.
    fn is_over(&mut self) {
        self.id = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command and gives what it prints. When it has ended, or this is dropped before, nothing of it
/// is left running but what has begun a session of its own.
///
/// It gets nothing of this process's environment: there are secrets in ours.
pub(super) async fn output(words: &[String]) -> Result<Vec<u8>> {
    let [program, arguments @ ..] = words else { return Err(Error::internal("no program")) };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([("PATH", PATH), ("LC_ALL", "C")])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Error::unavailable(format!("the command cannot be started: {e}")))?;
    // It goes before `child` does, so the number is not another's yet.
    let mut group = Group::of(&child);
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::internal("the command has no output"));
    };
    let too_much = || Error::unavailable(format!("the command prints more than {MAX_BYTES} bytes"));
    let read = |e| Error::while_doing("read what the command prints", e);
    let wait = |e| Error::while_doing("wait for the command", e);
    // Together: a command that prints much to one of them waits until that is read, and what it leaves
    // behind may keep them open.
    let (stdout, stderr, ()) = tokio::try_join!(
        async { limited(stdout).await.map_err(read)?.ok_or_else(too_much) },
        async { limited(stderr).await.map_err(read)?.ok_or_else(too_much) },
        async {
            group.end().await.map_err(wait)?;
            group.kill();
            Ok(())
        },
    )?;
    let status = child.wait().await.map_err(wait)?;
    group.is_over();
    if status.success() { Ok(stdout) } else { Err(failed(status, &stderr)) }
}

fn failed(status: ExitStatus, stderr: &[u8]) -> Error {
    let ended = match status.code() {
        Some(code) => format!("the command ended with {code}"),
        None => "the command was killed".to_owned(),
    };
    let said = String::from_utf8_lossy(stderr);
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line: String = line.trim().chars().filter(|c| !c.is_control()).take(MAX_SAID).collect();
    Error::unavailable(if line.is_empty() { ended } else { format!("{ended}: {line}") })
}
