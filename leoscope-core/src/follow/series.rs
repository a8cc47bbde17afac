use std::collections::HashSet;

use super::Poll;
use crate::error::{Error, Result};
use crate::ids::{JobId, RunId};
use crate::model::{Run, RunStatus};
use crate::time::{Timestamp, Window, wire_time};

/// The runs of a job, as they come.
#[derive(Debug)]
pub struct Series {
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
    ///
    /// # Errors
    /// Those of the call, outages excepted.
    pub async fn begin(poll: &mut Poll<'_>, job: JobId, now: Timestamp) -> Result<Self> {
        let newest = poll.newest(&job).await?;
        let ended = newest.iter().filter(|run| run.status.is_terminal());
        let known = ended.map(|run| run.id.clone()).collect();
        Ok(Self { job, began: now, known, newest, planned: None })
    }

    /// The one that runs, else the first of those that come.
    pub fn open(&self) -> Option<Run> {
        let mut open = self.newest.iter().rev().filter(|run| !run.status.is_terminal());
        let running = open.clone().find(|run| run.status == RunStatus::Running);
        running.or_else(|| open.next()).cloned()
    }

    /// The next one, as soon as there is a record of it; `None` when no more will come. When it is to start
    /// is told to the onlooker of `poll`.
    ///
    /// # Errors
    /// Those of the calls, outages excepted.
    pub async fn next(&mut self, poll: &mut Poll<'_>) -> Result<Option<Run>> {
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
                poll.note(&format!("the next run of job {} is to start at {start}", self.job));
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
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is none at all.
    pub fn newest(self) -> Result<Run> {
        let Self { job, newest, .. } = self;
        newest.into_iter().next().ok_or_else(|| {
            Error::not_found(format!("there is no job {job} with runs, or with runs to come"))
                .hint("list your jobs with 'leoscope job get'")
        })
    }
}
