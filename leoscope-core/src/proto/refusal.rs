//! Refusals inside a successful answer.
//!
//! Existing clients call again for ever when a call ends with an error status, so a refusal that
//! will not change is told in the answer itself: `state = FAILED`, `exists = false`, and so on,
//! with the reason as text, and for programs of ours in the field `error`.

use super::unary;
use crate::error::{Error, ErrorKind, Result};

/// An answer that may be a refusal.
pub trait Refusable: Sized {
    /// The answer that stands for `error`; `None` where this kind of answer has no room for one.
    fn refused(error: &Error) -> Option<Self> {
        let _ = error;
        None
    }

    /// Takes the refusal out of the answer, if it is one.
    fn refusal(&mut self) -> Option<Error> {
        None
    }

    /// The answer, or the error it stands for.
    ///
    /// # Errors
    /// What the other side refused the call with.
    fn accepted(mut self) -> Result<Self> {
        match self.refusal() {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

/// Whether `error` is told in the answer: a retry of the same call would end in the same way.
pub fn is_told_in_band(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::InvalidArgument
        | ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Conflict
        | ErrorKind::PermissionDenied
        | ErrorKind::Unsupported => true,
        ErrorKind::Unauthenticated
        | ErrorKind::Stale
        | ErrorKind::Exhausted
        | ErrorKind::Unavailable
        | ErrorKind::Timeout
        | ErrorKind::Internal => false,
    }
}

/// The error that a refusal of an orchestrator of another make stands for, by its text.
fn by_text(message: &str) -> Error {
    let kind = if message.starts_with("permission denied:") {
        ErrorKind::PermissionDenied
    } else if message.starts_with("schedule conflict:") {
        ErrorKind::Conflict
    } else if message.ends_with("does not exist") {
        ErrorKind::NotFound
    } else if message.ends_with("given id exists") || message.ends_with("given id already exists") {
        ErrorKind::AlreadyExists
    } else {
        ErrorKind::InvalidArgument
    };
    let text = if message.is_empty() { "refused without a reason" } else { message };
    Error::new(kind, text)
}

/// Answers with `state` and `message`; in braces, what they have besides.
macro_rules! with_state {
    ($($response:ident { $($rest:ident),* }),+ $(,)?) => { $(
        impl Refusable for unary::$response {
            fn refused(error: &Error) -> Option<Self> {
                Some(Self {
                    state: unary::ResponseState::Failed.into(),
                    message: error.message().to_owned(),
                    error: Some(error.into()),
                    $($rest: Default::default(),)*
                })
            }

            fn refusal(&mut self) -> Option<Error> {
                let by_detail = self.error.take().map(Error::from);
                let failed = self.state != i32::from(unary::ResponseState::Success);
                by_detail.or_else(|| failed.then(|| by_text(&self.message)))
            }
        }
    )+ };
}

with_state!(
    UpdateSettingsResponse {},
    RegisterUserResponse { access_token },
    ModifyUserResponse {},
    DeleteUserResponse {},
    ScheduleJobResponse { warnings, jobid },
    ModifyJobResponse { warnings },
    UpdateRunResponse {},
    ReportJobEventResponse {},
    GetScheduledRunsResponse { events, truncated },
    RegisterNodeResponse { access_token },
    UpdateNodeResponse {},
    DeleteNodeResponse {},
    SetScavengerStatusResponse {},
    ScheduleTaskResponse {},
    UpdateTaskResponse {},
    KernelAccessResponse {},
);

/// Answers that say by a flag and a message whether there was something; in braces, what they have
/// besides.
macro_rules! with_flag_and_message {
    ($($response:ident: $flag:ident { $($rest:ident),* }),+ $(,)?) => { $(
        impl Refusable for unary::$response {
            fn refused(error: &Error) -> Option<Self> {
                Some(Self {
                    $flag: false,
                    message: error.message().to_owned(),
                    error: Some(error.into()),
                    $($rest: Default::default(),)*
                })
            }

            fn refusal(&mut self) -> Option<Error> {
                let by_detail = self.error.take().map(Error::from);
                by_detail.or_else(|| (!self.$flag).then(|| by_text(&self.message)))
            }
        }
    )+ };
}

with_flag_and_message!(DeleteJobResponse: exists {}, RescheduleJobResponse: rescheduled { start, end });

/// Answers in which finding nothing is no refusal.
macro_rules! with_error_only {
    ($($response:ident),+ $(,)?) => { $(
        impl Refusable for unary::$response {
            fn refused(error: &Error) -> Option<Self> {
                Some(Self { error: Some(error.into()), ..Self::default() })
            }

            fn refusal(&mut self) -> Option<Error> {
                self.error.take().map(Error::from)
            }
        }
    )+ };
}

with_error_only!(
    GetSettingsResponse,
    GetUserResponse,
    GetJobResponse,
    GetJobsOnNodeResponse,
    GetRunsResponse,
    GetScavengerStatusResponse,
);

/// Answers with a message beside what was found: older ones say only there that they refuse.
macro_rules! with_message {
    ($($response:ident),+ $(,)?) => { $(
        impl Refusable for unary::$response {
            fn refused(error: &Error) -> Option<Self> {
                let message = error.message().to_owned();
                Some(Self { message, error: Some(error.into()), ..Self::default() })
            }

            fn refusal(&mut self) -> Option<Error> {
                let by_detail = self.error.take().map(Error::from);
                let denied = || self.message.starts_with("permission denied:");
                by_detail.or_else(|| denied().then(|| by_text(&self.message)))
            }
        }
    )+ };
}

with_message!(GetJobsOfUserResponse, DeleteJobsOnNodeResponse);

impl Refusable for unary::HeartbeatResponse {
    fn refused(error: &Error) -> Option<Self> {
        Some(Self { received: false, error: Some(error.into()) })
    }

    fn refusal(&mut self) -> Option<Error> {
        let by_detail = self.error.take().map(Error::from);
        by_detail.or_else(|| {
            let message = "the orchestrator did not take the heartbeat";
            (!self.received).then(|| Error::new(ErrorKind::PermissionDenied, message))
        })
    }
}

impl Refusable for unary::GetNodesResponse {}
impl Refusable for unary::GetTasksResponse {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::status::tests::{assert_same, errors};

    fn round_trip<R: Refusable>() {
        for error in errors() {
            let told = R::refused(&error).expect("room").accepted().err().expect("refusal");
            assert_same(&told, &error);
        }
    }

    #[test]
    fn every_error_survives_every_shape_of_answer() {
        round_trip::<unary::ScheduleJobResponse>();
        round_trip::<unary::DeleteJobResponse>();
        round_trip::<unary::GetUserResponse>();
        round_trip::<unary::GetJobsOfUserResponse>();
        round_trip::<unary::HeartbeatResponse>();
        assert!(unary::GetNodesResponse::refused(&Error::invalid("x")).is_none());
    }

    #[test]
    fn the_refusal_reads_as_one_for_existing_clients() {
        let error = Error::not_found("user with given id does not exist");
        let answer = unary::DeleteUserResponse::refused(&error).expect("room");
        assert_eq!((answer.state, answer.message.as_str()), (1, "user with given id does not exist"));
        let answer = unary::DeleteJobResponse::refused(&error).expect("room");
        assert!(!answer.exists);
    }

    #[test]
    fn refusals_of_other_makes_are_told_apart_by_their_texts() {
        let cases = [
            ("permission denied: userid=u and role=USER", ErrorKind::PermissionDenied),
            ("schedule conflict: with exp-1", ErrorKind::Conflict),
            ("user with given id does not exist", ErrorKind::NotFound),
            ("job with given jobid does not exist", ErrorKind::NotFound),
            ("user with given id already exists", ErrorKind::AlreadyExists),
            ("node with the given id exists", ErrorKind::AlreadyExists),
            ("trigger: unknown field", ErrorKind::InvalidArgument),
            ("", ErrorKind::InvalidArgument),
        ];
        for (message, kind) in cases {
            let answer =
                unary::ModifyUserResponse { state: 1, message: message.into(), ..Default::default() };
            assert_eq!(answer.accepted().expect_err(message).kind(), kind, "{message}");
        }
        let nothing = unary::GetJobsOfUserResponse::default();
        assert!(nothing.accepted().is_ok(), "a user without jobs is no refusal");
        let gone = unary::DeleteJobResponse {
            message: "job with given jobid does not exist".into(),
            ..Default::default()
        };
        assert_eq!(gone.accepted().expect_err("refusal").kind(), ErrorKind::NotFound);
    }

    #[test]
    fn only_what_a_retry_cannot_mend_is_told_in_band() {
        for error in errors() {
            let kind = error.kind();
            assert!(!(is_told_in_band(&error) && kind.is_transient()), "{}", kind.name());
        }
        assert!(!is_told_in_band(&Error::new(ErrorKind::Unauthenticated, "x")));
        assert!(!is_told_in_band(&Error::internal("x")));
    }
}
