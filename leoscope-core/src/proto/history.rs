//! Events and the audit trail.

use super::{given, micros, optional, present, time, unary, v1};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{AuditId, EventId, JobId, NodeId, RunId, UserId};
use crate::model::{
    AuditAction, AuditEntry, AuditFilter, AuditOutcome, EventOutcome, EventScope, JobEvent, NewEvent, Role,
    Stage,
};
use crate::time::{Timestamp, Window, wire_time};

fn stage(name: &str) -> Result<Stage> {
    Stage::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Stage::ALL.iter().map(|stage| stage.name()).collect();
        Error::invalid(format!("stage: {name:?} is not a stage of a run"))
            .hint(format!("use one of {}", names.join(", ")))
    })
}

fn outcome(name: &str) -> Result<EventOutcome> {
    EventOutcome::from_name(name).ok_or_else(|| {
        let names: Vec<_> = EventOutcome::ALL.iter().map(|outcome| outcome.name()).collect();
        Error::invalid(format!("outcome: {name:?} is not an outcome of an event"))
            .hint(format!("use one of {}", names.join(", ")))
    })
}

fn owned(text: &str) -> Option<String> {
    given(text).map(str::to_owned)
}

impl TryFrom<unary::ReportJobEventRequest> for NewEvent {
    type Error = Error;
    fn try_from(request: unary::ReportJobEventRequest) -> Result<Self> {
        let unary::JobEvent {
            event_id,
            jobid,
            runid,
            nodeid,
            userid: _,
            occurrence,
            stage: step,
            outcome: went,
            reason_code,
            message,
            source,
            timestamp,
        } = present("event", request.event)?;
        Ok(Self {
            id: optional(Some(&event_id), EventId::parse)?,
            job: JobId::parse(&jobid)?,
            run: optional(Some(&runid), RunId::parse)?,
            node: optional(Some(&nodeid), NodeId::parse)?,
            occurrence: optional(Some(&occurrence), |text| time("occurrence", text))?,
            stage: stage(&step)?,
            outcome: outcome(&went)?,
            reason: owned(&reason_code),
            message,
            source,
            at: optional(Some(&timestamp), |text| time("timestamp", text))?,
        })
    }
}

impl From<NewEvent> for unary::ReportJobEventRequest {
    fn from(event: NewEvent) -> Self {
        let NewEvent { id, job, run, node, occurrence, stage, outcome, reason, message, source, at } = event;
        let event = unary::JobEvent {
            event_id: id.map(String::from).unwrap_or_default(),
            jobid: job.into(),
            runid: run.map(String::from).unwrap_or_default(),
            nodeid: node.map(String::from).unwrap_or_default(),
            userid: String::new(),
            occurrence: occurrence.map(wire_time).unwrap_or_default(),
            stage: stage.name().to_owned(),
            outcome: outcome.name().to_owned(),
            reason_code: reason.unwrap_or_default(),
            message,
            source,
            timestamp: at.map(wire_time).unwrap_or_default(),
        };
        Self { event: Some(event) }
    }
}

impl From<JobEvent> for v1::Event {
    fn from(event: JobEvent) -> Self {
        let JobEvent {
            id,
            job,
            run,
            node,
            owner,
            occurrence,
            stage,
            outcome,
            reason,
            message,
            source,
            at,
            received,
        } = event;
        Self {
            event_id: id.into(),
            jobid: job.into(),
            runid: run.map(String::from).unwrap_or_default(),
            nodeid: node.into(),
            userid: owner.into(),
            occurrence_us: occurrence.map(Timestamp::as_microsecond),
            stage: stage.name().to_owned(),
            outcome: outcome.name().to_owned(),
            reason_code: reason.unwrap_or_default(),
            message,
            source,
            at_us: at.as_microsecond(),
            received_us: received.as_microsecond(),
        }
    }
}

impl TryFrom<v1::Event> for JobEvent {
    type Error = Error;
    fn try_from(event: v1::Event) -> Result<Self> {
        let v1::Event {
            event_id,
            jobid,
            runid,
            nodeid,
            userid,
            occurrence_us,
            stage: step,
            outcome: went,
            reason_code,
            message,
            source,
            at_us,
            received_us,
        } = event;
        Ok(Self {
            id: EventId::parse(&event_id)?,
            job: JobId::parse(&jobid)?,
            run: optional(Some(&runid), RunId::parse)?,
            node: NodeId::parse(&nodeid)?,
            owner: UserId::parse(&userid)?,
            occurrence: occurrence_us.map(|us| micros("occurrence_us", us)).transpose()?,
            stage: stage(&step)?,
            outcome: outcome(&went)?,
            reason: owned(&reason_code),
            message,
            source,
            at: micros("at_us", at_us)?,
            received: micros("received_us", received_us)?,
        })
    }
}

/// A request for at most `limit` events of `scope`.
pub fn events_request(scope: &EventScope, limit: u32) -> v1::ListEventsRequest {
    use v1::list_events_request::Scope;
    let scope = match scope {
        EventScope::Job(job) | EventScope::Occurrence(job, _) => Scope::Jobid(job.to_string()),
        EventScope::Run(run) => Scope::Runid(run.to_string()),
    };
    v1::ListEventsRequest { scope: Some(scope), limit }
}

/// What a request for events asks for, and how many at most.
///
/// # Errors
/// [`InvalidArgument`](ErrorKind::InvalidArgument) that names the field.
pub fn events_asked(request: v1::ListEventsRequest) -> Result<(EventScope, Option<u32>)> {
    use v1::list_events_request::Scope;
    let v1::ListEventsRequest { scope, limit } = request;
    let scope = match present("scope", scope)? {
        Scope::Jobid(id) => EventScope::Job(JobId::parse(&id)?),
        Scope::Runid(id) => EventScope::Run(RunId::parse(&id)?),
    };
    Ok((scope, Some(limit).filter(|limit| *limit > 0)))
}

impl From<AuditEntry> for v1::AuditEntry {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, caller, role, address, action, object, outcome } = entry;
        let (refused, message) = match outcome {
            AuditOutcome::Done => (String::new(), String::new()),
            AuditOutcome::Refused { kind, message } => (kind.name().to_owned(), message),
        };
        Self {
            id: id.into(),
            at_us: at.as_microsecond(),
            userid: caller.into(),
            role: role.name().to_owned(),
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            action: action.name().to_owned(),
            object: object.unwrap_or_default(),
            refused,
            message,
        }
    }
}

fn action(name: &str) -> Result<AuditAction> {
    AuditAction::from_name(name)
        .ok_or_else(|| Error::invalid(format!("action: {name:?} is not an action of the audit trail")))
}

impl TryFrom<v1::AuditEntry> for AuditEntry {
    type Error = Error;
    fn try_from(entry: v1::AuditEntry) -> Result<Self> {
        let v1::AuditEntry { id, at_us, userid, role, address, action: did, object, refused, message } =
            entry;
        let kind = |name: &str| {
            let unknown = || Error::invalid(format!("refused: {name:?} is not a kind of error"));
            ErrorKind::from_name(name).ok_or_else(unknown)
        };
        let outcome = match optional(Some(&refused), kind)? {
            None => AuditOutcome::Done,
            Some(kind) => AuditOutcome::Refused { kind, message },
        };
        let address = optional(Some(&address), |text| {
            text.parse().map_err(|_| Error::invalid(format!("address: {text:?} is not one")))
        })?;
        Ok(Self {
            id: AuditId::parse(&id)?,
            at: micros("at_us", at_us)?,
            caller: UserId::parse(&userid)?,
            role: role.parse::<Role>()?,
            address,
            action: action(&did)?,
            object: owned(&object),
            outcome,
        })
    }
}

impl From<&AuditFilter> for v1::ListAuditRequest {
    fn from(filter: &AuditFilter) -> Self {
        let AuditFilter { caller, action, object, within, after, limit } = filter.clone();
        Self {
            userid: caller.map(String::from).unwrap_or_default(),
            action: action.map(|action| action.name().to_owned()).unwrap_or_default(),
            object: object.unwrap_or_default(),
            start_us: within.map(|within| within.start().as_microsecond()),
            end_us: within.map(|within| within.end().as_microsecond()),
            after: after.map(String::from).unwrap_or_default(),
            limit: limit.unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::ListAuditRequest> for AuditFilter {
    type Error = Error;
    fn try_from(request: v1::ListAuditRequest) -> Result<Self> {
        let v1::ListAuditRequest { userid, action: did, object, start_us, end_us, after, limit } = request;
        let within = match (start_us, end_us) {
            (None, None) => None,
            (start, end) => {
                let start = start.map_or(Ok(Timestamp::UNIX_EPOCH), |us| micros("start_us", us))?;
                let end = end.map_or(Ok(Timestamp::MAX), |us| micros("end_us", us))?;
                Some(Window::new(start, end)?)
            }
        };
        Ok(Self {
            caller: optional(Some(&userid), UserId::parse)?,
            action: optional(Some(&did), action)?,
            object: owned(&object),
            within,
            after: optional(Some(&after), AuditId::parse)?,
            limit: Some(limit).filter(|limit| *limit > 0),
        })
    }
}
