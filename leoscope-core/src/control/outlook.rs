//! What is known of the future at a node, and what follows for its jobs.

use std::sync::Arc;

use super::{Service, Session};
use crate::conflict::{SlotQuery, free_slots};
use crate::error::{Error, ErrorKind, Result};
use crate::forecast::{LONGEST, Outlook};
use crate::ids::NodeId;
use crate::model::{Checksum, Constellation, Expectation, Expected, Forecast, Job, Node, Reach};
use crate::orbit::{Site, Tracker, View};
use crate::time::{SignedDuration, Timestamp, Window, wire_time};
use crate::trigger::{Sample, Trigger};

/// How many runs of a job are looked at to see whether any is expected to start.
const LOOKED_AT: usize = 24;

/// How many runs of a plan are looked at.
const MOST_EXPECTED: usize = 100;

/// What is needed to foretell conditions at a node.
struct Ahead {
    sky: Option<(Constellation, Site)>,
    weather: Arc<[Sample]>,
}

impl Ahead {
    fn of(service: &Service, node: &Node, weather: Arc<[Sample]>) -> Self {
        let coords = node.coords;
        let site = coords.and_then(|at| Site::new(at.latitude(), at.longitude(), 0.0).ok());
        Self { sky: service.elements_of(node).zip(site), weather }
    }

    fn forecasts(&self, trigger: &Trigger, spans: &[Window]) -> Result<Vec<Forecast>> {
        let mut tracker = self
            .sky
            .as_ref()
            .map(|(set, site)| Tracker::new(Arc::clone(set.catalogue()), *site, View::default()));
        let forecast = |span: &Window| {
            // A node's local time is in its own zone, which its record does not tell.
            let mut outlook = Outlook { tracker: tracker.as_mut(), zone: None, weather: &self.weather };
            outlook.forecast(trigger, *span)
        };
        spans.iter().map(forecast).collect()
    }
}

impl Session {
    pub(super) async fn do_elements(
        &self,
        node: &NodeId,
        have: Option<Checksum>,
    ) -> Result<Option<Constellation>> {
        let node = self.service.node(node).await?;
        let set = self.service.elements_of(&node).ok_or_else(no_elements)?;
        Ok(Some(set).filter(|set| Some(set.facts().sha256) != have))
    }

    pub(super) async fn do_forecast(&self, node: &NodeId, trigger: &str, span: Window) -> Result<Forecast> {
        let trigger = Trigger::parse(trigger)?;
        let node = self.service.node(node).await?;
        let mut found = self.service.forecasts(&node, trigger, vec![span]).await?;
        found.pop().ok_or_else(|| Error::internal("there is no forecast"))
    }
}

fn no_elements() -> Error {
    Error::new(ErrorKind::Unavailable, "the orchestrator has no orbital elements for this node")
        .hint("its operator can say with --elements where they come from")
}

impl Service {
    /// Forecasts of one condition for several spans in order. They take the time of a core, so few are made
    /// at once.
    async fn forecasts(&self, node: &Node, trigger: Trigger, spans: Vec<Window>) -> Result<Vec<Forecast>> {
        let weather = self.weather_ahead(&trigger, node.coords).await;
        let ahead = Ahead::of(self, node, weather);
        let _turn = self.forecasting.acquire().await.map_err(|e| Error::while_doing("make a forecast", e))?;
        let made = tokio::task::spawn_blocking(move || ahead.forecasts(&trigger, &spans)).await;
        made.map_err(|e| Error::while_doing("make a forecast", e))?
    }

    /// What is expected of the trigger of `job` at each of these runs, and why nothing is, where that is so.
    /// Runs that are too far ahead have none.
    pub(super) async fn expectations(
        &self,
        job: &Job,
        runs: &[Window],
    ) -> Result<(Vec<Option<Expectation>>, Option<String>)> {
        let Some(trigger) = job.trigger.as_deref().and_then(|text| Trigger::parse(text).ok()) else {
            return Ok((Vec::new(), None));
        };
        let now = self.clock.now();
        let farthest = now.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
        let near = runs.iter().take(MOST_EXPECTED).take_while(|run| run.end() <= farthest);
        let spans: Vec<Window> = near.filter_map(|run| span(job, *run)).collect();
        let node = self.node(&job.node).await?;
        let forecasts = match self.forecasts(&node, trigger, spans).await {
            Ok(forecasts) => forecasts,
            Err(error) if error.kind() == ErrorKind::InvalidArgument => {
                return Ok((vec![None; runs.len()], Some(error.message().to_owned())));
            }
            Err(error) => return Err(error),
        };
        let known = forecasts.iter().map(|forecast| Some(expectation(forecast)));
        let unknown = std::iter::repeat_n(None, runs.len() - forecasts.len());
        Ok((known.chain(unknown).collect(), None))
    }

    /// What the submitter of `job` should know when none of its next runs is expected to start.
    pub(super) async fn hopelessness(&self, job: &Job) -> Result<Option<String>> {
        let now = self.clock.now();
        let runs: Vec<Window> =
            job.occurrences_after(now).map(|occurrence| occurrence.window).take(LOOKED_AT).collect();
        let (expected, _) = self.expectations(job, &runs).await?;
        let known: Vec<Expectation> = expected.into_iter().map_while(|expected| expected).collect();
        if known.is_empty() || known.iter().any(|expected| *expected != Expectation::NotMet) {
            return Ok(None);
        }
        let until = wire_time(runs[known.len() - 1].end());
        let what = "the trigger is not expected to hold when";
        Ok(Some(match known.len() {
            1 if runs.len() == 1 => format!("{what} its run is due, so that is not expected to start"),
            count => {
                format!(
                    "{what} its runs are due: none of its {count} runs until {until} is expected to start"
                )
            }
        }))
    }

    /// `job` at the best time at which its trigger is expected to hold and its nodes are free: where the most
    /// of its length is inside a window, and of those the first.
    pub(super) async fn at_window(&self, mut job: Job) -> Result<Job> {
        if !job.policies.at_window {
            return Ok(job);
        }
        let trigger = job.trigger.as_deref().map(Trigger::parse).transpose()?;
        let trigger =
            trigger.ok_or_else(|| Error::invalid("a job without a trigger has no predicted window"))?;
        let now = self.clock.now();
        let farthest = now.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
        let span =
            Window::new(job.window.start().max(now), job.window.end().min(farthest)).map_err(|_| {
                Error::invalid(
                    "no time of the job is within the next 72 hours, for which windows are predicted",
                )
                .hint("give dates that are nearer")
            })?;
        let node = self.node(&job.node).await?;
        let forecast = self.forecasts(&node, trigger, vec![span]).await?;
        let windows = forecast.iter().flat_map(|forecast| &forecast.windows);
        let taken = self.taken(job.nodes(), now).await?;
        let bookings = taken.bookings(Some(&job.id), now);
        let length = job.length.duration();
        let mut best: Option<(SignedDuration, Timestamp)> = None;
        for expected in windows {
            let reach = expected.window.end().checked_add(length).unwrap_or(Timestamp::MAX);
            let from = expected.window.start().checked_add(inset(expected)).unwrap_or(Timestamp::MAX);
            let Ok(within) = Window::new(from, reach.min(span.end())) else { continue };
            let slot = match job.overhead {
                true => {
                    let query = SlotQuery { length, near: within.start(), within, count: 1 };
                    free_slots(&bookings, &query).first().copied()
                }
                false => Window::lasting(within.start(), length).filter(|slot| slot.end() <= within.end()),
            };
            let Some(slot) = slot.filter(|slot| slot.start() < expected.window.end()) else { continue };
            let covered = slot.end().min(expected.window.end()).duration_since(slot.start());
            if best.is_none_or(|(most, _)| covered > most) {
                best = Some((covered, slot.start()));
            }
        }
        let (_, start) = best.ok_or_else(|| {
            let count = forecast.iter().map(|forecast| forecast.windows.len()).sum::<usize>();
            Error::new(
                ErrorKind::Conflict,
                format!("none of the {count} predicted windows within {span} is free"),
            )
            .hint("give a longer time between the dates, or see the windows with leoscope trigger forecast")
        })?;
        job.window = Window::new(start, job.window.end())?;
        Ok(job)
    }
}

/// How far from its edge a window is entered: at it the last reading of a node may be that of a second
/// before, and the edge may be wrong.
fn inset(expected: &Expected) -> SignedDuration {
    let unsure = SignedDuration::try_from_secs_f64(3.0 * expected.sigma_s).unwrap_or(SignedDuration::ZERO);
    let secs = unsure.saturating_add(SignedDuration::from_secs(2)).as_secs();
    SignedDuration::from_secs(secs)
}

/// The time in which the trigger of a run is looked at: its start, or all of it where it is held.
fn span(job: &Job, run: Window) -> Option<Window> {
    match job.policies.hold {
        Some(_) => Some(run),
        None => Window::lasting(run.start(), SignedDuration::from_secs(1)),
    }
}

fn expectation(forecast: &Forecast) -> Expectation {
    match (&forecast.reach, forecast.windows.is_empty(), forecast.unknown.is_empty()) {
        (Reach::Exact, false, _) => Expectation::Met,
        (Reach::Necessary { .. }, false, _) => Expectation::Possible,
        (_, true, true) => Expectation::NotMet,
        (_, true, false) => Expectation::Unknown,
    }
}
