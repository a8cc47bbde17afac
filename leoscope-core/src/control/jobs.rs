use std::sync::Arc;

use super::refusal::missing;
use super::{Service, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{JobId, NodeId, UserId};
use crate::model::{ExperimentConfig, Job, JobChange, JobSpec, Node, View, clock_error, is_clock_off};
use crate::policy::{self, Action};
use crate::ports::{Scheduled, StoreExt as _};
use crate::reconcile::ABSENT_AFTER;
use crate::time::{Timestamp, Window, wire_time};

/// A job in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The job; the same one as in other lists as long as nothing is booked on its node.
    pub job: Arc<Job>,
    /// How much of it the caller may see.
    pub view: View,
}

impl Session {
    pub(super) async fn do_schedule_job(&self, spec: JobSpec) -> Result<Scheduled> {
        let (job, mut warnings) = self.checked(spec).await?;
        let job = self.service.book(job).await?;
        warnings.extend(moved(&job));
        Ok(Scheduled { id: job.id, warnings })
    }

    /// A job as it would be booked if there were no others, with what its submitter should know.
    pub(super) async fn checked(&self, spec: JobSpec) -> Result<(Job, Vec<String>)> {
        self.require(&Action::ScheduleJob)?;
        let now = self.service.clock.now();
        let job = if_at_window(spec, now).check(self.caller.id.clone(), now)?;
        let job = self.service.at_window(job).await?;
        for id in job.nodes() {
            if !self.service.node(id).await?.scheduling_enabled {
                return Err(Error::new(ErrorKind::Unsupported, format!("node {id} takes no new jobs"))
                    .hint("choose another node, or ask its owner to enable scheduling"));
            }
        }
        let warnings = self.service.warnings(&job).await?;
        Ok((job, warnings))
    }

    pub(super) async fn do_modify_job(&self, id: &JobId, change: JobChange) -> Result<Vec<String>> {
        let job = self.service.live_job(id).await?;
        self.require(&Action::ModifyJob(&job))?;
        for node in job.nodes() {
            self.service.node(node).await?;
        }
        let changed = self
            .service
            .rebook(&job, |current, taken, now| {
                let placed = taken.place(&change.clone().apply(current, now)?, now)?;
                let changed = placed.clone().succeeding(current, now);
                // A run that it takes over may be longer now, and in somebody's way.
                if changed != placed {
                    taken.check(&changed, now)?;
                }
                Ok(Some(changed))
            })
            .await?;
        // The change is made; that something cannot be told about it is no refusal.
        let mut warnings = self.service.warnings(&changed).await.unwrap_or_default();
        warnings.extend(moved(&changed));
        Ok(warnings)
    }

    pub(super) async fn do_job(&self, id: &JobId) -> Result<Option<Job>> {
        let Some(job) = self.service.store.job(id).await? else { return Ok(None) };
        self.require(&Action::ReadJob(&job))?;
        Ok(Some(job).filter(|job| job.deleted.is_none()))
    }

    pub(super) async fn do_jobs_of_user(&self, user: &UserId) -> Result<Vec<Job>> {
        self.require(&Action::ReadJobsOfUser(user))?;
        self.service.store.all_jobs_of_user(user).await
    }

    pub(super) async fn do_jobs_on_node(&self, node: &NodeId) -> Result<Vec<Job>> {
        let listed = self.listed_jobs_on_node(node).await?;
        Ok(listed.into_iter().map(|Listed { job, view }| view.of(Arc::unwrap_or_clone(job))).collect())
    }

    /// The jobs that measure or serve on a node, shared, and how much of each the caller may see.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for a node that is not registered, and those of the store.
    pub async fn listed_jobs_on_node(&self, node: &NodeId) -> Result<Vec<Listed>> {
        self.service.node(node).await?;
        let jobs = self.service.timetable(std::iter::once(node)).await?.jobs;
        let listed = |job: Arc<Job>| {
            let may_read = policy::may(&self.caller, &Action::ReadJob(&job));
            Listed { job, view: if may_read { View::Whole } else { View::Times } }
        };
        Ok(jobs.into_iter().map(listed).collect())
    }

    pub(super) async fn do_delete_job(&self, id: &JobId) -> Result<()> {
        let job = self.service.live_job(id).await?;
        self.require(&Action::DeleteJob(&job))?;
        self.service.unbook(&job).await
    }

    pub(super) async fn do_delete_jobs_on_node(&self, id: &NodeId) -> Result<u32> {
        let node = self.service.node(id).await?;
        self.require(&Action::DeleteNode(&node))?;
        self.service.delete_jobs(id).await
    }
}

/// A job that is put at a time of the testbed's choice may have dates that have begun.
fn if_at_window(spec: JobSpec, now: Timestamp) -> JobSpec {
    if !spec.policies.at_window {
        return spec;
    }
    let window = Window::new(spec.window.start().max(now), spec.window.end()).unwrap_or(spec.window);
    JobSpec { window, ..spec }
}

impl Service {
    /// The job of that id that has not been deleted.
    pub(super) async fn live_job(&self, id: &JobId) -> Result<Job> {
        let job = self.store.job(id).await?.filter(|job| job.deleted.is_none());
        job.ok_or_else(|| missing(id))
    }

    /// What the submitter of `job` should know, though it does not prevent the booking.
    async fn warnings(&self, job: &Job) -> Result<Vec<String>> {
        let now = self.clock.now();
        let mut warnings = Vec::new();
        for id in job.nodes() {
            let node = self.node(id).await?;
            warnings.extend(absence(&node, job, now));
            warnings.extend(wrong_clock(&node));
        }
        let image = ExperimentConfig::parse(&job.config)?.docker.map(|docker| docker.image);
        warnings.extend(image.and_then(|image| image_warning(&image)));
        warnings.extend(self.hopelessness(job).await?);
        Ok(warnings)
    }
}

fn absence(node: &Node, job: &Job, now: Timestamp) -> Option<String> {
    let id = &node.id;
    let mut standbys = node.standby.iter().map(|(_, standby)| standby);
    if let Some(standby) = standbys.find(|standby| standby.hinders(job.overhead, now)) {
        return Some(super::standby::warning(id, standby));
    }
    match node.last_active {
        None => Some(format!("node {id} has not been seen yet")),
        Some(seen) if now.duration_since(seen) > ABSENT_AFTER => {
            Some(format!("node {id} has not been seen since {}", wire_time(seen)))
        }
        Some(_) => None,
    }
}

/// That the clock by which a node starts its runs is off, if it is.
fn wrong_clock(node: &Node) -> Option<String> {
    let offset_us = node.clock_offset_us.filter(|us| is_clock_off(*us))?;
    let (id, error) = (&node.id, clock_error(offset_us));
    let side = if offset_us < 0 { "late" } else { "early" };
    Some(format!("the clock of node {id} is {error}: its runs start {side} by that much"))
}

/// What is odd about the reference of an image, if anything is.
fn image_warning(image: &str) -> Option<String> {
    let name = image.rsplit('/').next().unwrap_or(image);
    if image.contains('@') {
        return None;
    }
    match name.split_once(':') {
        None => Some(format!("image {image} has no tag, so 'latest' is meant, which changes without notice")),
        Some((_, "latest")) => {
            Some(format!("image {image} changes without notice; name a version to get comparable results"))
        }
        Some(_) => None,
    }
}

/// That the slip of a job was used.
fn moved(job: &Job) -> Option<String> {
    let movement = job.movement();
    let moved = !movement.is_zero();
    moved.then(|| format!("all starts were moved {} s later to be free of conflicts", movement.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_change_without_notice_are_told() {
        for odd in ["ping", "lab/ping", "registry.example:5000/ping", "lab/ping:latest"] {
            assert!(image_warning(odd).is_some(), "{odd}");
        }
        for fine in
            ["ping:1", "registry.example:5000/ping:1.2", "ping@sha256:0123", "lab/ping:latest@sha256:0123"]
        {
            assert_eq!(image_warning(fine), None, "{fine}");
        }
    }
}
