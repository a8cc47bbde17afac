//! `leoscope audit`: who did what to which object, when, and how it ended.

use clap::Args;
use leoscope_core::ids::{AuditId, UserId};
use leoscope_core::model::{AuditAction, AuditFilter};
use leoscope_core::time::Window;
use leoscope_core::{Error, Result};

use crate::cli::time_range;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only what this user or node did
    #[arg(long, value_name = "USER")]
    by: Option<UserId>,
    /// Only this action, for example delete_job
    #[arg(long, value_name = "ACTION", value_parser = action)]
    did: Option<AuditAction>,
    /// Only what was done to this user, node, job or run
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only what was done in this range (UTC), for example 2026-12-01T00:00:00,2026-12-02T00:00:00
    #[arg(long, value_name = "START,END", value_parser = time_range)]
    time_range: Option<Window>,
    /// Go on after the entry of this id, the last of the list before
    #[arg(long, value_name = "ID")]
    after: Option<AuditId>,
    /// List at most this many, the newest first; 1000 at most
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Reads an action, in whichever case.
fn action(text: &str) -> Result<AuditAction> {
    AuditAction::from_name(&text.replace('-', "_").to_ascii_uppercase()).ok_or_else(|| {
        let names: Vec<_> =
            AuditAction::ALL.iter().map(|action| action.name().to_ascii_lowercase()).collect();
        Error::invalid(format!("{text:?} is not an action")).hint(format!("use one of {}", names.join(", ")))
    })
}

impl Audit {
    pub(crate) async fn run(self, session: &Session, out: &Output) -> Result<ExitStatus> {
        let Self { by: caller, did: action, object, time_range: within, after, limit } = self;
        let filter = AuditFilter { caller, action, object, within, after, limit: Some(limit) };
        let entries = session.connect()?.audit(&filter).await?;
        if entries.is_empty() {
            out.note("nothing in the audit trail matches");
        }
        out.list(&entries);
        if let Some(last) = entries.last().filter(|_| entries.len() >= limit as usize) {
            out.note(format!("there may be more: --after={}", last.id));
        }
        Ok(ExitStatus::Done)
    }
}
