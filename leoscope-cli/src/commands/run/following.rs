//! What the commands that follow runs have in common.

use std::fmt;

use clap::{ArgGroup, Args};
use leoscope_core::follow::{self, Onlooker};
use leoscope_core::ids::{JobId, RunId};
use leoscope_core::model::Run;
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, Result};

use crate::output::{Output, Spinner};
use crate::settings::SELECTOR;

/// The run or the job that is followed.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new(SELECTOR).args(["runid", "jobid"])))]
pub(super) struct Followed {
    /// This run
    #[arg(long)]
    runid: Option<RunId>,
    /// The run of this job that has not ended, else its next one
    #[arg(long)]
    jobid: Option<JobId>,
}

impl Followed {
    /// What is named.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) when nothing is.
    pub(super) fn named(self) -> Result<follow::Followed> {
        match self {
            Self { runid: Some(run), .. } => Ok(follow::Followed::Run(run)),
            Self { jobid: Some(job), .. } => Ok(follow::Followed::Job(job)),
            Self { runid: None, jobid: None } => Err(Error::invalid("no run to follow is named")
                .hint("give --runid, or --jobid for the one that goes on or comes next")),
        }
    }
}

/// What `work` gives; `None` when it takes longer than `limit`.
pub(super) async fn within<T>(limit: SignedDuration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit.try_into().unwrap_or_default(), work).await.ok()
}

/// Tells people what is seen of a run.
pub(super) struct Told<'a> {
    out: &'a Output,
    spinner: Option<Spinner>,
}

impl<'a> Told<'a> {
    /// Remarks alone.
    pub(super) fn new(out: &'a Output) -> Self {
        Self { out, spinner: None }
    }

    /// The same, with a sign of life where somebody may look at it.
    pub(super) fn with_spinner(self) -> Self {
        Self { spinner: self.out.spinner(), ..self }
    }
}

impl fmt::Debug for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("spinner", &self.spinner).finish_non_exhaustive()
    }
}

impl Onlooker for Told<'_> {
    fn seen(&self, run: &Run) {
        if let Some(spinner) = &self.spinner {
            let phase = run.phase.map(|phase| format!(", {phase}")).unwrap_or_default();
            spinner.say(format!("run {} is {}{phase}", run.id, run.status));
        }
    }

    fn note(&self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.hidden_while(|| self.out.note(text)),
            None => self.out.note(text),
        }
    }
}
