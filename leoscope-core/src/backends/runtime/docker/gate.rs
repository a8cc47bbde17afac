//! The gates of containers that are started ahead, as they are on the host.
//!
//! A run has a directory with a file `released` and a directory `box`, which the container sees.
//! In the box are the gate's program and its two pipes; `gate/gate.rs` is the other side of this.
//!
//! The release is written down before the word is given. So whoever comes later knows of it:
//! it has not happened if it is not written down, or if the gate still waits.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::time::{Timestamp, to_micros};

/// The gate's program; empty where it could not be built.
static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/gate"));

/// Where the box appears in the container.
pub(super) const BOX: &str = "/.leotest";

/// How long a gate may take to become the experiment, or another release of the run to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often something that takes its time is looked at.
const POLL: Duration = Duration::from_millis(2);

/// The directory of all gates of a node.
#[derive(Debug, Clone)]
pub(super) struct Gates(PathBuf);

impl Gates {
    /// Makes the directory; `None` where no gate is built in.
    pub(super) fn open(root: &Path) -> Result<Option<Self>> {
        if PROGRAM.is_empty() {
            return Ok(None);
        }
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let gates = Self(root);
        gates.install().map_err(|e| {
            Error::while_doing(format!("make directory {}", gates.0.display()), e)
                .hint("give a directory that this user may write to")
        })?;
        Ok(Some(gates))
    }

    fn program(&self) -> PathBuf {
        self.0.join("gate")
    }

    fn install(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        if fs::read(self.program()).is_ok_and(|content| content == PROGRAM) {
            return Ok(());
        }
        replace(&self.program(), PROGRAM, 0o755)
    }

    /// The gate of a run, whether it is there or not.
    pub(super) fn of(&self, run: &RunId) -> Gate {
        Gate { program: self.program(), directory: self.0.join("runs").join(run.as_str()) }
    }

    /// The runs that have a gate.
    pub(super) fn runs(&self) -> io::Result<Vec<RunId>> {
        let entries = match fs::read_dir(self.0.join("runs")) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut runs = Vec::new();
        for entry in entries {
            runs.extend(entry?.file_name().to_str().and_then(|name| RunId::parse(name).ok()));
        }
        Ok(runs)
    }
}

/// The gate of one run.
#[derive(Debug)]
pub(super) struct Gate {
    program: PathBuf,
    directory: PathBuf,
}

/// What came of a release.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// The experiment runs since.
    Done(Timestamp),
    /// The gate could not become the experiment, for this reason.
    Refused(String),
    /// There is nobody at the gate, and it has not been released.
    Deserted,
}

impl Gate {
    /// What the container sees.
    pub(super) fn box_path(&self) -> PathBuf {
        self.directory.join("box")
    }

    fn pipe(&self, name: &str) -> PathBuf {
        self.box_path().join(name)
    }

    /// Makes everything that a container needs to be held, in place of what there may be.
    pub(super) fn make(&self) -> io::Result<()> {
        self.remove()?;
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let inside = self.box_path();
        fs::create_dir(&inside)?;
        // On the host nobody else gets here; in the container it may be any user.
        fs::set_permissions(&inside, Permissions::from_mode(0o755))?;
        for name in ["hold", "word"] {
            nix::unistd::mkfifo(&self.pipe(name), Mode::S_IRUSR)?;
            fs::set_permissions(self.pipe(name), Permissions::from_mode(0o666))?;
        }
        fs::hard_link(&self.program, inside.join("gate"))
    }

    /// Removes what there is on the host.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.directory) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// The end of the pipe by which the word is given; `None` while nobody waits at the other.
    fn knock(&self) -> io::Result<Option<File>> {
        let options = OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).to_owned();
        match options.open(self.pipe("hold")) {
            Ok(hold) => Ok(Some(hold)),
            Err(e) if e.kind() == ErrorKind::NotFound || e.raw_os_error() == Some(Errno::ENXIO as i32) => {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Whether the gate waits.
    pub(super) fn is_waiting(&self) -> io::Result<bool> {
        Ok(self.knock()?.is_some())
    }

    /// When it was released, if it was.
    pub(super) fn released(&self) -> io::Result<Option<Timestamp>> {
        let text = match fs::read_to_string(self.directory.join("released")) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        if self.is_waiting()? {
            return Ok(None);
        }
        let at = text.parse().ok().and_then(|at| Timestamp::from_microsecond(at).ok());
        at.map(Some).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, format!("a release at {text:?}")))
    }

    /// Waits until somebody is at the gate; `false` if nobody comes within `patience`.
    pub(super) async fn is_reached(&self, patience: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        while !self.is_waiting()? {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            sleep(POLL).await;
        }
        Ok(true)
    }

    /// Lets the experiment go, once, however many ask for it.
    pub(super) async fn release(&self) -> io::Result<Release> {
        let Some(_lock) = self.lock().await? else { return Ok(Release::Deserted) };
        let Some(mut hold) = self.knock()? else {
            return Ok(self.released()?.map_or(Release::Deserted, Release::Done));
        };
        let mut word = pipe::OpenOptions::new().open_receiver(self.pipe("word"))?;
        let at = to_micros(Timestamp::now());
        // Not flushed to the disk: what outlives a power cut is the journal; the experiment does not.
        let record = self.directory.join("released");
        replace(&record, at.as_microsecond().to_string().as_bytes(), 0o600)?;
        hold.write_all(b"go\n")?;
        let mut said = String::new();
        timeout(PATIENCE, word.read_to_string(&mut said))
            .await
            .map_err(|_| io::Error::new(ErrorKind::TimedOut, "the gate did not become the experiment"))??;
        if !said.is_empty() {
            fs::remove_file(record)?;
            return Ok(Release::Refused(said));
        }
        // The experiment must not find a gate at which it could seem to wait.
        fs::remove_file(self.pipe("hold"))?;
        Ok(Release::Done(at))
    }

    /// Keeps others from releasing at the same time, until what it gives is dropped; `None` if
    /// there is no gate.
    async fn lock(&self) -> io::Result<Option<File>> {
        let directory = match File::open(&self.directory) {
            Ok(directory) => directory,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            match directory.try_lock() {
                Ok(()) => return Ok(Some(directory)),
                Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => sleep(POLL).await,
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(io::Error::new(ErrorKind::TimedOut, "another release takes too long"));
                }
                Err(fs::TryLockError::Error(e)) => return Err(e),
            }
        }
    }
}

/// Writes a file so that it is seen whole or not at all.
fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(content)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.persist(path).map(drop).map_err(|e| e.error)
}
