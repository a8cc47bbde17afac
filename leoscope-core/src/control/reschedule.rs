use super::booking::Taken;
use super::standby::Free;
use super::{Service, Session};
use crate::conflict::{Bookings, SlotQuery, conflicts, free_slots};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{EventId, JobId, RunId};
use crate::model::{EventOutcome, Job, JobEvent, Reason, Run, Stage};
use crate::policy::Action;
use crate::schedule::Schedule;
use crate::time::{SignedDuration, Timestamp, Window, wire_time};

/// How far from now a job is moved that has to make way.
const AWAY: SignedDuration = SignedDuration::from_mins(10);

/// The resolution of instants.
const INSTANT: SignedDuration = SignedDuration::from_micros(1);

/// How many places are tried for a job: alignment can push one out of the free time it was found in.
const PLACES: usize = 16;

impl Session {
    pub(super) async fn do_reschedule_job(&self, id: &JobId, within: Window) -> Result<Window> {
        let job = self.service.live_job(id).await?;
        self.require(&Action::RescheduleJob(&job))?;
        if job.schedule != Schedule::Once {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("job {id} repeats, only one-time jobs are moved"),
            )
            .hint("change its schedule instead: 'leoscope job modify'"));
        }
        let ended = self.ended_start(&job).await?;
        let moved =
            self.service.rebook(&job, |job, taken, now| move_into(job, taken, within, ended, now)).await?;
        let run = moved.occurrences().next().map(|occurrence| occurrence.window);
        run.ok_or_else(|| Error::internal(format!("job {id} has no run after it was moved")))
    }

    /// The planned start of the job's run, if that has ended: a run with the same start would have
    /// the same id, and an ended run does not run again.
    async fn ended_start(&self, job: &Job) -> Result<Option<Timestamp>> {
        let Some(planned) = job.occurrences().next().map(|occurrence| occurrence.window.start()) else {
            return Ok(None);
        };
        let run = self.service.store.run(&RunId::derive(&job.id, job.created, planned)).await?;
        Ok(run.filter(|(run, _)| run.status.is_terminal()).map(|_| planned))
    }
}

impl Service {
    /// Moves the one-time job of `run`, which its node could not carry out because it was on standby, to
    /// the nearest time before its end date at which its nodes are free and not known to be on
    /// standby, and notes what came of it. A report that comes twice moves it once.
    pub(super) async fn make_way(&self, job: &Job, run: &Run) -> Result<()> {
        let on_standby = [Reason::ScavengerMode, Reason::NodeDraining].map(Reason::name);
        let made_way = run.reason.as_deref().is_some_and(|reason| on_standby.contains(&reason));
        let planned = job.occurrences().next().map(|occurrence| occurrence.window);
        if !(made_way && run.status.is_terminal() && job.schedule == Schedule::Once)
            || job.deleted.is_some()
            || planned.is_none()
            || run.planned != planned
        {
            return Ok(());
        }
        let ended = planned.map(|planned| planned.start());
        let moved = match self.free_of_standby(job, self.clock.now()).await? {
            Free::Never(node, standby) => Err(Error::new(
                ErrorKind::Conflict,
                format!("job {} was not moved: node {node} is {standby}, without an end", job.id),
            )),
            Free::From(free) => {
                let away = |job: &Job, taken: &Taken, now: Timestamp| {
                    let from = now.checked_add(AWAY).unwrap_or(now).max(free);
                    let within = Window::new(from, job.window.end().max(from + INSTANT))?;
                    move_into(job, taken, within, ended, now)
                };
                self.rebook(job, away).await
            }
        };
        let (outcome, reason, message) = match moved {
            Ok(moved) => {
                let start = moved.occurrences().next().map(|occurrence| wire_time(occurrence.window.start()));
                let message = format!("the job was moved to {}", start.unwrap_or_default());
                (EventOutcome::Ok, "RESCHEDULED", message)
            }
            Err(error) if error.kind().is_transient() => return Err(error),
            // There is no time for it, or it was deleted meanwhile: the report itself is in order.
            Err(error) => (EventOutcome::Warn, "RESCHEDULE_FAILED", error.message().to_owned()),
        };
        let step = JobEvent::of(run, self.clock.now());
        let event = JobEvent {
            id: EventId::of_step(&run.id, reason, ""),
            stage: Stage::Schedule,
            outcome,
            reason: Some(reason.to_owned()),
            message,
            at: step.received,
            ..step
        };
        self.store.insert_event(&event).await.map(drop)
    }
}

/// `job` at the earliest free time inside `within` and before its end date; `None` when that is
/// where it is.
fn move_into(
    job: &Job,
    taken: &Taken,
    within: Window,
    ended: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Job>> {
    let (from, to) = (within.start().max(now), within.end().min(job.window.end()));
    let length = job.length.duration() + job.policies.random_slip;
    let nothing = || {
        Error::new(
            ErrorKind::Conflict,
            format!(
                "no free slot of {} s for job {} from {} to {}",
                length.as_secs(),
                job.id,
                wire_time(from),
                wire_time(to)
            ),
        )
        .hint("give a later end, up to the job's end date, or change the job")
    };
    let within = Window::new(from, to).map_err(|_| nothing())?;
    let bookings = if job.overhead { taken.bookings(Some(&job.id), now) } else { Bookings::default() };
    let query = SlotQuery { length, near: from, within, count: PLACES };
    let candidates = free_slots(&bookings, &query).into_iter().filter_map(|slot| {
        let passed = |start: Timestamp| {
            if ended == Some(start) {
                start.checked_add(SignedDuration::from_secs(1)).ok()
            } else {
                Some(start)
            }
        };
        let window = Window::new(passed(slot.start())?, job.window.end()).ok()?;
        let moved = Job { window, shift: SignedDuration::ZERO, since: now, ..job.clone() };
        let runs = moved.occurrences().next()?;
        (within.covers(&runs.reserved) && conflicts(&moved, &bookings, now).is_empty())
            .then_some((moved, runs.window))
    });
    let (moved, run) = candidates.min_by_key(|(_, run)| run.start()).ok_or_else(nothing)?;
    let current = job.occurrences().next().map(|occurrence| occurrence.window);
    Ok(Some(moved).filter(|_| current != Some(run)))
}
