use super::Session;
use crate::conflict::{SlotQuery, free_slots};
use crate::error::{Error, Result};
use crate::ids::{NodeId, RunId};
use crate::model::{CalendarEvent, Job, JobPlan, JobSpec, SlotRequest};
use crate::policy::{self, Action};
use crate::ports::Calendar;
use crate::time::{SignedDuration, Timestamp, Window};

/// The most runs of a plan and the most slots that one answer tells.
const MOST_LISTED: usize = 1_000;

/// The most events of a calendar: their messages stay below what clients accept.
const MOST_EVENTS: usize = 10_000;

/// The longest time in which free time is looked for: what is booked in it is listed.
const LONGEST_SEARCH: SignedDuration = SignedDuration::from_hours(24 * 366);

impl Session {
    pub(super) async fn do_plan_job(&self, spec: JobSpec, runs: u32) -> Result<JobPlan> {
        let (job, warnings) = self.checked(spec).await?;
        let now = self.service.clock.now();
        let taken = self.service.taken(job.nodes(), now).await?;
        let id_is_taken = taken.timetable.jobs.iter().any(|other| other.id == job.id);
        let placed = if id_is_taken { Err(super::refusal::exists(&job.id)) } else { taken.place(&job, now) };
        let (job, refusal) = match placed {
            Ok(placed) => (placed, None),
            Err(refusal) => (job, Some(refusal)),
        };
        let count = usize::try_from(runs).unwrap_or(MOST_LISTED).min(MOST_LISTED);
        let runs = job.occurrences().map(|occurrence| occurrence.window).take(count).collect();
        Ok(JobPlan { job, warnings, runs, refusal })
    }

    pub(super) async fn do_free_slots(&self, request: &SlotRequest) -> Result<Vec<Window>> {
        let SlotRequest { nodes, length, near, within, count } = request;
        if nodes.is_empty() {
            return Err(Error::invalid("no node is named").hint("name the nodes that are to be free"));
        }
        for node in nodes {
            self.service.node(node).await?;
        }
        if *length <= SignedDuration::ZERO {
            return Err(Error::invalid(format!("length of {} s is not possible", length.as_secs_f64()))
                .hint("give the length of the free time in seconds, more than 0"));
        }
        let now = self.service.clock.now();
        let from = within.start().max(now);
        let latest = from.checked_add(LONGEST_SEARCH).unwrap_or(within.end());
        let within = Window::new(from, within.end().min(latest))?;
        let taken = self.service.taken(nodes.iter(), now).await?;
        let count = usize::try_from(*count).unwrap_or(MOST_LISTED).min(MOST_LISTED);
        let query = SlotQuery { length: *length, near: *near, within, count };
        Ok(free_slots(&taken.bookings(None, now), &query))
    }

    pub(super) async fn do_calendar(&self, node: &NodeId, within: Window) -> Result<Calendar> {
        self.service.node(node).await?;
        let jobs = self.service.timetable(std::iter::once(node)).await?.jobs;
        let mut events: Vec<(Window, &Job)> = Vec::new();
        for job in &jobs {
            let planned = job.timeline().after(within.start()).into_occurrences();
            let planned = planned
                .take_while(|occurrence| occurrence.reserved.start() < within.end())
                .map(|occurrence| occurrence.window)
                .filter(|window| within.contains(window.start()));
            // One more than can be told says that there are more.
            events.extend(planned.take(MOST_EVENTS + 1).map(|window| (window, job.as_ref())));
        }
        events.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
        let complete = events.len() <= MOST_EVENTS;
        events.truncate(MOST_EVENTS);
        let events = events.into_iter().map(|(window, job)| self.event(window, job)).collect();
        Ok(Calendar { events, complete })
    }

    fn event(&self, window: Window, job: &Job) -> CalendarEvent {
        let start: Timestamp = window.start();
        let may_read = policy::may(&self.caller, &Action::ReadJob(job));
        CalendarEvent {
            run: Some(RunId::derive(&job.id, job.created, start)),
            job: job.id.clone(),
            owner: Some(job.owner.clone()),
            node: job.node.clone(),
            server: job.server.clone(),
            window,
            schedule: job.schedule.clone(),
            overhead: job.overhead,
            trigger: job.trigger.clone().filter(|_| may_read),
            params: job.params.clone(),
        }
    }
}
