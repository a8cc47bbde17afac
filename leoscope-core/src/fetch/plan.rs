//! What is to be fetched, what is here already, and what cannot be had.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Outcome, State, Summary, part};
use crate::ids::NodeId;
use crate::model::{ArtifactKey, ResultsPlace, Run, RunStatus};
use crate::time::Timestamp;

/// What is to be done about the results of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// They are to be fetched.
    Fetch {
        /// The size of the bundle in bytes, where it is known.
        size: Option<u64>,
        /// How many bytes of it are here already.
        kept: u64,
    },
    /// They are here already.
    There,
    /// They cannot be had.
    Missing(Missing),
}

/// Why the results of a run cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// It has not ended.
    NotEnded(RunStatus),
    /// It was never started, so there are none.
    NeverStarted {
        /// SKIPPED or MISSED.
        status: RunStatus,
        /// Why, where that is known.
        reason: Option<String>,
    },
    /// It has ended, and its node has not handed them over yet.
    NotArrived(NodeId),
    /// The operator of the testbed removed them.
    Removed(Timestamp),
    /// They are in a store on this host, to which the testbed has no key.
    Elsewhere(String),
    /// The caller may not have them.
    NotPermitted,
    /// They are not where the record says that they are.
    Gone,
}

impl Missing {
    /// The lower snake case name for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotEnded(_) => "not_ended",
            Self::NeverStarted { .. } => "never_started",
            Self::NotArrived(_) => "not_arrived",
            Self::Removed(_) => "removed",
            Self::Elsewhere(_) => "elsewhere",
            Self::NotPermitted => "not_permitted",
            Self::Gone => "gone",
        }
    }
}

impl fmt::Display for Missing {
    /// What follows "the results are missing:".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEnded(status) => write!(f, "not ended yet, {status}"),
            Self::NeverStarted { status, reason: Some(reason) } => {
                write!(f, "never started, {status} ({reason})")
            }
            Self::NeverStarted { status, reason: None } => write!(f, "never started, {status}"),
            Self::NotArrived(node) => write!(f, "not arrived yet from node {node}"),
            Self::Removed(at) => write!(f, "removed by the operator on {}", at.strftime("%Y-%m-%d")),
            Self::Elsewhere(host) => write!(f, "in a store at {host} to which this testbed has no key"),
            Self::NotPermitted => f.write_str("you may not read them"),
            Self::Gone => f.write_str("not where the record says that they are"),
        }
    }
}

/// What is to be done about the results of `run`, which are here or not; of its archive `kept` bytes are.
pub fn decide(run: &Run, is_there: bool, kept: u64) -> Decision {
    if is_there {
        return Decision::There;
    }
    if !run.status.is_terminal() {
        return Decision::Missing(Missing::NotEnded(run.status));
    }
    if let Some(removed) = run.bundle.and_then(|bundle| bundle.removed) {
        return Decision::Missing(Missing::Removed(removed));
    }
    match (ResultsPlace::of(run), run.status) {
        (Some(ResultsPlace::Elsewhere(place)), _) => {
            Decision::Missing(Missing::Elsewhere(ResultsPlace::host(place).to_owned()))
        }
        (Some(ResultsPlace::Orchestrator | ResultsPlace::Link { .. }), _) => {
            let size = run.bundle.map(|bundle| bundle.facts.size);
            Decision::Fetch { size, kept: size.map_or(kept, |size| kept.min(size)) }
        }
        (None, status @ (RunStatus::Skipped | RunStatus::Missed)) => {
            Decision::Missing(Missing::NeverStarted { status, reason: run.reason.clone() })
        }
        (None, _) => Decision::Missing(Missing::NotArrived(run.node.clone())),
    }
}

/// A run, and what is to be done about its results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The run.
    pub run: Run,
    /// The directory of its files.
    pub path: PathBuf,
    /// What is to be done.
    pub decision: Decision,
}

/// What is to be done about some runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Below this directory everything is put.
    pub dir: PathBuf,
    /// The runs.
    pub runs: Vec<Planned>,
}

/// What a plan comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many runs are to be fetched.
    pub fetch: usize,
    /// The bytes that are to come, of the bundles whose size is known.
    pub bytes: u64,
    /// How many of them are of unknown size.
    pub unknown: usize,
}

impl Plan {
    /// What is to be done so that the results of `runs` are below `dir`. Looks there, and changes nothing.
    pub fn make(runs: Vec<Run>, dir: &Path) -> Self {
        let planned = |run: Run| {
            let path = dir.join(run.job.as_str()).join(run.id.as_str());
            let is_there = fs::symlink_metadata(&path).is_ok();
            let facts = run.bundle.map(|bundle| bundle.facts);
            let decision = decide(&run, is_there, part::kept(&archive(dir, &run), facts.as_ref()));
            Planned { run, path, decision }
        };
        Self { dir: dir.to_owned(), runs: runs.into_iter().map(planned).collect() }
    }

    /// What is there already, and what is missing.
    pub fn summary(&self) -> Summary {
        let outcome = |planned: &Planned| {
            let Planned { run, path, decision } = planned;
            let state = match decision {
                Decision::There => State::There,
                Decision::Missing(missing) => State::Missing(missing.clone()),
                Decision::Fetch { .. } => return None,
            };
            Some(Outcome { run: run.id.clone(), job: run.job.clone(), path: path.clone(), state })
        };
        Summary::of(&self.runs.iter().filter_map(outcome).collect::<Vec<_>>())
    }

    /// What it comes to.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for planned in &self.runs {
            if let Decision::Fetch { size, kept } = planned.decision {
                totals.fetch += 1;
                match size {
                    Some(size) => totals.bytes += size - kept.min(size),
                    None => totals.unknown += 1,
                }
            }
        }
        totals
    }
}

/// Where the archive of a run is or would be.
pub(super) fn archive(dir: &Path, run: &Run) -> PathBuf {
    let key = ArtifactKey { node: run.node.clone(), job: run.job.clone(), run: run.id.clone() };
    dir.join(key.file_name())
}
