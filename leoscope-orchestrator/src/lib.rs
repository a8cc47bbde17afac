//! The orchestrator as a server: the use-cases of `leoscope-core` behind gRPC over TLS.
//!
//! [`build`] turns an [`OrchestratorConfig`] into an [`App`], which serves until it is told to
//! stop. The state directory holds everything: the database, the results, the certificate that
//! clients trust (`certs/server.crt`) and the administrator's access token (`admin-token`).

mod admin;
mod app;
mod auth;
mod calls;
mod certificate;
mod config;
mod connections;
mod health;
mod limits;
mod listen;
mod metrics;
mod rpc;
mod state;

pub use app::{App, Reloader, build};
pub use certificate::CertificateFiles;
pub use config::{ElementsConfig, OrchestratorConfig, Transport};
pub use limits::Limits;
pub use state::database;
