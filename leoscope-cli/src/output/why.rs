//! Why a run came to what it is.

use leoscope_core::model::{Fact, Job, JobEvent, NodeReadings, Reason, Run, TriggerDecision};
use leoscope_core::time::Timestamp;
use serde_json::{Value, json};

use super::jobs::{kind, schedule_cell};
use super::{Output, ReadingView, Record, utc};

/// A run with what explains it.
#[derive(Debug)]
pub(crate) struct Why<'a> {
    pub(crate) run: &'a Run,
    /// What planned it, where that is known.
    pub(crate) job: Option<&'a Job>,
    /// What happened to it, in order of time.
    pub(crate) steps: &'a [JobEvent],
    pub(crate) now: Timestamp,
}

impl Output {
    /// The story of a run: what was planned, what was checked, what happened, how it ended, what to do.
    pub(crate) fn why(&self, why: &Why<'_>) {
        if self.quiet {
            return self.list(std::slice::from_ref(why.run));
        }
        if self.is_for_programs() || !self.fields.is_empty() {
            return self.value(&why.json());
        }
        let fact = |about: &str, text: &str| self.line(format_args!("{:<11} {text}", format!("{about}:")));
        fact("run", why.run.id.as_str());
        fact("planned", &why.planned());
        fact("trigger", &why.trigger());
        if let Some(TriggerDecision { at, readings, .. }) =
            why.run.facts.trigger.as_ref().filter(|decision| !decision.readings.is_empty())
        {
            self.line("");
            self.list(&ReadingView::list(NodeReadings { at: *at, readings: readings.clone() }));
            self.line("");
        }
        // The verdict is told already, and how it ended comes after what happened.
        let (start, end): (Vec<_>, Vec<_>) = why
            .run
            .account()
            .into_iter()
            .filter(|fact| fact.about != "trigger")
            .partition(|fact| fact.about == "start");
        start.iter().for_each(|Fact { about, text }| fact(about, text));
        if !why.steps.is_empty() {
            self.line("");
            self.list(why.steps);
            self.line("");
        }
        end.iter().for_each(|Fact { about, text }| fact(about, text));
        if let Some(waits_for) = why.waits_for() {
            fact("waits for", &waits_for);
        }
        if let Some(reason) = why.reason() {
            fact("what to do", reason.advice());
        }
    }
}

impl Why<'_> {
    fn reason(&self) -> Option<Reason> {
        self.run.reason.as_deref().and_then(Reason::from_name)
    }

    fn waits_for(&self) -> Option<String> {
        self.run.waits_for(self.job, self.now)
    }

    fn planned(&self) -> String {
        let Run { job, node, owner, planned, .. } = self.run;
        let window = match planned {
            Some(window) => format!("{} to {} (UTC)", utc(window.start()), utc(window.end())),
            None => "at a time that its node does not say".to_owned(),
        };
        let schedule = match self.job.map(|job| (kind(&job.schedule).1, &job.policies)) {
            Some((Some(cron), policies)) => format!(", by schedule {}", schedule_cell(Some(cron), policies)),
            Some((None, _)) => ", once".to_owned(),
            None => String::new(),
        };
        format!("{window}, job {job} of {owner} on node {node}{schedule}")
    }

    fn trigger(&self) -> String {
        let condition = self.job.and_then(|job| job.trigger.as_deref());
        let Run { facts, trigger_verdict, .. } = self.run;
        match (&facts.trigger, trigger_verdict, condition) {
            (Some(TriggerDecision { verdict, at, why, readings: _ }), _, _) => {
                let condition = condition.map(|condition| format!(", for '{condition}'")).unwrap_or_default();
                format!("{verdict} at {} UTC: {why}{condition}", utc(*at))
            }
            (None, Some(verdict), _) => verdict.clone(),
            (None, None, Some(condition)) => format!("not decided, '{condition}'"),
            (None, None, None) if self.job.is_some() => "none".to_owned(),
            (None, None, None) => "none that is known".to_owned(),
        }
    }

    fn json(&self) -> Value {
        let Self { run, job, steps, now: _ } = self;
        let condition = job.and_then(|job| job.trigger.as_deref());
        let decision = run.facts.trigger.as_ref();
        let is_triggered = condition.is_some() || decision.is_some() || run.trigger_verdict.is_some();
        let trigger = is_triggered.then(|| {
            json!({
                "condition": condition,
                "verdict": decision.map(|decision| decision.verdict.name()).or(run.trigger_verdict.as_deref()),
                "at": decision.map(|decision| decision.at),
                "why": decision.map(|decision| &decision.why),
                "readings": decision.map(|decision| &decision.readings),
            })
        });
        let record = run.json();
        json!({
            "run": run.id,
            "planned": {
                "job": run.job,
                "node": run.node,
                "owner": run.owner,
                "start": record["planned_start"],
                "end": record["planned_end"],
                "type": job.map(|job| kind(&job.schedule).0),
                "schedule": job.and_then(|job| kind(&job.schedule).1),
                "time_zone": job.map(|job| job.policies.time_zone.name()),
            },
            "trigger": trigger,
            "steps": steps.iter().map(Record::json).collect::<Vec<_>>(),
            "status": record["status"],
            "started": record["started"],
            "ended": record["ended"],
            "lateness_ms": record["lateness_ms"],
            "phase": record["phase"],
            "stage": record["stage"],
            "reason": run.reason,
            "meaning": self.reason().map(Reason::meaning),
            "message": run.message,
            "exit_code": run.exit_code,
            "results": record["results"],
            "waits_for": self.waits_for(),
            "advice": self.reason().map(Reason::advice),
        })
    }
}
