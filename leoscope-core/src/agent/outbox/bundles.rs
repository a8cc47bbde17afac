//! Handing bundles over: the oldest first, a few at once, never while a run needs the link for itself,
//! again and again until they are acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::{is_final, room, transfer};
use crate::agent::{Inner, link, results};
use crate::error::{Error, ErrorKind, Result};
use crate::handover::{AT_ONCE, OFFERED_AGAIN, pause_after, waiting};
use crate::ids::RunId;
use crate::model::{Bundle, JournalEntry, Step};
use crate::time::Timestamp;

/// How often packing results is tried again that could not be packed.
const PACKED_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// What has gone wrong lately.
#[derive(Debug, Default)]
struct Troubles {
    /// How often in a row, and when to try again, for each run.
    of_runs: BTreeMap<RunId, (u32, Timestamp)>,
    /// The same for the way to the orchestrator: who cannot be reached is not called for each run.
    of_way: Option<(u32, Timestamp)>,
}

impl Troubles {
    fn until(&self, run: &RunId) -> Option<Timestamp> {
        let of_run = self.of_runs.get(run).map(|(_, until)| *until);
        of_run.max(self.of_way.map(|(_, until)| until))
    }

    fn note(&mut self, run: &RunId, error: &Error, now: Timestamp) {
        let after = |failures: u32| (failures, now.checked_add(pause_after(failures, run)).unwrap_or(now));
        if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Exhausted) {
            self.of_way = Some(after(self.of_way.map_or(1, |(failures, _)| failures.saturating_add(1))));
        }
        let failures = self.of_runs.get(run).map_or(1, |(failures, _)| failures.saturating_add(1));
        self.of_runs.insert(run.clone(), after(failures));
    }

    fn forget(&mut self, run: &RunId) {
        self.of_runs.remove(run);
        self.of_way = None;
    }
}

/// How handing a bundle over came to an end.
enum End {
    Acknowledged(transfer::Place),
    Failed(Error),
    /// A run needs the link for itself.
    Held,
}

pub(super) async fn run(node: &Arc<Inner>) -> Result<()> {
    let mut changed = node.journal.changes();
    let mut troubles = Troubles::default();
    // Tasks of their own: what waits for the journal must go on while this loop waits for it.
    let mut under_way = JoinSet::new();
    let mut taken: BTreeSet<RunId> = BTreeSet::new();
    let mut offered = node.clock.now();
    let mut packing: BTreeMap<RunId, Timestamp> = BTreeMap::new();
    loop {
        changed.borrow_and_update();
        room::keep(node).await?;
        pack_again(node, &mut packing).await?;
        let now = node.clock.now();
        if now.duration_since(offered) >= OFFERED_AGAIN {
            offered = now;
            offer_again(node).await?;
        }
        let journal = node.journal.entries().await;
        let again = offered.checked_add(OFFERED_AGAIN).unwrap_or(now);
        let mut wake = packing.values().copied().fold(again, Timestamp::min);
        for entry in waiting(&journal) {
            let run = &entry.run.id;
            if taken.len() == AT_ONCE || taken.contains(run) {
                continue;
            }
            match troubles.until(run).filter(|until| *until > now) {
                Some(until) => wake = wake.min(until),
                None => {
                    taken.insert(run.clone());
                    under_way.spawn(hand_over(Arc::clone(node), entry.clone()));
                }
            }
        }
        tokio::select! {
            Some(ended) = under_way.join_next() => {
                let (entry, end) = ended.map_err(|e| Error::while_doing("hand results over", e))?;
                taken.remove(&entry.run.id);
                settle(node, &mut troubles, entry, end).await?;
            }
            changed = changed.changed() => if changed.is_err() {
                return Ok(());
            },
            () = node.clock.sleep_until(wake) => {}
        }
    }
}

/// Hands one bundle over, unless a run needs the link for itself.
async fn hand_over(node: Arc<Inner>, entry: JournalEntry) -> (JournalEntry, End) {
    link::free(&node).await;
    let end = tokio::select! {
        biased;
        () = link::taken(&node) => End::Held,
        outcome = transfer::hand_over(&node, &entry) => match outcome {
            Ok(place) => End::Acknowledged(place),
            Err(error) => End::Failed(error),
        },
    };
    (entry, end)
}

async fn settle(node: &Inner, troubles: &mut Troubles, entry: JournalEntry, end: End) -> Result<()> {
    let run = &entry.run.id;
    let error = match end {
        End::Held => return Ok(()),
        End::Acknowledged(place) => {
            troubles.forget(run);
            let acknowledged = move |now: &mut JournalEntry| {
                now.bundle = Bundle::Delivered;
                now.trouble = None;
                if let Some(place) = place {
                    // Only this node knows where it is.
                    now.run.artifact = Some(place);
                    now.reported = false;
                }
            };
            node.journal.change(run, acknowledged).await?;
            results::clean(node, &entry);
            node.runs_changed.notify_one();
            return Ok(());
        }
        End::Failed(error) => error,
    };
    let text = error.to_string();
    let is_news = entry.trouble.as_ref() != Some(&text);
    let bundle = if transfer::is_gone(node, &entry) {
        tracing::error!(%run, "the results of the run are gone: somebody took their file away");
        Bundle::Dropped
    } else if is_final(&error) {
        tracing::error!(%run, %error, "the orchestrator refuses the results; they are kept while there is room");
        Bundle::Refused
    } else {
        if is_news {
            tracing::warn!(%run, %error, "results not handed over yet");
        }
        troubles.note(run, &error, node.clock.now());
        Bundle::Packed
    };
    let failed = move |now: &mut JournalEntry| {
        now.bundle = bundle;
        now.trouble = Some(text);
    };
    node.journal.change(run, failed).await.map(drop)
}

/// Packs what could not be packed when its run ended, once there may be room.
async fn pack_again(node: &Inner, packing: &mut BTreeMap<RunId, Timestamp>) -> Result<()> {
    let unpacked = |entry: &JournalEntry| entry.step == Step::Done && entry.bundle == Bundle::Unpacked;
    let unpacked: Vec<_> = node.journal.entries().await.into_iter().filter(unpacked).collect();
    packing.retain(|run, _| unpacked.iter().any(|entry| entry.run.id == *run));
    for entry in unpacked {
        let (run, now) = (&entry.run.id, node.clock.now());
        let again = now.checked_add(PACKED_AGAIN).unwrap_or(now);
        // The first time it has just failed.
        let due = *packing.entry(run.clone()).or_insert(again) <= now;
        if !due {
            continue;
        }
        let trouble = match results::collect(node, &entry).await {
            Ok(()) => {
                node.journal.change(run, |now| now.bundle = Bundle::Packed).await?;
                results::clear(node, &entry);
                packing.remove(run);
                tracing::info!(%run, "packed the results that there was no room for");
                continue;
            }
            Err(error) => error.to_string(),
        };
        if entry.trouble.as_ref() != Some(&trouble) {
            tracing::error!(%run, error = trouble, "the results of the run cannot be packed; they stay where they are");
        }
        packing.insert(run.clone(), again);
        node.journal.change(run, |now| now.trouble = Some(trouble)).await?;
    }
    Ok(())
}

/// Offers again what was refused for good: somebody may have mended why.
async fn offer_again(node: &Inner) -> Result<()> {
    for entry in node.journal.entries().await {
        if entry.bundle == Bundle::Refused {
            node.journal.change(&entry.run.id, |now| now.bundle = Bundle::Packed).await?;
        }
    }
    Ok(())
}
