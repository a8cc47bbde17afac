use ::mongodb::bson::Document;

use super::{FIRST, text, time, whole};
use crate::error::{Error, Result};
use crate::model::{Outcome, Reason, Record, Run, RunFacts, RunStatus, Stage};
use crate::time::{SignedDuration, Timestamp};

/// After how long a run that goes on is taken for lost.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn run(document: &Document, now: Timestamp) -> Result<Record> {
    let name = text(document, "status")?;
    let (status, phase) = RunStatus::from_any_name(&name)
        .ok_or_else(|| Error::invalid(format!("status {name:?} is not known")))?;
    let optional = |field| text(document, field).map(|text| (!text.is_empty()).then_some(text));
    let exit_code = whole(document, "exit_code")?.map(|code| {
        i32::try_from(code).map_err(|_| Error::invalid(format!("exit_code {code} is out of range")))
    });
    // Of a run that goes on, the end is the time of its start.
    let ended = if status.is_terminal() { time(document, "end_time")? } else { None };
    let mut run = Run {
        id: text(document, "runid")?.parse()?,
        job: text(document, "jobid")?.parse()?,
        node: text(document, "nodeid")?.parse()?,
        owner: text(document, "userid")?.parse()?,
        planned: None,
        started: time(document, "start_time")?,
        ended,
        status,
        foreign_status: (status.name() != name).then_some(name),
        phase,
        stage: optional("stage")?.and_then(|stage| Stage::from_name(&stage)),
        reason: optional("reason_code")?,
        message: text(document, "status_message")?,
        exit_code: exit_code.transpose()?,
        artifact: optional("blob_url")?,
        bundle: None,
        trigger_verdict: optional("trigger_verdict")?,
        facts: RunFacts::default(),
        updated: time(document, "last_updated")?,
    };
    let last = run.updated.or(run.started).unwrap_or(now);
    if !status.is_terminal() && now.duration_since(last) > PATIENCE {
        // Nobody will report it any more.
        let message = "the testbed it comes from never said how it ended";
        run.end(Outcome::failed(Stage::Reconcile, Reason::NoExecutorReport, message), last);
    }
    Ok(Record::Run { run, revision: FIRST })
}
