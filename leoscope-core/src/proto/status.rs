//! Errors as gRPC statuses and back, losing nothing between two programs of ours.

use prost::Message as _;
use tonic::{Code, Status};

use super::job::schedule_to_wire;
use super::{given, time, unary, v1};
use crate::conflict::{Alternative, Conflict, Refusal};
use crate::error::{Error, ErrorKind, Result};
use crate::schedule::{CronExpr, Schedule};
use crate::time::{Window, wire_time};

/// The longest message and hint in the headers of a status, in bytes; proxies and clients refuse
/// headers of more than eight kilobytes, and text grows when it is encoded for one.
const MAX_TEXT_BYTES: usize = 512;

/// The most conflicts in the headers of a status.
const MAX_CONFLICTS: usize = 4;

const DETAIL_TYPE: &str = "type.googleapis.com/unary.ErrorDetail";

/// The text with which wrong or missing credentials are refused; existing clients look for it.
pub const INVALID_TOKEN: &str = "Invalid token";

impl From<ErrorKind> for Code {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidArgument => Self::InvalidArgument,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::AlreadyExists => Self::AlreadyExists,
            ErrorKind::Conflict => Self::FailedPrecondition,
            ErrorKind::PermissionDenied => Self::PermissionDenied,
            ErrorKind::Unauthenticated => Self::Unauthenticated,
            ErrorKind::Stale => Self::Aborted,
            ErrorKind::Exhausted => Self::ResourceExhausted,
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Timeout => Self::DeadlineExceeded,
            ErrorKind::Unsupported => Self::Unimplemented,
            ErrorKind::Internal => Self::Internal,
        }
    }
}

impl From<Code> for ErrorKind {
    fn from(code: Code) -> Self {
        match code {
            Code::InvalidArgument | Code::OutOfRange => Self::InvalidArgument,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::FailedPrecondition => Self::Conflict,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::Aborted => Self::Stale,
            Code::ResourceExhausted => Self::Exhausted,
            Code::Unavailable | Code::Cancelled => Self::Unavailable,
            Code::DeadlineExceeded => Self::Timeout,
            Code::Unimplemented => Self::Unsupported,
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Self::Internal,
        }
    }
}

impl From<Conflict> for unary::ConflictDetail {
    fn from(Conflict { job, owner, node, wanted, taken, clashing }: Conflict) -> Self {
        Self {
            jobid: job.into(),
            userid: owner.into(),
            nodeid: node.into(),
            wanted_start: wire_time(wanted.start()),
            wanted_end: wire_time(wanted.end()),
            taken_start: wire_time(taken.start()),
            taken_end: wire_time(taken.end()),
            clashing,
        }
    }
}

impl TryFrom<unary::ConflictDetail> for Conflict {
    type Error = Error;
    fn try_from(detail: unary::ConflictDetail) -> Result<Self> {
        let unary::ConflictDetail {
            jobid,
            userid,
            nodeid,
            wanted_start,
            wanted_end,
            taken_start,
            taken_end,
            clashing,
        } = detail;
        Ok(Self {
            job: jobid.parse()?,
            owner: userid.parse()?,
            node: nodeid.parse()?,
            wanted: Window::new(time("wanted_start", &wanted_start)?, time("wanted_end", &wanted_end)?)?,
            taken: Window::new(time("taken_start", &taken_start)?, time("taken_end", &taken_end)?)?,
            clashing,
        })
    }
}

impl From<Alternative> for unary::AlternativeDetail {
    fn from(Alternative { schedule, first }: Alternative) -> Self {
        Self {
            schedule: schedule_to_wire(schedule).1,
            start: wire_time(first.start()),
            end: wire_time(first.end()),
        }
    }
}

impl TryFrom<unary::AlternativeDetail> for Alternative {
    type Error = Error;
    fn try_from(detail: unary::AlternativeDetail) -> Result<Self> {
        let unary::AlternativeDetail { schedule, start, end } = detail;
        Ok(Self {
            schedule: given(&schedule)
                .map(|text| CronExpr::parse(text).map(Schedule::Cron))
                .unwrap_or(Ok(Schedule::Once))?,
            first: Window::new(time("start", &start)?, time("end", &end)?)?,
        })
    }
}

impl From<&Error> for unary::ErrorDetail {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind().name().to_owned(),
            message: error.message().to_owned(),
            hint: error.what_to_do().unwrap_or_default().to_owned(),
            conflicts: error.conflicts().iter().cloned().map(Into::into).collect(),
            clashing: error.refusal().clashing,
            alternatives: error.refusal().alternatives.iter().cloned().map(Into::into).collect(),
        }
    }
}

impl From<unary::ErrorDetail> for Error {
    /// A kind that this version does not know becomes [`ErrorKind::Internal`], and a conflict it
    /// cannot read is left out: the message still says what happened.
    fn from(detail: unary::ErrorDetail) -> Self {
        let unary::ErrorDetail { kind, message, hint, conflicts, clashing, alternatives } = detail;
        let error = match ErrorKind::from_name(&kind).unwrap_or(ErrorKind::Internal) {
            ErrorKind::Conflict => {
                let conflicts = conflicts.into_iter().filter_map(|c| Conflict::try_from(c).ok()).collect();
                let alternatives = alternatives.into_iter().filter_map(|a| Alternative::try_from(a).ok());
                Self::conflict(message, Refusal { conflicts, clashing, alternatives: alternatives.collect() })
            }
            kind => Self::new(kind, message),
        };
        if hint.is_empty() { error } else { error.hint(hint) }
    }
}

/// `error` as the status of a call.
pub fn status_of(error: &Error) -> Status {
    let code = Code::from(error.kind());
    let mut detail = unary::ErrorDetail::from(error);
    detail.message = shortened(detail.message);
    detail.hint = shortened(detail.hint);
    detail.conflicts.truncate(MAX_CONFLICTS);
    let message = match error.kind() {
        ErrorKind::Unauthenticated => INVALID_TOKEN.to_owned(),
        _ => detail.message.clone(),
    };
    let packed = v1::PackedDetail { type_url: DETAIL_TYPE.to_owned(), value: detail.encode_to_vec().into() };
    let details = v1::StatusDetails { code: code.into(), message: message.clone(), details: vec![packed] };
    Status::with_details(code, message, details.encode_to_vec().into())
}

/// The error that `status` stands for; where it carries none of ours, what its code and message say.
pub fn error_of(status: &Status) -> Error {
    match detail_of(status.details()) {
        Some(detail) => detail.into(),
        None => Error::new(status.code().into(), status.message()),
    }
}

fn detail_of(details: &[u8]) -> Option<unary::ErrorDetail> {
    let v1::StatusDetails { details, .. } = v1::StatusDetails::decode(details).ok()?;
    let packed = details.into_iter().find(|packed| packed.type_url == DETAIL_TYPE)?;
    unary::ErrorDetail::decode(packed.value).ok()
}

/// `text` cut to [`MAX_TEXT_BYTES`] at the boundary of a character.
fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::time::parse_time;

    pub(crate) fn errors() -> Vec<Error> {
        let at = |text| parse_time(text).expect(text);
        let window = |start, end| Window::new(at(start), at(end)).expect("window");
        let conflict = Conflict {
            job: "other".parse().expect("id"),
            owner: "somebody".parse().expect("id"),
            node: "n".parse().expect("id"),
            wanted: window("2026-12-01T00:00:00", "2026-12-01T00:01:00"),
            taken: window("2026-12-01T00:00:30.5", "2026-12-01T00:01:30"),
            clashing: 3,
        };
        let alternative =
            |schedule| Alternative { schedule, first: window("2026-12-01T00:02:00", "2026-12-01T00:03:00") };
        let refusal = Refusal {
            conflicts: vec![conflict],
            clashing: 4,
            alternatives: vec![
                alternative(Schedule::Once),
                alternative(Schedule::Cron(CronExpr::parse("2 * * * *").expect("cron"))),
            ],
        };
        let of = |kind| match kind {
            ErrorKind::Conflict => Error::conflict("schedule conflict: with other", refusal.clone()),
            kind => Error::new(kind, format!("ein «{}» – was wrong", kind.name())),
        };
        ErrorKind::ALL.into_iter().flat_map(|kind| [of(kind), of(kind).hint("do this")]).collect()
    }

    pub(crate) fn assert_same(a: &Error, b: &Error) {
        assert_eq!(
            (a.kind(), a.message(), a.what_to_do(), a.refusal()),
            (b.kind(), b.message(), b.what_to_do(), b.refusal())
        );
    }

    #[test]
    fn every_error_survives_a_status() {
        for error in errors() {
            let status = status_of(&error);
            assert_eq!(ErrorKind::from(status.code()), error.kind());
            assert_same(&error_of(&status), &error);
        }
    }

    #[test]
    fn a_bad_token_is_refused_in_the_words_existing_clients_know() {
        let status = status_of(&Error::new(ErrorKind::Unauthenticated, "no such user"));
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "Invalid token"));
    }

    #[test]
    fn a_status_without_our_details_keeps_its_message() {
        let error = error_of(&Status::not_found("nothing here"));
        assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "nothing here"));
        let error = error_of(&Status::with_details(Code::Aborted, "no", vec![0xff, 1, 2].into()));
        assert_eq!((error.kind(), error.message()), (ErrorKind::Stale, "no"));
    }

    #[test]
    fn a_long_text_does_not_break_the_headers() {
        let status = status_of(&Error::invalid("ü".repeat(100_000)).hint("y".repeat(100_000)));
        assert!(status.message().len() <= MAX_TEXT_BYTES + 3);
        assert!(status.details().len() < 4 * MAX_TEXT_BYTES);
    }
}
