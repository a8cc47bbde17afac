use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::super::schema::FORMAT;
use super::{instant, micros};
use crate::error::{Error, ErrorKind};
use crate::ids::{AuditId, EventId, JobId, NodeId, RunId, UserId};
use crate::model::{AuditAction, AuditEntry, AuditOutcome, EventOutcome, JobEvent, Role, Stage};

/// An event.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct EventDocument {
    #[serde(rename = "_id")]
    key: EventId,
    format: i32,
    event_id: EventId,
    jobid: JobId,
    runid: Option<RunId>,
    nodeid: NodeId,
    userid: UserId,
    occurrence_us: Option<i64>,
    stage: Stage,
    outcome: EventOutcome,
    reason_code: Option<String>,
    message: String,
    source: String,
    at_us: i64,
    received_us: i64,
}

impl From<JobEvent> for EventDocument {
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
            key: id.clone(),
            format: FORMAT,
            event_id: id,
            jobid: job,
            runid: run,
            nodeid: node,
            userid: owner,
            occurrence_us: micros(occurrence),
            stage,
            outcome,
            reason_code: reason,
            message,
            source,
            at_us: at.as_microsecond(),
            received_us: received.as_microsecond(),
        }
    }
}

impl TryFrom<EventDocument> for JobEvent {
    type Error = Error;
    fn try_from(document: EventDocument) -> Result<Self, Error> {
        let EventDocument {
            key: _,
            format: _,
            event_id,
            jobid,
            runid,
            nodeid,
            userid,
            occurrence_us,
            stage,
            outcome,
            reason_code,
            message,
            source,
            at_us,
            received_us,
        } = document;
        Ok(Self {
            id: event_id,
            job: jobid,
            run: runid,
            node: nodeid,
            owner: userid,
            occurrence: occurrence_us.map(instant).transpose()?,
            stage,
            outcome,
            reason: reason_code,
            message,
            source,
            at: instant(at_us)?,
            received: instant(received_us)?,
        })
    }
}

/// A line of the audit trail.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct AuditDocument {
    #[serde(rename = "_id")]
    key: AuditId,
    format: i32,
    at_us: i64,
    userid: UserId,
    role: Role,
    address: Option<IpAddr>,
    action: AuditAction,
    object: Option<String>,
    /// `None` where it was done.
    refused: Option<ErrorKind>,
    message: String,
}

impl From<AuditEntry> for AuditDocument {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, caller, role, address, action, object, outcome } = entry;
        let (refused, message) = match outcome {
            AuditOutcome::Done => (None, String::new()),
            AuditOutcome::Refused { kind, message } => (Some(kind), message),
        };
        Self {
            key: id,
            format: FORMAT,
            at_us: at.as_microsecond(),
            userid: caller,
            role,
            address,
            action,
            object,
            refused,
            message,
        }
    }
}

impl TryFrom<AuditDocument> for AuditEntry {
    type Error = Error;
    fn try_from(document: AuditDocument) -> Result<Self, Error> {
        let AuditDocument { key, format: _, at_us, userid, role, address, action, object, refused, message } =
            document;
        let outcome = match refused {
            None => AuditOutcome::Done,
            Some(kind) => AuditOutcome::Refused { kind, message },
        };
        let at = instant(at_us)?;
        Ok(Self { id: key, at, caller: userid, role, address, action, object, outcome })
    }
}
