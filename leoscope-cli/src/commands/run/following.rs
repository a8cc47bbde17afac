//! Looking again and again how runs go on.

use std::collections::HashSet;
use std::fmt::Display;
use std::time::Duration;

use clap::{ArgGroup, Args};
use leoscope_core::ids::{JobId, RunId};
use leoscope_core::model::{Job, JobEvent, Run, RunFilter, RunStatus};
use leoscope_core::ports::ControlPlane;
use leoscope_core::time::{SignedDuration, Timestamp, Window, wire_time};
use leoscope_core::{Error, ErrorKind, Result};

use super::logs::look;
use crate::output::{Output, Spinner};
use crate::settings::SELECTOR;

/// How often it is looked at first, for how many times, and how often then.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const EAGER_LOOKS: u32 = 10;
const THEN_EVERY: Duration = Duration::from_secs(2);

/// How many of the newest runs of a job are looked at: those that have not ended are among them.
const NEWEST: u32 = 100;

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

/// What a [`Followed`] names.
#[derive(Debug)]
pub(super) enum Named {
    Run(RunId),
    Job(JobId),
}

impl Followed {
    /// What is named.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) when nothing is.
    pub(super) fn named(self) -> Result<Named> {
        match self {
            Self { runid: Some(run), .. } => Ok(Named::Run(run)),
            Self { jobid: Some(job), .. } => Ok(Named::Job(job)),
            Self { runid: None, jobid: None } => Err(Error::invalid("no run to follow is named")
                .hint("give --runid, or --jobid for the one that goes on or comes next")),
        }
    }
}

impl Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run(run) => write!(f, "run {run}"),
            Self::Job(job) => write!(f, "job {job}"),
        }
    }
}

/// What `work` gives; `None` when it takes longer than `limit`.
pub(super) async fn within<T>(limit: SignedDuration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::try_from(limit).unwrap_or_default(), work).await.ok()
}

/// Asks an orchestrator, and goes on asking while it cannot be reached.
pub(super) struct Poll<'a> {
    plane: &'a dyn ControlPlane,
    out: &'a Output,
    spinner: Option<Spinner>,
    looks: u32,
    /// Whether it was there at all: a wrong address is no outage.
    has_answered: bool,
    is_away: bool,
}

impl<'a> Poll<'a> {
    pub(super) fn new(plane: &'a dyn ControlPlane, out: &'a Output) -> Self {
        Self { plane, out, spinner: None, looks: 0, has_answered: false, is_away: false }
    }

    /// The same, with a sign of life where somebody may look at it.
    pub(super) fn with_spinner(self) -> Self {
        Self { spinner: self.out.spinner(), ..self }
    }

    /// Says where `run` stands.
    pub(super) fn show(&self, run: &Run) {
        if let Some(spinner) = &self.spinner {
            let phase = run.phase.map(|phase| format!(", {phase}")).unwrap_or_default();
            spinner.say(format!("run {} is {}{phase}", run.id, run.status));
        }
    }

    /// A remark for people.
    pub(super) fn note(&self, text: impl Display) {
        match &self.spinner {
            Some(spinner) => spinner.hidden_while(|| self.out.note(text)),
            None => self.out.note(text),
        }
    }

    /// Waits until it is time to look again.
    pub(super) async fn pause(&mut self) {
        let pause = if self.looks < EAGER_LOOKS { LOOK_EVERY } else { THEN_EVERY };
        self.looks = self.looks.saturating_add(1);
        tokio::time::sleep(pause).await;
    }

    async fn ask<T>(&mut self, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
        loop {
            match ask().await {
                Err(error) if self.has_answered && error.kind().is_transient() => {
                    if !std::mem::replace(&mut self.is_away, true) {
                        self.note(format_args!("{}; asking on", error.message()));
                    }
                }
                answer => {
                    (self.has_answered, self.is_away) = (true, false);
                    return answer;
                }
            }
            self.pause().await;
        }
    }

    /// The record of a run.
    pub(super) async fn run(&mut self, id: &RunId) -> Result<Run> {
        let plane = self.plane;
        self.ask(async || look(plane, id).await).await
    }

    /// What is noted of a run, in order of time; nothing by orchestrators that note no events.
    pub(super) async fn steps(&mut self, run: &RunId) -> Result<Vec<JobEvent>> {
        let plane = self.plane;
        match self.ask(async || super::events(plane, run).await).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Vec::new()),
            steps => steps,
        }
    }

    async fn job(&mut self, id: &JobId) -> Result<Option<Job>> {
        let plane = self.plane;
        self.ask(async || plane.job(id).await).await
    }

    async fn newest(&mut self, job: &JobId) -> Result<Vec<Run>> {
        let plane = self.plane;
        let filter = RunFilter { job: Some(job.clone()), limit: Some(NEWEST), ..RunFilter::default() };
        self.ask(async || plane.runs(&filter).await).await
    }
}

/// The runs of a job, as they come.
pub(super) struct Series {
    job: JobId,
    began: Timestamp,
    /// Those that had ended before, and those that were given.
    known: HashSet<RunId>,
    /// As they were when looked at last, the newest first.
    newest: Vec<Run>,
    /// The next one, of which there is no record yet, as it was told.
    planned: Option<Window>,
}

impl Series {
    /// Those of `job` that have not ended at `now`, and all that come.
    pub(super) async fn begin(poll: &mut Poll<'_>, job: JobId, now: Timestamp) -> Result<Self> {
        let newest = poll.newest(&job).await?;
        let ended = newest.iter().filter(|run| run.status.is_terminal());
        let known = ended.map(|run| run.id.clone()).collect();
        Ok(Self { job, began: now, known, newest, planned: None })
    }

    /// The one that runs, else the first of those that come.
    pub(super) fn open(&self) -> Option<Run> {
        let mut open = self.newest.iter().rev().filter(|run| !run.status.is_terminal());
        let running = open.clone().find(|run| run.status == RunStatus::Running);
        running.or_else(|| open.next()).cloned()
    }

    /// The next one, as soon as there is a record of it; `None` when no more will come.
    pub(super) async fn next(&mut self, poll: &mut Poll<'_>) -> Result<Option<Run>> {
        loop {
            if let Some(run) = self.unknown().cloned() {
                self.known.insert(run.id.clone());
                return Ok(Some(run));
            }
            self.newest = poll.newest(&self.job).await?;
            if self.unknown().is_some() {
                continue;
            }
            let job = poll.job(&self.job).await?;
            let Some(planned) = job.and_then(|job| job.first_beyond(&self.newest, self.began)) else {
                return Ok(None);
            };
            if self.planned.replace(planned) != Some(planned) {
                let start = wire_time(planned.start());
                poll.note(format_args!("the next run of job {} is to start at {start}", self.job));
            }
            poll.pause().await;
        }
    }

    fn unknown(&self) -> Option<&Run> {
        self.newest.iter().rev().find(|run| !self.known.contains(&run.id))
    }

    /// The newest, for a job of which none goes on and none will come.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is none at all.
    pub(super) fn newest(self) -> Result<Run> {
        let Self { job, newest, .. } = self;
        newest.into_iter().next().ok_or_else(|| {
            Error::not_found(format!("there is no job {job} with runs, or with runs to come"))
                .hint("list your jobs with 'leoscope job get'")
        })
    }
}
