//! The orchestrator as a server: the use-cases of `leoscope-core` behind gRPC over TLS.
//!
//! [`build`] turns an [`OrchestratorConfig`] into an [`App`], which serves until it is told to
//! stop. The state directory holds everything: the database, the results, the certificate that
//! clients trust (`certs/server.crt`) and the administrator's access token (`admin-token`).

mod admin;
mod app;
mod auth;
mod certificate;
mod config;
mod health;
mod listen;
mod rpc;
mod state;

pub use app::{App, build};
pub use config::OrchestratorConfig;
pub use state::database;
