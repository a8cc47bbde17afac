//! What went wrong, without the query of any address.

use std::time::Duration;

use http::StatusCode;

use super::http::Answer;
use crate::backends::https::{chain, host};
use crate::error::{Error, ErrorKind};

/// The service names what is wrong in this header.
const CODE: &str = "x-ms-error-code";

/// The code of a request to a container that is not there.
const NO_CONTAINER: &str = "ContainerNotFound";

/// Whether it is the container that is missing.
pub(super) fn is_no_container(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_FOUND && code(answer) == NO_CONTAINER
}

/// Whether the blocks that are to become a blob are not there.
pub(super) fn is_no_blocks(answer: &Answer) -> bool {
    answer.status == StatusCode::BAD_REQUEST && code(answer) == "InvalidBlockList"
}

/// What an answer means that is no success; `doing` says what was to be done.
pub(super) fn refused(doing: &str, answer: &Answer) -> Error {
    let code = code(answer);
    let said = if code.is_empty() {
        format!("status {}", answer.status.as_u16())
    } else {
        format!("{code}, status {}", answer.status.as_u16())
    };
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::new(
            ErrorKind::PermissionDenied,
            format!("the permission to {doing} has expired or is not valid ({said})"),
        )
        .hint("ask for it again; if that does not help, check the connection string and the clock"),
        StatusCode::NOT_FOUND if code == NO_CONTAINER => {
            Error::not_found(format!("cannot {doing}: the container is not there"))
                .hint("create the container, or name another")
        }
        StatusCode::NOT_FOUND => Error::not_found(format!("cannot {doing}: it is not there")),
        StatusCode::PRECONDITION_FAILED => {
            Error::new(ErrorKind::Stale, format!("cannot {doing}: it has changed meanwhile"))
                .hint("begin anew")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::invalid(format!("cannot {doing}: it is more than blob storage takes"))
        }
        status
            if status.is_server_error()
                || matches!(
                    status,
                    StatusCode::CONFLICT | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
                ) =>
        {
            Error::unavailable(format!("blob storage cannot {doing} now ({said})")).hint("try again")
        }
        _ => Error::while_doing(doing, format!("blob storage answers {said}")),
    }
}

/// The code of an answer, if it is one: what a server says in its place is not repeated.
fn code(answer: &Answer) -> &str {
    let is_code = |code: &&str| code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric());
    answer.header(CODE).filter(is_code).unwrap_or_default()
}

/// That no answer came from where `address` leads.
pub(super) fn unreachable(address: &str, error: &hyper_util::client::legacy::Error) -> Error {
    Error::unavailable(format!("cannot reach blob storage at {}: {}", host(address), chain(error)))
        .hint("try again; check the address in the connection string if it never succeeds")
}

/// That nothing moved for so long.
pub(super) fn stalled(address: &str, patience: Duration) -> Error {
    let seconds = patience.as_secs_f32();
    Error::unavailable(format!("blob storage at {} has not answered for {seconds} s", host(address)))
        .hint("try again")
}

/// That the rest of an answer did not come.
pub(super) fn broken(why: &str) -> Error {
    Error::unavailable(format!("the answer of blob storage broke off: {why}")).hint("try again")
}
