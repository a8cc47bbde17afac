use leoscope_core::conflict::{Alternative, Conflict};
use leoscope_core::model::{Expectation, JobPlan};
use leoscope_core::schedule::Schedule;
use leoscope_core::time::Window;
use serde_json::{Value, json};

use super::{Record, or_dash, utc};

/// A window of time: a planned run, or free time.
pub(crate) struct Slot(Window);

impl Slot {
    /// The windows as a list that can be printed.
    pub(crate) fn list(windows: &[Window]) -> Vec<Self> {
        windows.iter().copied().map(Self).collect()
    }
}

impl Record for Slot {
    const HEADER: &'static [&'static str] = &["start (UTC)", "end (UTC)", "length (s)"];

    fn id(&self) -> String {
        utc(self.0.start())
    }

    fn row(&self) -> Vec<String> {
        vec![utc(self.0.start()), utc(self.0.end()), self.0.length().as_secs_f64().to_string()]
    }

    fn json(&self) -> Value {
        json!({ "start": self.0.start(), "end": self.0.end(), "length_secs": self.0.length().as_secs_f64() })
    }
}

/// A planned run and what is expected of its trigger.
pub(crate) struct Planned {
    slot: Slot,
    expected: Option<Expectation>,
}

impl Planned {
    /// The runs of a plan as a list that can be printed.
    pub(crate) fn list(plan: &JobPlan) -> Vec<Self> {
        let expected = plan.expected.iter().copied().chain(std::iter::repeat(None));
        let runs = plan.runs.iter().zip(expected);
        runs.map(|(run, expected)| Self { slot: Slot(*run), expected }).collect()
    }
}

fn told(expected: Expectation) -> &'static str {
    match expected {
        Expectation::Met => "MET",
        Expectation::NotMet => "NOT_MET",
        Expectation::Possible => "POSSIBLE",
        Expectation::Unknown => "UNKNOWN",
    }
}

impl Record for Planned {
    const HEADER: &'static [&'static str] = &["start (UTC)", "end (UTC)", "length (s)", "trigger expected"];

    fn id(&self) -> String {
        self.slot.id()
    }

    fn row(&self) -> Vec<String> {
        let mut row = self.slot.row();
        row.push(or_dash(self.expected.map(told)));
        row
    }

    fn json(&self) -> Value {
        let mut run = self.slot.json();
        if let Value::Object(run) = &mut run {
            run.insert("expected".into(), self.expected.map(told).into());
        }
        run
    }
}

/// A plan as one JSON object.
pub(crate) fn plan_json(plan: &JobPlan) -> Value {
    let JobPlan { job, warnings, runs: _, refusal, expected: _, unforeseen } = plan;
    let refusal = refusal.as_ref().map(|error| {
        let refusal = error.refusal();
        json!({
            "kind": error.kind().name(),
            "message": error.message(),
            "hint": error.what_to_do(),
            "conflicts": refusal.conflicts.iter().map(conflict).collect::<Vec<_>>(),
            "clashing_runs": refusal.clashing,
            "alternatives": refusal.alternatives.iter().map(alternative).collect::<Vec<_>>(),
        })
    });
    json!({
        "job": job.json(),
        "warnings": warnings,
        "runs": Planned::list(plan).iter().map(Record::json).collect::<Vec<_>>(),
        "unforeseen": unforeseen,
        "refusal": refusal,
    })
}

fn conflict(conflict: &Conflict) -> Value {
    let Conflict { job, owner, node, wanted, taken, clashing } = conflict;
    json!({
        "job": job,
        "owner": owner,
        "node": node,
        "wanted": Slot(*wanted).json(),
        "taken": Slot(*taken).json(),
        "clashing_runs": clashing,
    })
}

fn alternative(Alternative { schedule, first }: &Alternative) -> Value {
    let cron = match schedule {
        Schedule::Cron(cron) => Some(cron),
        Schedule::Once => None,
    };
    json!({ "schedule": cron, "first_run": Slot(*first).json() })
}
