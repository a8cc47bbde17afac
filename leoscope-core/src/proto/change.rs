//! Changes to a job, and its new place in time.

use super::job::{schedule_from_wire, schedule_to_wire};
use super::{given, optional, time, unary};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::JobId;
use crate::model::{JobChange, RunLength};
use crate::schedule::Policies;
use crate::time::{Window, wire_time};

/// The request that makes `change` to a job.
pub fn modify_request(id: &JobId, change: JobChange) -> unary::ModifyJobRequest {
    let JobChange { schedule, start, end, length, overhead, trigger, config, policies } = change;
    let (kind, schedule) = schedule.map(schedule_to_wire).unzip();
    unary::ModifyJobRequest {
        jobid: id.to_string(),
        r#type: kind,
        schedule,
        start_date: start.map(wire_time),
        end_date: end.map(wire_time),
        // A length fits 31 bits by construction.
        length_secs: length.map(|length| i32::try_from(length.secs()).unwrap_or(i32::MAX)),
        overhead,
        trigger,
        config,
        policies: policies.map(Into::into),
    }
}

impl TryFrom<unary::ModifyJobRequest> for (JobId, JobChange) {
    type Error = Error;
    fn try_from(request: unary::ModifyJobRequest) -> Result<Self> {
        let unary::ModifyJobRequest {
            jobid,
            r#type,
            schedule,
            start_date,
            end_date,
            length_secs,
            overhead,
            trigger,
            config,
            policies,
        } = request;
        let text = schedule.unwrap_or_default();
        let schedule = match r#type {
            Some(kind) => Some(schedule_from_wire(kind, &text)?),
            None => {
                given(&text).map(|text| schedule_from_wire(unary::JobType::Cron.into(), text)).transpose()?
            }
        };
        let change = JobChange {
            schedule,
            start: optional(start_date.as_deref(), |text| time("start_date", text))?,
            end: optional(end_date.as_deref(), |text| time("end_date", text))?,
            length: length_secs.map(|secs| RunLength::from_secs(secs.into())).transpose()?,
            overhead,
            trigger,
            config,
            policies: policies.map(|policies| Policies::try_from(Some(policies))).transpose()?,
        };
        Ok((JobId::parse(&jobid)?, change))
    }
}

/// The instants between which a job is to be moved.
///
/// # Errors
/// [`InvalidArgument`](ErrorKind::InvalidArgument) naming the field.
pub fn reschedule_bounds(request: &unary::RescheduleJobRequest) -> Result<Window> {
    let unary::RescheduleJobRequest { jobid: _, starttime, endtime } = request;
    Window::new(time("starttime", starttime)?, time("endtime", endtime)?)
}

/// The text that orchestrators of another make put before the new start.
const NEXT_SLOT: &str = "next_slot=";

impl From<Window> for unary::RescheduleJobResponse {
    fn from(window: Window) -> Self {
        let start = wire_time(window.start());
        Self {
            rescheduled: true,
            message: format!("updated job schedule successfully; {NEXT_SLOT}{start}"),
            error: None,
            start,
            end: wire_time(window.end()),
        }
    }
}

/// The new window in an answer; orchestrators of another make tell only its start, at the end of a
/// message, so the job's length must be known.
///
/// # Errors
/// [`Internal`](ErrorKind::Internal) when neither can be read.
pub fn rescheduled(answer: &unary::RescheduleJobResponse, length: Option<RunLength>) -> Result<Window> {
    let unary::RescheduleJobResponse { rescheduled: _, message, error: _, start, end } = answer;
    if let (Some(start), Some(end)) = (given(start), given(end)) {
        return Window::new(time("start", start)?, time("end", end)?);
    }
    let told = message.rsplit_once(NEXT_SLOT).map(|(_, text)| time("next_slot", text)).transpose()?;
    told.zip(length)
        .and_then(|(start, length)| Window::lasting(start, length.duration()))
        .ok_or_else(|| Error::new(ErrorKind::Internal, "the orchestrator did not tell the new start"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{CronExpr, Schedule};
    use crate::time::parse_time;

    #[test]
    fn changes_come_back_as_they_went() {
        let id = JobId::parse("j").expect("id");
        let at = |text| parse_time(text).ok();
        let full = JobChange {
            schedule: CronExpr::parse("*/5 * * * *").ok().map(Schedule::Cron),
            start: at("2026-12-01T00:00:00.5"),
            end: at("2026-12-02T00:00"),
            length: RunLength::from_secs(60).ok(),
            overhead: Some(false),
            trigger: Some(String::new()),
            config: Some("docker: {image: a}".into()),
            policies: Some(Policies::default()),
        };
        let once = JobChange { schedule: Some(Schedule::Once), ..JobChange::default() };
        for change in [full, once, JobChange::default()] {
            let back = <(JobId, JobChange)>::try_from(modify_request(&id, change.clone())).expect("change");
            assert_eq!(back, (id.clone(), change));
        }
    }

    #[test]
    fn the_new_start_is_found_in_either_form_of_the_answer() {
        let length = RunLength::from_secs(60).expect("length");
        let start = parse_time("2026-12-01T00:00").expect("time");
        let window = Window::lasting(start, length.duration()).expect("window");
        let ours = unary::RescheduleJobResponse::from(window);
        assert_eq!(rescheduled(&ours, None).expect("window"), window);
        let theirs = unary::RescheduleJobResponse {
            message: "updated job schedule successfully; next_slot=2026-12-01 00:00:00+00:00".into(),
            ..Default::default()
        };
        assert_eq!(rescheduled(&theirs, Some(length)).expect("window"), window);
        assert!(rescheduled(&unary::RescheduleJobResponse::default(), Some(length)).is_err());
    }
}
