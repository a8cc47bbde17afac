//! The use-cases of the orchestrator.
//!
//! [`Service`] holds the stores; [`Session`] is the service bound to one authenticated caller and
//! implements [`ControlPlane`], one file per group of calls. A frontend authenticates, makes a
//! session and calls it; permission is checked here, never in the frontend.

mod artifacts;
mod audit;
pub mod backup;
mod booking;
mod changes;
mod elements;
mod events;
mod expiry;
mod import;
mod jobs;
mod logs;
mod nodes;
mod orders;
mod outlook;
mod planning;
mod readings;
mod reconciler;
mod refusal;
mod reschedule;
mod retention;
mod runs;
mod service;
mod session;
mod settings;
mod standby;
mod stores;
mod tasks;
mod text;
mod turns;
mod upkeep;
mod users;
mod weather;

pub use elements::{ElementsCensus, Provided};
pub use expiry::{Expired, Expiry};
pub use import::{Import, Origin, Taking};
pub use jobs::Listed;
pub use reconciler::Reconciled;
pub use retention::{Retention, Retired};
pub use service::{Census, Service};
pub use session::Session;
pub use stores::Results;
