//! Plans, free time and calendars.

use std::collections::BTreeSet;

use super::job::{schedule_from_wire, schedule_to_wire, type_name};
use super::policies::duration_to_wire;
use super::{given, optional, present, time, unary, v1};
use crate::error::{Error, Result};
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{CalendarEvent, Expectation, Job, JobPlan, SlotRequest};
use crate::ports::Calendar;
use crate::time::{SignedDuration, Window, wire_time};

impl From<Window> for v1::Slot {
    fn from(window: Window) -> Self {
        Self { start: wire_time(window.start()), end: wire_time(window.end()) }
    }
}

impl TryFrom<v1::Slot> for Window {
    type Error = Error;
    fn try_from(slot: v1::Slot) -> Result<Self> {
        let v1::Slot { start, end } = slot;
        Self::new(time("start", &start)?, time("end", &end)?)
    }
}

impl From<JobPlan> for v1::PlanJobResponse {
    fn from(plan: JobPlan) -> Self {
        let JobPlan { job, warnings, runs, refusal, expected, unforeseen } = plan;
        Self {
            job: Some(job.into()),
            warnings,
            runs: runs.into_iter().map(Into::into).collect(),
            refusal: refusal.as_ref().map(Into::into),
            expected: expected.into_iter().map(|expected| expectation_to_wire(expected).into()).collect(),
            unforeseen: unforeseen.unwrap_or_default(),
        }
    }
}

fn expectation_to_wire(expected: Option<Expectation>) -> v1::Expectation {
    match expected {
        None => v1::Expectation::NotTold,
        Some(Expectation::Met) => v1::Expectation::WillHold,
        Some(Expectation::NotMet) => v1::Expectation::WillNotHold,
        Some(Expectation::Possible) => v1::Expectation::MayHold,
        Some(Expectation::Unknown) => v1::Expectation::HasNoValue,
    }
}

fn expectation_from_wire(expected: i32) -> Option<Expectation> {
    // One that this program does not know tells it nothing.
    match v1::Expectation::try_from(expected).unwrap_or_default() {
        v1::Expectation::NotTold => None,
        v1::Expectation::WillHold => Some(Expectation::Met),
        v1::Expectation::WillNotHold => Some(Expectation::NotMet),
        v1::Expectation::MayHold => Some(Expectation::Possible),
        v1::Expectation::HasNoValue => Some(Expectation::Unknown),
    }
}

impl TryFrom<v1::PlanJobResponse> for JobPlan {
    type Error = Error;
    fn try_from(answer: v1::PlanJobResponse) -> Result<Self> {
        let v1::PlanJobResponse { job, warnings, runs, refusal, expected, unforeseen } = answer;
        Ok(Self {
            job: Job::try_from(present("job", job)?)?,
            warnings,
            runs: runs.into_iter().map(Window::try_from).collect::<Result<_>>()?,
            refusal: refusal.map(Error::from),
            expected: expected.into_iter().map(expectation_from_wire).collect(),
            unforeseen: given(&unforeseen).map(str::to_owned),
        })
    }
}

impl From<SlotRequest> for v1::FindSlotsRequest {
    fn from(request: SlotRequest) -> Self {
        let SlotRequest { nodes, length, near, within, count } = request;
        Self {
            nodeids: nodes.into_iter().map(Into::into).collect(),
            length_us: duration_to_wire(length),
            near: wire_time(near),
            start: wire_time(within.start()),
            end: wire_time(within.end()),
            count,
        }
    }
}

impl TryFrom<v1::FindSlotsRequest> for SlotRequest {
    type Error = Error;
    fn try_from(request: v1::FindSlotsRequest) -> Result<Self> {
        let v1::FindSlotsRequest { nodeids, length_us, near, start, end, count } = request;
        Ok(Self {
            nodes: nodeids.iter().map(|id| NodeId::parse(id)).collect::<Result<BTreeSet<_>>>()?,
            length: SignedDuration::from_micros(length_us),
            near: time("near", &near)?,
            within: Window::new(time("start", &start)?, time("end", &end)?)?,
            count,
        })
    }
}

/// The node and the time of which a calendar is asked for.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the field.
pub fn calendar_request(request: &unary::GetScheduledRunsRequest) -> Result<(NodeId, Window)> {
    let unary::GetScheduledRunsRequest { nodeid, start, end } = request;
    Ok((NodeId::parse(nodeid)?, Window::new(time("start", start)?, time("end", end)?)?))
}

impl From<Calendar> for unary::GetScheduledRunsResponse {
    fn from(Calendar { events, complete }: Calendar) -> Self {
        let message = match complete {
            true => String::new(),
            false => format!("these are the first {} runs; ask for a shorter time", events.len()),
        };
        Self { events: events_to_wire(events), message, truncated: !complete, ..Self::default() }
    }
}

/// Events as calendars of the public testbed use them, numbered from 0.
fn events_to_wire(events: Vec<CalendarEvent>) -> Vec<unary::RunEvent> {
    (0..).zip(events).map(|(number, event)| event_to_wire(number, event)).collect()
}

fn event_to_wire(number: i32, event: CalendarEvent) -> unary::RunEvent {
    let CalendarEvent { run, job, owner, node, server, window, schedule, overhead, trigger, params } = event;
    let kind = type_name(&schedule).to_owned();
    unary::RunEvent {
        title: job.to_string(),
        id: number,
        start: wire_time(window.start()),
        end: wire_time(window.end()),
        r#type: kind,
        params: Some(params.into()),
        schedule: schedule_to_wire(schedule).1,
        length: i32::try_from(window.length().as_secs()).unwrap_or(i32::MAX),
        overhead,
        trigger: trigger.unwrap_or_default(),
        server: server.map(String::from).unwrap_or_default(),
        jobid: job.into(),
        runid: run.map(String::from).unwrap_or_default(),
        userid: owner.map(String::from).unwrap_or_default(),
        nodeid: node.into(),
    }
}

/// An event of the calendar of `node`.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the field.
pub fn event_from_wire(node: &NodeId, event: unary::RunEvent) -> Result<CalendarEvent> {
    let unary::RunEvent {
        title,
        id: _,
        start,
        end,
        r#type,
        params,
        schedule,
        length: _,
        overhead,
        trigger,
        server,
        jobid,
        runid,
        userid,
        nodeid,
    } = event;
    let kind = match r#type.to_ascii_lowercase().as_str() {
        "atq" => unary::JobType::Atq,
        _ => unary::JobType::Cron,
    };
    Ok(CalendarEvent {
        run: optional(Some(&runid), RunId::parse)?,
        // Those of another make have the job's id as their title alone.
        job: JobId::parse(given(&jobid).unwrap_or(&title))?,
        owner: optional(Some(&userid), UserId::parse)?,
        node: given(&nodeid).map_or_else(|| Ok(node.clone()), NodeId::parse)?,
        server: optional(Some(&server), NodeId::parse)?,
        window: Window::new(time("start", &start)?, time("end", &end)?)?,
        schedule: schedule_from_wire(kind.into(), &schedule)?,
        overhead,
        trigger: given(&trigger).map(str::to_owned),
        params: params.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::JobParams;
    use crate::schedule::{CronExpr, Schedule};
    use crate::time::parse_time;

    fn window() -> Window {
        let at = |text| parse_time(text).expect(text);
        Window::new(at("2026-12-01T00:00"), at("2026-12-01T00:01")).expect("window")
    }

    #[test]
    fn events_come_back_as_they_went() {
        let full = CalendarEvent {
            run: RunId::parse("r").ok(),
            job: JobId::parse("j").expect("id"),
            owner: UserId::parse("u").ok(),
            node: NodeId::parse("n").expect("id"),
            server: NodeId::parse("s").ok(),
            window: window(),
            schedule: Schedule::Cron(CronExpr::parse("* * * * *").expect("cron")),
            overhead: true,
            trigger: Some("rain > 1".into()),
            params: JobParams::default(),
        };
        let bare = CalendarEvent {
            run: None,
            owner: None,
            server: None,
            schedule: Schedule::Once,
            overhead: false,
            trigger: None,
            ..full.clone()
        };
        let events = vec![full, bare];
        let wire = events_to_wire(events.clone());
        assert_eq!((wire[0].title.as_str(), wire[1].id, wire[1].length), ("j", 1, 60));
        let node = NodeId::parse("n").expect("id");
        let back: Vec<_> =
            wire.into_iter().map(|event| event_from_wire(&node, event).expect("event")).collect();
        assert_eq!(back, events);
    }

    #[test]
    fn questions_for_free_time_come_back_as_they_went() {
        let request = SlotRequest {
            nodes: ["a", "b"].map(|id| NodeId::parse(id).expect("id")).into(),
            length: SignedDuration::from_secs(90),
            near: window().start(),
            within: window(),
            count: 3,
        };
        let wire = v1::FindSlotsRequest::from(request.clone());
        assert_eq!(SlotRequest::try_from(wire).expect("request"), request);
    }
}
