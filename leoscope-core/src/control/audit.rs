//! Writing the audit trail.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::UserId;
use crate::model::{AuditAction, AuditEntry, AuditFilter, AuditOutcome, Trace};
use crate::policy::Action;
use crate::time::{SignedDuration, Timestamp};

/// How long the same refusal of the same caller is not written down again: a program that is
/// refused tends to ask for ever.
const QUIET: SignedDuration = SignedDuration::from_mins(10);

/// The most refusals that are remembered.
const MOST: usize = 10_000;

type Refusal = (UserId, AuditAction, Option<String>);

/// The refusals written down lately.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<Refusal, Timestamp>>);

impl Refusals {
    /// Whether `refusal` is to be written down at `now`.
    fn is_news(&self, refusal: Refusal, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(&refusal).is_some_and(|at| now.duration_since(*at) < QUIET) {
            return false;
        }
        if known.len() >= MOST {
            known.retain(|_, at| now.duration_since(*at) < QUIET);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(refusal, now);
        true
    }
}

impl Session {
    /// The outcome of `call`, written down if it is to be.
    pub(super) async fn audited<T>(
        &self,
        action: AuditAction,
        object: impl ToString,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let result = call.await;
        self.note(action, Some(object.to_string()), result.as_ref().err()).await;
        result
    }

    /// Writes down that `action` on `object` was done, or ended with `error`.
    pub(super) async fn note(&self, action: AuditAction, object: Option<String>, error: Option<&Error>) {
        let now = self.service.clock.now();
        let is_denied = error.is_some_and(|error| error.kind() == ErrorKind::PermissionDenied);
        let is_traced = match action.trace() {
            Trace::Always => true,
            Trace::UnlessNode => !self.caller.role.is_node(),
            Trace::Never => false,
        };
        let refusal = || (self.caller.id.clone(), action, object.clone());
        if !(is_traced || is_denied) || (is_denied && !self.service.refusals.is_news(refusal(), now)) {
            return;
        }
        let entry = AuditEntry::new(&self.caller, self.origin, action, object, AuditOutcome::of(error), now);
        let written = match &entry {
            Ok(entry) => self.service.store.insert_audit(entry).await,
            Err(error) => Err(error.clone()),
        };
        // What was done is done, whether it is written down or not.
        if let Err(error) = written {
            tracing::error!(user = %self.caller.id, %action, %error, "cannot write the audit trail");
        }
    }

    pub(super) async fn do_audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        self.require(&Action::ReadAudit)?;
        self.service.store.audit(filter).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_written_down_once_in_a_while() {
        let refusals = Refusals::default();
        let refusal =
            |object: &str| (UserId::parse("u").expect("id"), AuditAction::DeleteJob, Some(object.to_owned()));
        let now = crate::time::parse_time("2026-12-01T00:00").expect("time");
        assert!(refusals.is_news(refusal("a"), now));
        assert!(!refusals.is_news(refusal("a"), now + QUIET - SignedDuration::from_secs(1)));
        assert!(refusals.is_news(refusal("b"), now), "another object is news");
        assert!(refusals.is_news(refusal("a"), now + QUIET));
        for index in 0..2 * MOST {
            refusals.is_news(refusal(&index.to_string()), now);
        }
        assert!(refusals.0.lock().expect("lock").len() <= MOST);
    }
}
