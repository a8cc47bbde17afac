use super::Service;
use crate::error::{Error, Result};
use crate::model::{Job, RunFilter};
use crate::ports::PAGE;
use crate::time::{SignedDuration, Window};

/// How long runs, and the definitions of jobs that are over, are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(SignedDuration);

impl Retention {
    /// The shortest time: nodes may report runs and hand over results for days.
    pub const LEAST_DAYS: u32 = 7;

    /// Keeps for so many days after the end.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for less than
    /// [`LEAST_DAYS`](Self::LEAST_DAYS).
    pub fn days(days: u32) -> Result<Self> {
        if days < Self::LEAST_DAYS {
            return Err(Error::invalid(format!("history cannot be kept for {days} days only"))
                .hint(format!("give {} days or more: nodes may report late", Self::LEAST_DAYS)));
        }
        Ok(Self(SignedDuration::from_hours(24 * i64::from(days))))
    }
}

/// What a round of retention removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retired {
    /// Records of runs, with their results.
    pub runs: usize,
    /// Definitions of jobs.
    pub jobs: usize,
    /// Events of jobs and runs.
    pub events: u64,
    /// Lines of the audit trail.
    pub audit: u64,
}

impl Service {
    /// Removes for good the runs that ended longer ago than `retention`, with their results, then the
    /// definitions of jobs that are over for as long and have no runs left, and the events and lines
    /// of the audit trail that are as old.
    ///
    /// Several orchestrators may do this at the same time, and one may be killed in the middle: the
    /// results of a run go before its record.
    ///
    /// # Errors
    /// Those of the stores; what was not removed is removed in the next round.
    pub async fn retire(&self, retention: Retention) -> Result<Retired> {
        let now = self.clock.now();
        let before = now.checked_sub(retention.0).unwrap_or(crate::time::Timestamp::MIN);
        let mut retired = Retired::default();
        let outcome = async {
            loop {
                let over = self.store.runs_over(before).await?;
                let mut forgotten = 0;
                for (run, revision) in &over {
                    // One that cannot be removed must not hold up all others.
                    if let Err(error) = self.forget_results(run).await {
                        tracing::warn!(run = %run.id, %error, "cannot remove the results of a run");
                        continue;
                    }
                    forgotten += usize::from(self.store.forget_run(&run.id, *revision).await?);
                }
                retired.runs += forgotten;
                // Those that changed meanwhile are for the next round.
                if over.len() < PAGE || forgotten == 0 {
                    break;
                }
            }
            let mut last: Option<Job> = None;
            loop {
                let over = self.store.jobs_over(before, last.as_ref()).await?;
                for job in &over {
                    if !self.has_runs(job).await? {
                        retired.jobs += usize::from(self.store.forget_job(job).await?);
                    }
                }
                if over.len() < PAGE {
                    break;
                }
                last = over.into_iter().next_back();
            }
            // That one takes long must not keep the other for ever.
            let (events, audit) =
                (self.store.forget_events(before).await, self.store.forget_audit(before).await);
            (retired.events, retired.audit) = (events?, audit?);
            Ok(())
        }
        .await;
        let Retired { runs, jobs, events, audit } = retired;
        if retired != Retired::default() {
            tracing::info!(
                runs,
                jobs,
                events,
                audit,
                "removed for good what ended longer ago than it is to be kept"
            );
        }
        outcome.map(|()| retired)
    }

    /// Whether there is a run that `job` may have planned.
    async fn has_runs(&self, job: &Job) -> Result<bool> {
        let of_job = RunFilter { job: Some(job.id.clone()), limit: Some(1), ..RunFilter::default() };
        // A definition that was replaced before its range began has planned nothing.
        let Ok(within) = Window::new(job.since.min(job.window.start()), job.over()) else { return Ok(false) };
        let runs = self.store.runs(&RunFilter { within: Some(within), ..of_job }, None).await?;
        Ok(!runs.is_empty())
    }
}
