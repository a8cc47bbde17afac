//! The logic of the LEOScope testbed as a library.
//!
//! Researchers book containerised experiments on measurement nodes of LEO satellite networks; an
//! orchestrator keeps the bookings free of conflicts; a node starts each run on time and brings
//! the results back. All of that is here, behind traits ([`ports`]) with pluggable storage and
//! runtimes ([`backends`]); the binaries are thin shells over it.

pub mod agent;
pub mod backends;
pub mod bundle;
pub mod client;
pub mod conflict;
pub mod conformance;
pub mod control;
pub mod error;
pub mod ids;
pub mod lifecycle;
pub mod model;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod proto;
pub mod schedule;
pub mod time;

pub use error::{Error, ErrorKind, Result};
