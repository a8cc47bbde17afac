//! The traits between the use-cases and the world.
//!
//! A trait's documentation lists what every implementation guarantees; each guarantee has a case
//! in [`conformance`](crate::conformance).

mod artifacts;
mod clock;
mod control;
mod launcher;
mod ledger;
mod paging;
mod runtime;
mod sessions;
mod store;

pub use artifacts::{ArtifactStore, ByteStream};
pub use clock::Clock;
pub use control::{Calendar, ControlPlane, OrdersStream, Scheduled};
pub use launcher::{HostScheduler, Launcher};
pub use ledger::Ledger;
pub use paging::StoreExt;
pub use runtime::{RunSpec, Runtime, RuntimeInfo};
pub use sessions::{Claim, Sessions};
pub use store::{
    Archive, AuditStore, Booking, EventStore, JobStore, NodeStore, PAGE, RunStore, SettingsStore, Store,
    TaskStore, Timetable, TimetableChanges, Unsettled, UserStore, Versions,
};
