//! Writing the audit trail.

use std::collections::{HashMap, HashSet};
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

/// The most refusals of one caller that are written down in that time.
const MOST_OF_CALLER: usize = 200;

/// The most callers whose refusals are remembered.
const MOST_CALLERS: usize = 10_000;

type Refusal = (AuditAction, Option<String>);

/// The refusals written down lately, of each caller since an instant.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<UserId, (Timestamp, HashSet<Refusal>)>>);

impl Refusals {
    /// Whether `refusal` of `caller` is to be written down at `now`; one that is `quieted` only if it
    /// was not lately.
    fn is_news(&self, caller: &UserId, refusal: &Refusal, quieted: bool, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (since, _)| now.duration_since(*since) < QUIET);
        known.get(caller).is_none_or(|(_, refusals)| {
            refusals.len() < MOST_OF_CALLER && !(quieted && refusals.contains(refusal))
        })
    }

    /// Notes that `refusal` of `caller` was written down at `now`.
    fn note(&self, caller: &UserId, refusal: Refusal, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_CALLERS && !known.contains_key(caller) {
            known.clear();
        }
        let (_, refusals) = known.entry(caller.clone()).or_insert_with(|| (now, HashSet::new()));
        refusals.insert(refusal);
        if refusals.len() == MOST_OF_CALLER {
            tracing::warn!(user = %caller, "is refused so often that no more of it is written down for a while");
        }
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

    /// Carries out `work`, which changes something, and writes it down: both to their end, also when
    /// nobody waits for them any more. A caller that hangs up in time must not leave the trail out.
    pub(super) async fn changed<T: Send + 'static, F>(
        &self,
        action: AuditAction,
        object: Option<String>,
        work: impl FnOnce(Self) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (session, work) = (self.clone(), work(self.clone()));
        let carried_out = tokio::spawn(async move {
            let result = work.await;
            session.note(action, object, result.as_ref().err()).await;
            result
        });
        match carried_out.await {
            Ok(result) => result,
            Err(fault) => match fault.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(fault) => Err(Error::while_doing("carry out a change", fault)),
            },
        }
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
        let refusal = (action, object.clone());
        let is_news = || self.service.refusals.is_news(&self.caller.id, &refusal, is_denied, now);
        if !(is_traced || is_denied) || (error.is_some() && !is_news()) {
            return;
        }
        let entry = AuditEntry::new(&self.caller, self.origin, action, object, AuditOutcome::of(error), now);
        let written = match &entry {
            Ok(entry) => self.service.store.insert_audit(entry).await,
            Err(error) => Err(error.clone()),
        };
        match written {
            Ok(()) if error.is_some() => self.service.refusals.note(&self.caller.id, refusal, now),
            Ok(()) => {}
            // What was done is done, whether it is written down or not.
            Err(error) => {
                tracing::error!(user = %self.caller.id, %action, %error, "cannot write the audit trail");
            }
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
    fn a_refusal_is_written_down_once_in_a_while_and_not_without_end() {
        let refusals = Refusals::default();
        let refusal = |object: &str| (AuditAction::DeleteJob, Some(object.to_owned()));
        let user = |id: &str| UserId::parse(id).expect("id");
        let now = crate::time::parse_time("2026-12-01T00:00").expect("time");
        let told = |caller: &str, object: &str, quieted, now| {
            let is_news = refusals.is_news(&user(caller), &refusal(object), quieted, now);
            if is_news {
                refusals.note(&user(caller), refusal(object), now);
            }
            is_news
        };
        assert!(told("u", "a", true, now));
        assert!(!told("u", "a", true, now + QUIET - SignedDuration::from_secs(1)));
        assert!(told("u", "a", false, now), "what is wrong with a request is told each time");
        assert!(told("u", "b", true, now), "another object is news");
        assert!(told("v", "a", true, now), "and so is another caller");
        assert!(told("u", "a", true, now + QUIET));
        let count = (0..2 * MOST_OF_CALLER).filter(|index| told("w", &index.to_string(), true, now)).count();
        assert_eq!(count, MOST_OF_CALLER);
        assert!(told("u", "c", true, now), "the others are heard on");
    }
}
