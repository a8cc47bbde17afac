use super::text::{check_text, one_line};
use super::{Service, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::EventId;
use crate::model::{EventScope, Job, JobEvent, NewEvent, Role, Run};
use crate::policy::Action;
use crate::ports::PAGE;

/// The most events that are looked at to find out how a run ended of which nothing else is known.
const LAST_FEW: u32 = 10;

impl Session {
    pub(super) async fn do_report_event(&self, event: NewEvent) -> Result<()> {
        let NewEvent { id, job, run, node, occurrence, stage, outcome, reason, message, source, at } = event;
        let of = self.service.store.job(&job).await?.ok_or_else(|| super::refusal::missing(&job))?;
        self.require(&Action::ReportRun(&of))?;
        // A node speaks for itself.
        let node = self.caller.node().or(node).unwrap_or_else(|| of.node.clone());
        if !of.involves(&node) {
            return Err(Error::invalid(format!("node {node} has no part in job {job}"))
                .hint("report the event from the node where it happened"));
        }
        if let Some(id) = &run
            && let Some((known, _)) = self.service.store.run(id).await?
            && known.job != job
        {
            return Err(Error::invalid(format!("run {id} belongs to job {}, not {job}", known.job)));
        }
        if id.as_ref().is_some_and(EventId::is_of_step) {
            return Err(Error::invalid("event ids that begin with 'step-' are the orchestrator's own")
                .hint("choose another id, or leave it out"));
        }
        check_text("source", &source)?;
        if let Some(reason) = &reason {
            check_text("reason_code", reason)?;
        }
        let received = self.service.clock.now();
        let event = JobEvent {
            id: id.map_or_else(EventId::random, Ok)?,
            job,
            run,
            node,
            owner: of.owner,
            occurrence,
            stage,
            outcome,
            reason,
            message: one_line(&message),
            source,
            at: at.unwrap_or(received),
            received,
        };
        match self.service.store.insert_event(&event).await? {
            // It was reported before, and the answer was lost.
            Some(known) if JobEvent { at: event.at, received, ..known.clone() } == event => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::AlreadyExists, "event with the given id exists")
                .hint(format!("choose another id than {}", event.id))),
            None => Ok(()),
        }
    }

    pub(super) async fn do_events(&self, scope: &EventScope, limit: Option<u32>) -> Result<Vec<JobEvent>> {
        let most = u32::try_from(PAGE).unwrap_or(u32::MAX);
        let limit = limit.map_or(most, |limit| limit.min(most));
        let store = &self.service.store;
        let EventScope::Run(id) = scope else {
            let (EventScope::Job(job) | EventScope::Occurrence(job, _)) = scope else {
                return Ok(Vec::new());
            };
            let of = store.job(job).await?.ok_or_else(|| super::refusal::missing(job))?;
            self.require(&Action::ReadJob(&of))?;
            let mut events = store.events(scope, limit).await?;
            // Ids of deleted jobs are free: somebody else may have had this one before.
            events.retain(|event| self.caller.role == Role::Admin || event.owner == of.owner);
            return Ok(events);
        };
        let (run, _) = self.service.run_with_job(id).await?;
        self.require(&Action::ReadRun(&run))?;
        let mut events = store.events(scope, limit).await?;
        // Somebody else's node may have named the run before there was one.
        events.retain(|event| event.job == run.job && event.owner == run.owner);
        if let Some(planned) = run.planned {
            // What happened before there was a run.
            let before = EventScope::Occurrence(run.job.clone(), planned.start());
            let before = store.events(&before, limit).await?;
            events.extend(before.into_iter().filter(|event| event.owner == run.owner));
            events.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
            events.truncate(usize::try_from(limit).unwrap_or(PAGE));
        }
        Ok(events)
    }
}

impl Service {
    /// Notes the step that a run has reached. It is not worth a failed report: the record tells
    /// the same, in less detail.
    pub(super) async fn note_step(&self, run: &Run) {
        let step = JobEvent::of(run, self.clock.now());
        if let Err(error) = self.store.insert_event(&step).await {
            tracing::warn!(run = %run.id, %error, "cannot note a step of a run");
        }
    }

    /// `missed`, a record made because no node reported the run, or what its node said of it before
    /// there was a run.
    pub(super) async fn explained(&self, job: &Job, missed: Run) -> Result<Run> {
        let Some(planned) = missed.planned else { return Ok(missed) };
        let scope = EventScope::Occurrence(missed.job.clone(), planned.start());
        let events = self.store.events(&scope, LAST_FEW).await?;
        // An earlier booking of the same id may have planned a run at the same instant.
        let of_booking = events.into_iter().filter(|event| event.received >= job.created);
        let last = of_booking.into_iter().find_map(|event| Some((event.ending()?, event)));
        Ok(match last {
            None => missed,
            Some((status, event)) => {
                let JobEvent { stage, reason, message, at, .. } = event;
                Run { status, stage: Some(stage), reason, message, ended: Some(at), ..missed }
            }
        })
    }
}
