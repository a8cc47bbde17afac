use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::ids::RunId;
use crate::model::{ClockReading, JournalEntry, Orders, Watching};

/// What a node must not forget: its orders, the journal of its runs, how far its clock is off, and what
/// it watches.
///
/// Guarantees:
/// - What a call has stored is read back by every later call, also by a new process after the
///   old one was killed.
/// - A call stores all or nothing.
#[async_trait]
pub trait Ledger: Debug + Send + Sync {
    /// The orders saved last.
    async fn orders(&self) -> Result<Option<Orders>>;

    /// Saves the orders in place of those before.
    async fn save_orders(&self, orders: &Orders) -> Result<()>;

    /// The reading of the clock saved last.
    async fn clock(&self) -> Result<Option<ClockReading>>;

    /// Saves a reading of the clock in place of the one before.
    async fn save_clock(&self, reading: &ClockReading) -> Result<()>;

    /// What was watched when that was saved last.
    async fn watching(&self) -> Result<Option<Watching>>;

    /// Saves what is watched in place of what was before.
    async fn save_watching(&self, watching: &Watching) -> Result<()>;

    /// All entries, by run id.
    async fn entries(&self) -> Result<Vec<JournalEntry>>;

    /// Stores an entry in place of the one with the same run id.
    async fn put(&self, entry: &JournalEntry) -> Result<()>;

    /// Removes the entry of `run`; nothing happens when there is none.
    async fn remove(&self, run: &RunId) -> Result<()>;
}
