//! What the driver's errors mean.

use ::mongodb::error::{
    Error as DriverError, ErrorKind as Kind, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR,
    UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};

use super::Access;
use crate::error::{Error, ErrorKind};

/// Codes of the server.
const DUPLICATE_KEY: i32 = 11_000;
const WRITE_CONFLICT: i32 = 112;
const ILLEGAL_OPERATION: i32 = 20;
const UNAUTHORIZED: [i32; 2] = [13, 18];
/// The server changes its role, is being stopped, is too busy, or does not know how far a write came.
const PASSING: [i32; 20] = [
    6, 7, 50, 64, 89, 91, 133, 134, 189, 202, 262, 9_001, 10_058, 10_107, 11_600, 11_601, 11_602, 13_388,
    13_435, 13_436,
];
const UNKNOWN_TO_SERVER: [i32; 4] = [59, 115, 238, 40_573];

/// The database cannot be reached; nothing was written.
pub(super) fn unavailable() -> Error {
    Error::unavailable("the database cannot be reached")
        .hint("try again; its operator may have to look at it")
}

/// It is not known whether a write happened.
pub(super) fn unknown() -> Error {
    Error::new(ErrorKind::Timeout, "the database did not answer; the change may or may not have been stored")
        .hint("look whether it is there before trying again")
}

fn code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        Kind::Command(error) => Some(error.code),
        Kind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        Kind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        _ => None,
    }
}

/// Whether a record of that key is there already.
pub(super) fn is_duplicate(error: &DriverError) -> bool {
    code(error) == Some(DUPLICATE_KEY)
}

/// Whether another transaction came first, or the server gave this one up: begun again it may
/// succeed, and nothing of it was stored.
pub(super) fn is_conflict(error: &DriverError) -> bool {
    code(error) == Some(WRITE_CONFLICT) || (is_transient(error) && code(error).is_some())
}

/// Whether the server refuses because it is no replica set.
pub(super) fn has_no_transactions(error: &DriverError) -> bool {
    code(error) == Some(ILLEGAL_OPERATION)
}

/// Whether the server does not know the command.
pub(super) fn is_unknown_command(error: &DriverError) -> bool {
    code(error).is_some_and(|code| UNKNOWN_TO_SERVER.contains(&code))
}

/// Whether the same transaction may succeed when it is begun again; nothing of it was stored.
pub(super) fn is_transient(error: &DriverError) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}

/// Whether the commit may have happened, and asking again will tell.
pub(super) fn is_undecided(error: &DriverError) -> bool {
    error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) || matches!(*error.kind, Kind::Io(_))
}

/// An error of a single read or write.
fn of(access: Access, error: &DriverError) -> Error {
    let never_sent = matches!(*error.kind, Kind::ServerSelection { .. });
    let passing = never_sent
        || matches!(*error.kind, Kind::Io(_) | Kind::ConnectionPoolCleared { .. })
        || matches!(*error.kind, Kind::Write(WriteFailure::WriteConcernError(_)))
        || error.contains_label(RETRYABLE_WRITE_ERROR)
        || is_transient(error)
        || code(error).is_some_and(|code| PASSING.contains(&code));
    if passing {
        tracing::debug!(%error, "the database does not answer");
        return match access {
            Access::Write if !never_sent => unknown(),
            _ => unavailable(),
        };
    }
    // The server's texts may quote what is stored, so callers do not see them.
    tracing::error!(%error, "the database cannot be used");
    let code = code(error);
    if matches!(*error.kind, Kind::Authentication { .. })
        || code.is_some_and(|code| UNAUTHORIZED.contains(&code))
    {
        return Error::internal("the database does not let this orchestrator in")
            .hint("check the user and password of the database, and the rights of that user");
    }
    let code = code.map_or_else(|| "its driver".to_owned(), |code| format!("code {code}"));
    Error::internal(format!("the database refused ({code})")).hint("the orchestrator's log says more")
}

pub(super) fn read(error: &DriverError) -> Error {
    of(Access::Read, error)
}

pub(super) fn write(error: &DriverError) -> Error {
    of(Access::Write, error)
}
