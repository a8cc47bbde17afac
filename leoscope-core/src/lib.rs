//! The logic of the LEOScope testbed as a library.
//!
//! Researchers book containerised experiments on measurement nodes of LEO satellite networks; an
//! orchestrator keeps the bookings free of conflicts; a node starts each run on time and brings
//! the results back. All of that is here, behind traits ([`ports`]) with pluggable storage and
//! runtimes ([`backends`]); the binaries are thin shells over it.
//!
//! A whole orchestrator in a few lines: register a node, book a job, and be refused the time that is
//! taken. The same calls go over the network with [`client::GrpcClient`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use leoscope_core::backends::{artifacts::DirectoryStore, clock::SystemClock, store::MemoryStore};
//! use leoscope_core::control::Service;
//! use leoscope_core::ids::{JobId, NodeId, UserId};
//! use leoscope_core::model::{Caller, JobParams, JobSpec, NodeUpdate, Role, RunLength};
//! use leoscope_core::ports::ControlPlane;
//! use leoscope_core::schedule::{CronExpr, Policies, Schedule};
//! use leoscope_core::time::{Window, parse_time};
//! use leoscope_core::{ErrorKind, Result};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! # let dir = tempfile::tempdir().expect("a directory");
//! # let results = dir.path().to_owned();
//! let artifacts = DirectoryStore::new(results).await?;
//! let service = Service::new(Arc::new(MemoryStore::default()), Arc::new(artifacts), Arc::new(SystemClock));
//!
//! let admin = service.session(Caller { id: UserId::parse("admin")?, role: Role::Admin });
//! let node = NodeId::parse("node-seattle")?;
//! admin.register_node(node.clone(), NodeUpdate::default()).await?;
//!
//! let researcher = service.session(Caller { id: UserId::parse("researcher-1")?, role: Role::User });
//! let spec = JobSpec {
//!     id: Some(JobId::parse("exp-001")?),
//!     node,
//!     server: None,
//!     schedule: Schedule::Cron(CronExpr::parse("*/5 * * * *")?),
//!     window: Window::new(parse_time("2099-12-01T00:00:00")?, parse_time("2099-12-02T00:00:00")?)?,
//!     length: RunLength::from_secs(60)?,
//!     overhead: true,
//!     trigger: None,
//!     config: "docker: {image: ping}".into(),
//!     params: JobParams::default(),
//!     policies: Policies::default(),
//! };
//! researcher.schedule_job(spec.clone()).await?;
//!
//! let second = JobSpec { id: Some(JobId::parse("exp-002")?), ..spec };
//! let refused = researcher.schedule_job(second).await.expect_err("the time is taken");
//! assert_eq!(refused.kind(), ErrorKind::Conflict);
//! assert_eq!(refused.conflicts()[0].job.as_str(), "exp-001");
//! # Ok(())
//! # }
//! ```

pub mod agent;
pub mod backends;
pub mod bundle;
pub mod client;
pub mod conflict;
pub mod conformance;
pub mod control;
pub mod error;
pub mod fetch;
pub mod follow;
pub mod forecast;
pub mod gate;
pub mod handover;
pub mod ids;
pub mod jwt;
pub mod kernel;
pub mod lifecycle;
pub mod model;
pub mod orbit;
pub mod pairing;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod proto;
pub mod reconcile;
pub mod scavenger;
pub mod schedule;
pub mod time;
pub mod trigger;

pub use error::{Error, ErrorKind, Result};
