//! What a command of the operator prints.

use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

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

    /// The command has ended: its number may be another's from now on.
    fn has_ended(&mut self) {
        self.id = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // One that is gone needs no signal.
            let _ = killpg(id, Signal::SIGKILL);
        }
    }
}

/// Runs a command and gives what it prints. Dropped before the end, it leaves nothing of it running.
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
    // Together: a command that prints much to one of them waits until that is read.
    let (stdout, stderr) =
        tokio::try_join!(async { limited(stdout).await.map_err(read)?.ok_or_else(too_much) }, async {
            limited(stderr).await.map_err(read)?.ok_or_else(too_much)
        },)?;
    // All who could print have ended or closed their output; only then is its number given back.
    let status = child.wait().await.map_err(|e| Error::while_doing("wait for the command", e))?;
    group.has_ended();
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
