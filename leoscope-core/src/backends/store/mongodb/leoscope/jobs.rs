use ::mongodb::bson::{Bson, Document};

use super::{flag, plain, text, time, whole, written, wrong};
use crate::error::{Error, Result};
use crate::model::{Job, JobParams, Record, RunLength};
use crate::schedule::{CronExpr, Policies, Schedule};
use crate::time::{SignedDuration, Timestamp, Window};

/// The keys of a cron schedule, in the order of the expression.
const FIELDS: [&str; 5] = ["minute", "hour", "day_of_month", "month", "day_of_week"];

pub(super) fn job(document: &Document, now: Timestamp) -> Result<Record> {
    let present = |field: &str, value: Option<Timestamp>| {
        value.ok_or_else(|| Error::invalid(format!("it has no {field}")))
    };
    let start = present("start_date", time(document, "start_date")?)?;
    let end = present("end_date", time(document, "end_date")?)?;
    let length = whole(document, "length_secs")?.ok_or_else(|| Error::invalid("it has no length_secs"))?;
    let optional = |field| text(document, field).map(|text| (!text.is_empty()).then_some(text));
    let params = match document.get_document("params") {
        Ok(params) => JobParams {
            mode: text(params, "mode")?,
            deploy: text(params, "deploy")?,
            execute: text(params, "execute")?,
            finish: text(params, "finish")?,
        },
        Err(_) => JobParams::default(),
    };
    // The same each time the database is read, since the ids of its runs follow from it.
    let created = time(document, "created_at")?.or_else(|| written(document)).unwrap_or(start);
    let job = Job {
        id: text(document, "id")?.parse()?,
        owner: text(document, "userid")?.parse()?,
        node: text(document, "nodeid")?.parse()?,
        server: optional("server")?.map(|server| server.parse()).transpose()?,
        schedule: schedule(document)?,
        window: Window::new(start, end)?,
        length: RunLength::from_secs(length)?,
        overhead: flag(document, "overhead", false)?,
        trigger: optional("trigger")?,
        config: text(document, "config")?,
        params,
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created,
        since: created,
        deleted: None,
    };
    // What was planned before is the business of the testbed that planned it.
    let next = (job.over() > now).then_some(now);
    Ok(Record::Job { job, settled: now, next })
}

fn schedule(document: &Document) -> Result<Schedule> {
    let kind = text(document, "type")?;
    match (kind.to_ascii_lowercase().as_str(), document.get("schedule")) {
        ("atq", _) => Ok(Schedule::Once),
        ("cron", Some(Bson::Document(keys))) => {
            let fields = FIELDS.map(|field| text(keys, field));
            let fields: Vec<String> = fields.into_iter().collect::<Result<_>>()?;
            if let Some((field, _)) = FIELDS.iter().zip(&fields).find(|(_, text)| text.trim().is_empty()) {
                return Err(Error::invalid(format!("its schedule has no {field}")));
            }
            Ok(Schedule::Cron(CronExpr::parse(&fields.join(" "))?))
        }
        ("cron", Some(Bson::String(expression))) => Ok(Schedule::Cron(CronExpr::parse(expression)?)),
        ("cron", Some(other)) => Err(wrong("schedule", plain(other), "not a schedule")),
        ("cron", None) => Err(Error::invalid("it has no schedule")),
        _ => Err(Error::invalid(format!("its type {kind:?} is neither cron nor atq"))),
    }
}
