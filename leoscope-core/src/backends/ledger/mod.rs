//! Implementations of the [`Ledger`](crate::ports::Ledger) port.

mod memory;
mod sqlite;

pub use memory::MemoryLedger;
pub use sqlite::SqliteLedger;
