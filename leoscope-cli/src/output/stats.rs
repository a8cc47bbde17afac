//! How runs went, in numbers.

use leoscope_core::model::{JobStats, Lateness};
use leoscope_core::time::SignedDuration;
use serde_json::{Map, Value, json};

use super::{Record, or_dash, text_or_dash};

/// In milliseconds with the microseconds the records have, and no more.
fn millis(duration: SignedDuration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

impl Record for JobStats {
    const HEADER: &'static [&'static str] = &[
        "job",
        "planned",
        "completed",
        "skipped",
        "missed",
        "failed",
        "aborted",
        "open",
        "coverage (%)",
        "median late (ms)",
        "worst late (ms)",
        "reasons",
    ];

    fn id(&self) -> String {
        self.job.to_string()
    }

    fn row(&self) -> Vec<String> {
        let Self { job, planned, completed, skipped, missed, failed, aborted, open, reasons, lateness } =
            self;
        let late = |late: fn(&Lateness) -> SignedDuration| {
            or_dash(lateness.as_ref().map(|lateness| format!("{:.1}", millis(late(lateness)))))
        };
        let reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        let mut row = vec![job.to_string()];
        row.extend([planned, completed, skipped, missed, failed, aborted, open].map(ToString::to_string));
        row.extend([
            or_dash(self.coverage().map(|coverage| format!("{coverage:.1}"))),
            late(|lateness| lateness.median),
            late(|lateness| lateness.worst),
            text_or_dash(&reasons.join(", ")),
        ]);
        row
    }

    fn json(&self) -> Value {
        let Self { job, planned, completed, skipped, missed, failed, aborted, open, reasons, lateness } =
            self;
        let reasons: Map<_, _> =
            reasons.iter().map(|(reason, count)| (reason.clone(), json!(count))).collect();
        json!({
            "job": job,
            "planned": planned,
            "completed": completed,
            "skipped": skipped,
            "missed": missed,
            "failed": failed,
            "aborted": aborted,
            "open": open,
            "coverage_percent": self.coverage(),
            "median_lateness_ms": lateness.map(|lateness| millis(lateness.median)),
            "worst_lateness_ms": lateness.map(|lateness| millis(lateness.worst)),
            "reasons": reasons,
        })
    }
}
