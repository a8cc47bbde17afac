use super::Service;
use crate::error::Result;
use crate::model::{Job, Run, RunFilter, RunStatus};
use crate::ports::{StoreExt as _, Unsettled};
use crate::reconcile::{Contact, Evidence, Judgement, judge, scope};
use crate::time::{SignedDuration, Timestamp};

/// How many definitions are looked at in one go.
const BATCH: u32 = 100;

/// When a job that could not be settled is looked at again.
const POSTPONED: SignedDuration = SignedDuration::from_mins(5);

/// What a round of the reconciler did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// How many definitions of jobs were looked at.
    pub jobs: usize,
    /// How many records were written.
    pub records: usize,
}

impl Service {
    /// Ends the runs that no node will end: each planned run has one final record, once.
    ///
    /// Several orchestrators may do this at the same time, and one may be killed in the middle:
    /// a record is written only where there is none, and what is settled is noted after it.
    ///
    /// # Errors
    /// Those of the store; what was not done is done in the next round.
    pub async fn reconcile(&self) -> Result<Reconciled> {
        let now = self.clock.now();
        let mut done = Reconciled::default();
        loop {
            let due = self.store.unsettled(now, BATCH).await?;
            if due.is_empty() {
                return Ok(done);
            }
            for Unsettled { job, settled } in due {
                done.jobs += 1;
                match self.settle(&job, settled, now).await {
                    Ok(records) => done.records += records,
                    // One job that cannot be settled must not hold up all others.
                    Err(error) => {
                        tracing::warn!(job = %job.id, %error, "cannot settle the runs of a job; trying later");
                        let later = now.checked_add(POSTPONED).unwrap_or(now);
                        self.store.settle(&job, settled, Some(later)).await?;
                    }
                }
            }
        }
    }

    async fn settle(&self, job: &Job, settled: Timestamp, now: Timestamp) -> Result<usize> {
        let runs = match scope(job, settled, now) {
            Some(within) => {
                let filter =
                    RunFilter { job: Some(job.id.clone()), within: Some(within), ..RunFilter::default() };
                self.store.all_runs(&filter).await?
            }
            None => Vec::new(),
        };
        let contact = self.store.node(&job.node).await?.and_then(|node| Contact::of(&node));
        let evidence = Evidence { runs: &runs, contact };
        let Judgement { records, settled, next } = judge(job, settled, evidence, now);
        let count = records.len();
        for run in records {
            let run = if run.status == RunStatus::Missed { self.explained(job, run).await? } else { run };
            let Run { id, status, message, .. } = &run;
            tracing::info!(run = %id, job = %job.id, %status, message, "no node reported");
            self.store_run(run).await?;
        }
        self.store.settle(job, settled, next).await?;
        Ok(count)
    }
}
