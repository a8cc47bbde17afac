//! The traits between the use-cases and the world.
//!
//! A trait's documentation lists what every implementation guarantees; each guarantee has a case
//! in [`conformance`](crate::conformance).

mod artifacts;
mod clock;
mod control;
mod launcher;
mod ledger;
mod runtime;
mod store;

pub use artifacts::{ArtifactStore, ByteStream};
pub use clock::Clock;
pub use control::{Calendar, ControlPlane, OrdersStream, Scheduled};
pub use launcher::Launcher;
pub use ledger::Ledger;
pub use runtime::{RunSpec, Runtime, RuntimeInfo};
pub use store::{
    Booking, JobStore, NodeStore, Revision, RunStore, SettingsStore, Store, Timetable, Unsettled, UserStore,
    Versions,
};
