//! What became of the runs whose results were asked for.

use std::path::PathBuf;

use super::Missing;
use crate::error::{Error, ErrorKind};
use crate::ids::{JobId, RunId};

/// What became of one run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The run.
    pub run: RunId,
    /// Its job.
    pub job: JobId,
    /// The directory of its files, whether it is there or not.
    pub path: PathBuf,
    /// What became of it.
    pub state: State,
}

/// What became of the results of a run.
#[derive(Debug, Clone)]
pub enum State {
    /// They were fetched and unpacked.
    Fetched {
        /// How many files and links there are.
        files: usize,
        /// The size of the bundle in bytes.
        size: u64,
        /// How many bytes the files have together.
        unpacked: u64,
        /// Whether the files were compared with their manifest; an older bundle has none.
        verified: bool,
    },
    /// They were here already.
    There,
    /// They cannot be had.
    Missing(Missing),
    /// They could not be fetched.
    Failed(Error),
}

/// Runs of which the same is to be said.
#[derive(Debug, Clone)]
pub struct Group<T> {
    /// What is to be said of them.
    pub what: T,
    /// The runs, in the order they were asked for.
    pub runs: Vec<RunId>,
}

/// What became of all runs.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How many were fetched.
    pub fetched: usize,
    /// The bytes of their bundles together.
    pub bytes: u64,
    /// Those that were fetched and had no manifest to compare them with.
    pub unverified: Vec<RunId>,
    /// How many were there already.
    pub there: usize,
    /// Those that cannot be had, by the reason.
    pub missing: Vec<Group<Missing>>,
    /// Those that could not be fetched, by the error.
    pub failed: Vec<Group<Error>>,
}

impl Summary {
    /// Sums up.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut summary = Self::default();
        for Outcome { run, state, .. } in outcomes {
            match state {
                State::Fetched { size, verified, .. } => {
                    summary.fetched += 1;
                    summary.bytes += size;
                    summary.unverified.extend((!verified).then(|| run.clone()));
                }
                State::There => summary.there += 1,
                // By what is said of it: removed at two instants of one day is the same.
                State::Missing(missing) => {
                    add(&mut summary.missing, missing, run, |a, b| a.to_string() == b.to_string());
                }
                State::Failed(error) => add(&mut summary.failed, error, run, |a, b| {
                    (a.kind(), a.message()) == (b.kind(), b.message())
                }),
            }
        }
        summary
    }

    /// The kind of the first failure: `None` when everything that can be had is there. That something may
    /// not be read is a failure too.
    pub fn failure(&self) -> Option<ErrorKind> {
        let denied = self.missing.iter().any(|group| group.what == Missing::NotPermitted);
        let first = self.failed.first().map(|group| group.what.kind());
        first.or(denied.then_some(ErrorKind::PermissionDenied))
    }
}

fn add<T: Clone>(groups: &mut Vec<Group<T>>, what: &T, run: &RunId, same: impl Fn(&T, &T) -> bool) {
    match groups.iter_mut().find(|group| same(&group.what, what)) {
        Some(group) => group.runs.push(run.clone()),
        None => groups.push(Group { what: what.clone(), runs: vec![run.clone()] }),
    }
}
