//! Planned runs as calendars tell them.

use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{CalendarEvent, JobParams};
use leoscope_core::schedule::{CronExpr, Schedule};
use leoscope_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Record, or_dash, to_json, utc};

/// A planned run in JSON.
#[derive(Serialize)]
struct EventView<'a> {
    /// Null where the orchestrator does not tell it.
    run: Option<&'a RunId>,
    job: &'a JobId,
    owner: Option<&'a UserId>,
    node: &'a NodeId,
    server: Option<&'a NodeId>,
    start: Timestamp,
    end: Timestamp,
    length_secs: f64,
    /// The cron expression; null for one-time jobs.
    schedule: Option<&'a CronExpr>,
    overhead: bool,
    trigger: Option<&'a str>,
    params: &'a JobParams,
}

pub(super) fn cron(event: &CalendarEvent) -> Option<&CronExpr> {
    match &event.schedule {
        Schedule::Cron(cron) => Some(cron),
        Schedule::Once => None,
    }
}

impl Record for CalendarEvent {
    const HEADER: &'static [&'static str] =
        &["start (UTC)", "end (UTC)", "job", "owner", "node", "server", "schedule", "overhead", "run"];

    /// The run's id, or the job's where that of the run is not told.
    fn id(&self) -> String {
        self.run.as_ref().map_or_else(|| self.job.to_string(), ToString::to_string)
    }

    fn row(&self) -> Vec<String> {
        vec![
            utc(self.window.start()),
            utc(self.window.end()),
            self.job.to_string(),
            or_dash(self.owner.as_ref()),
            self.node.to_string(),
            or_dash(self.server.as_ref()),
            or_dash(cron(self)),
            if self.overhead { "yes" } else { "no" }.to_owned(),
            or_dash(self.run.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        let Self { run, job, owner, node, server, window, schedule: _, overhead, trigger, params } = self;
        to_json(EventView {
            run: run.as_ref(),
            job,
            owner: owner.as_ref(),
            node,
            server: server.as_ref(),
            start: window.start(),
            end: window.end(),
            length_secs: window.length().as_secs_f64(),
            schedule: cron(self),
            overhead: *overhead,
            trigger: trigger.as_deref(),
            params,
        })
    }
}
