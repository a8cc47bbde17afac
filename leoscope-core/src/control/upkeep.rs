use futures_util::StreamExt as _;

use super::retention::Retention;
use super::{Expiry, Service};
use crate::error::Result;
use crate::time::SignedDuration;

/// How long to wait before a watch that has ended is begun again.
const PAUSE: SignedDuration = SignedDuration::from_millis(500);

/// How often it is looked whether planned runs lack a record.
const RECONCILE_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// How often it is looked for what has been kept long enough.
const EXPIRE_EVERY: SignedDuration = SignedDuration::from_hours(1);
const RETIRE_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Service {
    /// Does for ever what an orchestrator does by itself: [reconciles](Self::reconcile) runs, hears
    /// what others book in the same store, and removes what has been kept for as long as `retention`
    /// and, of results, `expiry` say.
    pub async fn keep(&self, retention: Option<Retention>, expiry: Option<Expiry>) {
        tokio::join!(
            self.keep_reconciled(),
            self.keep_listening(),
            self.keep_retired(retention),
            self.keep_expired(expiry)
        );
    }

    async fn keep_expired(&self, expiry: Option<Expiry>) {
        let Some(expiry) = expiry else { return };
        loop {
            if let Err(error) = self.expire(expiry).await {
                tracing::warn!(%error, "cannot remove results that are kept no longer; trying again");
            }
            self.pause(EXPIRE_EVERY).await;
        }
    }

    async fn pause(&self, length: SignedDuration) {
        let now = self.clock.now();
        self.clock.sleep_until(now.checked_add(length).unwrap_or(now)).await;
    }

    async fn keep_reconciled(&self) {
        loop {
            if let Err(error) = self.reconcile().await {
                tracing::warn!(%error, "cannot look for runs that nobody reported; trying again");
            }
            // They expire by themselves; this only makes room.
            if let Err(error) = self.store.forget_tasks(self.clock.now()).await {
                tracing::debug!(%error, "cannot remove expired tasks; trying again");
            }
            self.pause(RECONCILE_EVERY).await;
        }
    }

    /// Tells the streams of nodes what other processes have booked.
    async fn keep_listening(&self) {
        let mut reported = false;
        loop {
            if let Err(error) = self.listen(&mut reported).await
                && !std::mem::replace(&mut reported, true)
            {
                tracing::warn!(%error, "cannot hear what others book; trying again");
            }
            self.pause(PAUSE).await;
        }
    }

    async fn listen(&self, reported: &mut bool) -> Result<()> {
        let mut changes = self.store.watch_timetables().await?;
        if std::mem::replace(reported, false) {
            tracing::info!("hearing again what others book");
        }
        // What happened before is not told; whoever is connected looks for it.
        self.changes.announce_any();
        while let Some(changed) = changes.next().await {
            self.changes.announce(&changed?);
        }
        Ok(())
    }

    async fn keep_retired(&self, retention: Option<Retention>) {
        let Some(retention) = retention else { return };
        loop {
            // What has just been found out about old runs is to be kept as well.
            let retired = async {
                self.reconcile().await?;
                self.retire(retention).await
            };
            if let Err(error) = retired.await {
                tracing::warn!(%error, "cannot remove what has been kept long enough; trying again");
            }
            self.pause(RETIRE_EVERY).await;
        }
    }
}
