//! Removing results that have been kept for long enough, or that there is no more room for.

use std::collections::BinaryHeap;
use std::sync::Arc;

use futures_util::TryStreamExt as _;

use super::Service;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::EventId;
use crate::model::{ArtifactKey, BundleRecord, EventOutcome, JobEvent, Run, Stage, StoredBundle, size};
use crate::ports::ArtifactStore;
use crate::time::SignedDuration;

/// For how long, and up to how many bytes, the results in each store of a testbed are kept. Records of
/// runs stay. Stores that experiments name are their researchers' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    age: Option<SignedDuration>,
    bytes: Option<u64>,
}

impl Expiry {
    /// The shortest time, in days: results must not be gone before anybody can have fetched them.
    pub const LEAST_DAYS: u32 = 1;

    /// Keeps results for so many days after they were stored, and so many bytes of the newest of them;
    /// `None` if that is all of them for ever.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for less than
    /// [`LEAST_DAYS`](Self::LEAST_DAYS), or no byte.
    pub fn new(days: Option<u32>, bytes: Option<u64>) -> Result<Option<Self>> {
        if let Some(days) = days.filter(|days| *days < Self::LEAST_DAYS) {
            return Err(Error::invalid(format!("results cannot be kept for {days} days only"))
                .hint(format!("give {} day or more", Self::LEAST_DAYS)));
        }
        if bytes == Some(0) {
            return Err(Error::invalid("results cannot be kept in 0 bytes").hint("give a size like 500g"));
        }
        let age = days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
        Ok((age.is_some() || bytes.is_some()).then_some(Self { age, bytes }))
    }
}

/// What a round removed, and what is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// How many bundles were removed because of their age.
    pub aged: u64,
    /// How many for want of room.
    pub crowded: u64,
    /// How many bytes both had.
    pub bytes: u64,
    /// How many bytes are left.
    pub left: u64,
}

/// How many of the oldest bundles are looked at in one go.
const AT_A_TIME: usize = 1_000;

/// Why a bundle is removed.
#[derive(Debug, Clone, Copy)]
enum Why {
    Aged(SignedDuration),
    Crowded(u64),
}

impl Service {
    /// Removes the results that `expiry` does not keep, from each store of the testbed, and notes at
    /// their runs that and why they are gone.
    ///
    /// Several orchestrators may do this at the same time, and one may be killed in the middle: that
    /// results are gone is noted before they are removed.
    ///
    /// # Errors
    /// Those of the stores; what was not removed is removed in the next round.
    pub async fn expire(&self, expiry: Expiry) -> Result<Expired> {
        let mut expired = Expired::default();
        let settings = self.store.settings().await?;
        let named = self.results.of_testbed(&settings)?;
        let mut stores = vec![Arc::clone(&self.results.own)];
        if !Arc::ptr_eq(&stores[0], &named) {
            stores.push(named);
        }
        let mut outcome = Ok(());
        for store in stores {
            // That one store is away must not keep the other for ever.
            outcome = outcome.and(self.expire_in(&*store, expiry, &mut expired).await);
        }
        let Expired { aged, crowded, bytes, left } = expired;
        if aged + crowded > 0 {
            tracing::info!(aged, crowded, bytes, left, "removed results that are kept no longer");
        }
        outcome.map(|()| expired)
    }

    async fn expire_in(
        &self,
        store: &dyn ArtifactStore,
        expiry: Expiry,
        expired: &mut Expired,
    ) -> Result<()> {
        let now = self.clock.now();
        let before = expiry.age.and_then(|age| now.checked_sub(age).ok());
        loop {
            let (mut total, mut oldest) = (0, BinaryHeap::new());
            let mut bundles = store.list().await?;
            while let Some(bundle) = bundles.try_next().await? {
                total += bundle.size;
                let StoredBundle { key, size, modified } = bundle;
                oldest.push((modified, key, size));
                // The newest of them goes.
                if oldest.len() > AT_A_TIME {
                    oldest.pop();
                }
            }
            let (looked_at, mut removed) = (oldest.len(), 0);
            for (modified, key, size) in oldest.into_sorted_vec() {
                let why = match (before, expiry.bytes) {
                    (Some(before), _) if modified < before => Why::Aged(now.duration_since(modified)),
                    (_, Some(most)) if total > most => Why::Crowded(most),
                    _ => break,
                };
                self.expire_one(store, &key, why).await?;
                (total, removed) = (total - size, removed + 1);
                expired.bytes += size;
                match why {
                    Why::Aged(_) => expired.aged += 1,
                    Why::Crowded(_) => expired.crowded += 1,
                }
            }
            if removed < looked_at || looked_at < AT_A_TIME {
                expired.left += total;
                return Ok(());
            }
        }
    }

    async fn expire_one(&self, store: &dyn ArtifactStore, key: &ArtifactKey, why: Why) -> Result<()> {
        if let Some(run) = self.note_removed(store, key).await? {
            self.note_expiry(&run, why).await;
        }
        store.delete(key).await
    }

    /// Notes at the record of a run that its results are gone from this store, if they are what the
    /// record means.
    async fn note_removed(&self, store: &dyn ArtifactStore, key: &ArtifactKey) -> Result<Option<Run>> {
        loop {
            let Some((run, revision)) = self.store.run(&key.run).await? else { return Ok(None) };
            if run.artifact.as_deref() != Some(&store.place(key)) {
                return Ok(None);
            }
            let now = Some(self.clock.now());
            let bundle = run.bundle.map(|bundle| BundleRecord { removed: now, ..bundle });
            let changed = Run { artifact: None, bundle, updated: now, ..run };
            match self.store.put_run(&changed, Some(revision)).await {
                Err(error) if error.kind() == ErrorKind::Stale => {}
                other => return other.map(|()| Some(changed)),
            }
        }
    }

    async fn note_expiry(&self, run: &Run, why: Why) {
        let message = match why {
            Why::Aged(age) => {
                format!("the results were removed: they were stored {} days before", age.as_hours() / 24)
            }
            Why::Crowded(most) => {
                format!("the results were removed: only the newest {} are kept", size(most))
            }
        };
        let now = self.clock.now();
        let event = JobEvent {
            id: EventId::of_step(&run.id, "RESULTS_REMOVED", ""),
            stage: Stage::Finish,
            outcome: EventOutcome::Warn,
            reason: Some("RESULTS_REMOVED".to_owned()),
            message,
            at: now,
            ..JobEvent::of(run, now)
        };
        if let Err(error) = self.store.insert_event(&event).await {
            tracing::warn!(run = %run.id, %error, "cannot note that the results of a run were removed");
        }
    }
}
