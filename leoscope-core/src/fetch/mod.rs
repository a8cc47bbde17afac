//! Fetching the results of runs to a directory.
//!
//! [`list`] finds the runs, [`Plan::make`] decides for each what is to be done and why not, and
//! [`Fetcher::fetch`] does it: several at once, going on where an earlier try broke off, each one checked
//! and unpacked whole or not at all.
//!
//! Below the directory a run has `<jobid>/<runid>`; its archive is `<jobid>-<runid>.tar.gz` beside the
//! jobs, and while it comes `<archive>.<start of its checksum>.part`.

mod archive;
mod list;
mod outcome;
mod part;
mod plan;
mod space;
#[cfg(test)]
mod tests;
mod transfer;

pub use list::list;
pub use outcome::{Group, Outcome, State, Summary};
pub use plan::{Decision, Missing, Plan, Planned, Totals, decide};

use std::fmt::Debug;
use std::path::Path;
use std::sync::atomic::AtomicU32;

use futures_util::{StreamExt as _, stream};

use crate::error::Result;
use crate::ids::RunId;
use crate::ports::{BlobStorage, ControlPlane};

/// How results are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether the archives stay beside the unpacked files.
    pub keep_archive: bool,
    /// How many bundles are fetched at the same time, 1 or more.
    pub parallel: usize,
    /// The most bytes that one run may unpack to; what is
    /// [usual for its bundle](crate::bundle::UnpackLimits::of_bundle) when `None`.
    pub max_unpacked: Option<u64>,
}

impl Options {
    /// How many bundles are fetched at the same time unless somebody says otherwise.
    pub const PARALLEL: usize = 4;
}

impl Default for Options {
    fn default() -> Self {
        Self { keep_archive: false, parallel: Self::PARALLEL, max_unpacked: None }
    }
}

/// Somebody who wants to know how far it is. Called often, so it must be quick.
pub trait Progress: Debug + Send + Sync {
    /// A bundle begins to come, of `size` bytes where that is known; `kept` of them are here already.
    fn begin(&self, run: &RunId, size: Option<u64>, kept: u64);
    /// So many bytes of the bundle are here now; fewer than before when it is fetched anew.
    fn at(&self, run: &RunId, bytes: u64);
    /// All of it is here, and is unpacked, or it does not come.
    fn end(&self, run: &RunId);
}

/// Nobody.
impl Progress for () {
    fn begin(&self, _: &RunId, _: Option<u64>, _: u64) {}
    fn at(&self, _: &RunId, _: u64) {}
    fn end(&self, _: &RunId) {}
}

/// Where results come from, and how.
#[derive(Debug)]
pub struct Fetcher<'a> {
    plane: &'a dyn ControlPlane,
    blob: Option<&'a dyn BlobStorage>,
    options: Options,
    progress: &'a dyn Progress,
    /// How many runs in a row could not be fetched because nobody answers.
    unanswered: AtomicU32,
}

impl<'a> Fetcher<'a> {
    /// Fetches by way of `plane`. Links that it gives are read with `blob`.
    pub fn new(
        plane: &'a dyn ControlPlane,
        blob: Option<&'a dyn BlobStorage>,
        options: Options,
        progress: &'a dyn Progress,
    ) -> Self {
        Self { plane, blob, options, progress, unanswered: AtomicU32::new(0) }
    }

    /// Fetches what `plan` says is to be fetched, and tells what became of each of its runs, in its order.
    /// One that cannot be fetched does not keep the others from coming.
    ///
    /// May be dropped at any time: what is half here stays, and the next call goes on with it.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when there is surely not enough room, before anything is
    /// fetched.
    pub async fn fetch(&self, plan: &Plan) -> Result<Vec<Outcome>> {
        space::check(plan, self.options.keep_archive)?;
        part::sweep(plan);
        // As a list, so that this can be sent to another thread.
        let each: Vec<_> = plan.runs.iter().map(|planned| self.outcome(&plan.dir, planned)).collect();
        Ok(stream::iter(each).buffered(self.options.parallel.max(1)).collect().await)
    }

    async fn outcome(&self, dir: &Path, planned: &Planned) -> Outcome {
        let Planned { run, path, decision } = planned;
        let state = match decision {
            Decision::There => State::There,
            Decision::Missing(missing) => State::Missing(missing.clone()),
            Decision::Fetch { .. } => {
                let state = self.get(dir, planned).await;
                self.progress.end(&run.id);
                state
            }
        };
        Outcome { run: run.id.clone(), job: run.job.clone(), path: path.clone(), state }
    }
}
