//! A ledger in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::Result;
use crate::ids::RunId;
use crate::model::{ClockReading, JournalEntry, Orders, Watching};
use crate::ports::Ledger;

/// A ledger that lives as long as its object.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    orders: Mutex<Option<Orders>>,
    clock: Mutex<Option<ClockReading>>,
    watching: Mutex<Option<Watching>>,
    entries: Mutex<BTreeMap<RunId, JournalEntry>>,
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn orders(&self) -> Result<Option<Orders>> {
        Ok(self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save_orders(&self, orders: &Orders) -> Result<()> {
        *self.orders.lock().unwrap_or_else(PoisonError::into_inner) = Some(orders.clone());
        Ok(())
    }

    async fn clock(&self) -> Result<Option<ClockReading>> {
        Ok(*self.clock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn save_clock(&self, reading: &ClockReading) -> Result<()> {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(*reading);
        Ok(())
    }

    async fn watching(&self) -> Result<Option<Watching>> {
        Ok(self.watching.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save_watching(&self, watching: &Watching) -> Result<()> {
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(watching.clone());
        Ok(())
    }

    async fn entries(&self) -> Result<Vec<JournalEntry>> {
        Ok(self.entries.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect())
    }

    async fn put(&self, entry: &JournalEntry) -> Result<()> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(entry.run.id.clone(), entry.clone());
        Ok(())
    }

    async fn remove(&self, run: &RunId) -> Result<()> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
        Ok(())
    }
}
