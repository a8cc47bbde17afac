use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Session;
use crate::conflict::{FARTHEST_SLOT, SlotQuery, free_slots};
use crate::error::{Error, Result};
use crate::ids::{NodeId, RunId};
use crate::model::{CalendarEvent, Job, JobParams, JobPlan, JobSpec, SlotRequest};
use crate::policy::{self, Action};
use crate::ports::Calendar;
use crate::schedule::Occurrences;
use crate::time::{SignedDuration, Timestamp, Window, wire_time};

/// The most runs of a plan and the most slots that one answer tells.
const MOST_LISTED: usize = 1_000;

/// The most events of a calendar, and the most bytes of their texts: the answer stays below what
/// clients accept.
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 3 << 20;

/// About how many bytes an event of a job takes in an answer.
fn size(job: &Job) -> usize {
    const FIXED: usize = 160;
    let JobParams { mode, deploy, execute, finish } = &job.params;
    let texts = [mode, deploy, execute, finish].map(String::len).iter().sum::<usize>();
    let ids = 2 * job.id.as_str().len() + job.owner.as_str().len() + job.node.as_str().len();
    let server = job.server.as_ref().map_or(0, |server| server.as_str().len());
    FIXED + texts + ids + server + job.trigger.as_ref().map_or(0, String::len)
}

impl Session {
    pub(super) async fn do_plan_job(&self, spec: JobSpec, runs: u32) -> Result<JobPlan> {
        let (job, warnings) = self.checked(spec).await?;
        let now = self.service.clock.now();
        let taken = self.service.taken(job.nodes(), now).await?;
        let id_is_taken = self.service.live_job(&job.id).await.is_ok();
        let placed = if id_is_taken { Err(super::refusal::exists(&job.id)) } else { taken.place(&job, now) };
        let (job, refusal) = match placed {
            Ok(placed) => (placed, None),
            Err(refusal) => (job, Some(refusal)),
        };
        let count = usize::try_from(runs).unwrap_or(MOST_LISTED).min(MOST_LISTED);
        let runs: Vec<Window> = job.occurrences().map(|occurrence| occurrence.window).take(count).collect();
        let (expected, unforeseen) = self.service.expectations(&job, &runs).await?;
        Ok(JobPlan { job, warnings, runs, refusal, expected, unforeseen })
    }

    pub(super) async fn do_free_slots(&self, request: &SlotRequest) -> Result<Vec<Window>> {
        let SlotRequest { nodes, length, near, within, count } = request;
        if nodes.is_empty() {
            return Err(Error::invalid("no node is named").hint("name the nodes that are to be free"));
        }
        for node in nodes {
            self.service.node(node).await?;
        }
        if *length < SignedDuration::from_secs(1) || *length > FARTHEST_SLOT {
            return Err(Error::invalid(format!("length of {} s is not possible", length.as_secs_f64()))
                .hint("give the length of the free time in seconds, from 1 to a year"));
        }
        let now = self.service.clock.now();
        let within = Window::new(within.start().max(now), within.end()).map_err(|_| {
            Error::invalid(format!("all of {within} has passed, it is {}", wire_time(now)))
                .hint("look for free time in the future (times are UTC)")
        })?;
        let taken = self.service.taken(nodes.iter(), now).await?;
        let count = usize::try_from(*count).unwrap_or(MOST_LISTED).min(MOST_LISTED);
        let query = SlotQuery { length: *length, near: *near, within, count };
        Ok(free_slots(&taken.bookings(None, now), &query))
    }

    pub(super) async fn do_calendar(&self, node: &NodeId, within: Window) -> Result<Calendar> {
        self.service.node(node).await?;
        let jobs = self.service.timetable(std::iter::once(node)).await?.jobs;
        let mut next = BinaryHeap::new();
        let mut planned: Vec<Occurrences<'static>> =
            jobs.iter().map(|job| job.timeline().after(within.start()).into_occurrences()).collect();
        let advance = |index: usize, planned: &mut Vec<Occurrences<'static>>| {
            let occurrence = planned.get_mut(index)?.next()?;
            let inside = occurrence.reserved.start() < within.end();
            inside.then_some(Reverse((occurrence.reserved.start(), index, occurrence.window.start())))
        };
        for index in 0..jobs.len() {
            next.extend(advance(index, &mut planned));
        }
        let (mut events, mut bytes, mut complete) = (Vec::new(), 0, true);
        while let Some(Reverse((_, index, start))) = next.pop() {
            next.extend(advance(index, &mut planned));
            let Some(job) = jobs.get(index).filter(|_| within.contains(start)) else { continue };
            let Some(window) = Window::lasting(start, job.length.duration()) else { continue };
            bytes += size(job);
            if events.len() == MOST_EVENTS || bytes > MOST_BYTES {
                complete = false;
                break;
            }
            events.push(self.event(window, job));
        }
        events.sort_by(|a, b| (a.window, &a.job).cmp(&(b.window, &b.job)));
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
