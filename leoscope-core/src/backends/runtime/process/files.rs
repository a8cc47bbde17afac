//! What is kept on disk of a run: `spec.json`, `birth`, `exit`, `stdout` and `stderr`.
//!
//! The files are a few hundred bytes in a local directory, so they are read and written in place,
//! without a detour over other threads.
//!
//! A power cut may leave any of them cut off or empty. One that does not hold what it should counts
//! as not there, so what is left always means something: a run that cannot be read was not
//! prepared, one whose birth cannot be read does not run, one without an exit code was killed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::group::ProcessId;
use super::wrapper::Ceilings;
use crate::time::{Timestamp, to_micros};

/// What the experiment wrote to its standard output.
pub(super) const STDOUT: &str = "stdout";
/// What the experiment wrote to its standard error.
pub(super) const STDERR: &str = "stderr";

const SPEC: &str = "spec.json";
const BIRTH: &str = "birth";
const EXIT: &str = "exit";

/// What stands in the exit file of an experiment that could not write its exit code.
const KILLED: &str = "killed";

/// What is needed to start a run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    /// Its environment, complete.
    pub(super) environment: BTreeMap<String, String>,
    /// Its working directory.
    pub(super) results: PathBuf,
    /// What each of its processes may use.
    #[serde(default)]
    pub(super) ceilings: Ceilings,
}

/// The start of a run, as its wrapper wrote it down.
#[derive(Debug)]
pub(super) struct Birth {
    /// When it was started.
    pub(super) started: Timestamp,
    /// The boot of the machine in which it was started.
    pub(super) boot: String,
    /// The wrapper, which leads the run's process group.
    pub(super) leader: ProcessId,
}

/// The directory of one run.
#[derive(Debug)]
pub(super) struct RunDirectory(PathBuf);

impl RunDirectory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes down what is to be started.
    pub(super) fn store(&self, stored: &Stored) -> io::Result<()> {
        make_directory(&self.0)?;
        self.replace(SPEC, &serde_json::to_vec(stored)?)
    }

    /// What is to be started; `None` unless it was written down in full.
    pub(super) fn stored(&self) -> io::Result<Option<Stored>> {
        Ok(read(&self.0.join(SPEC))?.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    /// The start, if there was one and its wrapper got to write it down.
    pub(super) fn birth(&self) -> io::Result<Option<Birth>> {
        let line = self.line(BIRTH)?;
        Ok(line.and_then(|line| {
            let (started, rest) = line.split_once(' ')?;
            let (boot, stat) = rest.split_once(' ')?;
            let started = Timestamp::from_microsecond(started.parse().ok()?).ok()?;
            Some(Birth { started, boot: boot.to_owned(), leader: ProcessId::from_stat(stat)? })
        }))
    }

    /// Whether a wrapper has claimed the run, even if it cannot be read when.
    pub(super) fn is_claimed(&self) -> bool {
        self.0.join(BIRTH).exists()
    }

    /// How many bytes the experiment has written to its outputs.
    pub(super) fn output_size(&self) -> u64 {
        [STDOUT, STDERR]
            .iter()
            .filter_map(|name| fs::metadata(self.0.join(name)).ok())
            .map(|data| data.len())
            .sum()
    }

    /// The exit code of a run that no longer lives, and when it ended. Where the run left no exit
    /// code it was killed, at the latest now, and that is written down so that it stays so.
    pub(super) fn exit_or_note_kill(&self) -> io::Result<(Option<i32>, Timestamp)> {
        let code = self.line(EXIT)?;
        if code.is_none() {
            self.replace(EXIT, format!("{KILLED}\n").as_bytes())?;
        }
        let written = fs::metadata(self.0.join(EXIT))?.modified()?;
        let at = Timestamp::try_from(written).map_err(io::Error::other)?;
        Ok((code.and_then(|code| code.parse().ok()), to_micros(at)))
    }

    /// Opens a file that the experiment writes to.
    pub(super) fn open_output(&self, name: &str) -> io::Result<File> {
        // Appending, so that a wrapper that finds the run claimed takes nothing away.
        OpenOptions::new().append(true).create(true).mode(0o600).open(self.0.join(name))
    }

    /// Opens a file that the experiment has written to, or will.
    pub(super) fn read_output(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(self.0.join(name))
    }

    /// The line in a file; `None` until it is there in full.
    ///
    /// The wrapper makes a file and writes its line in two steps, so the file may be seen empty.
    fn line(&self, name: &str) -> io::Result<Option<String>> {
        let content = read(&self.0.join(name))?.and_then(|content| String::from_utf8(content).ok());
        Ok(content.and_then(|content| content.strip_suffix('\n').map(str::to_owned)))
    }

    /// Writes a file so that it is seen whole or not at all, also after a power cut.
    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // Two callers at once must not take each other's file away.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let temporary = self.0.join(format!(".{name}.{number}.tmp"));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(temporary, self.0.join(name))?;
        File::open(&self.0)?.sync_all()
    }
}

/// Makes a directory that only its owner can enter, and those on the way to it.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Whether `path` is a file that somebody may execute.
pub(super) fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The content of a file, if it is there.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound) => Ok(None),
        Err(e) => Err(e),
    }
}
