//! Experiments as plain processes, for nodes without a container engine.
//!
//! Every run has a directory with what is known of it ([`files`]), so the runtime itself holds
//! nothing that matters: another one over the same directory takes over where this one ended.

mod files;
mod group;
mod output;
mod wrapper;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use nix::sys::signal::Signal;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use self::files::{Birth, RunDirectory, Stored};
use self::group::Members;
use self::wrapper::Ceilings;
use super::RESULTS_VARIABLE;
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{Exit, Limits, Outcome, OutputScope, Prepared, Reason, RuntimeState, Stage};
use crate::ports::{OutputStream, RunSpec, Runtime, RuntimeInfo};
use crate::time::{Timestamp, to_micros};

/// Where programs are looked for, unless the experiment's environment says otherwise. The node's
/// own environment is not passed on.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How often a process that is not this process's child is looked at. The system tells only
/// parents of an end; what an earlier node process started has lost its parent.
const POLL: Duration = Duration::from_millis(100);

/// How often a start or a stop in progress is looked at.
const QUICK_POLL: Duration = Duration::from_millis(5);

/// How long a started wrapper may take to show itself, and a killed process to vanish.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long another wrapper may take to write down what it has claimed.
const CLAIM_PATIENCE: Duration = Duration::from_millis(500);

/// Experiments as processes of the node's own user.
///
/// The program named by `process.command` runs in the results directory with the environment of
/// the run, `PATH`, `HOME` and `LEOTEST_RESULTS` (both the results directory) and nothing of the
/// node's own environment. It has a process group of its own and is ended with all its children,
/// in whichever group or session they are; only a child that has given up its environment, its
/// group and its parent is not found.
///
/// Each of its processes is limited in address space (`memory`) and in the length of the files it
/// writes (`disk`); the processes and threads of the node's user may become `pids` more than they
/// are, unless that user is root. Processors, ports and networks are those of the machine: only a
/// container engine can confine an experiment.
#[derive(Debug)]
pub struct ProcessRuntime {
    root: PathBuf,
    /// The wrappers this process started, each with a note of whether it has ended.
    children: Mutex<HashMap<RunId, watch::Receiver<bool>>>,
}

impl ProcessRuntime {
    /// A runtime that keeps a directory for each run in `root`, which is made if it is not there.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) that names the path when the directory cannot be made.
    pub fn new(root: PathBuf) -> Result<Self> {
        // The wrapper runs in another directory, to which a relative path would mean another place.
        let root = std::path::absolute(&root).unwrap_or(root);
        files::make_directory(&root).map_err(|e| {
            Error::while_doing(format!("make directory {}", root.display()), e)
                .hint("give a directory that this user may write to")
        })?;
        Ok(Self { root, children: Mutex::default() })
    }

    fn directory(&self, run: &RunId) -> RunDirectory {
        RunDirectory::new(self.root.join(run.as_str()))
    }

    fn children(&self) -> MutexGuard<'_, HashMap<RunId, watch::Receiver<bool>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, run: &RunId) -> Result<RuntimeState> {
        look(&self.directory(run))
            .map_err(|e| Error::while_doing(format!("look at the process of run {run}"), e))
    }

    /// Starts the wrapper and waits until a wrapper, this or another, has claimed the run.
    async fn spawn(&self, run: &RunId, directory: &RunDirectory, stored: Stored) -> io::Result<Birth> {
        let mut child = wrapper::spawn(directory, stored, to_micros(Timestamp::now()))?;
        let (ended, end) = watch::channel(false);
        tokio::spawn(async move {
            drop(child.wait().await);
            ended.send_replace(true);
        });
        self.children().insert(run.clone(), end.clone());
        let mut deadline = Instant::now() + PATIENCE;
        let mut claimed_by_another = false;
        loop {
            let over = *end.borrow();
            if let Some(birth) = directory.birth()? {
                return Ok(birth);
            }
            if over && directory.is_claimed() && !claimed_by_another {
                // Whoever claimed it is about to write it down, unless it was cut off.
                claimed_by_another = true;
                deadline = Instant::now() + CLAIM_PATIENCE;
            } else if claimed_by_another && Instant::now() > deadline {
                return Err(io::Error::other("a start before was cut off, nothing tells whether it ran"));
            } else if over && !claimed_by_another || Instant::now() > deadline {
                return Err(io::Error::other("the shell that was to run it ended or hangs"));
            }
            sleep(QUICK_POLL).await;
        }
    }
}

#[async_trait]
impl Runtime for ProcessRuntime {
    async fn info(&self) -> Result<RuntimeInfo> {
        Ok(RuntimeInfo { name: "process".into(), version: String::new() })
    }

    fn can_keep(&self, limits: &Limits) -> Result<()> {
        match limits.rate {
            None => Ok(()),
            Some(_) => Err(Error::invalid(
                "limits.rate cannot be kept on this node, whose experiments run as plain processes",
            )
            .hint("leave limits.rate out, or run a container engine")),
        }
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<Prepared, Outcome> {
        let Some(words) = &spec.experiment.process else {
            return Err(invalid(
                "experiment config gives no process command, this node has no container engine",
            ));
        };
        self.can_keep(&spec.limits).map_err(|e| invalid(e.message()))?;
        let results = spec.results.to_string_lossy().into_owned();
        let mut environment = spec.environment.clone();
        environment.entry("PATH".into()).or_insert_with(|| PATH.into());
        environment.insert("HOME".into(), results.clone());
        environment.insert(RESULTS_VARIABLE.into(), results);
        let words = with_program_found(words, &environment, &spec.results).map_err(failed)?;
        let ceilings = Ceilings::of(&spec.limits)
            .map_err(|e| failed(format!("cannot count the processes of this user: {e}")))?;
        let stored = Stored { words, environment, results: spec.results.clone(), ceilings };
        let directory = self.directory(&spec.run);
        let written = directory.birth().and_then(|birth| match birth {
            Some(_) => Ok(()),
            None => directory.store(&stored),
        });
        written.map_err(|e| failed(format!("cannot keep the process of run {}: {e}", spec.run)))?;
        Ok(Prepared::PLAIN)
    }

    async fn start(&self, run: &RunId) -> Result<Timestamp, Outcome> {
        let directory = self.directory(run);
        let fault = |e| failed(format!("cannot start the process of run {run}: {e}"));
        if let Some(birth) = directory.birth().map_err(fault)? {
            return Ok(birth.started);
        }
        let Some(stored) = directory.stored().map_err(fault)? else {
            return Err(failed(format!("run {run} has not been prepared")));
        };
        let birth = self.spawn(run, &directory, stored).await.map_err(fault)?;
        Ok(birth.started)
    }

    async fn wait(&self, run: &RunId) -> Result<Exit> {
        loop {
            match self.look(run)? {
                RuntimeState::Exited(exit) => return Ok(exit),
                RuntimeState::Running(_) => {}
                RuntimeState::Absent => {
                    return Err(Error::not_found(format!("there is no process of run {run}")));
                }
                RuntimeState::Prepared => {
                    return Err(Error::not_found(format!("the process of run {run} has not been started")));
                }
            }
            let own = self.children().get(run).cloned();
            let reaped = match own {
                Some(mut end) => end.wait_for(|ended| *ended).await.is_ok(),
                None => false,
            };
            if reaped {
                // If it was a wrapper that found the run claimed, the one that runs is polled now.
                self.children().remove(run);
            } else {
                sleep(POLL).await;
            }
        }
    }

    async fn stop(&self, run: &RunId, grace: Duration) -> Result<()> {
        let directory = self.directory(run);
        let fault = |e| Error::while_doing(format!("stop the process of run {run}"), e);
        let birth = directory.birth().map_err(fault)?;
        let stored = directory.stored().map_err(fault)?;
        let marker = stored.map(|stored| format!("{RESULTS_VARIABLE}={}", stored.results.display()));
        for (signal, patience) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, PATIENCE)] {
            let deadline = Instant::now() + patience;
            loop {
                let members = Members::look(birth.as_ref(), marker.as_deref()).map_err(fault)?;
                if members.is_empty() {
                    return self.look(run).map(drop);
                }
                members.signal(signal).map_err(fault)?;
                // Those that were started meanwhile are found by the next look.
                while members.live() && Instant::now() < deadline {
                    sleep(QUICK_POLL).await;
                }
                if Instant::now() >= deadline {
                    break;
                }
            }
        }
        Err(Error::internal(format!("processes of run {run} are still there after they were killed")))
    }

    async fn state(&self, run: &RunId) -> Result<RuntimeState> {
        self.look(run)
    }

    async fn save_output(&self, run: &RunId, stdout: &Path, stderr: &Path) -> Result<()> {
        let directory = self.directory(run);
        let fault = |e| Error::while_doing(format!("save the output of run {run}"), e);
        if self.look(run)? == RuntimeState::Absent {
            return Err(Error::not_found(format!("there is no process of run {run}")));
        }
        for (name, target) in [(files::STDOUT, stdout), (files::STDERR, stderr)] {
            let source = directory.path().join(name);
            match tokio::fs::copy(&source, target).await {
                Err(e) if e.kind() == io::ErrorKind::NotFound && !source.exists() => {
                    tokio::fs::write(target, b"").await.map_err(fault)?;
                }
                copied => drop(copied.map_err(fault)?),
            }
        }
        Ok(())
    }

    async fn output_size(&self, run: &RunId) -> Result<u64> {
        Ok(self.directory(run).output_size())
    }

    async fn follow(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        if self.look(run)? == RuntimeState::Absent {
            return Err(Error::not_found(format!("there is no process of run {run}")));
        }
        output::follow(run.clone(), self.directory(run), scope).await
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        self.stop(run, Duration::ZERO).await?;
        self.children().remove(run);
        match tokio::fs::remove_dir_all(self.directory(run).path()).await {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Error::while_doing(format!("remove what is kept of run {run}"), e))
            }
            _ => Ok(()),
        }
    }

    async fn list(&self) -> Result<Vec<RunId>> {
        let read = || -> io::Result<Vec<RunId>> {
            let mut runs = Vec::new();
            for entry in std::fs::read_dir(&self.root)? {
                runs.extend(entry?.file_name().to_str().and_then(|name| RunId::parse(name).ok()));
            }
            Ok(runs)
        };
        read().map_err(|e| Error::while_doing(format!("read directory {}", self.root.display()), e))
    }
}

fn look(directory: &RunDirectory) -> io::Result<RuntimeState> {
    let Some(birth) = directory.birth()? else {
        let stored = directory.stored()?;
        return Ok(stored.map_or(RuntimeState::Absent, |_| RuntimeState::Prepared));
    };
    // Only in this order: whoever ends by itself writes down its exit code first.
    if birth.leader_lives() {
        return Ok(RuntimeState::Running(birth.started));
    }
    let (code, at) = directory.exit_or_note_kill()?;
    Ok(RuntimeState::Exited(Exit { code, out_of_memory: false, at: at.max(birth.started) }))
}

fn invalid(message: &str) -> Outcome {
    Outcome::failed(Stage::Config, Reason::ConfigInvalid, message)
}

fn failed(message: String) -> Outcome {
    Outcome::failed(Stage::Container, Reason::StartFailed, message)
}

/// The words with the first as the path of a program: the wrapper is a shell, to which `exit` or
/// `cd` would be words of its own.
fn with_program_found(
    words: &[String],
    environment: &BTreeMap<String, String>,
    results: &Path,
) -> Result<Vec<String>, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the process command is empty".into());
    };
    let path = environment.get("PATH").map_or(PATH, String::as_str);
    let found = if program.contains('/') {
        Some(results.join(program)).filter(|path| files::is_program(path))
    } else {
        path.split(':').map(|place| results.join(place).join(program)).find(|path| files::is_program(path))
    };
    let found = found
        .and_then(|path| path.to_str().map(str::to_owned))
        .ok_or_else(|| format!("program {program:?} is not on this node (PATH is {path})"))?;
    Ok(std::iter::once(found).chain(arguments.iter().cloned()).collect())
}
