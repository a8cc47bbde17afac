use super::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId, UserId};
use crate::model::{Job, JobSpec};
use crate::policy::{self, Action};
use crate::ports::Scheduled;

impl Session {
    pub(super) async fn do_schedule_job(&self, spec: JobSpec) -> Result<Scheduled> {
        self.require(&Action::ScheduleJob)?;
        let now = self.service.clock.now();
        let job = spec.check(self.caller.id.clone(), now)?;
        let mut warnings = Vec::new();
        for id in job.nodes() {
            let node = self.service.node(id).await?;
            if !node.scheduling_enabled {
                return Err(Error::new(ErrorKind::Unsupported, format!("node {id} takes no new jobs"))
                    .hint("choose another node, or ask its owner to enable scheduling"));
            }
            if node.last_active.is_none() {
                warnings.push(format!("node {id} has not been seen yet"));
            }
        }
        if let Some(server) = &job.server {
            warnings.push(format!(
                "server {server} is reserved, but this version does not start the experiment there"
            ));
        }
        self.service.book(&job).await?;
        Ok(Scheduled { id: job.id, warnings })
    }

    pub(super) async fn do_job(&self, id: &JobId) -> Result<Option<Job>> {
        let Some(job) = self.service.store.job(id).await? else { return Ok(None) };
        self.require(&Action::ReadJob(&job))?;
        Ok(Some(job).filter(|job| job.deleted.is_none()))
    }

    pub(super) async fn do_jobs_of_user(&self, user: &UserId) -> Result<Vec<Job>> {
        self.require(&Action::ReadJobsOfUser(user))?;
        self.service.store.jobs_of_user(user).await
    }

    pub(super) async fn do_jobs_on_node(&self, node: &NodeId) -> Result<Vec<Job>> {
        self.service.node(node).await?;
        let mut jobs = self.service.timetable(std::iter::once(node)).await?.jobs;
        for job in &mut jobs {
            // Everybody may see when a node is taken, not what is measured.
            if !policy::may(&self.caller, &Action::ReadJob(job)) {
                job.config.clear();
                job.trigger = None;
            }
        }
        Ok(jobs)
    }

    pub(super) async fn do_delete_job(&self, id: &JobId) -> Result<()> {
        let job = self.service.store.job(id).await?.filter(|job| job.deleted.is_none());
        let job = job.ok_or_else(|| missing(id))?;
        self.require(&Action::DeleteJob(&job))?;
        self.service.unbook(&job).await
    }

    pub(super) async fn do_delete_jobs_on_node(&self, id: &NodeId) -> Result<u32> {
        let node = self.service.node(id).await?;
        self.require(&Action::DeleteNode(&node))?;
        self.service.delete_jobs(id).await
    }
}

pub(super) fn missing(id: &JobId) -> Error {
    Error::not_found("job with given jobid does not exist").hint(format!("check the id {id}"))
}
