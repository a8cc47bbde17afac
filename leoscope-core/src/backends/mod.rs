//! Implementations of the [`ports`](crate::ports). They do not know each other.

pub mod artifacts;
pub mod clock;
mod database;
mod database_file;
pub mod elements;
mod https;
pub mod kernel;
pub mod launcher;
pub mod ledger;
pub mod monitors;
pub mod publisher;
pub mod routes;
mod rows;
pub mod runtime;
pub mod sessions;
pub mod store;
pub mod timekeeping;
mod timetables;
