//! `leoscope services`: what nodes offer to experiments beside the link.

use clap::{Args, Subcommand, ValueEnum};
use leoscope_core::ids::UserId;
use leoscope_core::{Error, ErrorKind, Result};
use serde_json::json;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// The `services` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum ServicesCommand {
    /// Tell whether experiments of a user may use a service; exit code 2 says that they may not
    Verify(Verify),
}

/// Options of `services verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The service
    #[arg(long, value_enum)]
    name: Service,
    /// The user
    #[arg(long, value_name = "USERID")]
    verify_userid: UserId,
}

/// What nodes offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Service {
    /// Change kernel settings
    Kernel,
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
        }
    }

    /// What it lets experiments do.
    const fn what(self) -> &'static str {
        match self {
            Self::Kernel => "change kernel settings",
        }
    }
}

/// Runs a `services` command.
pub(crate) async fn run(command: ServicesCommand, session: &Session, out: &Output) -> Result<ExitStatus> {
    let ServicesCommand::Verify(Verify { name: service, verify_userid: user }) = command;
    let plane = session.connect()?;
    let answer = match service {
        Service::Kernel => plane.kernel_access(&user).await,
    };
    let refusal = match answer {
        Ok(()) => None,
        Err(error) if is_answer(&error, &user, session) => Some(error),
        Err(error) => return Err(error),
    };
    let allowed = refusal.is_none();
    let (verdict, may) = if allowed { ("SUCCESS", "may") } else { ("FAILED", "may not") };
    let what = format!("{verdict}: experiments of user {user} {may} {}", service.what());
    if out.is_for_programs() {
        out.value(&json!({ "userid": user, "service": service.name(), "allowed": allowed }));
    } else if allowed {
        out.done(&user, &what, json!({}));
    } else {
        out.note(what);
        if let Some(hint) = refusal.as_ref().and_then(Error::what_to_do) {
            out.note(hint);
        }
    }
    Ok(if allowed { ExitStatus::Done } else { ExitStatus::Refused })
}

/// Whether `error` says that `user` may not, rather than that the caller may not ask: both have the words of
/// the public testbed, which name who may not.
fn is_answer(error: &Error, user: &UserId, session: &Session) -> bool {
    error.kind() == ErrorKind::PermissionDenied
        && session.caller().is_ok_and(|caller| caller != user)
        && error.message().starts_with(&format!("permission denied: userid={user} "))
}
