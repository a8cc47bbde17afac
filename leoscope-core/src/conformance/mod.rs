//! What every backend must do: one list of cases per port, run over every backend.

pub mod artifacts;
pub mod kernel;
pub mod ledger;
pub mod routes;
pub mod runtime;
pub mod sessions;
pub mod store;
