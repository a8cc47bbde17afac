//! Implementations of the [`ports`](crate::ports). They do not know each other.

pub mod artifacts;
pub mod clock;
mod database;
pub mod launcher;
pub mod ledger;
pub mod runtime;
pub mod store;
