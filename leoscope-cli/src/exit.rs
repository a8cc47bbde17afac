//! The exit codes of the command line.

use std::process::{ExitCode, Termination};

use leoscope_core::ErrorKind;

/// How a command ended, as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: what was asked for has been done.
    Done,
    /// 1: something went wrong on the way; trying again may help.
    Failed,
    /// 2: the testbed refused: a conflict, a name taken, a name unknown.
    Refused,
    /// 3: what was waited for did not come in time.
    TimedOut,
    /// 4: the run that was waited for did not complete.
    RunFailed,
    /// 5: the caller is not known or may not do this.
    NotAuthorised,
    /// 64: the command line or a value on it is wrong.
    Usage,
}

impl ExitStatus {
    /// The number scripts test for.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::TimedOut => 3,
            Self::RunFailed => 4,
            Self::NotAuthorised => 5,
            Self::Usage => 64,
        }
    }
}

impl From<ErrorKind> for ExitStatus {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidArgument => Self::Usage,
            ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::Conflict | ErrorKind::Unsupported => {
                Self::Refused
            }
            ErrorKind::PermissionDenied | ErrorKind::Unauthenticated => Self::NotAuthorised,
            ErrorKind::Stale
            | ErrorKind::Exhausted
            | ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Internal => Self::Failed,
        }
    }
}

impl Termination for ExitStatus {
    fn report(self) -> ExitCode {
        self.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let table: Vec<_> = ErrorKind::ALL
            .into_iter()
            .map(|kind| format!("{} {}", kind.name(), ExitStatus::from(kind).code()))
            .collect();
        assert_eq!(
            table,
            [
                "invalid_argument 64",
                "not_found 2",
                "already_exists 2",
                "conflict 2",
                "permission_denied 5",
                "unauthenticated 5",
                "stale 1",
                "exhausted 1",
                "unavailable 1",
                "timeout 1",
                "unsupported 2",
                "internal 1",
            ]
        );
    }
}
