use std::time::Duration;

use super::{Onlooker, look, steps};
use crate::error::{ErrorKind, Result};
use crate::ids::{JobId, RunId};
use crate::model::{Job, JobEvent, Run, RunFilter};
use crate::ports::ControlPlane;

/// How often it is looked at first, for how many times, and how often then.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const EAGER_LOOKS: u32 = 10;
const THEN_EVERY: Duration = Duration::from_secs(2);

/// How many of the newest runs of a job are looked at: those that have not ended are among them.
const NEWEST: u32 = 100;

/// Asks an orchestrator, and goes on asking while it cannot be reached.
#[derive(Debug)]
pub struct Poll<'a> {
    plane: &'a dyn ControlPlane,
    onlooker: &'a dyn Onlooker,
    looks: u32,
    /// Whether it was there at all: a wrong address is no outage.
    has_answered: bool,
    is_away: bool,
}

impl<'a> Poll<'a> {
    /// Asks `plane`, and tells `onlooker` when that does not answer for now.
    pub fn new(plane: &'a dyn ControlPlane, onlooker: &'a dyn Onlooker) -> Self {
        Self { plane, onlooker, looks: 0, has_answered: false, is_away: false }
    }

    pub(super) fn note(&self, text: &str) {
        self.onlooker.note(text);
    }

    /// Waits until it is time to look again: a second at first, two after ten looks.
    pub async fn pause(&mut self) {
        let pause = if self.looks < EAGER_LOOKS { LOOK_EVERY } else { THEN_EVERY };
        self.looks = self.looks.saturating_add(1);
        tokio::time::sleep(pause).await;
    }

    // No `AsyncFn`: with one the compiler cannot tell that the future may be awaited on any thread.
    async fn ask<T, F>(&mut self, ask: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        loop {
            match ask().await {
                Err(error) if self.has_answered && error.kind().is_transient() => {
                    if !std::mem::replace(&mut self.is_away, true) {
                        self.note(&format!("{}; asking on", error.message()));
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
    ///
    /// # Errors
    /// Those of [`look`], outages excepted.
    pub async fn run(&mut self, id: &RunId) -> Result<Run> {
        let plane = self.plane;
        self.ask(|| look(plane, id)).await
    }

    /// What is noted of a run, in order of time; nothing by orchestrators that note no events.
    ///
    /// # Errors
    /// Those of the call, outages excepted.
    pub async fn steps(&mut self, run: &RunId) -> Result<Vec<JobEvent>> {
        let plane = self.plane;
        match self.ask(|| steps(plane, run)).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Vec::new()),
            steps => steps,
        }
    }

    pub(super) async fn job(&mut self, id: &JobId) -> Result<Option<Job>> {
        let plane = self.plane;
        self.ask(|| plane.job(id)).await
    }

    pub(super) async fn newest(&mut self, job: &JobId) -> Result<Vec<Run>> {
        let plane = self.plane;
        let filter = RunFilter { job: Some(job.clone()), limit: Some(NEWEST), ..RunFilter::default() };
        self.ask(|| plane.runs(&filter)).await
    }
}
