//! One error type for the whole crate.
//!
//! Every frontend derives its own form from [`ErrorKind`] by one total table: the gRPC status
//! (`proto::status`), the exit code of the CLI, the exception of the Python package.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::conflict::{Conflict, Refusal};

/// What sort of failure an [`Error`] is; the only thing a caller should branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A value the caller gave is not acceptable.
    InvalidArgument,
    /// The named object does not exist.
    NotFound,
    /// An object of that name exists already.
    AlreadyExists,
    /// The booking overlaps others; [`Error::conflicts`] lists them.
    Conflict,
    /// The caller is known but may not do this.
    PermissionDenied,
    /// The caller's credentials are missing or wrong.
    Unauthenticated,
    /// The state read before has changed since; read again and retry.
    Stale,
    /// The caller asks for more than it may at once; a retry after a while succeeds.
    Exhausted,
    /// The other side cannot be reached now; a retry may succeed.
    Unavailable,
    /// No answer came in time; a write may or may not have happened.
    Timeout,
    /// The other side does not know this call or feature.
    Unsupported,
    /// A fault on our side: a broken file, a full disk, a bug.
    Internal,
}

impl ErrorKind {
    /// All kinds, for tables and tests that must cover each of them.
    pub const ALL: [ErrorKind; 12] = [
        Self::InvalidArgument,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Conflict,
        Self::PermissionDenied,
        Self::Unauthenticated,
        Self::Stale,
        Self::Exhausted,
        Self::Unavailable,
        Self::Timeout,
        Self::Unsupported,
        Self::Internal,
    ];

    /// The stable lower snake case name used on the wire and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::PermissionDenied => "permission_denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Stale => "stale",
            Self::Exhausted => "exhausted",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }

    /// The kind of that [`name`](Self::name), if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the same request may succeed later without any change by the caller.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Stale | Self::Exhausted | Self::Unavailable | Self::Timeout)
    }
}

/// A failure: its kind, one line saying what was wrong with which value, and, where there is
/// something to do about it, one line saying what.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    refusal: Refusal,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` is lower case, without a full stop, and names the value.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), hint: None, refusal: Refusal::default() }))
    }

    /// Shorthand for [`ErrorKind::InvalidArgument`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// Shorthand for [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Shorthand for [`ErrorKind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// Shorthand for [`ErrorKind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// An [`ErrorKind::Internal`] that says what was being done when `source` happened.
    pub fn while_doing(doing: impl fmt::Display, source: impl fmt::Display) -> Self {
        Self::internal(format!("cannot {doing}: {source}"))
    }

    /// A refused booking with the jobs in its way and what could be booked instead.
    pub fn conflict(message: impl Into<String>, refusal: Refusal) -> Self {
        let mut error = Self::new(ErrorKind::Conflict, message);
        error.0.refusal = refusal;
        error
    }

    /// The same error with a line that says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error with `context: ` in front of its message.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was wrong with which value.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, if anything can be done.
    pub fn what_to_do(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The jobs in the way, for [`ErrorKind::Conflict`].
    pub fn conflicts(&self) -> &[Conflict] {
        &self.0.refusal.conflicts
    }

    /// Why a booking was refused and what could be booked instead, for [`ErrorKind::Conflict`].
    pub fn refusal(&self) -> &Refusal {
        &self.0.refusal
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name_and_is_found_by_it() {
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_name(kind.name()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).expect("kind"), format!("{:?}", kind.name()));
        }
        assert_eq!(ErrorKind::from_name("nonsense"), None);
    }

    #[test]
    fn hint_and_context_keep_kind_and_message() {
        let error = Error::invalid("length is 0").hint("give 1 or more").context("job 'a'");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.to_string(), "job 'a': length is 0");
        assert_eq!(error.what_to_do(), Some("give 1 or more"));
    }
}
