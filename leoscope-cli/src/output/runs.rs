use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{Checksum, Phase, Run, RunFacts, Stage, StartMode, TriggerDecision};
use leoscope_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Record, or_dash, text_or_dash, to_json, utc};

/// A run in JSON.
#[derive(Serialize)]
struct RunView<'a> {
    id: &'a RunId,
    job: &'a JobId,
    node: &'a NodeId,
    owner: &'a UserId,
    status: &'a str,
    planned_start: Option<Timestamp>,
    planned_end: Option<Timestamp>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    /// Actual minus planned start in milliseconds.
    lateness_ms: Option<f64>,
    phase: Option<Phase>,
    stage: Option<Stage>,
    reason: Option<&'a str>,
    message: &'a str,
    exit_code: Option<i32>,
    /// Whether there is a bundle to download.
    results: bool,
    results_bytes: Option<u64>,
    results_sha256: Option<Checksum>,
    /// When the operator's policy removed it.
    results_removed: Option<Timestamp>,
    trigger_verdict: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<&'a TriggerDecision>,
    /// Whether the experiment was held ready and released, or started at the instant.
    start_mode: Option<StartMode>,
    /// What identifies the image that ran.
    image: Option<&'a str>,
    /// The node's clock minus true time in milliseconds.
    clock_offset_ms: Option<f64>,
    updated: Option<Timestamp>,
}

fn status(run: &Run) -> &str {
    run.foreign_status.as_deref().unwrap_or(run.status.name())
}

/// In milliseconds with the microseconds the records have, and no more.
fn lateness_ms(run: &Run) -> Option<f64> {
    run.lateness().map(|late| late.as_micros() as f64 / 1e3)
}

impl Record for Run {
    const HEADER: &'static [&'static str] = &[
        "run",
        "job",
        "node",
        "status",
        "planned start (UTC)",
        "late (ms)",
        "exit",
        "reason",
        "message",
        "results",
    ];

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.job.to_string(),
            self.node.to_string(),
            status(self).to_owned(),
            or_dash(self.planned.map(|window| utc(window.start()))),
            or_dash(lateness_ms(self).map(|late| format!("{late:.1}"))),
            or_dash(self.exit_code),
            or_dash(self.reason.as_ref()),
            text_or_dash(&self.message),
            if self.artifact.is_some() { "yes" } else { "no" }.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let Self {
            id,
            job,
            node,
            owner,
            planned,
            started,
            ended,
            // Shown through `status`.
            status: _,
            foreign_status: _,
            phase,
            stage,
            reason,
            message,
            exit_code,
            artifact,
            bundle,
            trigger_verdict,
            facts: RunFacts { start, image, clock_offset_us, trigger },
            updated,
        } = self;
        to_json(RunView {
            id,
            job,
            node,
            owner,
            status: status(self),
            planned_start: planned.map(|window| window.start()),
            planned_end: planned.map(|window| window.end()),
            started: *started,
            ended: *ended,
            lateness_ms: lateness_ms(self),
            phase: *phase,
            stage: *stage,
            reason: reason.as_deref(),
            message,
            exit_code: *exit_code,
            results: artifact.is_some(),
            results_bytes: bundle.map(|bundle| bundle.facts.size),
            results_sha256: bundle.map(|bundle| bundle.facts.sha256),
            results_removed: bundle.and_then(|bundle| bundle.removed),
            trigger_verdict: trigger_verdict.as_deref(),
            trigger: trigger.as_ref(),
            start_mode: *start,
            image: image.as_deref(),
            clock_offset_ms: clock_offset_us.map(|offset| offset as f64 / 1e3),
            updated: *updated,
        })
    }
}
