use super::{Service, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunId;
use crate::lifecycle::merge;
use crate::model::{Job, Role, Run, RunFilter};
use crate::policy::Action;
use crate::ports::{MOST_RUNS, StoreExt as _};

/// How often a report is tried again after another report of the same run came first.
const ATTEMPTS: usize = 16;

impl Session {
    pub(super) async fn do_report_run(&self, mut run: Run) -> Result<()> {
        let job = self.service.job_of(&run).await?;
        self.require(&Action::ReportRun(&job))?;
        // A node speaks for itself; what it says of others is not taken over.
        if let Some(node) = self.caller.node() {
            run.node = node;
        }
        if !job.involves(&run.node) {
            return Err(Error::invalid(format!("node {} has no part in job {}", run.node, job.id))
                .hint("report the run from the node that carries it out"));
        }
        run.owner = job.owner.clone();
        self.service.store_run(run.clone()).await?;
        self.service.make_way(&job, &run).await
    }

    pub(super) async fn do_runs(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        let mut filter = filter.clone();
        match self.caller.role {
            Role::Admin => {}
            Role::Node | Role::NodePriv => {
                let own = self.caller.node();
                if filter.node.is_some() && filter.node != own {
                    return Ok(Vec::new());
                }
                filter.node = own;
            }
            Role::User | Role::UserPriv | Role::NodeOwner => {
                let own = Some(self.caller.id.clone());
                if filter.owner.is_some() && filter.owner != own {
                    return Ok(Vec::new());
                }
                filter.owner = own;
            }
        }
        let limit = filter.limit.map_or(MOST_RUNS, |limit| limit.min(MOST_RUNS));
        let runs = self.service.store.all_runs(&RunFilter { limit: Some(limit), ..filter }).await?;
        self.service.with_links(runs).await
    }
}

impl Service {
    /// The job a run belongs to, also when it has been deleted since.
    async fn job_of(&self, run: &Run) -> Result<Job> {
        self.store.job(&run.job).await?.ok_or_else(|| super::refusal::missing(&run.job))
    }

    /// A run with its job.
    pub(super) async fn run_with_job(&self, id: &RunId) -> Result<(Run, Job)> {
        let run = self.store.run(id).await?.map(|(run, _)| run);
        let run = run.ok_or_else(|| {
            Error::not_found(format!("run {id} does not exist")).hint("'leoscope run get' lists the runs")
        })?;
        let job = self.job_of(&run).await?;
        Ok((run, job))
    }

    /// Takes a report in, by the rule of [`merge`].
    pub(super) async fn store_run(&self, reported: Run) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let stored = self.store.run(&reported.id).await?;
            let seen = stored.as_ref().map(|(_, revision)| *revision);
            let mut merged = match &stored {
                None => reported.clone(),
                Some((existing, _)) if existing.job != reported.job => {
                    return Err(Error::invalid(format!(
                        "run {} belongs to job {}, not {}",
                        reported.id, existing.job, reported.job
                    )));
                }
                Some((existing, _)) => merge(existing.clone(), reported.clone()),
            };
            merged.updated = stored.as_ref().and_then(|(existing, _)| existing.updated);
            // Whether it is a step further; one that is told again may not have been noted then.
            let is_step = stored.as_ref().is_none_or(|(existing, _)| {
                (existing.status, existing.phase) != (merged.status, merged.phase) || *existing == merged
            });
            if stored.is_none_or(|(existing, _)| existing != merged) {
                merged.updated = Some(self.clock.now());
                match self.store.put_run(&merged, seen).await {
                    Err(error) if error.kind() == ErrorKind::Stale => continue,
                    other => other?,
                }
            }
            if is_step {
                self.note_step(&merged).await;
            }
            return Ok(());
        }
        Err(Error::unavailable(format!("run {} is being reported by several at once", reported.id))
            .hint("try again"))
    }
}
