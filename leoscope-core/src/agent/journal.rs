//! The journal in memory, written through to the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::error::Result;
use crate::ids::RunId;
use crate::lifecycle::{Action, Event, advance};
use crate::model::{JournalEntry, Step};
use crate::ports::Ledger;
use crate::time::Timestamp;

/// The runs of this process. An entry is in the ledger before anybody sees it changed.
#[derive(Debug)]
pub(super) struct Journal {
    ledger: Arc<dyn Ledger>,
    /// Whether other processes have runs in the same ledger.
    shared: bool,
    entries: Mutex<BTreeMap<RunId, JournalEntry>>,
    changed: watch::Sender<()>,
}

impl Journal {
    pub(super) async fn load(ledger: Arc<dyn Ledger>, shared: bool) -> Result<Self> {
        let entries = ledger.entries().await?;
        let entries = entries.into_iter().map(|entry| (entry.run.id.clone(), entry)).collect();
        Ok(Self { ledger, shared, entries: Mutex::new(entries), changed: watch::Sender::new(()) })
    }

    /// A journal beside others that knows of no run until it [adopts](Self::adopt) one.
    pub(super) fn empty(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, shared: true, entries: Mutex::default(), changed: watch::Sender::new(()) }
    }

    /// Takes in the entry of `run` as the ledger has it, if there is one. Only for a run that this
    /// process has claimed: others may change the entries of theirs.
    pub(super) async fn adopt(&self, run: &RunId) -> Result<Option<JournalEntry>> {
        let stored = self.ledger.entries().await?;
        let Some(entry) = stored.into_iter().find(|entry| entry.run.id == *run) else { return Ok(None) };
        self.entries.lock().await.insert(run.clone(), entry.clone());
        self.changed.send_replace(());
        Ok(Some(entry))
    }

    /// Knows no more of `run`, whose entry another process changes.
    pub(super) async fn let_go(&self, run: &RunId) {
        self.entries.lock().await.remove(run);
    }

    /// Tells of every change from now on: there may be something new to hand over.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) async fn entries(&self) -> Vec<JournalEntry> {
        self.entries.lock().await.values().cloned().collect()
    }

    /// Whether other processes change entries as well, of which [`changes`](Self::changes) does not tell.
    pub(super) fn is_shared(&self) -> bool {
        self.shared
    }

    /// All runs of the node, those of other processes included.
    pub(super) async fn all(&self) -> Result<Vec<JournalEntry>> {
        if self.shared { self.ledger.entries().await } else { Ok(self.entries().await) }
    }

    pub(super) async fn entry(&self, run: &RunId) -> Option<JournalEntry> {
        self.entries.lock().await.get(run).cloned()
    }

    /// The runs of the node whose experiments have not ended, as far as is known.
    pub(super) async fn under_way(&self) -> Result<BTreeSet<RunId>> {
        let open = |entry: &JournalEntry| !matches!(entry.step, Step::Collecting | Step::Done);
        Ok(self.all().await?.into_iter().filter(open).map(|entry| entry.run.id).collect())
    }

    pub(super) async fn insert(&self, entry: JournalEntry) -> Result<()> {
        let mut entries = self.entries.lock().await;
        self.ledger.put(&entry).await?;
        entries.insert(entry.run.id.clone(), entry);
        self.changed.send_replace(());
        Ok(())
    }

    pub(super) async fn remove(&self, run: &RunId) -> Result<()> {
        let mut entries = self.entries.lock().await;
        self.ledger.remove(run).await?;
        entries.remove(run);
        Ok(())
    }

    /// Moves a run on by one event and says what to do next.
    pub(super) async fn advance(&self, run: &RunId, event: Event, now: Timestamp) -> Result<Option<Action>> {
        self.change(run, |entry| advance(entry, event, now)).await.map(Option::flatten)
    }

    /// Changes an entry, if it is there, and stores it if it is another one then.
    pub(super) async fn change<T>(
        &self,
        run: &RunId,
        change: impl FnOnce(&mut JournalEntry) -> T,
    ) -> Result<Option<T>> {
        let mut entries = self.entries.lock().await;
        let Some(entry) = entries.get_mut(run) else { return Ok(None) };
        let mut changed = entry.clone();
        let answer = change(&mut changed);
        if changed != *entry {
            self.ledger.put(&changed).await?;
            *entry = changed;
            self.changed.send_replace(());
        }
        Ok(Some(answer))
    }
}
