use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{Job, JobParams};
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Record, or_dash, to_json, utc};

/// A job in JSON.
#[derive(Serialize)]
struct JobView<'a> {
    id: &'a JobId,
    owner: &'a UserId,
    node: &'a NodeId,
    server: Option<&'a NodeId>,
    /// `cron` or `atq`.
    r#type: &'static str,
    /// The cron expression, in the policies' time zone; null for one-time jobs.
    schedule: Option<&'a CronExpr>,
    start: Timestamp,
    end: Timestamp,
    length_secs: u32,
    overhead: bool,
    trigger: Option<&'a str>,
    config: &'a str,
    params: &'a JobParams,
    policies: &'a Policies,
    /// By how much all starts were moved when it was booked.
    shift_secs: f64,
    created: Timestamp,
    /// When it was booked or changed last.
    since: Timestamp,
}

/// The expression, with its time zone where that is not UTC.
pub(super) fn schedule_cell(cron: Option<&CronExpr>, policies: &Policies) -> String {
    match cron {
        Some(cron) if !policies.time_zone.is_utc() => format!("{cron} ({})", policies.time_zone),
        cron => or_dash(cron),
    }
}

pub(super) fn kind(schedule: &Schedule) -> (&'static str, Option<&CronExpr>) {
    match schedule {
        Schedule::Cron(cron) => ("cron", Some(cron)),
        Schedule::Once => ("atq", None),
    }
}

impl Record for Job {
    const HEADER: &'static [&'static str] = &[
        "id",
        "node",
        "server",
        "type",
        "schedule",
        "start (UTC)",
        "end (UTC)",
        "length (s)",
        "overhead",
        "owner",
    ];

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn row(&self) -> Vec<String> {
        let (kind, cron) = kind(&self.schedule);
        vec![
            self.id.to_string(),
            self.node.to_string(),
            or_dash(self.server.as_ref()),
            kind.to_owned(),
            schedule_cell(cron, &self.policies),
            utc(self.window.start()),
            utc(self.window.end()),
            self.length.secs().to_string(),
            if self.overhead { "yes" } else { "no" }.to_owned(),
            self.owner.to_string(),
        ]
    }

    fn json(&self) -> Value {
        let shown = self.redacted();
        let Self {
            id,
            owner,
            node,
            server,
            schedule,
            window,
            length,
            overhead,
            trigger,
            config,
            params,
            policies,
            shift,
            created,
            since,
            // Deleted jobs are not listed.
            deleted: _,
        } = &shown;
        let (kind, cron) = kind(schedule);
        to_json(JobView {
            id,
            owner,
            node,
            server: server.as_ref(),
            r#type: kind,
            schedule: cron,
            start: window.start(),
            end: window.end(),
            length_secs: length.secs(),
            overhead: *overhead,
            trigger: trigger.as_deref(),
            config,
            params,
            policies,
            shift_secs: shift.as_secs_f64(),
            created: *created,
            since: *since,
        })
    }
}
